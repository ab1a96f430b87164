"""Keys: a person's private key, read from where that person keeps it."""

from pathlib import Path

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from airnet.errors import UsageError
from airnet.toml import whole


def private_key(path: Path) -> Ed25519PrivateKey:
    """Return the Ed25519 key in a PEM file without a password.

    Raises:
        UsageError: there is none in it.
    """
    try:
        found = load_pem_private_key(whole(path), None)
    except (OSError, ValueError, TypeError, UnsupportedAlgorithm) as error:
        raise UsageError(
            f"{path}: no private key: {error}", "give a PEM file"
        ) from error
    if not isinstance(found, Ed25519PrivateKey):
        raise UsageError(
            f"{path}: not an Ed25519 key", "openssl genpkey -algorithm ed25519"
        )
    return found
