"""What-if: exact for a twin's ledger, an honest estimate for a recording's."""

import msgspec
import pytest

from airnet.domain.incident import Evidence, Incident
from airnet.errors import UsageError
from airnet.record.file import read
from airnet.record.incident import fold
from airnet.replay import Order, replay
from airnet.twin.traffic import Params, generate
from airnet.twin.whatif import OPEN_LOOP, what_if

NS_PER_S = 1_000_000_000


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> list[Evidence]:
    """Return the ledger of a replay of a runaway, all in shadow."""
    folder = tmp_path_factory.mktemp("recorded")
    params = Params(duration_s=8.0, onset_s=4.0)
    generate("runaway", 3, params=params).write(folder / "day.pcapng")
    replay(
        Order(files=(folder / "day.pcapng",), ledger=folder / "ledger"),
        lambda _frames, _decisions: None,
    )
    return list(read(folder / "ledger"))


def runaway(evidence: list[Evidence]) -> Incident:
    return next(one for one in fold(evidence) if one.cause == "algo_fault")


def test_what_if_when_it_is_a_recording_then_it_says_that_it_estimates(
    recorded: list[Evidence],
) -> None:
    told = what_if(runaway(recorded), recorded, later_ns=2 * NS_PER_S)

    assert not told.is_exact
    assert told.basis == OPEN_LOOP
    idle, acted, later = told.variants
    assert idle.name == "as it was (not acted)"
    assert idle.stopped == 0
    assert acted.stopped is not None
    assert acted.stopped > 1000
    assert idle.passed == acted.stopped
    assert later.name == "acted 2 s later"
    assert later.passed is not None
    assert 0 < later.passed < acted.stopped
    assert later.stopped == acted.stopped - later.passed
    assert all(one.avoided_cents is None for one in told.variants), "no prices are kept"
    assert all(one.harm is None for one in told.variants)


def test_what_if_when_the_schema_is_another_then_it_knows_no_rates(
    recorded: list[Evidence],
) -> None:
    other = [
        msgspec.structs.replace(one, body={**one.body, "schema": "0" * 64})
        if one.kind == "decision"
        else one
        for one in recorded
    ]

    told = what_if(runaway(recorded), other)

    assert told.warnings


def test_what_if_when_nothing_was_ordered_then_there_is_no_other_way(
    recorded: list[Evidence],
) -> None:
    incident = runaway(recorded)
    passive = tuple(one for one in incident.decisions if not one.until_ns)

    with pytest.raises(UsageError, match="orders nothing"):
        what_if(msgspec.structs.replace(incident, decisions=passive), recorded)


def test_what_if_when_the_record_is_no_twins_after_all_then_it_says_so(
    recorded: list[Evidence],
) -> None:
    start = msgspec.structs.replace(recorded[0], body={"mode": "twin", "seed": "x"})

    with pytest.raises(UsageError, match="does not say how to play it again"):
        what_if(runaway(recorded), [start, *recorded[1:]])
