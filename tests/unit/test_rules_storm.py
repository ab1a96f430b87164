"""Who trades and logs on without a pause is told as a flood; who comes back is not."""

import msgspec
import pytest

from airnet.config import Site
from airnet.decide import Judge
from airnet.decide.policy import Policy
from airnet.domain.decision import Action
from airnet.domain.verdict import Cause
from airnet.score.rules_storm import STORM_RULES
from tests.unit.test_expulsion import COLUMNS, verdict
from tests.unit.test_rules_host_odd import (
    CLOSED,
    FIN,
    GATEWAY,
    OPENED,
    OWNER,
    RST,
    Tape,
)

NAMES = {rule.name for rule in STORM_RULES}
OWN, OTHERS = "host.storm_of_own_logons", "host.storm_of_refused_logons"
ONE = "host.storm_of_a_refused_name"


def own(tape: Tape, names: list[int]) -> None:
    """Have the host trade under names, and lose the sessions."""
    for place, name in enumerate(names):
        session = 20 + place
        tape.names[session] = name
        tape.trade(OWNER, session, (0, 4))
        over = {"payload_bytes": 0, "tcp_flags": RST, "stream_flags": CLOSED}
        tape.say(5, (OWNER, session), **over)


def refused(tape: Tape, at: float, session: int) -> None:
    """Have the host connect, log on, and be shown the door."""
    port, ends = 41_000 + session, (OWNER, session)
    syn = {"tcp_flags": 2, "payload_bytes": 0}
    tape.add(at, (OWNER, GATEWAY), (port, 9), **syn)
    tape.add(at + 0.0001, (GATEWAY, OWNER), (9, port), tcp_flags=18, payload_bytes=0)
    tape.say(at + 0.0002, ends, "logon", source_port=port, stream_flags=OPENED)
    tape.say(at + 0.0003, ends, "logout", down=True, target_port=port)
    over = {"payload_bytes": 0, "tcp_flags": FIN, "stream_flags": CLOSED}
    tape.say(at + 0.0004, ends, down=True, target_port=port, **over)


def storm(
    every: float, count: int, names: tuple[int, ...] = (5,), *, trades: bool = True
) -> Tape:
    """Return a host that logs on so many times and is refused each time."""
    tape = Tape()
    tape.trade("10.1.0.9", 1, (0, 4))
    tape.names[1] = 77
    if trades:
        tape.trade(OWNER, 0, (0, 4))
        own(tape, [name for name in names if name < 100])
    for number in range(count):
        at, session = 6 + number * every, 100 + number
        tape.names[session] = names[number % len(names)]
        refused(tape, at, session)
    return tape


@pytest.mark.parametrize("every", [0.003, 0.02, 0.05])
def test_a_host_that_logs_on_without_a_pause_is_told(every: float) -> None:
    """Within a second, at twenty a second."""
    assert storm(every, 20).told(OWNER) & NAMES == {OWN}
    assert not storm(every, 14).told(OWNER) & NAMES


@pytest.mark.parametrize(
    ("every", "names"),
    [(1.0, (5,)), (0.25, (5, 6, 7, 8)), (0.01, tuple(range(5, 35)))],
    ids=["one a second", "four, one a second each", "thirty at once"],
)
def test_who_comes_back_is_not_told(every: float, names: tuple[int, ...]) -> None:
    count = {1: 40, 4: 80, 30: 60}[len(names)]

    assert OWN not in storm(every, count, names).told(OWNER)


def test_four_programs_that_try_at_the_same_moment_are_not_told() -> None:
    tape = Tape()
    own(tape, [5, 6, 7, 8])
    for second in range(20):
        for program in range(4):
            at, session = 6 + second + program * 0.0005, 100 + second * 4 + program
            tape.names[session] = 5 + program
            refused(tape, at, session)

    assert not tape.told(OWNER) & NAMES


@pytest.mark.parametrize(("every", "is_told"), [(0.03, True), (0.06, False)])
def test_names_of_others_by_the_dozen_are_told(every: float, *, is_told: bool) -> None:
    """Slower, somebody guesses, and that has its own rules."""
    names = tuple(range(200, 230))

    assert (OTHERS in storm(every, 40, names).told(OWNER)) == is_told


@pytest.mark.parametrize(
    ("every", "count", "is_told"),
    [(0.01, 12, True), (0.03, 40, True), (0.01, 11, False), (0.06, 40, False)],
)
def test_one_name_of_another_without_a_pause_is_told(
    every: float, count: int, *, is_told: bool
) -> None:
    assert (ONE in storm(every, count, (200,)).told(OWNER)) == is_told


def test_who_never_traded_is_for_the_rules_of_strangers() -> None:
    names = tuple(range(200, 230))

    assert not storm(0.01, 40, names, trades=False).told(OWNER) & NAMES


@pytest.mark.parametrize("rule", sorted(NAMES))
def test_a_storm_is_told_and_nobody_is_cut_off(rule: str) -> None:
    """However long it goes on: the host's other sessions trade."""
    judge = Judge(Policy(), Site(), COLUMNS)
    one = verdict(rule, lawful=1, logons=700, logons_refused=700, comps=8, met=1)
    one = msgspec.structs.replace(one, cause=Cause.FLOOD)

    actions = [
        decision.action
        for step in range(200)
        for decision in judge.judge(
            msgspec.structs.replace(one, close_ns=one.close_ns + step * 100_000_000)
        )
    ]

    assert set(actions) == {Action.EVIDENCE}
