"""Merkle tree hash, inclusion and consistency proofs over a log of leaves.

Hashes: RFC 6962 section 2.1. Verification of proofs: RFC 9162 sections 2.1.3.2 and
2.1.4.2. `CompactRange` keeps one hash for each set bit of the size: constant memory,
one leaf hash and on average one node hash an append.
"""

import hashlib
from collections.abc import Sequence

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


def root_of(hashes: Sequence[bytes]) -> bytes:
    """Return the tree hash over leaf hashes: MTH(D[n]) of RFC 6962 section 2.1."""
    if not hashes:
        return EMPTY_ROOT
    if len(hashes) == 1:
        return hashes[0]
    split = _split(len(hashes))
    return node_hash(root_of(hashes[:split]), root_of(hashes[split:]))


def inclusion_proof(hashes: Sequence[bytes], index: int) -> list[bytes]:
    """Return PATH(index, D[n]): the siblings from the leaf up (RFC 6962 2.1.1)."""
    assert 0 <= index < len(hashes)
    if len(hashes) == 1:
        return []
    split = _split(len(hashes))
    if index < split:
        return [*inclusion_proof(hashes[:split], index), root_of(hashes[split:])]
    return [*inclusion_proof(hashes[split:], index - split), root_of(hashes[:split])]


def verify_inclusion(
    leaf: bytes, index: int, size: int, proof: Sequence[bytes], root: bytes
) -> bool:
    """Return whether `proof` shows that the leaf hash is at `index` of the tree."""
    if not 0 <= index < size:
        return False
    first, last, digest = index, size - 1, leaf
    for sibling in proof:
        if last == 0:
            return False
        if first & 1 or first == last:
            digest = node_hash(sibling, digest)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            digest = node_hash(digest, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and digest == root


def consistency_proof(hashes: Sequence[bytes], old_size: int) -> list[bytes]:
    """Return PROOF(old_size, D[n]): that the old tree is a prefix (RFC 6962 2.1.2)."""
    assert 0 < old_size <= len(hashes)
    return _subproof(hashes, old_size, is_whole=True)


def _subproof(hashes: Sequence[bytes], old_size: int, *, is_whole: bool) -> list[bytes]:
    if old_size == len(hashes):
        return [] if is_whole else [root_of(hashes)]
    split = _split(len(hashes))
    if old_size <= split:
        left = _subproof(hashes[:split], old_size, is_whole=is_whole)
        return [*left, root_of(hashes[split:])]
    right = _subproof(hashes[split:], old_size - split, is_whole=False)
    return [*right, root_of(hashes[:split])]


def verify_consistency(
    old_size: int, new_size: int, proof: Sequence[bytes], old: bytes, new: bytes
) -> bool:
    """Return whether the tree with root `old` is a prefix of the one with `new`."""
    if not 0 < old_size <= new_size:
        return False
    if old_size == new_size:
        return not proof and old == new
    path = list(proof)
    if old_size & (old_size - 1) == 0:
        path.insert(0, old)
    if not path:
        return False
    first, last = old_size - 1, new_size - 1
    while first & 1:
        first, last = first >> 1, last >> 1
    old_digest = new_digest = path[0]
    for sibling in path[1:]:
        if last == 0:
            return False
        if first & 1 or first == last:
            old_digest = node_hash(sibling, old_digest)
            new_digest = node_hash(sibling, new_digest)
            while first and not first & 1:
                first, last = first >> 1, last >> 1
        else:
            new_digest = node_hash(new_digest, sibling)
        first, last = first >> 1, last >> 1
    return last == 0 and old_digest == old and new_digest == new


def _split(size: int) -> int:
    """Return the largest power of two smaller than `size`."""
    return 1 << (size - 1).bit_length() - 1
