"""Certificate: that a policy was proved, for which site, by which rules.

`airnet prove` writes it beside the policy, `airnet policy sign` seals both, and
`airnet run` compares hashes and checks a signature: it needs no solver. Any change of
the policy, the site or the code that decides asks for a proof anew.
"""

import hashlib
from collections.abc import Iterable
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from airnet import __version__, durable, signing
from airnet.config import Closed
from airnet.decide.reading import read_policy
from airnet.errors import ConfigError, UnsupportedError
from airnet.prove.claims import CLAIMS, enforces

PROOF, SIGNATURES = ".proof", ".sig"
#: The packages whose source decides, or says what is proved of it.
_PACKAGES = Path(__file__).resolve().parents[1]
_SOURCES = ("decide", "prove")
_REMEDY = "airnet prove POLICY --site SITE, or --unproved in a laboratory"


class Certificate(Closed, frozen=True):
    """A proof: of what (SHA-256, in hex), for which site, of which claims.

    `site` is "" for a proof that holds of every site; `rules` is the digest of the code
    that decides; `solver` is the program that found no counterexample.
    """

    policy: str
    site: str
    airnet: str
    rules: str
    solver: str
    claims: tuple[str, ...]


class Sealed(Closed, frozen=True):
    """What a policy's signature is of: the hash of each file, "" for none."""

    policy: str
    proof: str


def rules_digest() -> str:
    """Return the SHA-256 of the code that decides and of what is claimed of it."""
    digest = hashlib.sha256()
    for package in _SOURCES:
        for path in sorted((_PACKAGES / package).glob("*.py")):
            digest.update(f"{package}/{path.name}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def certificate_of(policy: Path, site: Path | None, solver: str) -> Certificate:
    """Return the certificate of a policy that was proved just now."""
    return Certificate(
        policy=_hash(policy),
        site=_hash(site) if site is not None else "",
        airnet=__version__,
        rules=rules_digest(),
        solver=solver,
        claims=tuple(claim.name for claim in CLAIMS),
    )


def write(policy: Path, certificate: Certificate) -> Path:
    """Write a certificate beside its policy, the same bytes for the same proof.

    Raises:
        UnsupportedError: it cannot be written.
    """
    path = beside(policy, PROOF)
    _put(path, msgspec.json.format(msgspec.json.encode(certificate)) + b"\n")
    return path


def sign(policy: Path, private: Ed25519PrivateKey) -> str:
    """Sign a policy and its proof, if there is one; return the public key.

    Raises:
        ConfigError: the policy cannot be read, or its signatures are damaged.
        UnsupportedError: the signature cannot be written.
    """
    read_policy(policy)
    path = beside(policy, SIGNATURES)
    others = _signatures(path) if path.exists() else ()
    _put(path, signing.added(others, _sealed(policy), private))
    return signing.public_of(private)


def signers(policy: Path) -> tuple[str, ...]:
    """Return the public keys that signed a policy, and its proof, as they are."""
    path = beside(policy, SIGNATURES)
    every = _signatures(path) if path.exists() else ()
    data = _sealed(policy)
    return tuple(one.key for one in every if signing.is_right(one, data))


def fault(policy: Path, site: Path | None) -> str:
    """Return what is wrong with a policy's proof; "" when it holds here and now."""
    path = beside(policy, PROOF)
    try:
        found = msgspec.json.decode(path.read_bytes(), type=Certificate)
    except FileNotFoundError:
        return f"it was never proved: there is no {path.name}"
    except (OSError, msgspec.DecodeError, UnicodeDecodeError) as error:
        return f"{path.name} is damaged: {error}"
    wanted = certificate_of(policy, site, found.solver)
    reasons = {
        "policy": "it was changed since it was proved",
        "site": "it was proved for another site",
        "rules": "it was proved for other decision rules",
        "airnet": f"it was proved for airnet {found.airnet}",
        "claims": "other claims were proved of it",
    }
    for field, reason in reasons.items():
        if getattr(found, field) != getattr(wanted, field):
            return reason
    return ""


def permit(policy: Path, site: Path | None, keys: Iterable[str]) -> str:
    """Return the key that lets a policy be enforced; "" where it enforces nothing.

    Raises:
        ConfigError: it would be enforced, and is unproved or not signed by `keys`.
    """
    causes = enforces(read_policy(policy))
    if not causes:
        return ""
    what = f"{policy}: enforces {', '.join(causes)}, but"
    reason = fault(policy, site)
    if site is None:
        reason = "no site is configured, so nobody has said what is protected"
    if reason:
        raise ConfigError(f"{what} {reason}", _REMEDY)
    trusted = frozenset(keys)
    for key in signers(policy):
        if key in trusted:
            return key
    raise ConfigError(
        f"{what} nobody in `policy_keys` signed it and its proof as they are",
        "airnet policy sign POLICY --key FILE, or --unproved in a laboratory",
    )


def leave_of(policy: Path, site: Path | None) -> dict[str, str]:
    """Return by whose leave a policy is in force, as a ledger's beginning has it."""
    return {
        "policy_proof": fault(policy, site) or "holds",
        "policy_signers": ",".join(signers(policy)),
    }


def beside(policy: Path, suffix: str) -> Path:
    """Return the file that goes with a policy."""
    return policy.with_name(policy.name + suffix)


def _sealed(policy: Path) -> bytes:
    """Return what is signed: hashes, so that it is short, in one spelling."""
    proof = beside(policy, PROOF)
    sealed = Sealed(policy=_hash(policy), proof=_hash(proof) if proof.exists() else "")
    return b"airnet policy 1\n" + msgspec.json.encode(sealed)


def _signatures(path: Path) -> tuple[signing.Signature, ...]:
    try:
        return signing.signatures_in(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}", "remove it and sign again") from error


def _hash(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise ConfigError(
            f"{path}: cannot be read: {error.strerror}", "check the path"
        ) from error


def _put(path: Path, text: bytes) -> None:
    """Write a file whole or not at all."""
    try:
        durable.put(path, text)
    except OSError as error:
        raise UnsupportedError(
            f"{path}: cannot be written: {error.strerror}", "give a place with room"
        ) from error
