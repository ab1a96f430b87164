"""Seal: whose word a model folder is, and that not a byte of it was changed since.

`manifest.json` lists the SHA-256 of every file beside it; `manifest.sig` has Ed25519
signatures (RFC 8032) of the manifest's bytes. A person signs what was reviewed; the
keys that count came with airnet, or are in the site's configuration.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from airnet import durable, signing
from airnet.config import Closed
from airnet.errors import ModelError, UnsupportedError
from airnet.score.kept import REMEDY as _REMEDY, Place
from airnet.signing import Signature

MANIFEST, SIGNATURES = "manifest.json", "manifest.sig"
#: Without these, a folder is no model.
REQUIRED = (
    "model.onnx",
    "second.onnx",
    "novelty.onnx",
    "card.toml",
    "schema.json",
    "calibration.json",
    "reference.json",
    "golden.json",
)
KEYS = Path(__file__).resolve().parents[1] / "data" / "models.keys"


class Manifest(Closed, frozen=True):
    """`manifest.json`: the SHA-256 of each file, in hex."""

    files: dict[str, str]


def manifest_of(folder: Place) -> bytes:
    """Return the manifest of the files in a folder, the same bytes for the same files.

    Raises:
        ModelError: one is missing or cannot be read.
    """
    try:
        names = sorted(path.name for path in folder.iterdir() if path.is_file())
        files = {
            name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
            for name in names
            if name not in (MANIFEST, SIGNATURES)
        }
    except OSError as error:
        raise ModelError(f"{folder}: cannot be read: {error}", _REMEDY) from error
    missing = [name for name in REQUIRED if name not in files]
    if missing:
        raise ModelError(f"{folder}: {missing[0]} is missing", _REMEDY)
    return msgspec.json.format(msgspec.json.encode(Manifest(files=files))) + b"\n"


def check(folder: Place, keys: Iterable[str], *, is_signed: bool = True) -> str:
    """Return the public key that signed a folder, after every file was compared.

    Args:
        folder: where the model is, or what was read of it.
        keys: public keys that count, in hex.
        is_signed: without, an unsigned folder is taken, and "" returned.

    Raises:
        ModelError: a file was altered, added or removed, or nobody known signed it.
    """
    said = _bytes(folder, MANIFEST)
    found = manifest_of(folder)
    if said != found:
        raise ModelError(f"{folder}: {_difference(said, found)}", _REMEDY)
    if not is_signed and not (folder / SIGNATURES).exists():
        return ""
    key = signing.signer(signatures(folder), said, keys)
    if key or not is_signed:
        return key
    raise ModelError(f"{folder}: signed by nobody that this host trusts", _REMEDY)


def _difference(said: bytes, found: bytes) -> str:
    """Return what is not as the manifest says, in a few words."""
    try:
        before = msgspec.json.decode(said, type=Manifest).files
    except (msgspec.DecodeError, UnicodeDecodeError):
        return f"{MANIFEST} is damaged"
    after = msgspec.json.decode(found, type=Manifest).files
    for name in sorted(before.keys() | after.keys()):
        if before.get(name) != after.get(name):
            return f"{name} was altered, or does not belong here"
    return f"{MANIFEST} is not as airnet writes it"


def signatures(folder: Place) -> tuple[Signature, ...]:
    """Return the signatures beside a manifest.

    Raises:
        ModelError: there are none, or they are damaged.
    """
    try:
        return signing.signatures_in(_bytes(folder, SIGNATURES))
    except ValueError as error:
        raise ModelError(f"{folder / SIGNATURES}: {error}", _REMEDY) from error


def _bytes(folder: Place, name: str) -> bytes:
    try:
        return (folder / name).read_bytes()
    except FileNotFoundError as error:
        what = "unsigned" if name == SIGNATURES else "has no manifest"
        raise ModelError(f"{folder}: {what}", _REMEDY) from error
    except OSError as error:
        raise ModelError(
            f"{folder / name}: cannot be read: {error}", _REMEDY
        ) from error


def sign(folder: Path, private: Ed25519PrivateKey) -> str:
    """Write the manifest, if it is not there, and sign it; return the public key.

    Another key's signature of the same manifest stays. Ed25519 draws nothing: the same
    key signs the same bytes the same way.

    Raises:
        ModelError: files and manifest differ.
        UnsupportedError: there is no room, or no leave; an older signature stays.
    """
    data = manifest_of(folder)
    path = folder / MANIFEST
    if path.exists() and path.read_bytes() != data:
        raise ModelError(
            f"{folder}: {_difference(path.read_bytes(), data)}",
            "look at what changed; remove manifest.json to sign it all the same",
        )
    others = signatures(folder) if (folder / SIGNATURES).exists() else ()
    try:
        durable.put(path, data)
        durable.put(folder / SIGNATURES, signing.added(others, data, private))
    except OSError as error:
        raise UnsupportedError(
            f"{folder}: cannot be written: {error.strerror}", "check space and owner"
        ) from error
    return signing.public_of(private)


def known_keys(path: Path = KEYS) -> dict[str, str]:
    """Return the public keys that came with airnet, by name."""
    out = {}
    for line in path.read_text("utf-8").splitlines():
        name, _, key = line.partition(" ")
        if name and not name.startswith("#"):
            out[name] = key.strip()
    return out
