"""Who logs on under a name that somebody has: a thief, a guesser, or one of a flood."""

import numpy as np
import pytest

from airnet.domain.columns_host import HOST_SCHEMA
from airnet.score.rule import fired
from airnet.score.rules_contest import CONTEST_RULES, CONTEST_TOLD_RULES
from tests.unit.test_rules_host_odd import CLOSED, FAR, FIN, OWNER, PSH, Tape

HOST_COLUMN = {name: place for place, name in enumerate(HOST_SCHEMA.names)}
OPENED = {"tcp_flags": 2, "payload_bytes": 0, "stream_flags": 0x20}
OTHER = "10.78.0.9"


def contests(**given: int) -> list[str]:
    """Return the rules that a stranger's Logons under a living name break."""
    row = np.zeros((1, 64), np.float32)
    seen = {"quiet_ms": 0, "met": 1, "logons": 4, "logons_refused": 4}
    seen |= {"contested": 1, "refused_hosts": 1, "logon_gap_ms": 40}
    for name, value in (seen | given).items():
        row[0, HOST_COLUMN[name]] = value
    rules = (*CONTEST_RULES, *CONTEST_TOLD_RULES)
    return [one.name for one in rules if fired((one,), HOST_COLUMN, row)]


def test_who_guesses_is_alone_and_who_is_let_in_is_a_thief() -> None:
    assert contests() == ["host.guessed_logons"]
    assert contests(logons_refused=3) == []
    slowly = ["host.guessed_logons_slowly"]
    assert contests(logons_refused=2, logon_gap_ms=300) == slowly
    assert contests(logon_gap_ms=10) == []  # a flood's rules look at it
    assert contests(contested=0) == []  # a standby of who is gone
    assert contests(met=2) == ["host.contested_compid"]
    assert contests(met=2, logons_refused=0) == ["host.contested_compid"]


def test_several_who_are_refused_under_living_names_are_a_flood() -> None:
    told = ["host.contested_by_another"]
    assert contests(refused_hosts=2) == told
    assert contests(refused_hosts=2, logons_refused=1) == told
    assert contests(refused_hosts=2, contested=3) == [
        "host.contested_by_several",
        *told,
    ]
    assert contests(refused_hosts=2, contested=3, lawful=1) == []
    assert contests(refused_hosts=2, contested=3, logons_refused=0) == []


def refuse(tape: Tape, at: float, client: str, session: int, answer: str) -> None:
    """Have a client log on, and be refused by a message, or none."""
    tape.say(at, (client, session), **OPENED)
    tape.say(at + 0.001, (client, session), "logon")
    over = {"payload_bytes": 0, "tcp_flags": FIN, "stream_flags": CLOSED}
    if answer:
        tape.say(at + 0.003, (client, session), answer, down=True, tcp_flags=PSH)
    tape.say(at + 0.004, (client, session), down=True, **over)


def owned() -> Tape:
    """Return a tape on which an owner trades all the time."""
    tape = Tape()
    tape.trade(OWNER, 0, (0, 6), 0.02)
    return tape


def test_who_is_let_in_beside_the_owner_is_told_at_once() -> None:
    """If the owner speaks before the answer, with the answer."""
    tape = owned()
    tape.log_on(3, FAR, 1)
    tape.say(3.002, (OWNER, 0), "new", sequence=9000)

    assert "host.contested_compid" in tape.told(FAR)


@pytest.mark.parametrize("answer", ["logout", ""])
def test_who_is_refused_is_no_thief_and_tells_of_himself_when_he_tries_again(
    answer: str,
) -> None:
    once, twice = owned(), owned()
    for tape, tries in ((once, 1), (twice, 2)):
        for number in range(tries):
            refuse(tape, 3 + number, FAR, 1 + number, answer)

    assert once.told(FAR) == set()
    assert twice.told(FAR) == {"host.guessed_logons_slowly"}


@pytest.mark.parametrize("answer", ["logout", ""])
def test_of_two_strangers_that_are_refused_it_is_a_flood(answer: str) -> None:
    tape = owned()
    refuse(tape, 3, FAR, 1, answer)
    refuse(tape, 3.05, OTHER, 2, answer)

    found = tape.told(OTHER)
    assert "host.contested_by_several" in found or "host.contested_by_another" in found
    assert not {one for one in found if "guessed" in one or "compid" in one}
