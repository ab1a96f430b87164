"""An office: hands, desk and warden around levers that touch nothing, and people."""

import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
)

from airnet.act.actuator import Actuator
from airnet.act.gate import Gate
from airnet.act.people import Approver, Approvers, People, sign
from airnet.act.simulated import SimulatedActuator
from airnet.act.standing import Standing
from airnet.clock import SystemClock
from airnet.domain.containment import Containment, State
from airnet.domain.decision import Action, Decision, Mode, Tier
from airnet.domain.instruction import NS_PER_S, Ask, Instruction, Signed
from airnet.errors import ActuationError
from airnet.record.file import FileLedger
from airnet.service.desk import Desk, Wardens
from airnet.service.hands import Hands
from tests.fakes.verdicts import throttle

#: Different bytes, so different people; tests are not secret.
KEYS = {
    name: Ed25519PrivateKey.from_private_bytes(bytes([number]) * 32)
    for number, name in enumerate(("Jane Doe", "Ivan Novak", "Mary Major"), 1)
}


def public(name: str) -> str:
    """Return a person's public key, in hex."""
    return KEYS[name].public_key().public_bytes_raw().hex()


def approvers(**tiers: int) -> Approvers:
    """Return everybody; `Jane_Doe=4` bounds what one may speak for."""
    return Approvers(
        people=tuple(
            Approver(
                name=name,
                key=public(name),
                tier_max=tiers.get(name.replace(" ", "_"), 7),
            )
            for name in KEYS
        )
    )


def write_approvers(path: Path) -> None:
    """Write approvers.toml."""
    path.write_text(
        "".join(
            f'[[approver]]\nname = "{name}"\nkey = "{public(name)}"\n' for name in KEYS
        )
    )


def write_key(path: Path, name: str) -> Path:
    """Write a person's private key as PEM."""
    key = KEYS[name]
    path.write_bytes(
        key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    )
    return path


def instruct(
    ask: Ask, subject: str, by: str, *, at_ns: int, valid_s: int = 60
) -> Instruction:
    """Return an Instruction."""
    return Instruction(
        ask=ask,
        by=by,
        reason="a test",
        subject=subject,
        at_ns=at_ns,
        until_ns=at_ns + valid_s * NS_PER_S,
    )


def signed(ask: Ask, subject: str, by: str, at_ns: int, valid_s: int = 60) -> Signed:
    """Return an Instruction signed by the person it names."""
    return sign(instruct(ask, subject, by, at_ns=at_ns, valid_s=valid_s), KEYS[by])


def kill(n: int = 1, **changes: object) -> Decision:
    """Return a proposal (T5) to disable the n-th session for good."""
    plain: dict[str, object] = {
        "tier": Tier.KILL_ALGO,
        "action": Action.DISABLE_SESSION,
        "mode": Mode.PROPOSE,
        "approvals_needed": 2,
        **changes,
    }
    return throttle(n, **plain)


class Levers(SimulatedActuator):
    """An actuator that writes down its calls, and takes its time when told to."""

    def __init__(self, clock: SystemClock, name: str = "", host: str = "") -> None:
        super().__init__(clock, State.APPLIED)
        self.name = name or self.name
        self._host = host
        self.calls: list[tuple[str, str]] = []
        self.fails: set[str] = set()
        self.released_ns: dict[str, int] = {}
        self.may_apply = threading.Event()
        self.may_apply.set()
        self.is_applying = threading.Event()
        self.may_release = threading.Event()
        self.may_release.set()
        self._steady = clock

    def accepts(self, decision: Decision) -> bool:
        return not self._host or decision.target[0].startswith(self._host)

    def apply(self, decision: Decision, ttl_ns: int) -> Containment:
        self.is_applying.set()
        self.may_apply.wait(20)
        self.calls.append(("apply", decision.id))
        if "apply" in self.fails:
            raise ActuationError("no answer in time", "look")
        return super().apply(decision, ttl_ns)

    def release(self, containment: Containment) -> Containment:
        self.calls.append(("release", containment.decision_id))
        self.may_release.wait(20)
        self.released_ns[containment.decision_id] = self._steady.mono_ns()
        if "release" in self.fails:
            raise ActuationError("no answer in time", "look")
        return super().release(containment)


class Office:
    """Everything `airnet run` governs with, without a network.

    Args:
        folder: where its ledger, its freeze and its socket are.
        others: actuators that are asked before the levers.
    """

    def __init__(self, folder: Path, others: Sequence[Actuator] = ()) -> None:
        self.folder = folder
        self.clock = SystemClock()
        self.levers, self.others = Levers(self.clock), tuple(others)
        self.ledger = FileLedger(folder / "ledger")
        self.gate = Gate(folder)
        self.standing = Standing(
            [*others, self.levers], self.ledger, self.clock, closed=self.gate.closed
        )
        path = folder / "approvers.toml"
        write_approvers(path)
        people = People(approvers(), 0)
        self.desk = Desk(self.standing, self.gate, people, self.ledger, self.clock)
        self.socket = folder / "airnet.sock"
        self.wardens = Wardens(self.socket, folder, approvers(), self.desk)
        before = list(self.ledger.evidence())
        self.desk.recover(before)
        self.standing.recover(before)
        self.hands = Hands(self.standing, self.clock, desk=self.desk)
        self.hands.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.wardens.close()
        self.levers.may_apply.set()
        self.levers.may_release.set()
        self.hands.stop()
        self.ledger.close()

    def decide(self, **changes: object) -> Decision:
        """Order a throttle that stands from now on."""
        return self._order(throttle(**self._timed(changes)))

    def propose(self, n: int = 1, **changes: object) -> Decision:
        """Order a kill, which waits for people."""
        return self._order(kill(n, **self._timed(changes)))

    def kinds(self) -> list[str]:
        """Return the kind of each ledger entry, with its state if it has one."""
        return [
            ":".join(filter(None, (one.kind, str(one.body.get("state", "")))))
            for one in self.ledger.evidence()
        ]

    def _timed(self, changes: dict[str, object]) -> dict[str, object]:
        now_ns = self.clock.now_ns()
        return {"t_ns": now_ns, "until_ns": now_ns + 30 * NS_PER_S, **changes}

    def _order(self, decision: Decision) -> Decision:
        self.hands.carry_out(decision, None)
        return decision
