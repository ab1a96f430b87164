"""A gateway that ends its sessions unasked is told, and one that falls silent."""

import pytest

from airnet.domain.window import WINDOW_VENUE
from airnet.score.rule import fired
from airnet.score.rules import RULES
from tests.property.test_window import closed
from tests.unit.test_expulsion import COLUMNS
from tests.unit.test_rules_host_odd import CLOSED, FIN, RST, START_NS, S, Tape

CUT = {"venue.sessions_cut"}
UNHEARD = {
    "venue.sessions_unheard_of_few",
    "venue.sessions_unheard",
    "venue.sessions_unheard_of_many",
}
HOSTS = [f"10.1.{number}.7" for number in range(8)]


def told(tape: Tape) -> dict[str, int]:
    """Return what rules of this kind a capture breaks, with the first measure."""
    end = (max(one[0] for one in tape.frames) - START_NS) / S
    tape.add(end + 0.5, ("10.4.0.1", "10.4.0.2"), (9, 9))  # closes what is due
    windows, rows = closed(*tape.arrays(), 4096)
    found: dict[str, int] = {}
    for row in rows[windows["kind"] == WINDOW_VENUE]:
        one = fired(RULES[WINDOW_VENUE], COLUMNS[WINDOW_VENUE], row[None])
        for each in one.values():
            found.setdefault(each.rule.name, each.measured)
    return {name: value for name, value in found.items() if name in CUT | UNHEARD}


def trading(count: int, until: float = 4, hosts: int = 8) -> Tape:
    """Return sessions of a few hosts that trade."""
    tape = Tape()
    for session in range(count):
        tape.trade(HOSTS[session % hosts], session, (0, until))
    return tape


def end(tape: Tape, at: float, session: int, flags: int, *, down: bool) -> None:
    """End a session from one side; the other says the same a moment later."""
    ends = (HOSTS[session % 8], session)
    over = CLOSED if flags == RST else 0
    last = {"payload_bytes": 0, "tcp_flags": flags}
    tape.say(at, ends, down=down, stream_flags=over, **last)
    if flags == FIN:
        tape.say(at + 0.001, ends, down=not down, stream_flags=CLOSED, **last)


@pytest.mark.parametrize("flags", [FIN, RST])
@pytest.mark.parametrize("held", [4, 6, 7, 30])
def test_a_gateway_that_ends_most_of_its_sessions_at_once_is_told(
    held: int, flags: int
) -> None:
    """Four at least, and three in five; within a few tenths of a second."""
    cut = max(4, -(-held * 6 // 10))
    tape = trading(held)
    for session in range(cut):
        end(tape, 4.05 + session * 0.002, session, flags, down=True)

    assert told(tape) == {"venue.sessions_cut": cut}


@pytest.mark.parametrize(("held", "cut"), [(3, 3), (7, 4), (30, 17)])
def test_a_few_of_its_sessions_are_none(held: int, cut: int) -> None:
    tape = trading(held)
    for session in range(cut):
        end(tape, 4.05 + session * 0.002, session, RST, down=True)

    assert told(tape) == {}


def test_sessions_that_it_ends_one_by_one_are_none() -> None:
    """As when each comes to its own end of the day."""
    tape = trading(8)
    for session in range(8):
        end(tape, 4.05 + session * 0.15, session, FIN, down=True)

    assert told(tape) == {}


@pytest.mark.parametrize("flags", [FIN, RST])
def test_clients_that_end_their_own_are_none(flags: int) -> None:
    """A site loses its power, or everybody comes back from somewhere else."""
    tape = trading(8)
    for session in range(8):
        end(tape, 4.05 + session * 0.002, session, flags, down=False)

    assert told(tape) == {}


def test_the_sessions_of_one_host_are_its_own() -> None:
    """Its program died, and the gateway answers what still comes from it by RST."""
    tape = trading(6, hosts=1)
    for session in range(6):
        last = {"payload_bytes": 0, "tcp_flags": RST, "stream_flags": CLOSED}
        tape.say(4.05, (HOSTS[0], session), down=True, **last)

    assert told(tape) == {}


@pytest.mark.parametrize("down", [True, False])
def test_who_says_logout_goes_home(*, down: bool) -> None:
    """At the close clients do; in order, a gateway that fails over does as well."""
    tape = trading(8)
    for session in range(8):
        tape.say(4.05, (HOSTS[session], session), "logout", down=down)
        tape.say(4.051, (HOSTS[session], session), "logout", down=not down)
        end(tape, 4.06, session, FIN, down=True)

    assert told(tape) == {}


def quiet(tape: Tape, session: int, beats: tuple[float, ...], kind: str) -> None:
    """Have a client say Heartbeats to nobody."""
    for at in beats:
        tape.say(at, (HOSTS[session % 8], session), kind)


@pytest.mark.parametrize("kind", ["heartbeat", "test_request"])
@pytest.mark.parametrize(("held", "silent"), [(4, 2), (10, 2), (20, 3)])
def test_a_gateway_that_falls_silent_is_told(held: int, silent: int, kind: str) -> None:
    """Of a few sessions two are enough; the others may go on as before."""
    tape = trading(held, until=10)
    tape.frames = [one for one in tape.frames if one[0] < START_NS + 4 * S or held > 10]
    for session in range(held, held + silent):
        tape.trade(HOSTS[session % 8], session, (0, 4))
        quiet(tape, session, (5, 6, 7), kind)

    assert len(told(tape)) == 1
    assert set(told(tape).values()) == {silent}


def test_sessions_of_one_host_may_have_lost_the_way() -> None:
    tape = trading(4)
    for session in (8, 16, 24):
        tape.trade(HOSTS[0], session, (0, 4))
        quiet(tape, session, (5, 6, 7, 8), "heartbeat")

    assert told(tape) == {}


@pytest.mark.parametrize(
    "beats",
    [(5.0,), (4.2, 5.0), (5.0, 5.3)],
    ids=["one", "not half an interval late", "no interval"],
)
def test_two_heartbeats_in_a_row_are_no_silence(beats: tuple[float, ...]) -> None:
    """The ends' clocks run apart: the gateway's Heartbeat is about to come."""
    tape = trading(6)
    for session in range(6):
        quiet(tape, session, beats, "heartbeat")
        tape.say(beats[-1] + 0.01, (HOSTS[session], session), "heartbeat", down=True)
        tape.say(9, (HOSTS[session], session), "heartbeat")
        tape.say(9.1, (HOSTS[session], session), "heartbeat", down=True)

    assert told(tape) == {}


def test_who_gives_up_in_silence_is_counted_and_who_is_answered_is_not() -> None:
    """Two Heartbeats, the second in time; then nothing, and the client hangs up."""
    for is_answered in (False, True):
        tape = trading(4)
        for session in range(4):
            ends = (HOSTS[session], session)
            tape.say(4.9, ends, "heartbeat", down=True)
            quiet(tape, session, (5, 6), "heartbeat")
            tape.say(6.7, ends, "logout")
            if is_answered:
                tape.say(6.75, ends, "logout", down=True)
            end(tape, 6.8, session, FIN, down=False)

        wanted = {} if is_answered else {"venue.sessions_unheard_of_few": 4}
        assert told(tape) == wanted
