"""Every scenario of the catalogue builds, is the same again, and is labelled."""

import hashlib
from collections import Counter

import numpy as np
import pytest

from airnet.domain.decision import PASSIVE
from airnet.domain.verdict import CONTAINABLE, Cause
from airnet.errors import UsageError
from airnet.twin import catalogue
from airnet.twin.market import stream
from airnet.twin.plan import NONE, Plan, Size
from airnet.twin.ranges import DOMAINS

SMALL = Size(sessions=12, symbols=8)
HISTORICAL = {
    "knight_2012",
    "flash_crash_2010",
    "goldman_2013",
    "everbright_2013",
    "bats_2012",
    "nzx_2020",
    "nasdaq_sip_2013",
    "tse_2020",
}


def digest(plan: Plan) -> str:
    """Return the hash of everything a world is given."""
    whole = hashlib.sha256()
    for name, rows in sorted(plan.rows().items()):
        whole.update(name.encode() + rows.tobytes())
    return whole.hexdigest()


@pytest.mark.parametrize("name", catalogue.names())
def test_it_builds_and_is_deterministic(name: str) -> None:
    """The same seed gives the same rows; another seed gives others."""
    first = catalogue.build(name, 7, size=SMALL)

    assert digest(first) == digest(catalogue.build(name, 7, size=SMALL))
    assert digest(first) != digest(catalogue.build(name, 8, size=SMALL))
    assert first.labels == catalogue.build(name, 7, size=SMALL).labels


@pytest.mark.parametrize("difficulty", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("name", catalogue.names())
def test_labels_lie_inside_the_episode(name: str, difficulty: float) -> None:
    """Each label says a Cause, a time inside the episode, and whom."""
    size = Size(sessions=14, symbols=6, difficulty=difficulty)
    plan = catalogue.build(name, 3, size=size, of="report")
    spec = catalogue.scenario(name).spec

    assert any(label.cause is spec.cause for label in plan.labels)
    for label in plan.labels:
        assert plan.start_ns <= label.onset_ns < label.offset_ns <= plan.end_ns
        assert label.about
        assert (label.cause in CONTAINABLE) == (label.action not in PASSIVE)
        assert label.tier <= label.tier_max
        assert label.is_benign == (label.severity == "benign")
        assert len(label.lines) in {0, len(label.sessions)}
    assert [label.number for label in plan.labels] == list(
        range(1, len(plan.labels) + 1)
    )


@pytest.mark.parametrize("name", catalogue.names())
def test_rows_point_at_rows(name: str) -> None:
    """Every index in a row is that of a row there is; every number is finite."""
    plan = catalogue.build(name, 5, size=SMALL)
    rows = plan.rows()

    pointers = {
        "agent": (("line", "line"), ("symbol", "symbol")),
        "fault": (("agent", "agent"), ("symbol", "symbol")),
        "line": (("client", "host"), ("gateway", "host"), ("dialect", "dialect")),
        "news": (("symbol", "symbol"), ("gateway", "host")),
        "trouble": (("line", "line"),),
        "strike": (("source", "host"), ("target", "host"), ("line", "line")),
        "murmur": (("a", "host"), ("b", "host")),
        "feed": (("host", "host"),),
    }
    for table, fields in pointers.items():
        for field, target in fields:
            known = rows[table][field][rows[table][field] != NONE]
            assert (known < len(rows[target])).all(), (table, field)
    for table, made in rows.items():
        for field in made.dtype.names:
            if made[field].dtype.kind == "f":
                assert np.isfinite(made[field]).all(), (table, field)
    for table in ("fault", "trouble", "strike", "sensor"):
        assert (rows[table]["onset_ns"] < rows[table]["offset_ns"]).all()
    assert len(
        {rows["host"]["address"][i].tobytes() for i in range(len(rows["host"]))}
    ) == len(rows["host"])


def test_all_causes_and_most_benign() -> None:
    """Every Cause has a scenario; those that may not be contained are most."""
    specs = [catalogue.scenario(name).spec for name in catalogue.names()]
    causes = Counter(spec.cause for spec in specs)

    assert set(causes) == set(Cause)
    assert len(specs) >= 30
    assert sum(spec.is_benign for spec in specs) > len(specs) / 2
    assert any(spec.is_held_out for spec in specs)
    assert any(not spec.is_held_out for spec in specs)


def test_historical_incidents_name_their_sources() -> None:
    """An incident that happened says where that is written."""
    for name in sorted(HISTORICAL):
        assert "Source: " in catalogue.scenario(name).story


def test_difficulty_is_continuous() -> None:
    """An algorithm's excess goes from 50 to 1.1 with the difficulty."""
    found = [
        catalogue.build("runaway", 1, size=Size(sessions=12, symbols=8, difficulty=x))
        .labels[0]
        .excess
        for x in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]

    assert found[0] == pytest.approx(50.0)
    assert found[-1] == pytest.approx(1.1)
    assert found == sorted(found, reverse=True)


#: Their axes count sessions or symbols: a few of them are the same number twice.
COUNTED = {"bats_2012": 4, "silent_line": 4}


@pytest.mark.parametrize("name", catalogue.names())
def test_every_step_of_difficulty_makes_another_world(name: str) -> None:
    """No scenario's axis stands still: it is a curve, not a switch."""
    worlds = set()
    for difficulty in (0.0, 0.25, 0.5, 0.75, 1.0):
        size = Size(sessions=20, symbols=10, difficulty=difficulty)
        rows = catalogue.build(name, 1, size=size).rows()
        worlds.add(tuple(table.tobytes() for table in rows.values()))

    assert len(worlds) >= COUNTED.get(name, 5)


def test_the_same_firms_live_through_every_scenario() -> None:
    """Two scenarios of one seed differ in the disturbance, not in the population."""
    quiet = catalogue.build("quiet", 9, size=SMALL).rows()
    flood = catalogue.build("syn_flood", 9, size=SMALL).rows()

    for table in ("symbol", "agent", "line", "dialect", "murmur", "venue"):
        assert quiet[table].tobytes() == flood[table].tobytes(), table


@pytest.mark.parametrize("name", sorted(DOMAINS))
def test_domains_keep_to_their_ranges(name: str) -> None:
    """Each domain draws sessions, symbols and dialects from its own ranges."""
    ranges = DOMAINS[name]
    for seed in range(6):
        plan = catalogue.build("quiet", seed, of=name)
        assert ranges.sessions[0] <= plan.sessions <= ranges.sessions[1]
        assert ranges.symbols[0] <= plan.symbols <= ranges.symbols[1]
        rows = plan.rows()
        assert set(rows["dialect"]["version"].tolist()) <= set(ranges.versions)
        assert set(rows["line"]["gateway_port"].tolist()) <= set(ranges.ports)
        agents = rows["agent"]
        assert (agents["n1"] + agents["n2"] < 0.95).all()
        site = plan.site()
        assert sum(len(firm.sessions) for firm in site.firms) == plan.sessions


def test_reports_are_held_out() -> None:
    """What reports are measured on has ports and addresses nobody trained on."""
    assert not set(DOMAINS["report"].ports) & set(DOMAINS["train"].ports)
    assert DOMAINS["report"].networks[0] > DOMAINS["train"].networks[1]


def test_unknown_names_are_refused() -> None:
    """A scenario or a domain that is not there is the caller's fault."""
    with pytest.raises(UsageError, match="no scenario"):
        catalogue.build("nothing", 1)
    with pytest.raises(UsageError, match="no domain"):
        catalogue.build("quiet", 1, of="nowhere")


@pytest.mark.parametrize("seed", [0, 1, 2**32 - 1, 2**32, 2**48 + 5])
def test_a_stream_is_that_of_its_seed_and_words(seed: int) -> None:
    """The slow twin hands SeedSequence whole numbers, which it takes apart."""
    words = np.frombuffer(hashlib.sha256(b"host\0report\x007").digest()[:16], "<u4")
    sequence = np.random.SeedSequence([seed, *map(int, words)])
    slow = np.random.Generator(np.random.Philox(sequence))

    fast = stream(seed, "host", "report", 7)

    assert fast.random(4).tolist() == slow.random(4).tolist()
