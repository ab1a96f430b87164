"""Venue windows: what is told of an order gateway, and what is not, unseen."""

from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from airnet import score
from airnet.config import Site
from airnet.decide import Judge
from airnet.decide.policy import Policy
from airnet.domain.address import address_bytes
from airnet.domain.columns import SCHEMAS, SESSION_SCHEMA, VENUE_SCHEMA
from airnet.domain.decision import Action, Decision, Tier
from airnet.domain.frame import HEADER
from airnet.domain.message import KIND, MESSAGE
from airnet.domain.session import SESSION
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import WINDOW_SESSION, WINDOW_VENUE
from airnet.features import Windows
from airnet.score.explain import shares
from airnet.score.rule import fired
from airnet.score.rules import VENUE_RULES

MODELS = Path(__file__).resolve().parents[2] / "models"
START_NS = 1_700_000_000_000_000_000
MS = 1_000_000
COLUMN = {name: place for place, name in enumerate(VENUE_SCHEMA.names)}
CLIENT, GATEWAY, PORT = "10.1.0.7", "10.9.0.1", 9878


@pytest.fixture(scope="module")
def scorer() -> score.OnnxScorer:
    """The models of this repository, which say nothing of venues."""
    return score.load(MODELS)


def capture(
    events: list[tuple[int, int, str, int, int]],
) -> tuple[NDArray[np.void], NDArray[np.void]]:
    """Return the rows of (ns, session, kind, order, exec type), a frame each."""
    events = sorted(events)
    headers, messages = np.zeros(len(events), HEADER), np.zeros(len(events), MESSAGE)
    ends = [np.frombuffer(address_bytes(one), "u1") for one in (CLIENT, GATEWAY)]
    for place, (at_ns, session, kind, order, answer) in enumerate(events):
        down = kind in {"report", "reject", "logon_answer"}
        header, message = headers[place], messages[place]
        header["time_ns"] = START_NS + at_ns
        header["frame_count"] = header["message_index"] = place
        header["message_count"], header["payload_bytes"] = 1, 150
        header["source"], header["target"] = ends[down], ends[not down]
        ports = (PORT, 40_000 + session) if down else (40_000 + session, PORT)
        header["source_port"], header["target_port"] = ports
        header["session"] = message["session"] = session
        header["direction"] = message["direction"] = down
        header["protocol"], header["tcp_flags"] = 6, 0x18
        message["kind"] = KIND[kind.removesuffix("_answer")]
        message["order_key"], message["exec_type"] = order, answer
    return headers, messages


def trading(
    seconds: float, *, rise_us: int = 0, rise_s: float = 0.0, seed: int = 1
) -> list[tuple[int, int, str, int, int]]:
    """Return five sessions' orders and reports, 40 a second each, some of them late.

    From `rise_s` on every answer takes `rise_us` longer.
    """
    rng = np.random.Generator(np.random.PCG64(seed))
    events = []
    for order in range(1, int(seconds * 200)):
        at = int(order * 5 * MS + rng.integers(0, 4 * MS))
        session = order % 5
        late = 90_000 + int(rng.exponential(60_000))
        late += rise_us * 1000 if at > rise_s * 1e9 else 0
        events.append((at, session, "new", order, 0))
        events.append((at + late, session, "report", order, ord("0")))
    return events


def looked(
    events: list[tuple[int, int, str, int, int]], kind: int = WINDOW_VENUE
) -> tuple[NDArray[np.void], NDArray[np.float32]]:
    """Return the windows of a kind and their rows."""
    headers, messages = capture(events)
    table = Windows([(GATEWAY, PORT)], [])
    keys, rows, start = [], [], 0
    while start < len(headers):
        start += table.update(headers[start:], messages)
        chosen = table.windows["kind"] == kind
        keys.append(table.windows[chosen].copy())
        rows.append(table.rows[chosen].copy())
    return np.concatenate(keys), np.concatenate(rows)


def verdicts_of(
    scorer: score.OnnxScorer, events: list[tuple[int, int, str, int, int]]
) -> list[Verdict]:
    """Return what is said of the venue."""
    windows, rows = looked(events)
    return scorer.score(windows, rows, np.zeros(8, SESSION))


def decided(verdicts: list[Verdict]) -> list[Decision]:
    """Return what the shipped policy orders."""
    columns = {
        kind: {name: place for place, name in enumerate(schema.names)}
        for kind, schema in SCHEMAS.items()
    }
    judge = Judge(Policy(), Site(), columns)
    return [one for verdict in verdicts for one in judge.judge(verdict)]


def test_a_row_tells_a_venues_health() -> None:
    """One row a slot, with what it was asked, how fast it answers, and to whom."""
    windows, rows = looked(trading(20))

    assert len(windows) == 199
    assert set(np.diff(windows["open_ns"].astype(np.int64))[1:].tolist()) == {100 * MS}
    assert set(windows["port"].tolist()) == {PORT}
    last = rows[-1]
    assert last[COLUMN["sessions"]] == last[COLUMN["sessions_active"]] == 5
    assert 15 <= last[COLUMN["new_orders"]] <= 25
    assert 90 <= last[COLUMN["ack_floor_us"]] <= 130
    assert 130 <= last[COLUMN["ack_baseline_us"]] <= 170
    assert 900 <= last[COLUMN["load_ratio"]] <= 1200
    assert last[COLUMN["reject_share"]] == 0
    assert np.isnan(last[COLUMN["logon_mean_us"]])
    assert np.isnan(last[COLUMN["handshake_last_us"]])


def test_quiet_trading_says_nothing(scorer: score.OnnxScorer) -> None:
    assert verdicts_of(scorer, trading(40)) == []


def test_a_path_150_us_longer_is_told_once(scorer: score.OnnxScorer) -> None:
    """From the first batches on, against its own past; alerted, never contained."""
    verdicts = verdicts_of(scorer, trading(30, rise_us=150, rise_s=20))

    assert {one.rule for one in verdicts} == {"venue.ack_rise_us"}
    first = verdicts[0]
    assert first.cause is Cause.VENUE_FAULT
    assert 130 <= first.measured <= 170
    assert (first.limit, first.model, first.abstains) == (100, "rules", False)
    assert (first.address, first.port, first.session) == (GATEWAY, PORT, None)
    assert 20_000 <= (first.first_ns - START_NS) / MS < 20_200
    assert 20_500 <= (first.close_ns - START_NS) / MS < 21_000
    (decision,) = decided(verdicts)
    assert (decision.action, decision.tier) == (Action.ALERT, Tier.OBSERVE)
    assert decision.target == (f"{GATEWAY}:{PORT}",)
    assert "Order gateway 10.9.0.1:9878 looked like a fault" in decision.why
    assert "nothing is contained" in decision.why


def test_a_queue_while_everybody_sends_is_no_longer_path(
    scorer: score.OnnxScorer,
) -> None:
    """A burst of ten times as many orders lengthens answers for a second."""
    events = trading(20)
    for order in range(100_000, 102_000):
        at = 20_000 * MS + (order - 100_000) * MS // 2
        events.append((at, order % 5, "new", order, 0))
        events.append((at + 400_000, order % 5, "report", order, ord("0")))

    assert verdicts_of(scorer, events) == []


def test_silence_is_told(scorer: score.OnnxScorer) -> None:
    """Everybody's orders of a second go unanswered."""
    events = [
        one
        for one in trading(30)
        if not (one[2] == "report" and 20_000 * MS < one[0] < 21_000 * MS)
    ]

    verdicts = verdicts_of(scorer, events)

    assert {one.rule for one in verdicts} == {"venue.silence_us"}
    assert 250_000 < verdicts[0].measured < 360_000
    assert 20_200 <= (verdicts[0].close_ns - START_NS) / MS <= 20_450
    assert len(decided(verdicts)) == 1


def test_rejects_of_everybody_are_told_and_of_one_are_not(
    scorer: score.OnnxScorer,
) -> None:
    """Half of all refused is the venue's doing only when most are refused."""
    wide, one = [], []
    for event in trading(24):
        at, session, kind, order, _ = event
        is_late = kind == "report" and at > 20_000 * MS
        wide.append((at, session, kind, order, 56) if is_late else event)
        is_own = is_late and session == 3
        one.append((at, session, kind, order, 56) if is_own else event)

    verdicts = verdicts_of(scorer, wide)

    assert {one.rule for one in verdicts} == {"venue.rejects_per_second"}
    assert verdicts[0].measured > 50
    assert verdicts_of(scorer, one) == []


@pytest.mark.parametrize(("late_ms", "told"), [(3, set()), (1500, {"venue.logon_us"})])
def test_slow_logons_are_told(
    scorer: score.OnnxScorer, late_ms: int, told: set[str]
) -> None:
    events = trading(12)
    for session in range(4):
        at = (2_000 + 20 * session) * MS
        events.append((at, session, "logon", 0, 0))
        events.append((at + late_ms * MS, session, "logon_answer", 0, 0))

    assert {one.rule for one in verdicts_of(scorer, events)} == told


def test_logons_that_wait_are_told(scorer: score.OnnxScorer) -> None:
    events = trading(12)
    events += [((2_000 + s) * MS, s, "logon", 0, 0) for s in range(3)]

    assert {one.rule for one in verdicts_of(scorer, events)} == {"venue.logon_wait_us"}


def test_one_sided_capture_measures_nothing(scorer: score.OnnxScorer) -> None:
    """Without the answers, latencies are missing, not 0, and nothing fires."""
    events = [event for event in trading(10) if event[2] != "report"]

    _, rows = looked(events)

    for name in ("ack_last_us", "ack_mean_us", "ack_ratio", "silence_us"):
        assert np.isnan(rows[:, COLUMN[name]]).all(), name
    assert rows[-1, COLUMN["outstanding"]] > 100
    _, rows = looked(events, WINDOW_SESSION)
    for name in ("ack_mean_us", "ack_ratio"):
        assert np.isnan(rows[:, SESSION_SCHEMA.index(name)]).all(), name
    assert verdicts_of(scorer, events) == []


def test_missing_features_fire_no_rule_and_are_null_in_json(
    scorer: score.OnnxScorer,
) -> None:
    """A rule's own feature or any of its conditions missing: it does not hold."""
    for rule in VENUE_RULES:
        row = np.zeros((1, 64), np.float32)
        row[0, COLUMN[rule.feature]] = 2 * rule.limit * rule.divisor
        for name, least, _ in rule.needs:
            row[0, COLUMN[name]] = least
        assert fired(VENUE_RULES, COLUMN, row)[0].rule is rule
        for name in (rule.feature, *(need[0] for need in rule.needs)):
            blind = row.copy()
            blind[0, COLUMN[name]] = np.nan
            assert not fired((rule,), COLUMN, blind), (rule.name, name)
    verdict = verdicts_of(scorer, trading(30, rise_us=150, rise_s=20))[0]
    assert verdict.features[COLUMN["logon_mean_us"]] is None
    assert verdict.features[COLUMN["ack_rise_us"]] == verdict.measured
    text = msgspec.json.encode(verdict)
    assert b"null" in text
    assert msgspec.json.decode(text, type=Verdict) == verdict
    assert shares(scorer, verdict) == []


@pytest.mark.parametrize(
    ("change", "is_told"),
    [
        ({}, True),
        ({"logons": 1}, False),  # somebody mistyped
        ({"sessions": 1}, False),  # others trade: it is not the venue's doing
        ({"logons_answered": 1}, False),
        ({"logons_waiting": 1}, False),  # the answer may be a Logon
        ({"order_baseline": 0}, False),  # a venue that nobody ever used
        ({"history_ms": 900}, False),  # the capture begins
    ],
)
def test_a_venue_that_lets_nobody_back_in(
    change: dict[str, int], is_told: bool
) -> None:
    row = np.zeros((1, 64), np.float32)
    found = {"logons": 2, "handshakes": 2, "order_baseline": 500, "history_ms": 9000}
    for name, value in (found | change).items():
        row[0, COLUMN[name]] = value

    names = {one.rule.name for one in fired(VENUE_RULES, COLUMN, row).values()}
    assert names == ({"venue.logons_refused"} if is_told else set())


def test_many_at_once_need_no_last_answer() -> None:
    row = np.zeros((1, 64), np.float32)
    for name, value in (("order_baseline", 500), ("history_ms", 9000), ("logons", 30)):
        row[0, COLUMN[name]] = value
    row[0, COLUMN["logons_waiting"]] = 1
    (found,) = fired(VENUE_RULES, COLUMN, row).values()

    assert found.rule.name == "venue.logons_of_many_refused"


def test_ends_that_lose_count_are_told_of_their_line(scorer: score.OnnxScorer) -> None:
    """A rule tells a Cause that the session model has no class for; nobody is cut."""
    windows, rows = looked(trading(5), WINDOW_SESSION)
    windows, rows = windows[-1:], rows[-1:].copy()
    assert scorer.score(windows, rows, np.zeros(8, SESSION)) == []

    for name in ("gap_rate", "resend_rate"):
        rows[0, SESSION_SCHEMA.index(name)] = 20
    (verdict,) = scorer.score(windows, rows, np.zeros(8, SESSION))
    (decision,) = decided([verdict])

    assert verdict.rule == "session.gaps_asked_for_per_second"
    assert verdict.cause is Cause.VENUE_FAULT
    assert verdict.probability_ppm == 990_000
    assert (decision.action, decision.tier) == (Action.ALERT, Tier.OBSERVE)
