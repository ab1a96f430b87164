"""A limit lets something pass, or it is none."""

import pytest
from msgspec.structs import replace

from airnet.act.effect import Effect, starved
from airnet.domain.containment import Containment, State

S = 1_000_000_000
STANDING = Containment(
    decision_id="a",
    actuator="sdn",
    state=State.APPLIED,
    command_ns=100 * S,
    applied_ns=100 * S + 5,
    until_ns=160 * S,
    handle="a",
    detail="",
)


@pytest.mark.parametrize(
    ("last_s", "now_s", "is_taken_back"),
    [
        (100, 104, True),  # it ran until the command, and nothing since
        (99.5, 104, True),
        (100, 102.9, False),  # not for long enough
        (103, 104, False),  # some pass
        (103, 106.5, True),  # some passed, none any more
        (98, 104, False),  # it had ceased before the command: that proves nothing
        (0, 104, False),  # never seen at all
    ],
)
def test_nothing_for_so_long_of_what_ran_until_the_command(
    last_s: float, now_s: float, is_taken_back: bool
) -> None:
    said = starved(Effect(), STANDING, round(last_s * S), round(now_s * S))

    assert bool(said) is is_taken_back


def test_how_long_is_counted_from_when_it_stood() -> None:
    late = replace(STANDING, applied_ns=102 * S)

    assert not starved(Effect(), late, 100 * S, 104 * S)
    assert starved(Effect(), late, 100 * S, 105 * S)
