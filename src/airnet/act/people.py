"""People: whose word counts, and for what. Their names and keys are a reviewed file.

A person is an Ed25519 key (RFC 8032). Two names with one key, or one name with two
keys, are refused when the file is read: nobody is two by typing two names.
"""

import re

import msgspec
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)

from airnet.config import Closed
from airnet.domain.instruction import (
    AHEAD_NS_MAX,
    NS_PER_S,
    Ask,
    Instruction,
    Peer,
    Signed,
)
from airnet.errors import InstructionError

#: What a person may do when nothing is said: approve up to the last tier.
TIER_LAST = 7
#: Below it a containment ends by itself, and undoing it early is no release of a kill.
TIER_NAMED = 5

#: Forgeries tried on a key; a weak one passes each with a chance of 1/8 or more.
TRIALS = 256

_REMEDY = "see docs/governance"


class Approver(Closed, frozen=True):
    """A person: the name, the public key, up to which tier, and which account."""

    name: str
    key: str
    tier_max: int = TIER_LAST
    uid: int = -1

    def __post_init__(self) -> None:
        if not re.fullmatch(r"[0-9a-f]{64}", self.key):
            raise ValueError("`key` must be an Ed25519 public key, 64 hex digits")
        if is_anybodys(self.key):
            raise ValueError("`key` must not be one for which anybody can sign")
        if not self.name.strip() or not self.name.isprintable():
            raise ValueError("`name` must be a person's name")
        if not 0 <= self.tier_max <= TIER_LAST:
            raise ValueError("`tier_max` must be 0..7")


class Approvers(Closed, frozen=True):
    """`approvers.toml`: everybody whose signature counts."""

    people: tuple[Approver, ...] = msgspec.field(name="approver", default=())

    def __post_init__(self) -> None:
        uids = [str(one.uid) for one in self.people if one.uid >= 0]
        names = [one.name.casefold() for one in self.people]
        keys = [one.key for one in self.people]
        for what, values in (("name", names), ("key", keys), ("uid", uids)):
            twice = {one for one in values if values.count(one) > 1}
            if twice:
                raise ValueError(
                    f"`approver` must not have {what} {min(twice)!r} twice"
                )


class People:
    """Judges Instructions by who gave them.

    Args:
        approvers: whose signature counts.
        uid: the account this service works as; it and root are always let in.
    """

    def __init__(self, approvers: Approvers, uid: int) -> None:
        self._by_key = {one.key: one for one in approvers.people}
        self._by_name = {one.name: one for one in approvers.people}
        self._uids = frozenset({0, uid})

    @property
    def is_empty(self) -> bool:
        """Return whether nobody's signature counts."""
        return not self._by_key

    def hear(self, signed: Signed, peer: Peer, now_ns: int, tier: int = 0) -> None:
        """Return when this may be done on this person's word.

        Freezing, and undoing what would end by itself, need no signature and no right
        clock: both only let go. What lets airnet do more, or ends what a named person
        must end, needs both.

        Args:
            signed: what was asked.
            peer: who asked, as the kernel says.
            now_ns: the time, ns since the epoch.
            tier: of what is approved or undone.

        Raises:
            InstructionError: it may not, and why.
        """
        instruction = signed.instruction
        problem = instruction.problem()
        is_needed = self._needs_key(instruction.ask, tier)
        if is_needed and not problem:
            problem = _untimely(instruction, now_ns)
        if problem:
            raise InstructionError(problem, _REMEDY)
        if signed.key or signed.signature or is_needed:
            self._identify(signed, tier)
            return
        listed = self._by_name.get(instruction.by)
        is_own = listed is None or listed.uid < 0 or listed.uid == peer.uid
        if not is_own and peer.uid not in self._uids:
            raise InstructionError(
                f"{instruction.by} is not account {peer.uid}",
                "give your own name, or sign with --key",
            )

    def _needs_key(self, ask: Ask, tier: int) -> bool:
        """Return whether nobody is believed without a signature."""
        if ask is Ask.APPROVE:
            return True
        if ask is Ask.UNFREEZE:
            return not self.is_empty
        return ask is Ask.UNDO and tier >= TIER_NAMED

    def _identify(self, signed: Signed, tier: int) -> None:
        """Raise unless the named person signed exactly this, and may."""
        instruction = signed.instruction
        person = self._by_key.get(signed.key)
        if person is None:
            what = "not signed" if not signed.key else "signed by nobody listed"
            raise InstructionError(
                f"{instruction.ask} by {instruction.by}: {what}",
                "sign with --key, and have approvers.toml list the public key",
            )
        if person.name != instruction.by:
            raise InstructionError(
                f"the key is {person.name}'s, the name given {instruction.by}",
                "give the name that approvers.toml has for the key",
            )
        if not verifies(signed):
            raise InstructionError(
                f"{instruction.ask} by {instruction.by}: the signature is not of this",
                "sign it again; if it was not you, tell security",
            )
        if tier > person.tier_max:
            raise InstructionError(
                f"{person.name} may speak up to T{person.tier_max}, this is T{tier}",
                "ask somebody who may",
            )


def verifies(signed: Signed) -> bool:
    """Return whether the signature is the key's, of this Instruction."""
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(signed.key))
        public.verify(
            bytes.fromhex(signed.signature), signed.instruction.signed_bytes()
        )
    except (InvalidSignature, ValueError):
        return False
    return True


def is_anybodys(key: str) -> bool:
    """Return whether a public key is a point of small order, such as all zeros.

    RFC 8032 section 5.1.7 lets those be: with S=0 and R the neutral element, every
    eighth message at least is "signed". Tried here, on as many as leave no doubt.
    """
    forged = bytes([1]) + bytes(63)
    try:
        public = Ed25519PublicKey.from_public_bytes(bytes.fromhex(key))
    except ValueError:
        return False
    for number in range(TRIALS):
        try:
            public.verify(forged, bytes([number]))
        except InvalidSignature:
            continue
        return True
    return False


def sign(instruction: Instruction, private: Ed25519PrivateKey) -> Signed:
    """Return the Instruction with this key's signature."""
    return Signed(
        instruction=instruction,
        key=private.public_key().public_bytes_raw().hex(),
        signature=private.sign(instruction.signed_bytes()).hex(),
    )


def _untimely(instruction: Instruction, now_ns: int) -> str:
    """Return why this is not the time for it, or nothing."""
    ahead_ns = instruction.at_ns - now_ns
    if ahead_ns > AHEAD_NS_MAX:
        return f"given {ahead_ns // NS_PER_S} s in the future: compare the clocks"
    if instruction.until_ns <= now_ns:
        late_s = (now_ns - instruction.until_ns) // NS_PER_S
        return f"it lapsed {late_s} s ago: give it again, or compare the clocks"
    return ""


def told(signed: Signed, peer: Peer) -> dict[str, object]:
    """Return the ledger body of an Instruction: who said what, as far as is known."""
    instruction = signed.instruction
    return {
        "decision_id": instruction.subject,
        "id": instruction.id,
        "ask": instruction.ask.value,
        "by": instruction.by,
        "reason": instruction.reason,
        "at_ns": instruction.at_ns,
        "until_ns": instruction.until_ns,
        "key": signed.key,
        "signature": signed.signature,
        "uid": peer.uid,
        "pid": peer.pid,
    }
