"""Instruction: what a person asks of the running service, and who vouches for it.

Made by a command, judged by act, kept in the ledger.
"""

import enum
import hashlib

import msgspec

#: Before the bytes that are signed, so that they are no other protocol's.
PREFIX = b"airnet instruction 1\n"
NS_PER_S = 1_000_000_000
#: How long a proposal waits. What was right ten minutes ago is decided anew.
PROPOSAL_NS = 600 * NS_PER_S
#: How long an Instruction may be valid at most.
VALID_NS_MAX = 900 * NS_PER_S
#: How far a signer's clock may be ahead of ours.
AHEAD_NS_MAX = 30 * NS_PER_S
NAME_MAX, REASON_MAX = 64, 500

_ID_HEX = 32


class Ask(enum.StrEnum):
    """What is asked for."""

    ACTIONS = "actions"
    APPROVE = "approve"
    UNDO = "undo"
    FREEZE = "freeze"
    UNFREEZE = "unfreeze"


#: What changes something, and so needs a name and a reason.
DEEDS = frozenset({Ask.APPROVE, Ask.UNDO, Ask.FREEZE, Ask.UNFREEZE})


class Instruction(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True
):
    """What is asked, about which Decision or freeze (`subject`), by whom and why.

    `at_ns` is when it was given and `until_ns` when it lapses, both by the asker's
    clock, ns since the epoch.
    """

    ask: Ask
    by: str
    reason: str
    at_ns: int
    until_ns: int
    subject: str = ""

    def signed_bytes(self) -> bytes:
        """Return what a signature is of: the prefix and the canonical JSON."""
        return PREFIX + msgspec.json.encode(self, order="sorted")

    @property
    def id(self) -> str:
        """Return the hash of its content: the same Instruction has the same id."""
        return hashlib.sha256(self.signed_bytes()).hexdigest()[:_ID_HEX]

    def problem(self) -> str:
        """Return what is wrong with its form, or nothing."""
        for name, text, limit in (
            ("name", self.by, NAME_MAX),
            ("reason", self.reason, REASON_MAX),
        ):
            if not text.strip() or len(text) > limit or not text.isprintable():
                return f"the {name} must be 1..{limit} printable characters"
        if len(self.subject) > NAME_MAX or not self.subject.isprintable():
            return f"the subject must be an id of at most {NAME_MAX} characters"
        if not 0 < self.until_ns - self.at_ns <= VALID_NS_MAX:
            return f"it must be valid for at most {VALID_NS_MAX // NS_PER_S} s"
        return ""


class Signed(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """An Instruction with its signature (Ed25519, RFC 8032), both "" when unsigned.

    `key` is the public key. Both are hexadecimal.
    """

    instruction: Instruction
    key: str = ""
    signature: str = ""


class Peer(msgspec.Struct, frozen=True, kw_only=True):
    """Who is at the other end of a socket, as the kernel says (SO_PEERCRED)."""

    uid: int
    gid: int
    pid: int
