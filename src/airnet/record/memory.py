"""MemoryLedger: the ledger without a disk, for replay without output and for tests."""

from collections.abc import Iterator

from airnet.domain.incident import Evidence
from airnet.record import line
from airnet.record.merkle import CompactRange


class MemoryLedger:
    """Keeps every entry in memory; the same bytes and the same root as a FileLedger."""

    def __init__(self) -> None:
        self._lines: list[bytes] = []
        self._tree = CompactRange()

    @property
    def size(self) -> int:
        """Return the number of entries."""
        return self._tree.size

    def append(self, kind: str, time_ns: int, body: dict[str, object]) -> Evidence:
        """Add one fact."""
        entry, encoded = line.build(self.size, kind, time_ns, body)
        self._lines.append(encoded)
        self._tree.add(encoded)
        return entry

    def sync(self) -> None:
        """Do nothing: there is nothing to survive."""

    def evidence(self) -> Iterator[Evidence]:
        """Yield every entry in order."""
        for sequence, encoded in enumerate(self._lines):
            yield line.decode(encoded, sequence)

    def root(self) -> str:
        """Return the Merkle tree hash of all entries, in hex."""
        return self._tree.root().hex()

    def close(self) -> None:
        """Do nothing."""
