"""Drill: a thousand containments at once, and their undoing, by the service's hands.

`python -m airnet.service.drill PORT` attaches a guard there, makes Decisions up and
carries them out with the service's own hands, fast lane and a ledger on this host's
disk, and prints what each took, in ns, as one JSON object; `airnet bench guard` runs
it while frames arrive. It detaches the guard at the end.
"""

import contextlib
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from airnet.act.standing import Standing
from airnet.clock import SystemClock
from airnet.config import GuardPort, Site
from airnet.decide.drafts import with_id
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.verdict import Cause
from airnet.errors import UnsupportedError
from airnet.kernel import guard
from airnet.record.file import FileLedger
from airnet.score import load as load_models
from airnet.service.guardpost import GuardPost, attach_guard
from airnet.service.hands import Hands
from airnet.shipped import models_path

AT_ONCE = 1000
TTL_NS = 600_000_000_000
LIMIT_NS = 20_000_000_000
clock = SystemClock()


def drill(port: str) -> dict[str, Any]:
    """Return what a thousand took, each of them alone and together, and undone."""
    with contextlib.ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir="/var/tmp")))
        ledger = FileLedger(folder / "ledger")
        stack.callback(ledger.close)
        stack.callback(guard.remove, port)
        guarded = attach_guard(GuardPort(interface=port))
        assert guarded is not None
        scorer = load_models(models_path())
        post = GuardPost(guarded, GuardPort(interface=port), Site(), clock, scorer)
        stack.callback(post.close)
        eyes = stack.enter_context(guard.adopt(port))
        standing = Standing([post.actuator], ledger, clock)
        hands = Hands(standing, clock, post)
        hands.start()
        try:
            found = alone(hands, ledger) | at_once(hands, eyes, ledger)
        finally:
            hands.stop()
        counts = eyes.counts()
        return {
            **found,
            "undo_ns": undo(standing),
            "frames": counts["seen"],
            "frames_lost": counts["source"] + counts["unknown"] + counts["session"],
        }


def alone(hands: Hands, ledger: FileLedger) -> dict[str, list[int]]:
    """Return how long each takes to be in force, and to be durable on the disk."""
    force, durable = [], []
    for number in range(AT_ONCE):
        decision = drop(number)
        size, start_ns = ledger.size, clock.mono_ns()
        hands.carry_out(decision, None)
        force.append(clock.mono_ns() - start_ns)
        recorded(ledger, size + 2)
        durable.append(clock.mono_ns() - start_ns)
    return {"force_ns": force, "durable_ns": durable}


def at_once(
    hands: Hands, eyes: guard.KernelGuard, ledger: FileLedger
) -> dict[str, int]:
    """Return how long a thousand take together, and how many of them stand."""
    decisions = [drop(AT_ONCE + number) for number in range(AT_ONCE)]
    size, start_ns = ledger.size, clock.mono_ns()
    for decision in decisions:
        hands.carry_out(decision, None)
    force_ns = clock.mono_ns() - start_ns
    recorded(ledger, size + 2 * AT_ONCE)
    durable_ns = clock.mono_ns() - start_ns
    return {
        "at_once_force_ns": force_ns,
        "at_once_durable_ns": durable_ns,
        "at_once_in_force": sum(is_in_force(eyes, one) for one in decisions),
        "at_once_recorded": (ledger.size - size) // 2,
    }


def undo(standing: Standing) -> list[int]:
    """Return how long undoing each takes, one after the other."""
    took = []
    for containment in standing.in_force:
        start_ns = clock.mono_ns()
        standing.release(containment.decision_id, "a drill")
        took.append(clock.mono_ns() - start_ns)
    return took


def is_in_force(eyes: guard.KernelGuard, decision: Decision) -> bool:
    """Return whether the kernel holds a Decision's rule now."""
    rule = eyes.rule(eyes.sources, guard.prefix_key(decision.target[0]))
    return rule is not None and rule.until_ns > clock.mono_ns()


def recorded(ledger: FileLedger, size: int) -> None:
    """Return when the ledger has so many entries: intents are durable before outcomes.

    Raises:
        UnsupportedError: it never has.
    """
    end_ns = clock.mono_ns() + LIMIT_NS
    while ledger.size < size:
        if clock.mono_ns() > end_ns:
            raise UnsupportedError("the ledger did not record in time", "see the disk")
        clock.sleep_s(0.0001)


def drop(number: int) -> Decision:
    """Return the Decision to drop one stranger. Addresses: RFC 2544, 198.18.0.0/15."""
    now_ns = clock.now_ns()
    return with_id(
        Decision(
            id="",
            t_ns=now_ns,
            cause=Cause.FLOOD,
            tier=Tier.PROTECT,
            action=Action.DROP_SOURCES,
            target_type=TargetType.SOURCE,
            target=(f"198.18.{number >> 8}.{number & 255}",),
            until_ns=now_ns + TTL_NS,
            mode=Mode.ENFORCE,
            rule="drill",
            measured=0,
            limit=0,
            probability=1.0,
            why="A drill.",
            first_ns=now_ns,
            window_kind=2,
            subject=0,
            gateway="198.19.0.1",
            port=1,
        )
    )


if __name__ == "__main__":
    sys.stdout.write(json.dumps(drill(sys.argv[1])) + "\n")
