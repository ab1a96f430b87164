"""Certificate: that a policy was proved, for which site, by which rules.

`airnet prove` writes it beside the policy, `airnet policy sign` seals both, and
`airnet run` compares hashes and checks a signature: it needs no solver. Any change of
the policy, the site or the code that decides asks for a proof anew.
"""

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

import msgspec
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from airnet import __version__, durable, signing
from airnet.clock import SystemClock
from airnet.config import Closed, Site, parse
from airnet.decide.policy import Policy
from airnet.decide.problems_names import resigned_problems
from airnet.decide.reading import policy_of, read_policy
from airnet.domain.verdict import CONTAINABLE
from airnet.errors import ConfigError, UnsupportedError
from airnet.prove.claims import CLAIMS, enforces
from airnet.toml import read_bytes, text_of

PROOF, SIGNATURES = ".proof", ".sig"
#: The sources that decide, or say what is proved of it: what an action is and whether
#: it is passive, which Causes may be contained, how addresses are read, what a site is.
_PACKAGE = Path(__file__).resolve().parents[1]
_SOURCES = ("config.py", "toml.py", "domain/*.py", "decide/*.py", "prove/*.py")
#: How many must have signed what stands for the approval of two.
PEOPLE = 2
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
    for pattern in _SOURCES:
        for path in sorted(_PACKAGE.glob(pattern)):
            name = path.relative_to(_PACKAGE).as_posix()
            digest.update(f"{name}\0".encode())
            digest.update(hashlib.sha256(path.read_bytes()).digest())
    return digest.hexdigest()


def certificate_of(policy: bytes, site: bytes | None, solver: str) -> Certificate:
    """Return the certificate of a policy that was proved just now, by its bytes.

    A proof takes seconds, in which the file may become another one.
    """
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
    _put(path, signing.added(others, _read(policy, None).sealed, private))
    return signing.public_of(private)


def signers(policy: Path) -> tuple[str, ...]:
    """Return the public keys that signed a policy, and its proof, as they are."""
    return _read(policy, None).signers


def fault(policy: Path, site: Path | None) -> str:
    """Return what is wrong with a policy's proof; "" when it holds here and now."""
    return _read(policy, site).fault


class Papers(msgspec.Struct, frozen=True, kw_only=True):
    """A policy and a site as they were read, once: verified and used are the same.

    `policy_digest` and `site_digest` are of their bytes, in hex, of nothing without a
    site; `fault` is what is wrong with the proof, `signers` the keys that signed both.
    """

    policy: Policy
    site: Site
    policy_digest: str
    site_digest: str
    fault: str
    signers: tuple[str, ...]

    @property
    def leave(self) -> dict[str, str]:
        """Return by whose leave it is in force, as a ledger's beginning has it."""
        return {
            "policy_proof": self.fault or "holds",
            "policy_signers": ",".join(self.signers),
        }


def read(policy: Path, site: Path | None) -> Papers:
    """Read a policy and a site, enforced or not.

    Raises:
        ConfigError: one of them cannot be read, or is wrong.
    """
    return _papers(_read(policy, site))


def permit(policy: Path, site: Path | None, keys: Iterable[str]) -> Papers:
    """Return a policy that may be enforced with its site, as they were read.

    One of `keys` must have signed it; two, where it lets airnet do alone what takes
    two people otherwise: names in a file are not signatures.

    Raises:
        ConfigError: it would be enforced, and is unproved or not signed by `keys`.
    """
    found = _read(policy, site)
    papers = _papers(found)
    causes = enforces(papers.policy)
    if not causes:
        return papers
    what = f"{policy}: enforces {', '.join(causes)}, but"
    reason = papers.fault
    if site is None:
        reason = "no site is configured, so nobody has said what is protected"
    if reason:
        raise ConfigError(f"{what} {reason}", _REMEDY)
    now_ns = SystemClock().now_ns()
    for problem in resigned_problems(papers.policy, papers.site, now_ns):
        raise ConfigError(f"{what} {problem}", "airnet policy resign POLICY")
    trusted = frozenset(keys) & frozenset(papers.signers)
    remedy = "airnet policy sign POLICY --key FILE, or --unproved in a laboratory"
    if not trusted:
        raise ConfigError(
            f"{what} nobody in `policy_keys` signed it and its proof as they are",
            remedy,
        )
    alone = next(_alone(papers.policy), "")
    if alone and len(trusted) < PEOPLE:
        raise ConfigError(
            f"{what} {alone} does alone what takes two people, and one key of "
            "`policy_keys` signed it",
            remedy,
        )
    return papers


def _alone(policy: Policy) -> Iterator[str]:
    """Yield what in a policy stands for two people's approval."""
    for place, rule in enumerate(policy.rules):
        if rule.is_presigned:
            yield f"rule[{place}].presigned_by"
    for cause in sorted(CONTAINABLE):
        contain = policy.contain(cause)
        for place, rung in enumerate(contain.rungs if contain is not None else ()):
            for word in ("presigned", "alone_when_closed"):
                if getattr(rung, word):
                    yield f"cause.{cause.value}.rung[{place}].{word}"


class _Files(msgspec.Struct, frozen=True, kw_only=True):
    """The bytes of a policy and of what goes with it; None for no such file."""

    path: Path
    policy: bytes
    site_path: Path | None
    site: bytes | None
    proof: bytes | None
    signatures: tuple[signing.Signature, ...]

    @property
    def sealed(self) -> bytes:
        """Return what is signed: hashes, so that it is short, in one spelling."""
        proof = "" if self.proof is None else _hash(self.proof)
        sealed = Sealed(policy=_hash(self.policy), proof=proof)
        return b"airnet policy 1\n" + msgspec.json.encode(sealed)

    @property
    def signers(self) -> tuple[str, ...]:
        """Return the public keys that signed policy and proof."""
        data = self.sealed
        right = (one.key for one in self.signatures if signing.is_right(one, data))
        return tuple(dict.fromkeys(right))

    @property
    def fault(self) -> str:
        """Return what is wrong with the proof; "" when it holds here and now."""
        name = beside(self.path, PROOF).name
        if self.proof is None:
            return f"it was never proved: there is no {name}"
        try:
            found = msgspec.json.decode(self.proof, type=Certificate)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            return f"{name} is damaged: {error}"
        wanted = certificate_of(self.policy, self.site, found.solver)
        other = "another site" if self.site is not None else "a site, and none is named"
        reasons = {
            "policy": "it was changed since it was proved",
            "site": f"it was proved for {other}",
            "rules": "it was proved for other decision rules",
            "airnet": f"it was proved for airnet {found.airnet}",
            "claims": "other claims were proved of it",
        }
        for field, reason in reasons.items():
            if getattr(found, field) != getattr(wanted, field):
                return reason
        return ""


def _read(policy: Path, site: Path | None) -> _Files:
    """Read every file once."""
    proof, signed = beside(policy, PROOF), beside(policy, SIGNATURES)
    return _Files(
        path=policy,
        policy=read_bytes(policy),
        site_path=site,
        site=None if site is None else read_bytes(site),
        proof=read_bytes(proof) if proof.exists() else None,
        signatures=_signatures(signed) if signed.exists() else (),
    )


def _papers(files: _Files) -> Papers:
    """Return what files say, parsed from the very bytes that were hashed."""
    site = Site()
    if files.site_path is not None and files.site is not None:
        text = text_of(files.site, files.site_path)
        site = parse(text, files.site_path, Site)
    return Papers(
        policy=policy_of(files.policy, files.path),
        site=site,
        policy_digest=_hash(files.policy),
        site_digest=_hash(files.site or b""),
        fault=files.fault,
        signers=files.signers,
    )


def beside(policy: Path, suffix: str) -> Path:
    """Return the file that goes with a policy."""
    return policy.with_name(policy.name + suffix)


def _signatures(path: Path) -> tuple[signing.Signature, ...]:
    try:
        return signing.signatures_in(path.read_bytes())
    except (OSError, ValueError) as error:
        raise ConfigError(f"{path}: {error}", "remove it and sign again") from error


def _hash(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


def _put(path: Path, text: bytes) -> None:
    """Write a file whole or not at all."""
    try:
        durable.put(path, text)
    except OSError as error:
        raise UnsupportedError(
            f"{path}: cannot be written: {error.strerror}", "give a place with room"
        ) from error
