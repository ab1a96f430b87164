"""Drift: found where there is some, not where there is none, and it lowers autonomy."""

import json
import math
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec
import numpy as np
import pytest
from numpy.typing import NDArray

from airnet.config import Firm, Site, SiteSession
from airnet.decide.doubts import Doubts
from airnet.decide.policy import Policy, Resigned
from airnet.decide.problems_names import resigned_problems
from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.decision import Action, Decision, Mode, TargetType, Tier
from airnet.domain.drift import Drift, DriftKind
from airnet.domain.session import SESSION, SessionName
from airnet.domain.verdict import Cause
from airnet.domain.window import WINDOW, WINDOW_SESSION
from airnet.errors import ModelError
from airnet.score.drift import LOOK_NS, POPULATION, SCOPE, Drifts, Limits
from airnet.score.model import Model
from airnet.score.reference import BINS, FILE, MARGIN, psi, read, reference_of
from airnet.shipped import models_path

SECOND_NS = 1_000_000_000
SESSIONS = 8

Rows = NDArray[np.float32]


@pytest.fixture(scope="module")
def model() -> Model:
    return Model(models_path() / "session", SESSION_SCHEMA)


def rows_of(seed: int, count: int, scale: float = 1.0) -> Rows:
    """Return rows of made-up trading; `scale` multiplies every feature."""
    rng = np.random.Generator(np.random.PCG64(seed))
    rows = np.zeros((count, 64), np.float32)
    columns = len(SESSION_SCHEMA.names)
    rows[:, :columns] = np.floor(rng.lognormal(4, 1, (count, columns)) * scale)
    return rows


def leads_of(model: Model, rows: Rows) -> NDArray[np.float64]:
    margins = model.margins(rows).astype(np.float64)
    return margins[:, 1:].max(axis=1) - margins[:, 0]


def windows_of(count: int) -> NDArray[np.void]:
    """Return a window in LOOK_NS of each session in turn."""
    windows = np.zeros(count, WINDOW)
    turn = np.arange(count)
    windows["kind"] = WINDOW_SESSION
    windows["subject"] = turn % SESSIONS
    windows["open_ns"] = (turn // SESSIONS + 400_000_000) * LOOK_NS
    windows["close_ns"] = windows["open_ns"] + SECOND_NS // 10
    return windows


def table() -> NDArray[np.void]:
    """Return the SESSION rows of those windows."""
    sessions = np.zeros(SESSIONS, SESSION)
    sessions["number"] = np.arange(SESSIONS) + 1
    for place in range(SESSIONS):
        sessions["client"][place][15] = place + 1
        comp = f"FIRM{place}".encode()
        sessions["client_comp"][place][: len(comp)] = np.frombuffer(comp, np.uint8)
    return sessions


def drifts_of(model: Model, *, comps: tuple[str, ...] = ()) -> Drifts:
    rows = rows_of(1, 20_000)
    reference = reference_of(rows, leads_of(model, rows), SESSION_SCHEMA)
    return Drifts(WINDOW_SESSION, model, reference, comps)


def test_psi_is_what_its_definition_says() -> None:
    """By hand, of two bins; equal shares have none."""
    counts = np.zeros((2, BINS), np.int64)
    counts[0, :2] = 500, 500
    other = counts.copy()
    other[0, :2] = 900, 100
    p, q = 500.5 / 1005.5, 900.5 / 1005.5
    r = 100.5 / 1005.5

    index = psi(counts, other)

    wanted = (p - q) * math.log(p / q) + (p - r) * math.log(p / r)
    assert index.tolist() == [round(wanted * 1000), 0]


def test_what_is_as_in_training_does_not_drift(model: Model) -> None:
    drifts = drifts_of(model)
    count = 2 * POPULATION

    found = drifts.look(windows_of(count), rows_of(2, count), table())

    assert found == []
    assert set(drifts.index) == {*SESSION_SCHEMA.names, MARGIN}
    assert max(drifts.index.values()) < 50


def test_another_population_is_told_once(model: Model) -> None:
    count = 3 * POPULATION
    drifts = drifts_of(model)

    found = drifts.look(windows_of(count), rows_of(2, count, scale=4.0), table())

    populations = [one for one in found if one.kind is DriftKind.POPULATION]
    assert len(populations) == 1
    assert populations[0].measured > populations[0].limit == Limits().psi
    assert drifts.index[populations[0].feature] > Limits().psi


@pytest.mark.parametrize("pieces", [1, 7, 64])
def test_a_session_that_changes_is_found_at_any_batch_size(
    model: Model, pieces: int
) -> None:
    """Session 2 becomes another after its first block; the others do not."""
    count = 3 * SCOPE * SESSIONS
    windows, rows = windows_of(count), rows_of(3, count)
    changed = (windows["subject"] == 2) & (np.arange(count) > SCOPE * SESSIONS)
    rows[changed] = np.floor(rows[changed] * 5)
    drifts = drifts_of(model)

    found: list[Drift] = []
    for at in range(0, count, pieces):
        part = slice(at, at + pieces)
        found += drifts.look(windows[part], rows[part], table())

    scopes = [one for one in found if one.session is not None]
    assert {one.session.client_comp for one in scopes if one.session} == {"FIRM2"}
    assert len(scopes) == 1
    whole = drifts_of(model).look(windows, rows, table())
    assert [msgspec.json.encode(one) for one in found] == [
        msgspec.json.encode(one) for one in whole
    ]


def test_one_window_a_turn_is_looked_at(model: Model) -> None:
    """Many windows of one moment count once."""
    drifts = drifts_of(model)
    windows = windows_of(1).repeat(POPULATION)

    drifts.look(windows, rows_of(2, POPULATION, scale=9.0), table())

    assert drifts.index == {}


def test_who_is_not_in_the_site_file_is_told_once(model: Model) -> None:
    drifts = drifts_of(
        model, comps=tuple(f"FIRM{n}" for n in range(SESSIONS) if n != 2)
    )

    found = drifts.look(windows_of(40), rows_of(2, 40), table())

    assert [(one.kind, one.session.client_comp) for one in found if one.session] == [
        (DriftKind.NEW_PEER, "FIRM2")
    ]


def drift(t_ns: int = 5, comp: str = "FIRM2") -> Drift:
    session = SessionName(
        client="10.0.0.2",
        client_port=5,
        gateway="10.0.0.9",
        gateway_port=9,
        client_comp=comp,
        gateway_comp="X",
    )
    return Drift(
        kind=DriftKind.SCOPE,
        t_ns=t_ns,
        window_kind=WINDOW_SESSION,
        session=session,
        feature="ratio_fast",
        measured=300,
        limit=250,
    )


def ordered(drifted: Drift, mode: Mode = Mode.ENFORCE) -> Decision:
    return Decision(
        id="x",
        t_ns=10,
        cause=Cause.ALGO_FAULT,
        tier=Tier.LIMIT_ALGO,
        action=Action.THROTTLE_SESSION,
        target_type=TargetType.SESSION,
        target=("10.0.0.2:5", "FIRM2"),
        until_ns=20,
        mode=mode,
        rule="r",
        measured=2,
        limit=1,
        probability=1.0,
        why="So.",
        first_ns=1,
        window_kind=WINDOW_SESSION,
        subject=0,
        session=drifted.session,
    )


def test_a_scope_in_doubt_falls_to_shadow_and_only_that() -> None:
    doubts = Doubts(Policy())

    (alert,) = doubts.hear(drift())

    assert (alert.action, alert.rule) == (Action.ALERT, "drift.scope")
    assert doubts.hear(drift(t_ns=6)) == []
    lowered = doubts.lower(ordered(drift()))
    assert lowered.mode is Mode.SHADOW
    assert "FIRM2 drifted at 5 ns" in lowered.why
    other = ordered(drift(comp="FIRM1"))
    assert doubts.lower(other) == other
    everything = drift()
    doubts.hear(msgspec.structs.replace(everything, session=None))
    assert doubts.lower(other).mode is Mode.SHADOW


def test_a_person_ends_a_doubt_and_a_restart_does_not() -> None:
    at = datetime(2026, 11, 21, tzinfo=UTC)
    at_ns = round(at.timestamp()) * SECOND_NS
    policy = Policy(resigned=(Resigned(scope="FIRM2", by="B. Person", at=at),))
    (alert,) = Doubts(Policy()).hear(drift(t_ns=at_ns - 1))

    again = Doubts(Policy())
    again.recover([alert, ordered(drift())])
    assert again.lower(ordered(drift())).mode is Mode.SHADOW

    signed = Doubts(policy)
    signed.recover([alert])
    (told,) = signed.hear(drift(t_ns=at_ns))
    assert "B. Person has signed it" in told.why
    assert signed.hear(drift(t_ns=at_ns)) == []
    third = Doubts(policy)
    third.recover([told])  # no doubt of an earlier run
    assert third.lower(ordered(drift())).mode is Mode.ENFORCE
    assert signed.lower(ordered(drift())).mode is Mode.ENFORCE
    later = drift(t_ns=at_ns + round(timedelta(days=1).total_seconds()) * SECOND_NS)
    assert signed.hear(later)
    assert signed.lower(ordered(drift())).mode is Mode.SHADOW


def test_a_signature_for_decades_to_come_silences_nothing() -> None:
    at = datetime(2099, 1, 1, tzinfo=UTC)
    one = Resigned(scope="FIRM2", by="B. Person", at=at)
    policy = Policy(resigned=(one, msgspec.structs.replace(one, scope="NOSUCH")))
    now = datetime(2026, 11, 21, tzinfo=UTC)

    assert Doubts(policy).hear(drift(t_ns=round(now.timestamp()) * SECOND_NS))

    session = SiteSession(host="10.0.0.1", comp_id="FIRM2")
    site = Site(firms=(Firm(name="a", sessions=(session,)),))
    found = resigned_problems(policy, site, round(now.timestamp()) * SECOND_NS)
    assert [each.partition(":")[0] for each in found] == [
        "resigned[0].at",
        "resigned[1].scope",
        "resigned[1].at",
    ]
    told = msgspec.structs.replace(one, scope="FIRM9@10.0.0.9", at=now)
    kind = msgspec.structs.replace(one, scope="session", at=now)
    after_ns = round(now.timestamp()) * SECOND_NS
    assert resigned_problems(Policy(resigned=(told, kind)), site, after_ns) == []


def test_policy_may_leave_autonomy_alone() -> None:
    policy = msgspec.convert({"drift": {"lowers": False}}, Policy)
    doubts = Doubts(policy)

    (alert,) = doubts.hear(drift())

    assert "policy leaves its autonomy" in alert.why
    assert doubts.lower(ordered(drift())).mode is Mode.ENFORCE


def test_a_damaged_reference_is_one_clear_error(model: Model, tmp_path: Path) -> None:
    rows = rows_of(1, 1000)
    good = reference_of(rows, leads_of(model, rows), SESSION_SCHEMA)
    text = msgspec.json.encode(good)
    assert read(tmp_path, SESSION_SCHEMA) is None
    (tmp_path / FILE).write_bytes(text)
    assert read(tmp_path, SESSION_SCHEMA) == good
    whole = json.loads(text)
    for bad in (
        text[:-5],
        b"\xff",
        b"{}",
        json.dumps({**whole, "schema_digest": "0"}).encode(),
        json.dumps({**whole, "features": {}}).encode(),
        text.replace(b'"rows":[', b'"rows":[-'),
    ):
        (tmp_path / FILE).write_bytes(bad)
        with pytest.raises(ModelError):
            read(tmp_path, SESSION_SCHEMA)


def test_a_fault_is_no_drift_and_one_host_is_not_everybody(model: Model) -> None:
    """However long a fault lasts; however many sessions one host has opened."""
    count = 3 * SCOPE * SESSIONS
    windows, rows = windows_of(count), rows_of(3, count)
    late = np.arange(count) > SCOPE * SESSIONS
    changed = (windows["subject"] == 2) & late
    rows[changed] = np.floor(rows[changed] * 5)
    windows["first_ns"][changed] = windows["open_ns"][changed]

    assert drifts_of(model).look(windows, rows, table()) == []

    # Of 24 sessions the first twelve are one host's, and all that one is odd.
    crowd = windows_of(4 * POPULATION)
    crowd["subject"] = np.arange(len(crowd)) % 24
    many, shared = rows_of(2, len(crowd)), np.zeros(24, SESSION)
    shared["number"], shared["client"][:, 15] = np.arange(24) + 1, np.arange(24) + 1
    is_host = crowd["subject"] < 12
    many[is_host] = np.floor(many[is_host] * 5)
    kinds = {one.kind for one in drifts_of(model).look(crowd, many, shared)}
    assert DriftKind.POPULATION in kinds  # twelve hosts would be
    shared["client"][:12] = shared["client"][0]
    drifts = drifts_of(model)
    kinds = {one.kind for one in drifts.look(crowd, many, shared)}
    assert drifts.index
    assert DriftKind.POPULATION not in kinds
