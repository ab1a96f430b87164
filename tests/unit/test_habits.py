"""Habits: a layout or version never seen is told; a fault is no way out of one."""

import json
from datetime import UTC, datetime
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from airnet.cli import main
from airnet.config import Firm, Site, SiteSession
from airnet.decide.doubts import COINCIDENT_NS, Doubts
from airnet.decide.findings import runs
from airnet.decide.judge import Judge
from airnet.decide.policy import Causes, Contain, Envelope, Policy, Resigned
from airnet.decide.reading import read_policy
from airnet.domain.decision import Action, Decision, Mode
from airnet.domain.drift import Drift, DriftKind
from airnet.domain.session import SESSION
from airnet.domain.verdict import Verdict
from airnet.domain.window import WINDOW, WINDOW_FEED, WINDOW_SESSION
from airnet.record.file import read
from airnet.score.drift_habits import LEARN_NS, Habits, version_hash
from airnet.shipped import policy_path
from tests.fakes.frames import Conversation, message, write_pcap
from tests.fakes.verdicts import MS, T0, session_name, session_verdict

S = 1_000_000_000
NOTHING = np.zeros((1, 64), np.float32)
HOSTS = ("10.0.0.1", "10.0.0.2")


def table(*comps: str, number: int = 1) -> NDArray[np.void]:
    """Return a SESSION row of each CompID, each at the host of its place."""
    sessions = np.zeros(len(comps), SESSION)
    for place, comp in enumerate(comps):
        sessions[place]["number"] = number + place
        mapped = bytes(10) + b"\xff\xff" + bytes(map(int, HOSTS[place].split(".")))
        sessions[place]["client"] = np.frombuffer(mapped, np.uint8)
        name = np.frombuffer(comp.encode(), np.uint8)
        sessions[place]["client_comp"][: len(name)] = name
    return sessions


def window(
    at_ns: int, *layouts: int, subject: int = 0, **fields: int
) -> NDArray[np.void]:
    made = np.zeros(1, WINDOW)
    bits = sum(1 << layout for layout in layouts).to_bytes(16, "little")
    made["kind"], made["subject"] = WINDOW_SESSION, subject
    made["open_ns"], made["close_ns"] = at_ns, at_ns + S // 10
    made["address"] = np.frombuffer(bits, np.uint8)
    for name, value in fields.items():
        made[name] = value
    return made


def kinds(found: list[Drift]) -> list[DriftKind]:
    return [one.kind for one in found]


def learned(site: Site | None = None, policy: Policy | None = None) -> Habits:
    """Return what knows layouts 1 and 2 of both sessions, and has learned them."""
    habits = Habits(runs(policy or Policy(), site or Site()))
    sessions = table("FIRM1", "FIRM2")
    for subject in (0, 1):
        assert not habits.look(window(S, 1, 2, subject=subject), NOTHING, sessions)
    return habits


def test_a_layout_never_seen_is_told_once_its_own_are_learned() -> None:
    habits, sessions = learned(), table("FIRM1", "FIRM2")

    assert habits.look(window(2 * S, 3), NOTHING, sessions) == []
    later = LEARN_NS + 3 * S
    assert habits.look(window(later, 1, 2, 3), NOTHING, sessions) == []
    (found,) = habits.look(window(later, 3, 4), NOTHING, sessions)
    assert (found.kind, found.session is not None) == (DriftKind.NEW_TEMPLATE, True)
    assert habits.look(window(later, 3, 4), NOTHING, sessions) == []
    # Each session has its own: what the first may send, the second never did.
    assert kinds(habits.look(window(later, 4, subject=1), NOTHING, sessions)) == [
        DriftKind.NEW_TEMPLATE
    ]


def test_a_session_is_the_same_after_it_reconnected_and_another_elsewhere() -> None:
    habits, later = learned(), LEARN_NS + 3 * S

    again = table("FIRM1", "FIRM2", number=9)
    assert habits.look(window(later, 1, 2), NOTHING, again) == []
    assert kinds(habits.look(window(later, 77), NOTHING, again)) == [
        DriftKind.NEW_TEMPLATE
    ]
    # FIRM1's CompID from the second host is somebody of whom nothing is known.
    elsewhere = table("FIRM9", "FIRM1", number=20)
    assert habits.look(window(later, 50, subject=1), NOTHING, elsewhere) == []


def test_windows_may_come_in_any_batches() -> None:
    stream = [window(n * S, n % 5, subject=n % 2) for n in range(5)]
    stream += [window(LEARN_NS + n * 9 * S, n, subject=n % 2) for n in range(40)]
    sessions, whole = table("A", "B"), np.concatenate(stream)

    wanted = Habits({}).look(whole, NOTHING, sessions)

    assert len(wanted) > 10
    for pieces in (1, 7):
        habits = Habits({})
        found: list[Drift] = []
        for at in range(0, len(whole), pieces):
            found += habits.look(whole[at : at + pieces], NOTHING, sessions)
        assert found == wanted


SITE = Site(
    firms=(
        Firm(
            name="one",
            hosts=HOSTS,
            sessions=(
                SiteSession(
                    host=HOSTS[0], comp_id="FIRM1", algorithm="maker", version="2"
                ),
                SiteSession(host=HOSTS[1], comp_id="FIRM2", algorithm="taker"),
            ),
        ),
    )
)


def bound(*versions: str) -> Policy:
    """Return a policy that binds these versions of the first session's algorithm."""
    return Policy(
        envelopes=tuple(
            Envelope(algorithm="maker", version=version, orders_per_second_max=9)
            for version in versions
        )
    )


def test_a_version_of_the_site_file_that_nobody_signed_is_told_at_its_first_order() -> (
    None
):
    sessions = table("FIRM1", "FIRM2")
    for policy, wanted in (
        (bound("1"), [DriftKind.UNSIGNED_VERSION]),
        (bound("1", "2"), []),
        (Policy(), []),  # binds nothing
    ):
        habits = Habits(runs(policy, SITE))
        first = np.concatenate([window(S, 1), window(S, 1, subject=1)])
        found = habits.look(first, NOTHING, sessions)
        assert kinds(found) == wanted
        assert not found or found[0].about == "maker in version '2'"
        assert habits.look(window(2 * S, 1), NOTHING, sessions) == []


def test_a_version_that_a_logon_names_must_be_signed_or_the_first() -> None:
    sessions = table("FIRM1", "FIRM2")
    one, two, three = (version_hash(name) for name in ("1", "2", "3"))

    habits = Habits(runs(bound("1", "2"), SITE))
    for version, wanted in ((one, 0), (two, 0), (three, 1), (two, 0)):
        found = habits.look(window(S, 1, port=version), NOTHING, sessions)
        assert kinds(found) == wanted * [DriftKind.NEW_VERSION]

    free = Habits({})
    for version, wanted in ((one, 0), (one, 0), (two, 1), (two, 0)):
        found = free.look(window(S, 1, port=version), NOTHING, sessions)
        assert kinds(found) == wanted * [DriftKind.NEW_VERSION]


def test_a_new_channel_of_market_data_is_told_and_lowers_nobody() -> None:
    habits, sessions = Habits({}), table("FIRM1")
    early = window(S, 1, subject=4, kind=WINDOW_FEED, port=5)
    late = window(LEARN_NS + 2 * S, 2, subject=5, kind=WINDOW_FEED, port=5)

    assert habits.look(early, NOTHING, sessions) == []
    (found,) = habits.look(late, NOTHING, sessions)

    assert (found.kind, found.session) == (DriftKind.NEW_FEED, None)
    doubts = Doubts(Policy())
    (alert,) = doubts.hear(found)
    assert found.about in alert.why
    assert doubts.lower(enforced()) == enforced()


def template(at_ns: int, **changes: object) -> Drift:
    drift = Drift(
        kind=DriftKind.NEW_TEMPLATE,
        t_ns=at_ns,
        window_kind=WINDOW_SESSION,
        session=session_name(1),
    )
    return msgspec.structs.replace(drift, **changes)


RULE = Contain(action="throttle_session", mode=Mode.ENFORCE, dwell_ms=100, tier_max=4)
ENFORCING = Policy(cause=Causes(algo_fault=RULE))


def enforced() -> Decision:
    """Return what a judge without doubts orders of a session that runs away."""
    judge = Judge(ENFORCING, Site())
    (decision,) = [one for each in runaway(0) for one in judge.judge(each)]
    assert (decision.mode, decision.action) == (Mode.ENFORCE, Action.THROTTLE_SESSION)
    return decision


def runaway(at_ms: int) -> list[Verdict]:
    return [session_verdict(at_ms + 100 * n) for n in range(1, 3)]


def test_a_new_layout_lowers_its_own_scope_and_nobody_elses() -> None:
    """Neither another session's, nor the same CompID's at another host."""
    for borrowed, mode in (("10.0.1.1", Mode.SHADOW), ("10.9.9.9", Mode.ENFORCE)):
        judge = Judge(ENFORCING, Site())
        thief = msgspec.structs.replace(session_name(1), client=borrowed)
        (alert,) = judge.hear(template(T0 - 60 * S, session=thief))
        assert alert.rule == "drift.new_template"
        decided = [one for each in runaway(0) for one in judge.judge(each)]
        assert [one.mode for one in decided] == [mode]
        judge = Judge(ENFORCING, Site())
        judge.hear(template(T0 - 60 * S, session=thief))
        other = [session_verdict(100 * n, 2) for n in range(1, 3)]
        decided = [one for each in other for one in judge.judge(each)]
        assert [one.mode for one in decided] == [Mode.ENFORCE]


def test_a_comp_id_that_is_the_word_for_all_sessions_is_a_comp_id() -> None:
    judge = Judge(ENFORCING, Site())
    evil = msgspec.structs.replace(session_name(1), client_comp="session")

    assert judge.hear(template(T0 - 60 * S, session=evil))

    decided = [one for each in runaway(0) for one in judge.judge(each)]
    assert [one.mode for one in decided] == [Mode.ENFORCE]
    resigned = (
        Resigned(scope="session", by="P.", at=datetime(2099, 1, 1, tzinfo=UTC)),
    )
    assert Doubts(Policy(resigned=resigned)).hear(template(5, session=evil))


@pytest.mark.parametrize("kind", [DriftKind.NEW_TEMPLATE, DriftKind.NEW_VERSION])
def test_a_change_in_the_middle_of_a_fault_is_evidence_and_no_way_out(
    kind: DriftKind,
) -> None:
    """While the streak grows, while it is contained, and until it has cooled down."""
    judge = Judge(ENFORCING, Site())
    first, second = runaway(0)
    assert judge.judge(first) == []
    (said,) = judge.hear(template(first.close_ns, kind=kind))
    assert said.rule == f"suspicion.{kind.value}"
    assert "stays as it is" in said.why
    (decision,) = judge.judge(second)
    assert decision.mode is Mode.ENFORCE
    # Contained, it changes again; said once, and again no doubt.
    assert judge.hear(template(second.close_ns + S, kind=kind)) == []
    cooled_ns = decision.until_ns + 60 * S
    assert judge.hear(template(cooled_ns, kind=kind))[0].rule.startswith("suspicion.")
    after_ms = (decision.until_ns - T0) // MS + 1000
    again = [one for each in runaway(after_ms) for one in judge.judge(each)]
    assert [one.mode for one in again] == [Mode.ENFORCE]
    assert judge.doubts.count == 0


def test_a_change_that_came_with_the_fault_is_one_story() -> None:
    """In one window with the first bad frame, when no streak is known yet."""
    for since_ns, mode in (
        (enforced().first_ns - COINCIDENT_NS - 1, Mode.SHADOW),
        (enforced().first_ns - COINCIDENT_NS, Mode.ENFORCE),
        (enforced().first_ns, Mode.ENFORCE),
    ):
        judge = Judge(ENFORCING, Site())
        assert judge.hear(template(since_ns))
        decided = [one for each in runaway(0) for one in judge.judge(each)]
        assert [one.mode for one in decided] == [mode]
        # What the site file says is not chosen at a moment: it always lowers.
        judge = Judge(ENFORCING, Site())
        judge.hear(template(since_ns, kind=DriftKind.UNSIGNED_VERSION))
        decided = [one for each in runaway(0) for one in judge.judge(each)]
        assert [one.mode for one in decided] == [Mode.SHADOW]


def test_a_window_of_a_streak_says_so_itself() -> None:
    habits, sessions = learned(), table("FIRM1", "FIRM2")

    (found,) = habits.look(
        window(LEARN_NS + 3 * S, 9, first_ns=LEARN_NS), NOTHING, sessions
    )

    assert found.is_elevated
    assert Judge(ENFORCING, Site()).hear(found)[0].rule == "suspicion.new_template"


def orders(path: Path, minutes: int, *, changes: bool) -> None:
    """Write a session that sends an order each 10 s, and later others than before."""
    talk = Conversation(start_ns=T0)
    talk.handshake()
    talk.logon()
    for number in range(minutes * 6):
        talk.time_ns = T0 + number * 10 * S
        extra = ["5001=7"] if changes and number > (minutes - 1) * 6 else []
        terms = ("55=ACME", "54=1", "38=100", "40=2", "44=100.25")
        named = (f"34={number + 2}", f"11=ID{number}")
        talk.add(0, message("D", *named, *terms, *extra))
        report = ("34=1", f"11=ID{number}", "150=0", "39=0", "37=1", "17=1")
        talk.add(1, message("8", *report, *terms).replace(b"49=ALPHA", b"49=VENUE"))
    write_pcap(path, talk.frames)


def test_from_the_wire_to_the_person_who_signs_it_again(
    tmp_path: Path, capsysbinary: pytest.CaptureFixture[bytes]
) -> None:
    """The alert is in the ledger; a command ends the doubt, and the policy says who."""
    capture, ledger = tmp_path / "day.pcap", tmp_path / "ledger"
    policy = tmp_path / "policy.toml"
    policy.write_text(policy_path().read_text())
    orders(capture, 18, changes=True)
    decisions = tmp_path / "decisions.jsonl"
    options = ["--policy", str(policy), "--ledger", str(ledger)]
    assert main(["replay", str(capture), *options, "--decisions", str(decisions)]) == 0
    told = [json.loads(line)["rule"] for line in decisions.read_text().splitlines()]
    assert told.count("drift.new_template") == 1
    capsysbinary.readouterr()

    resign = ["policy", "resign", str(policy), "--ledger", str(ledger), "--json"]
    assert main(resign) == 1
    (doubt,) = json.loads(capsysbinary.readouterr().out)["doubts"]
    assert (doubt["scope"], doubt["kind"]) == ("ALPHA@10.0.1.11", "new_template")
    assert main([*resign, "BETA", "--by", "B. Person"]) == 1
    assert main([*resign, doubt["scope"]]) == 64
    capsysbinary.readouterr()
    when = ["--at", "2099-01-01T00:00:00Z"]
    assert main([*resign, doubt["scope"], "--by", 'B. "P"', *when]) == 0
    assert json.loads(capsysbinary.readouterr().out)["by"] == 'B. "P"'
    assert main(resign) == 0
    before = [one.body for one in read(ledger) if one.kind == "decision"]
    ended = Doubts(read_policy(policy)).recover(
        msgspec.convert(body, Decision) for body in before
    )
    assert [(one.scope, one.by) for one in ended] == [(doubt["scope"], 'B. "P"')]


def test_who_keeps_its_habits_is_not_told(tmp_path: Path) -> None:
    capture, decisions = tmp_path / "day.pcap", tmp_path / "decisions.jsonl"
    orders(capture, 18, changes=False)

    assert main(["replay", str(capture), "--decisions", str(decisions)]) == 0

    told = [json.loads(line)["rule"] for line in decisions.read_text().splitlines()]
    assert not [rule for rule in told if rule.startswith(("drift.", "suspicion."))]
