"""Ledger, the role that keeps what must never be lost."""

from collections.abc import Iterator
from typing import Protocol

from airnet.domain.incident import Evidence


class Ledger(Protocol):
    """An append-only record; the single source of truth of what was done and why."""

    @property
    def size(self) -> int:
        """Return the number of entries."""
        ...

    def append(self, kind: str, time_ns: int, body: dict[str, object]) -> Evidence:
        """Add one fact. It may still be lost with the host until `sync` returns.

        Raises:
            LedgerError: the disk refused; nothing may be acted upon.
        """
        ...

    def sync(self) -> None:
        """Return when everything appended so far survives the loss of the host.

        Raises:
            LedgerError: it may not survive.
        """
        ...

    def evidence(self) -> Iterator[Evidence]:
        """Yield every entry from the first, as written."""
        ...

    def root(self) -> str:
        """Return the RFC 6962 Merkle tree hash of all entries, in hex."""
        ...

    def close(self) -> None:
        """Sync, write the checkpoint and let go of the file."""
        ...
