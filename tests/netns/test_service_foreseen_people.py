"""`airnet run` with what is foreseen, and people: undo and freeze, at the worst moment.

While a file is there the lane waits before it confirms what C has done, in a process of
its own that is as it would be otherwise: so that people come in between.
"""

import itertools
import signal
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from airnet.act.gate import FROZEN
from airnet.bench import guardtalk, guardtrial
from airnet.decide.enough import FLOODS_AT_ONCE
from airnet.domain.instruction import Ask, Signed
from airnet.kernel import guard
from airnet.record.file import verify
from airnet.service.ask import ask
from airnet.service.talk import Answer
from tests.fakes.office import instruct
from tests.netns.lab_links import MIRROR, sender, wait_until
from tests.netns.test_service import Service, configure, decided, running
from tests.netns.test_service_foreseen import VENUES, Send, replayed, trade
from tests.netns.test_service_guard import PEER, PORT, contained, ports

pytestmark = [pytest.mark.root, pytest.mark.slow]
__all__ = ["ports"]
TRIALS, LIMIT_S, TTL_S = 40, 20.0, 4.0
#: Python looks for this when it starts, in every process of `airnet run`.
SLOW = """
import pathlib, sys, time
if "airnet" in " ".join(sys.orig_argv):
    from airnet.service import hands

    WAIT = pathlib.Path(__file__).with_name("wait")

    def carry_out(self, decision, verdict, plain=hands.Hands.carry_out):
        end = time.monotonic() + 5
        while WAIT.exists() and time.monotonic() < end:
            time.sleep(0.001)
        plain(self, decision, verdict)

    hands.Hands.carry_out = carry_out
"""


class Floor:
    """Sessions that trade, strangers that flood, and a person, around `airnet run`."""

    def __init__(
        self, folder: Path, eyes: guard.KernelGuard, both: tuple[Send, Send]
    ) -> None:
        self.folder, self.both = folder, both
        self._eyes = eyes
        self.wait = folder / "slow" / "wait"
        self._talk = itertools.chain(guardtalk.talk(VENUES))

    def trade(self, count: int = 60) -> None:
        trade(self.both, self._talk, count)

    def rule(self, number: int) -> guard.Rule | None:
        """Return the rule that holds back a trial's stranger now."""
        key = guard.prefix_key(guardtalk.stranger(number))
        rule = self._eyes.rule(self._eyes.sources, key)
        is_held = rule is not None and rule.until_ns > time.monotonic_ns()
        return rule if is_held else None

    def is_held(self, number: int) -> bool:
        return self.rule(number) is not None

    def flood(
        self, number: int, until: Callable[[], bool], seconds: float = 0.5
    ) -> bool:
        """Flood as a trial's stranger until something is so; whether it came about."""
        due, end = time.monotonic(), time.monotonic() + seconds
        for frame in guardtalk.strange(number):
            for send in self.both:
                send(frame)
            due += 0.0001
            while time.monotonic() < due:
                pass
            if until():
                return True
            if time.monotonic() > end:
                return False
        return False

    def foresees(self, number: int) -> bool:
        """Flood until C has done what was foreseen, and hold the lane there."""
        self.trade()
        self.wait.touch()
        # No longer than the ring has room for: what is lost freezes what is decided.
        if self.flood(number, lambda: self.is_held(number), 0.2):
            return True
        self.wait.unlink()
        self.trade(2500)
        return False

    def undo(self, identity: str) -> Answer:
        one = instruct(Ask.UNDO, identity, "Jane Doe", at_ns=time.time_ns())
        return ask(self.folder / "airnet.sock", Ask.UNDO, Signed(instruction=one))

    def told(self, identity: str) -> list[tuple[str, str]]:
        """Return what the record says became of a Decision."""
        return [
            (str(one["state"]), str(one["detail"]))
            for one in contained(self.folder)
            if one["decision_id"] == identity
        ]

    def confirmed(self, number: int) -> str:
        """Return the Decision that a trial's rule is of, once it is on record."""
        wait_until(lambda: bool(self.told(self.identity(number))), LIMIT_S)
        return self.identity(number)

    def identity(self, number: int) -> str:
        """Return the Decision that a rule bears: what was foreseen, until confirmed."""
        rule = self.rule(number)
        return "" if rule is None else f"{rule.decision:016x}"


@pytest.fixture
def floor(
    ports: guard.KernelGuard, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Iterator[tuple[Service, Floor]]:
    """Give a run with a guard that foresees, whose lane is slow to confirm."""
    configure(tmp_path, capture='record = "mirror.pcapng"')
    with (tmp_path / "airnet.toml").open("a") as file:
        file.write(f'[guard]\ninterface = "{PORT}"\n')
    names = ", ".join(f'"{name}"' for name in FLOODS_AT_ONCE)
    policy = guardtrial.POLICY.format(many=64, at_once=names)
    policy = policy.replace("ttl_ms = 150", f"ttl_ms = {TTL_S * 1000:.0f}")
    policy = policy.replace("cooldown_ms = 0", "cooldown_ms = 90000\nrepeats_max = 50")
    (tmp_path / "policy.toml").write_text(policy)
    (tmp_path / "site.toml").write_text(
        "".join(f'[[gateway]]\nip = "{one.ip}"\nport = 9878\n' for one in VENUES)
    )
    (tmp_path / "slow").mkdir()
    (tmp_path / "slow" / "sitecustomize.py").write_text(SLOW)
    monkeypatch.syspath_prepend(str(tmp_path / "slow"))
    with (
        running(tmp_path) as service,
        sender(MIRROR) as mirror,
        sender(PEER) as port,
    ):
        found = Floor(tmp_path, ports, (mirror, port))
        found.trade(3000)
        yield service, found


def ended(service: Service, floor: Floor, eyes: guard.KernelGuard) -> None:
    """End it; everything is on record, and a replay decides the same."""
    assert service.end() == 0, service.log()
    assert verify(floor.folder / "ledger").verifies
    assert replayed(floor.folder) == decided(floor.folder) != b""
    assert list(eyes.intents[:4]) == [0, 0, 0, 0], "an intent that nobody settled"
    assert list(eyes.intents[-4096:-4092]) == [0] * 4, "a shot nobody settled"


def test_frozen_between_the_rule_and_its_decision(
    floor: tuple[Service, Floor], ports: guard.KernelGuard
) -> None:
    """What C did is taken back at once, what was decided is withheld; nothing else."""
    service, run = floor
    frozen, taken = run.folder / FROZEN, list[dict[str, object]]()
    for number in range(TRIALS):
        if not run.foresees(number):
            continue
        frozen.touch()
        run.wait.unlink()
        run.trade(500)
        found = contained(run.folder)
        taken = [one for one in found if one["state"] == "rolled_back"]
        break
    assert taken, "nothing was foreseen, or not taken back"
    assert all("frozen" in str(one["detail"]) for one in taken)
    assert not run.is_held(number)
    assert not run.flood(number, lambda: run.is_held(number))
    withheld = [one for one in contained(run.folder) if one["state"] == "withheld"]
    assert len(withheld) >= 1
    assert all("frozen" in str(one["detail"]) for one in withheld)

    frozen.unlink()
    run.trade(200)
    assert run.flood(number + 1, lambda: run.is_held(number + 1))
    assert run.told(run.confirmed(number + 1))[0][0] == "applied"
    ended(service, run, ports)


def ended_in_advance(run: Floor) -> tuple[int, str, Answer]:
    """Undo what C has done and nobody decided; return whose it was, and of what id."""
    for number in range(TRIALS):
        if run.foresees(number):
            break
    else:
        pytest.fail("nothing was foreseen")
    foreseen = run.identity(number)
    began_s = time.monotonic()
    answer = run.undo(foreseen)
    assert time.monotonic() - began_s < 1.0
    assert (answer.ok, answer.body.get("state")) == (True, "rolled_back"), answer
    assert not run.is_held(number)
    return number, foreseen, answer


def withheld(run: Floor) -> list[str]:
    return [
        str(one["detail"])
        for one in contained(run.folder)
        if one["state"] == "withheld"
    ]


def test_undone_before_it_is_decided(
    floor: tuple[Service, Floor], ports: guard.KernelGuard
) -> None:
    """The rule is gone while the lane still waits; what it decides then is withheld."""
    service, run = floor
    number, foreseen, _ = ended_in_advance(run)
    again = run.undo(foreseen)
    assert not again.ok
    assert "stands no more: rolled_back" in again.what

    run.wait.unlink()
    wait_until(lambda: bool(withheld(run)), LIMIT_S)
    assert "undone by Jane Doe" in withheld(run)[0]
    run.trade(500)
    assert not run.flood(number, lambda: run.is_held(number))
    run.trade(200)
    assert run.flood(number + 1, lambda: run.is_held(number + 1))
    assert run.told(run.confirmed(number + 1))[0][0] == "applied"
    ended(service, run, ports)
    assert "foreseen_wrongly" not in service.log()


def test_killed_after_it_was_undone_and_before_it_is_decided(
    floor: tuple[Service, Floor], ports: guard.KernelGuard
) -> None:
    """What was acknowledged is on record: it is not done again by the next process."""
    service, run = floor
    number, _, _ = ended_in_advance(run)
    service.end(signal.SIGKILL)
    run.wait.unlink()
    assert not run.is_held(number)

    with running(run.folder) as later:
        assert list(ports.intents[-4096:-4092]) == [0] * 4
        run.trade(3000)
        assert not run.flood(number, lambda: run.is_held(number))
        wait_until(lambda: bool(withheld(run)), LIMIT_S)
        assert "undone by Jane Doe" in withheld(run)[0]
        run.trade(200)
        assert run.flood(number + 1, lambda: run.is_held(number + 1))
        assert later.end() == 0, later.log()
    states = [str(one["state"]) for one in contained(run.folder)]
    assert states.count("rolled_back") == 1, states
    assert verify(run.folder / "ledger").verifies


def test_undone_while_another_is_done_and_not_confirmed(
    floor: tuple[Service, Floor], ports: guard.KernelGuard
) -> None:
    """Of two strangers one is let go, and stays so, while he floods on."""
    service, run = floor
    for number in range(1, TRIALS, 2):
        run.trade()
        if not run.flood(number - 1, lambda n=number: run.is_held(n - 1)):
            run.trade(2500)
            continue
        first = run.confirmed(number - 1)
        if run.foresees(number):
            break
    else:
        pytest.fail("nothing was foreseen")
    foreseen = run.identity(number)
    answer = run.undo(first)
    assert (answer.ok, answer.body.get("state")) == (True, "rolled_back"), answer
    assert not run.is_held(number - 1)
    assert run.identity(number) == foreseen != ""
    assert run.told(foreseen) == [], "confirmed before it was undone"
    run.wait.unlink()
    wait_until(lambda: run.identity(number) != foreseen, LIMIT_S)
    assert run.told(run.confirmed(number))[0][1].endswith("as foreseen")
    assert run.told(first)[-1][0] == "rolled_back"

    def is_withheld() -> bool:
        return any(
            one["state"] == "withheld" and "undone by Jane Doe" in str(one["detail"])
            for one in contained(run.folder)
        )

    end = time.monotonic() + LIMIT_S
    while not is_withheld():
        assert time.monotonic() < end, "it was never ordered again"
        assert not run.flood(number - 1, lambda: run.is_held(number - 1))
    assert not run.flood(number - 1, lambda: run.is_held(number - 1))
    run.trade(200)
    assert run.flood(number + 1, lambda: run.is_held(number + 1))
    ended(service, run, ports)
