"""Merkle tree hash, slow and obvious: RFC 6962 section 2.1, read aloud."""

import hashlib


def tree_hash(leaves: list[bytes]) -> bytes:
    """Return MTH(D[n])."""
    n = len(leaves)
    if n == 0:
        return hashlib.sha256().digest()
    if n == 1:
        return hashlib.sha256(b"\x00" + leaves[0]).digest()
    k = 1
    while k * 2 < n:
        k *= 2
    left, right = tree_hash(leaves[:k]), tree_hash(leaves[k:])
    return hashlib.sha256(b"\x01" + left + right).digest()
