"""Who is let in for the first time, alone, in the middle of a day: told, no more."""

import pytest

from airnet.domain.decision import Action
from tests.unit.test_expulsion import decided, verdict
from tests.unit.test_rules_host_odd import OWNER, Tape

RULE = "host.newcomer_let_in"
NEW, OTHER = "10.1.0.77", "10.1.0.78"
NAME, THEIRS = 9, 10


def day(at: float, *, name: int = NAME) -> Tape:
    """Return a host that logs on while another trades."""
    tape = Tape()
    tape.trade(OWNER, 0, (0, at + 1))
    tape.names[1] = name
    tape.log_on(at, NEW, 1)
    return tape


@pytest.mark.parametrize(("at", "is_told"), [(7.9, False), (8.5, True), (30, True)])
def test_a_host_nobody_knew_under_a_name_nobody_had_is_told(
    at: float, *, is_told: bool
) -> None:
    """Once the day has been watched for a while."""
    assert (RULE in day(at).told(NEW)) == is_told


def test_who_guessed_first_is_told_when_it_is_let_in() -> None:
    tape = day(20)
    for number in range(5):
        at, session = 18 + number * 0.3, 10 + number
        tape.names[session] = 100 + number
        tape.say(at, (NEW, session), tcp_flags=2, payload_bytes=0, stream_flags=0x20)
        tape.say(at + 0.001, (NEW, session), "logon")
        tape.say(at + 0.003, (NEW, session), "logout", down=True)
        over = {"payload_bytes": 0, "tcp_flags": 17, "stream_flags": 0x40}
        tape.say(at + 0.004, (NEW, session), down=True, **over)

    assert RULE in tape.told(NEW)


@pytest.mark.parametrize(("before", "is_told"), [(4.5, False), (5.5, True)])
def test_of_those_who_come_together_one_is_told(
    before: float, *, is_told: bool
) -> None:
    """A firm's floor begins; each later one says that it is no intruder."""
    tape = day(20)
    tape.names[2] = THEIRS
    tape.log_on(20 - before, OTHER, 2)

    assert (RULE in tape.told(NEW)) == is_told


def test_who_trades_may_open_another_session() -> None:
    tape = day(20)
    tape.names[3] = THEIRS
    tape.log_on(24, OWNER, 3)

    assert RULE not in tape.told(OWNER)


def test_a_name_that_somebody_had_is_another_rules() -> None:
    """A standby, or a thief."""
    tape = Tape()
    tape.names[0] = tape.names[1] = NAME
    tape.log_on(0, OWNER, 0)
    tape.trade(OWNER, 0, (0.1, 21))
    tape.log_on(20, NEW, 1)

    assert RULE not in tape.told(NEW)


def test_nobody_is_cut_off_nor_asked_about() -> None:
    decision = decided(verdict(RULE, known=True, met=1))

    assert decision.action is Action.EVIDENCE
    assert not decision.approvals_needed
