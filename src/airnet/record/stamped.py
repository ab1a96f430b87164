"""Stamped: a ledger whose every record names the policy by which it came about."""

from airnet.domain.incident import Evidence
from airnet.record.ledger import Ledger


class Stamped:
    """Adds the same fields to everything that is appended; what is there stays.

    Args:
        ledger: where records go.
        stamp: fields of each, such as the policy's hash.
    """

    def __init__(self, ledger: Ledger, stamp: dict[str, str]) -> None:
        self._ledger = ledger
        self._stamp = stamp

    def append(self, kind: str, time_ns: int, body: dict[str, object]) -> Evidence:
        """Add one fact, stamped."""
        return self._ledger.append(kind, time_ns, {**self._stamp, **body})

    def sync(self) -> None:
        """Return when everything appended survives the loss of the host."""
        self._ledger.sync()
