"""Merkle tree hash over a log of leaves (RFC 6962 section 2.1).

`CompactRange` keeps one hash for each set bit of the size: constant memory, one leaf
hash and on average one node hash an append.
"""

import hashlib

LEAF, NODE = b"\x00", b"\x01"
EMPTY_ROOT = hashlib.sha256(b"").digest()


def leaf_hash(leaf: bytes) -> bytes:
    """Return the hash of one leaf: SHA-256 of 0x00 and its bytes."""
    return hashlib.sha256(LEAF + leaf).digest()


def node_hash(left: bytes, right: bytes) -> bytes:
    """Return the hash of two subtrees: SHA-256 of 0x01, left and right."""
    return hashlib.sha256(NODE + left + right).digest()


class CompactRange:
    """The tree of everything added so far, as its perfect subtrees' hashes."""

    def __init__(self) -> None:
        self.size = 0
        self._peaks: list[bytes] = []

    def add(self, leaf: bytes) -> None:
        """Add one leaf, by its bytes."""
        digest = leaf_hash(leaf)
        size = self.size
        while size & 1:
            digest = node_hash(self._peaks.pop(), digest)
            size >>= 1
        self._peaks.append(digest)
        self.size += 1

    def root(self) -> bytes:
        """Return the Merkle tree hash of all leaves added."""
        if not self._peaks:
            return EMPTY_ROOT
        digest = self._peaks[-1]
        for peak in reversed(self._peaks[:-1]):
            digest = node_hash(peak, digest)
        return digest
