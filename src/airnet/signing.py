"""Signing: whose word a file is. Ed25519 (RFC 8032), in one place for all that is.

A person signs what was reviewed; the keys that count came with airnet (models), or are
in the site's configuration (models, policies).
"""

from collections.abc import Iterable

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from airnet.config import Closed


class Signature(Closed, frozen=True):
    """One signature: by which public key, both in hex."""

    key: str
    signature: str


def signatures_in(text: bytes) -> tuple[Signature, ...]:
    """Return the signatures of a signature file.

    Raises:
        ValueError: it is damaged.
    """
    try:
        return msgspec.json.decode(text, type=tuple[Signature, ...])
    except msgspec.DecodeError as error:
        raise ValueError(f"damaged: {error}") from error


def is_right(one: Signature, data: bytes) -> bool:
    """Return whether a signature is of these bytes."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(one.key))
        public.verify(bytes.fromhex(one.signature), data)
    except (InvalidSignature, ValueError):
        return False
    return True


def signer(every: Iterable[Signature], data: bytes, keys: Iterable[str]) -> str:
    """Return the first of `keys` that signed these bytes; "" when none did."""
    trusted = frozenset(keys)
    for one in every:
        if one.key in trusted and is_right(one, data):
            return one.key
    return ""


def added(every: Iterable[Signature], data: bytes, private: Ed25519PrivateKey) -> bytes:
    """Return a signature file with one more; what is not of these bytes goes.

    Ed25519 draws nothing: the same key signs the same bytes the same way.
    """
    key = public_of(private)
    made = Signature(key=key, signature=private.sign(data).hex())
    others = [one for one in every if one.key != key and is_right(one, data)]
    ordered = sorted([*others, made], key=lambda one: one.key)
    return msgspec.json.format(msgspec.json.encode(ordered)) + b"\n"


def public_of(private: Ed25519PrivateKey) -> str:
    """Return the public key, in hex."""
    return private.public_key().public_bytes_raw().hex()
