"""What an honest machine does rarely is told, and what it does often is not."""

from collections.abc import Sequence

import numpy as np
import pytest
from numpy.typing import NDArray

from airnet.domain.address import address_bytes
from airnet.domain.decision import Action
from airnet.domain.frame import HEADER, NONE
from airnet.domain.message import KIND, MESSAGE
from airnet.domain.window import WINDOW_HOST
from airnet.score.rule import fired
from airnet.score.rules import RULES
from tests.property.test_window import closed
from tests.unit.test_expulsion import COLUMNS, decided, verdict

S = 10**9
START_NS = 1_700_000_000 * S
GATEWAY, OWNER, NEXT, FAR = "10.9.0.1", "10.1.0.5", "10.1.0.77", "10.77.0.9"
PSH, FIN, RST = 24, 17, 20
OPENED, CLOSED, AGAIN = 0x20, 0x40, 1


class Tape:
    """Frames and messages, one after another."""

    def __init__(self) -> None:
        self.frames: list[tuple[int, dict[str, object], str, int]] = []
        self.names: dict[object, int] = {}  # of sessions that are no CompID's of all

    def say(
        self,
        at: float,
        ends: tuple[str, int],
        kind: str = "",
        *,
        down: bool = False,
        **header: int,
    ) -> None:
        """Add one frame of (client, session), with a message of a kind, or none."""
        client, session = ends
        pair = (GATEWAY, client) if down else (client, GATEWAY)
        ports = (9, 40_000) if down else (40_000, 9)
        self.add(at, pair, ports, kind, session=session, direction=int(down), **header)

    def add(
        self,
        at: float,
        ends: tuple[str, str],
        ports: tuple[int, int],
        kind: str = "",
        **header: int,
    ) -> None:
        """Add one frame between two addresses."""
        row: dict[str, object] = {
            "source": np.frombuffer(address_bytes(ends[0]), "u1"),
            "target": np.frombuffer(address_bytes(ends[1]), "u1"),
            "source_port": ports[0],
            "target_port": ports[1],
            "protocol": 6,
            "tcp_flags": PSH,
            "payload_bytes": 60,
            "session": NONE,
            "ttl": 63,
            "link_source": 7,
            **header,
        }
        self.frames.append((START_NS + round(at * S), row, kind, len(self.frames)))

    def trade(
        self, client: str, session: int, span: tuple[float, float], every: float = 0.1
    ) -> None:
        """Have a session that was there before speak both ways."""
        for number, at in enumerate(np.arange(*span, every).tolist()):
            one = number * 60
            self.say(at, (client, session), "new", sequence=one)
            self.say(at + 0.001, (client, session), "report", down=True, sequence=one)

    def log_on(self, at: float, client: str, session: int) -> None:
        """Have a client connect, log on, and be let in."""
        flags = {"tcp_flags": 2, "payload_bytes": 0, "stream_flags": OPENED}
        self.say(at, (client, session), **flags)
        self.say(at + 0.001, (client, session), "logon")
        self.say(at + 0.003, (client, session), "logon", down=True)

    def arrays(self) -> tuple[NDArray[np.void], NDArray[np.void]]:
        """Return HEADER[n] and the messages in them, in the order of time."""
        ordered = sorted(self.frames, key=lambda one: (one[0], one[3]))
        headers = np.zeros(len(ordered), HEADER)
        messages = np.zeros(sum(bool(one[2]) for one in ordered), MESSAGE)
        count = 0
        for place, (time_ns, row, kind, _) in enumerate(ordered):
            headers[place]["time_ns"], headers[place]["frame_count"] = time_ns, place
            headers[place]["message_index"] = count
            for name, value in row.items():
                headers[place][name] = value
            if kind:
                headers[place]["message_count"] = 1
                messages[count]["kind"] = KIND[kind]
                messages[count]["sequence"] = place
                for name in ("direction", "session"):
                    messages[count][name] = row[name]
                messages[count]["comp_key"] = self.names.get(row["session"], 5)
                count += 1
        return headers, messages

    def told(self, host: str) -> set[str]:
        """Return the rules that windows of a host break."""
        end = (max(one[0] for one in self.frames) - START_NS) / S
        self.add(end + 0.5, ("10.4.0.1", "10.4.0.2"), (9, 9))  # closes what is due
        windows, rows = closed(*self.arrays(), 4096)
        is_his = windows["address"] == np.frombuffer(address_bytes(host), "u1")
        rows = rows[(windows["kind"] == WINDOW_HOST) & is_his.all(axis=1)]
        found: set[str] = set()
        for row in rows:
            one = fired(RULES[WINDOW_HOST], COLUMNS[WINDOW_HOST], row[None])
            found |= {each.rule.name for each in one.values()}
        return found


def log_out(tape: Tape, at: float, client: str, session: int) -> None:
    tape.say(at, (client, session), "logout")
    tape.say(at + 0.001, (client, session), "logout", down=True)
    over = {"payload_bytes": 0, "tcp_flags": FIN, "stream_flags": CLOSED}
    tape.say(at + 0.002, (client, session), **over)


@pytest.mark.parametrize(
    ("thief", "rule"), [(NEXT, "moved"), (FAR, "displaced"), (OWNER, "")]
)
def test_a_name_that_comes_back_from_elsewhere_is_told(thief: str, rule: str) -> None:
    """Its own machine may come back as often as it likes."""
    tape = Tape()
    tape.trade(OWNER, 0, (0, 4))
    log_out(tape, 4.1, OWNER, 0)
    tape.log_on(6, thief, 1)

    assert tape.told(thief) == ({f"host.{rule}_compid"} if rule else set())


def test_a_site_that_lends_its_addresses_is_told_of_three_times() -> None:
    tape = Tape()
    tape.trade(OWNER, 0, (0, 2))
    log_out(tape, 2.1, OWNER, 0)
    hosts = [f"10.1.0.{number}" for number in range(40, 46)]
    for number, host in enumerate(hosts):
        at = 3 + 2 * number
        tape.log_on(at, host, number + 1)
        log_out(tape, at + 1, host, number + 1)

    assert [bool(tape.told(host)) for host in hosts] == [True] * 2 + [False] * 4


@pytest.mark.parametrize("is_heard", [True, False])
def test_who_logged_out_before_anything_else_had_the_name(*, is_heard: bool) -> None:
    """At night no more is seen of an owner; without an answer it proves nothing."""
    tape = Tape()
    tape.say(1, (OWNER, 0), "logout")
    if is_heard:
        tape.say(1.001, (OWNER, 0), "logout", down=True)
    tape.log_on(9, FAR, 1)

    rule = "displaced_compid" if is_heard else "newcomer_let_in"
    assert tape.told(FAR) == {f"host.{rule}"}


@pytest.mark.parametrize(("flags", "is_told"), [(FIN, True), (RST, False)])
@pytest.mark.parametrize("thief", [NEXT, FAR])
def test_who_is_put_out_and_says_goodbye_was_well(
    thief: str, flags: int, *, is_told: bool
) -> None:
    """A machine that is gone, or whose program is, answers by RST at most."""
    tape = Tape()
    tape.trade(OWNER, 0, (0, 4))
    tape.log_on(4.2, thief, 1)
    over = {"payload_bytes": 0, "tcp_flags": flags, "stream_flags": CLOSED}
    tape.say(4.21, (OWNER, 0), **over)

    assert tape.told(thief) == ({"host.ousted_compid"} if is_told else set())


def talk(tape: Tape, at: float, ends: tuple[str, str], port: int) -> None:
    """Connect, be greeted, and greet."""
    back = ends[::-1]
    tape.add(at, ends, (50_000, port), tcp_flags=2, payload_bytes=0)
    tape.add(at + 0.001, back, (port, 50_000), tcp_flags=18, payload_bytes=0)
    tape.add(at + 0.002, back, (port, 50_000))
    tape.add(at + 0.003, ends, (50_000, port))


@pytest.mark.parametrize(
    ("source", "port", "is_told"),
    [(OWNER, 22, True), (OWNER, 3389, True), (OWNER, 9100, False), (FAR, 22, False)],
)
def test_a_shell_from_one_trader_into_another_is_told(
    source: str, port: int, *, is_told: bool
) -> None:
    """Nor is who looks after machines from one that does not trade."""
    tape = Tape()
    tape.trade(OWNER, 0, (0, 6))
    tape.names[1] = 6
    tape.trade(NEXT, 1, (0, 6))
    talk(tape, 5, (source, NEXT), port)

    assert ("host.shell_to_trader" in tape.told(source)) is is_told


@pytest.mark.parametrize("before", [(1.0, OWNER), (4.0, "10.1.0.6")])
def test_a_shell_that_is_usual_there_is_not_told(before: tuple[float, str]) -> None:
    tape = Tape()
    for number, host in enumerate((OWNER, NEXT, "10.1.0.6")):
        tape.names[number] = number + 5
        tape.trade(host, number, (0, 6))
    talk(tape, before[0], (before[1], NEXT), 22)
    talk(tape, 5, (OWNER, "10.1.0.6"), 22)

    assert "host.shell_to_trader" not in tape.told(OWNER)


@pytest.mark.parametrize(
    ("source", "count", "port", "is_told"),
    [
        (OWNER, 20, 22, True),
        (OWNER, 8, 22, False),
        (OWNER, 20, 0, False),
        ("10.1.0.99", 20, 22, False),
    ],
)
def test_a_trader_that_calls_a_dozen_machines_is_told(
    source: str, count: int, port: int, *, is_told: bool
) -> None:
    """At a port that others call there as well; not at one of each.

    They are counted by a sketch of 64, which may hold two for one.
    """
    tape = Tape()
    tape.trade(OWNER, 0, (0, 9))
    for number in range(20):
        there = f"10.2.0.{number + 5}"
        if number < count:
            talk(tape, 2 + number / 5, (source, there), port or 1000 + number)
        talk(tape, 1, ("10.1.0.200", there), port or 1000 + number)

    assert ("host.many_targets" in tape.told(source)) is is_told


@pytest.mark.parametrize(
    ("home", "times", "is_told"),
    [
        ("45.1.2.3", (5, 7.5), True),
        ("2a02::7", (5, 7.5), True),
        ("45.1.2.3", (5,), False),
        ("45.1.2.3", (5, 5.2), False),
        ("10.200.0.9", (5, 7.5), False),
        ("192.168.3.9", (5, 7.5), False),
    ],
)
def test_a_second_call_to_the_internet_is_told(
    home: str, times: Sequence[float], *, is_told: bool
) -> None:
    """Of what is fetched in one go, and of a firm's own networks, nothing is said."""
    tape = Tape()
    tape.trade(OWNER, 0, (0, 9))
    for number, at in enumerate(times):
        mine = 50_000 + number
        tape.add(at, (OWNER, home), (mine, 443), tcp_flags=2, payload_bytes=0)
        tape.add(at + 0.02, (home, OWNER), (443, mine), tcp_flags=18, payload_bytes=0)
        tape.add(at + 0.04, (OWNER, home), (mine, 443))

    assert ("host.calls_to_internet" in tape.told(OWNER)) is is_told


@pytest.mark.parametrize(
    ("home", "count", "is_told"),
    [("45.1.2.3", 90, True), ("45.1.2.3", 60, False), ("10.200.0.9", 90, False)],
)
def test_what_goes_to_the_internet_in_one_talk_is_told(
    home: str, count: int, *, is_told: bool
) -> None:
    """A connection that never pauses is one call, however long it talks."""
    tape = Tape()
    tape.trade(OWNER, 0, (0, 40))
    tape.add(5, (OWNER, home), (50_000, 443), tcp_flags=2, payload_bytes=0)
    tape.add(5.02, (home, OWNER), (443, 50_000), tcp_flags=18, payload_bytes=0)
    for number in range(count):
        at = 5.04 + number * 0.36
        tape.add(at, (OWNER, home), (50_000, 443), sequence=1 + number * 60)

    assert ("host.bytes_to_internet" in tape.told(OWNER)) is is_told


def lose(tape: Tape, host: str, session: int, times: Sequence[float]) -> None:
    """Have segments come again at these times."""
    for at in times:
        tape.say(at, (host, session), stream_flags=AGAIN, sequence=60)


@pytest.mark.parametrize(
    ("usual", "hosts", "is_told"),
    [((), 1, True), (np.arange(1.05, 15, 1.3), 1, False), ((), 4, False)],
)
def test_a_line_that_gets_worse_is_told(
    usual: Sequence[float], hosts: int, *, is_told: bool
) -> None:
    """One that was always bad is not, nor one of many: that is a gateway's."""
    tape = Tape()
    own = [f"10.1.0.{number + 5}" for number in range(hosts)]
    for number, host in enumerate(own):
        tape.names[number] = number + 5
        tape.trade(host, number, (0, 21))
        lose(tape, host, number, [*usual, 16.05, 16.95, 17.55, 18.25, 19.15])

    told = tape.told(own[-1])

    assert ("host.lossy_line" in told) is is_told


def test_a_machine_that_is_gone_loses_nothing() -> None:
    """What is sent to it again and again has no answer."""
    tape = Tape()
    tape.trade(OWNER, 0, (0, 15))
    for at in (15.2, 15.6, 16.4, 17.0, 17.9, 18.8, 19.5):
        tape.say(at, (OWNER, 0), down=True, stream_flags=AGAIN, sequence=60)

    assert not tape.told(OWNER)


@pytest.mark.parametrize("known", [True, False])
def test_a_standby_is_never_cut_nor_asked_about(*, known: bool) -> None:
    decision = decided(verdict("host.moved_compid", known=known, met=1, moved=1))

    assert decision.action is Action.EVIDENCE
    assert "standby" in decision.why
    assert not decision.approvals_needed


def test_rules_of_hosts_end_with_what_is_only_told() -> None:
    """Whatever else is broken says more."""
    names = [rule.name for rule in RULES[WINDOW_HOST]]

    assert names[-15:] == [
        "host.ousted_compid",
        "host.moved_compid",
        "host.shell_to_trader",
        "host.many_targets",
        "host.calls_to_internet",
        "host.bytes_to_internet",
        "host.unknown_gateway_outside",
        "host.unknown_gateway_inside",
        "host.lossy_line",
        "host.lossy_line_at_length",
        "host.segments_without_end",
        "host.several_segments_without_message",
        "host.several_connections_without_message",
        "host.several_orders_without_logon",
        "host.newcomer_let_in",
    ]


@pytest.mark.parametrize(
    ("count", "between", "is_told"),
    [
        pytest.param(64, "", True, id="flood"),
        pytest.param(63, "", False, id="less"),
        pytest.param(90, "message", False, id="ends"),
        pytest.param(90, "hole", False, id="lost"),
        pytest.param(90, "again", False, id="again"),
    ],
)
def test_who_sends_no_messages_in_a_session_is_told_as_a_flood(
    count: int, between: str, *, is_told: bool
) -> None:
    """Not who sends a long one, nor where the mirror has lost something."""
    tape = Tape()
    tape.log_on(0, OWNER, 0)
    tape.trade(OWNER, 0, (0.1, 6))
    for number in range(count):
        at, is_middle = 7 + number / 1000, number == count // 2
        kind = "new" if between == "message" and is_middle else ""
        flags = 4 if between == "hole" and is_middle else 0
        flags |= AGAIN if between == "again" and number >= count // 2 else 0
        row = {"sequence": 4000 + number * 1448, "payload_bytes": 1448}
        tape.say(at, (OWNER, 0), kind, stream_flags=flags, **row)

    assert ("host.segments_without_end" in tape.told(OWNER)) is is_told


def log_on_at(tape: Tape, at: float, client: str, gateway: str, session: int) -> None:
    """Have a client connect to another gateway, log on, and be let in."""
    there, back = (client, gateway), (gateway, client)
    tape.names[session] = 900 + session
    begun = {"session": session, "direction": 0}
    tape.add(
        at,
        there,
        (41_000, 9),
        **begun,
        tcp_flags=2,
        payload_bytes=0,
        stream_flags=OPENED,
    )
    tape.add(at + 0.001, there, (41_000, 9), "logon", **begun)
    tape.add(at + 0.003, back, (9, 41_000), "logon", session=session, direction=1)


@pytest.mark.parametrize(
    ("gateway", "first", "until", "beside", "wanted"),
    [
        ("203.0.113.9", 9.0, 12.0, None, "outside"),
        ("10.9.0.77", 9.0, 12.0, None, "inside"),
        ("203.0.113.9", 9.0, 8.0, None, ""),  # its own session is over: a fail-over
        ("203.0.113.9", 9.0, 12.0, 1.0, ""),  # it was there before
        ("203.0.113.9", 9.0, 12.0, 8.9, ""),  # others trade there as well
        ("203.0.113.9", 3.0, 12.0, None, ""),  # a venue opens
    ],
    ids=["outside", "inside", "fails over", "was there", "shared", "opening"],
)
def test_a_logon_where_nobody_else_trades_is_told(
    gateway: str, first: float, until: float, beside: float | None, wanted: str
) -> None:
    tape = Tape()
    tape.trade(OWNER, 0, (0, until))
    if until < first:
        log_out(tape, until, OWNER, 0)
    tape.log_on(0.1, NEXT, 3)
    if beside is not None:
        log_on_at(tape, beside, NEXT, gateway, 2)
    if first < 5:
        log_on_at(tape, first - 0.5, NEXT, "203.0.113.10", 4)
    log_on_at(tape, first, OWNER, gateway, 1)

    told = {one for one in tape.told(OWNER) if "unknown_gateway" in one}
    assert told == ({f"host.unknown_gateway_{wanted}"} if wanted else set())
