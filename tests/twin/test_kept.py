"""Kept episodes are judged again as the live loop judged them, byte for byte."""

import hashlib
from pathlib import Path

import msgspec
import numpy as np
import pytest

from airnet.config import Algorithm
from airnet.decide.findings import ENVELOPE_RULE
from airnet.decide.policy import Policy
from airnet.domain.columns import SCHEMAS
from airnet.domain.columns_gone import BEFORE
from airnet.domain.decision import PASSIVE, Action, decision_line
from airnet.domain.verdict import Cause
from airnet.domain.window import WINDOW_HOST, WINDOW_ORDER, WINDOW_VENUE
from airnet.errors import UsageError
from airnet.score.onnx import OnnxScorer
from airnet.twin import again, kept, tally
from airnet.twin.closed import Terms, hear
from airnet.twin.days import Season
from airnet.twin.larder import Larder, keep_day
from airnet.twin.loop import enforced, shipped_scorer
from airnet.twin.outcome import Wrong
from airnet.twin.plain import alarms
from airnet.twin.plays import Play
from airnet.twin.priors import Calm, Case, Priors
from airnet.twin.staging import stage_of


def scorer() -> OnnxScorer:
    found = shipped_scorer()
    assert isinstance(found, OnnxScorer)
    return found


def through_bytes(episode: kept.Episode) -> kept.Episode:
    """Return an episode as it comes back from the disk."""
    raw = msgspec.msgpack.encode(kept.packed(episode))
    return kept.unpacked(msgspec.msgpack.decode(raw, type=kept.Record))


@pytest.mark.parametrize(
    "scenario", ["quote_refresh", "knight_2012", "syn_flood", "rolling_restart"]
)
def test_what_was_kept_is_judged_as_it_was_live(scenario: str) -> None:
    """Also where something is contained, and where sources belong to a gateway.

    In an open loop nothing obeys; where lines restart, rows of the session table change
    hands.
    """
    policy = enforced(Policy())
    episode = through_bytes(kept.keep(scenario, 3, "report"))

    found = [one for _, one in again.rejudge(episode, policy, scorer())]

    stage = stage_of(scenario, 3, None, domain="report")
    live = hear(stage, policy, scorer(), "open", Terms(is_rooted=False))
    assert list(map(decision_line, found)) == list(map(decision_line, live.decisions))
    assert len(live.decisions) > 1


def test_an_envelope_holds_in_windows_that_look_normal() -> None:
    """On a quiet day nobody is told of; who may send less than he does is throttled.

    Live as judged again: both hold every window against it.
    """
    policy, stage = enforced(Policy()), stage_of("quiet", 1, domain="report")
    names = [one.comp_id for firm in stage.site.firms for one in firm.sessions]
    signed = Algorithm(id="slow", orders_per_second_max=1)
    firms = tuple(
        msgspec.structs.replace(
            firm,
            sessions=tuple(
                msgspec.structs.replace(one, algorithm="slow")
                if one.comp_id == names[0]
                else one
                for one in firm.sessions
            ),
        )
        for firm in stage.site.firms
    )
    site = msgspec.structs.replace(stage.site, firms=firms, algorithms=(signed,))
    episode = kept.keep("quiet", 1, "report")
    heading = msgspec.structs.replace(episode.heading, site=site)

    found = [
        one
        for _, one in again.rejudge(
            msgspec.structs.replace(episode, heading=heading), policy, scorer()
        )
    ]

    acts = [one for one in found if one.action not in PASSIVE]
    assert {one.rule for one in acts} == {ENVELOPE_RULE}
    assert {one.target[1] for one in acts} == {names[0]}
    assert not [
        one
        for _, one in again.rejudge(episode, policy, scorer())
        if one.action not in PASSIVE
    ]
    with_site = stage_of("quiet", 1, domain="report")
    with_site.site = site
    live = hear(with_site, policy, scorer(), "open", Terms(is_rooted=False))
    assert list(map(decision_line, found)) == list(map(decision_line, live.decisions))


def test_an_episode_comes_back_from_its_bytes_as_it_was() -> None:
    episode = kept.keep("second_boundary", 4, "report")

    back = through_bytes(episode)

    for name, array in episode.seen._asdict().items():
        assert back.seen._asdict()[name].tobytes() == array.tobytes(), name
    assert back.heading.bystanders == episode.heading.bystanders
    assert len(episode.seen.windows) > 1000


def test_rows_are_taken_apart_byte_by_byte() -> None:
    """Whatever is done at once; the slow twin is one transposition."""
    rows = np.random.default_rng(1).random((3 * kept.NEAR + 5, 64), np.float32)

    planes = kept._planes(rows)

    assert (planes == rows.view(np.uint8).reshape(len(rows), -1).T).all()


def test_an_episode_may_be_had_of_a_size() -> None:
    episode = kept.keep("quiet", 1, "report", sessions=12, symbols=5)

    found = [one for firm in episode.heading.site.firms for one in firm.sessions]
    assert len(found) == 12


#: SHA-256 of what two episodes show. A world, decode or features that get faster leave
#: them as they are; who changes a world means to, and says so (learned.json as well).
SHOWN = {
    ("quote_refresh", 4): (
        "076d01c2681b5172ff40aacd017b873350eae1138e500da6b79a3b3cf5fc5b52"
    ),
    ("syn_flood", 3): (
        "16c41936c5541addd421ea5dfbc6838c3aaa467fe3eb2eb912ec7b433f124377"
    ),
}


@pytest.mark.parametrize(("scenario", "seed"), sorted(SHOWN))
def test_what_is_kept_is_the_same_bytes_as_ever(scenario: str, seed: int) -> None:
    whole = hashlib.sha256()
    for array in kept.keep(scenario, seed, "report", sessions=20, symbols=10).seen:
        whole.update(array.tobytes())

    assert whole.hexdigest() == SHOWN[scenario, seed]


def test_labels_that_were_kept_judge_as_those_of_the_stage() -> None:
    """What a Mark has beside a Label is not needed to tell right from wrong."""
    episode = through_bytes(kept.keep("knight_2012", 3, "report"))
    stage = stage_of("knight_2012", 3, None, domain="report")
    said = again.rejudge(episode, enforced(Policy()), scorer())
    acted = [one for _, one in said if one.action not in PASSIVE]

    heading = episode.heading
    by_kept = [
        tally.judged(one, heading.labels, frozenset(heading.bystanders))
        for one in acted
    ]

    by_stage = [tally.judged(one, stage.labels, stage.bystanders) for one in acted]
    assert by_kept == by_stage
    assert (0, Wrong.NO) in by_kept


def test_other_columns_are_refused() -> None:
    record = kept.packed(kept.keep("quiet", 1, "report"))
    heading = msgspec.structs.replace(record.heading, schemas={1: "older"})

    with pytest.raises(UsageError, match="other columns"):
        kept.unpacked(msgspec.structs.replace(record, heading=heading))


@pytest.mark.parametrize(
    ("kind", "digest"),
    [
        (1, "50d7aebb06ad2674d3864bb365a65d98b41d5c578e0890c89c1ede7f25519e4d"),
        (2, "cd457271292df90ed808f31b541fb2fd0930e6f07ba09a2909ad82d22f6acb32"),
        (4, "99406a0cd42f58931550b87161dc09132701cbcfb547c2a5b42dacd4f2f8aa22"),
        (5, "50b694ff8fa62a095c6a0d672600c24a671e55ba3259fae412152787cc19d808"),
        (6, "fa9c15aeb6202005631933ceb49b5fc7c5817c2059cca9b4fad35fd356f791dd"),
        (7, "f2783422d6aabc6983e957f90ab3381b0b83d63bb3e18249aba0025693898b33"),
        (8, "95178f1ac5ae8748835700b028b9c28bd9e7548f3bad675ee45b7e2918a812b9"),
    ],
)
def test_columns_that_were_kept_go_by_the_same_words(kind: int, digest: str) -> None:
    """A word more in a description, and no kept day can be judged: none is needed."""
    assert kept.unseen_of(kind, digest) is not None


def test_columns_that_came_since_were_not_seen() -> None:
    episode = kept.keep("beacon", 1, "report")
    record = kept.packed(episode)
    host = SCHEMAS[WINDOW_HOST]
    early = msgspec.structs.replace(host, features=host.features[:-3])
    older = {**record.heading.schemas, WINDOW_HOST: early.digest()}
    heading = msgspec.structs.replace(record.heading, schemas=older)

    seen = kept.unpacked(msgspec.structs.replace(record, heading=heading)).seen

    is_host = seen.windows["kind"] == WINDOW_HOST
    count = len(early.features)
    assert is_host.any()
    assert np.isnan(seen.rows[is_host, count : count + 3]).all()
    assert np.array_equal(
        seen.rows[is_host, :count], episode.seen.rows[is_host, :count], equal_nan=True
    )
    assert np.array_equal(
        seen.rows[~is_host], episode.seen.rows[~is_host], equal_nan=True
    )


def test_columns_that_stand_where_others_stood_were_not_seen() -> None:
    episode = kept.keep("quiet", 1, "report")
    record = kept.packed(episode)
    venue = SCHEMAS[WINDOW_VENUE]
    older = {**record.heading.schemas, WINDOW_VENUE: BEFORE[WINDOW_VENUE].digest()}
    heading = msgspec.structs.replace(record.heading, schemas=older)

    seen = kept.unpacked(msgspec.structs.replace(record, heading=heading)).seen

    is_venue = seen.windows["kind"] == WINDOW_VENUE
    new = set(venue.names) - set(BEFORE[WINDOW_VENUE].names)
    places = [venue.index(name) for name in new]
    assert len(places) == 5
    assert np.isnan(seen.rows[np.ix_(is_venue, places)]).all()
    others = [place for place in range(len(venue.names)) if place not in places]
    assert np.array_equal(
        seen.rows[np.ix_(is_venue, others)],
        episode.seen.rows[np.ix_(is_venue, others)],
        equal_nan=True,
    )
    assert not np.isnan(episode.seen.rows[np.ix_(is_venue, places)]).any()


def test_hosts_are_judged_without_columns_that_came_since() -> None:
    """Nobody is confined by what was not seen; what was is told as it would be."""
    episode = kept.keep("beacon", 1, "report")
    record = kept.packed(episode)
    host = SCHEMAS[WINDOW_HOST]
    early = msgspec.structs.replace(
        host, features=host.features[: host.index("own_calls")]
    )
    older = {**record.heading.schemas, WINDOW_HOST: early.digest()}
    heading = msgspec.structs.replace(record.heading, schemas=older)
    policy = enforced(Policy())

    before = kept.unpacked(msgspec.structs.replace(record, heading=heading))
    found = [one for _, one in again.rejudge(before, policy, scorer())]

    assert any(one.cause is Cause.COMPROMISE for one in found)
    assert not any(one.action is Action.CONFINE_HOST for one in found)


def test_kinds_of_windows_that_came_since_are_none() -> None:
    episode = kept.keep("syn_flood", 3, "report", sessions=20, symbols=10)
    record = kept.packed(episode)
    older = {k: v for k, v in record.heading.schemas.items() if k != WINDOW_ORDER}
    heading = msgspec.structs.replace(record.heading, schemas=older)

    seen = kept.unpacked(msgspec.structs.replace(record, heading=heading)).seen

    assert not (seen.windows["kind"] == WINDOW_ORDER).any()
    assert np.array_equal(seen.rows, episode.seen.rows, equal_nan=True)


def test_what_is_damaged_is_refused() -> None:
    record = kept.packed(kept.keep("quiet", 1, "report"))
    parts = {**record.parts, "order": kept.Blob(8, record.parts["since"].data)}

    with pytest.raises(UsageError, match="damaged"):
        kept.unpacked(msgspec.structs.replace(record, parts=parts))


def test_a_line_of_arithmetic_alarms_of_who_runs_away() -> None:
    """And of honest sessions: that is why it stands beside the models."""
    found = alarms(kept.keep("knight_2012", 3, "report"))

    assert set(found) == {"fixed", "ewma", "cusum"}
    assert found["cusum"][1]
    assert any(wrong for wrong, _ in found.values())


def season(play: Play) -> Season:
    cases = (Case(name="quiet", severity="benign"),)
    calm = Calm(scenario="quiet", samples=1)
    return Season(
        play=play,
        policy=Policy(),
        priors=Priors(calm=calm),
        cases=cases,
        all_cases=cases,
        seed=5,
    )


def test_a_day_is_the_same_bytes_whoever_keeps_it(tmp_path: Path) -> None:
    def nobody(*_: object, **__: object) -> None:
        raise AssertionError("keeping a day plays nothing in the closed loop")

    first = keep_day(season(nobody), "report", 7)
    second = keep_day(season(nobody), "report", 7)
    assert first == second

    (tmp_path / "days").mkdir()
    larder = Larder(tmp_path)
    larder.put(7, first)
    assert larder.finished() == [7]
    (part, episode), *rest = larder.episodes(7)
    assert not rest
    # One sample of calm stands for the whole day.
    assert part.weight * episode.heading.episode_s == pytest.approx(390 * 60)
    assert np.diff(episode.seen.windows["close_ns"].astype(np.int64)).min() >= 0
