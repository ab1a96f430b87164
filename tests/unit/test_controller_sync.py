"""What is adopted, deleted and put back when a switch connects."""

from msgspec.structs import replace

from airnet.controller import flows
from airnet.controller.entries import Bucket, Flow, Group, Match, Meter
from airnet.controller.sync import Actual, Tables, difference

DROP = Flow(
    table=0,
    priority=flows.DROP,
    cookie=flows.cookie(1, 0xABC),
    match=Match(source="10.9.0.1"),
    seconds=20,
)
OURS = Meter(id=flows.METER_FIRST, rate=10, burst=1)
FOREIGN = Meter(id=3, rate=10, burst=1)


def test_difference_when_empty_switch_adds_everything() -> None:
    found = difference(
        [*flows.baseline(), DROP], [], asked=Tables(meters=(OURS,)), adopts=True
    )

    assert found.added == (*flows.baseline(), DROP)
    assert found.meters_added == (OURS,)


def test_difference_when_all_stands_does_nothing() -> None:
    actual = [Actual(flow=flow, age_ms=900) for flow in (*flows.baseline(), DROP)]

    found = difference([*flows.baseline(), DROP], actual, adopts=False)

    assert not found.added
    assert not found.deleted


def test_difference_adopts_what_ends_by_itself_and_deletes_what_does_not() -> None:
    endless = replace(DROP, priority=DROP.priority + 1, seconds=0)
    elsewhere = replace(DROP, table=1)
    other_kind = replace(DROP, priority=7, cookie=flows.cookie(99, 1))
    actual = [Actual(flow=flow) for flow in (DROP, endless, elsewhere, other_kind)]

    found = difference([], actual, adopts=True)

    assert [item.flow for item in found.adopted] == [DROP]
    assert set(found.deleted) == {endless, elsewhere, other_kind}


def test_difference_when_we_remember_deletes_orphans() -> None:
    found = difference([], [Actual(flow=DROP)], adopts=False)

    assert found.deleted == (DROP,)
    assert not found.adopted


def test_difference_when_an_end_differs_adds_with_what_remains() -> None:
    wanted = replace(DROP, seconds=5)

    late = difference([wanted], [Actual(flow=DROP, age_ms=1000)], adopts=False)
    close = difference([wanted], [Actual(flow=DROP, age_ms=14_000)], adopts=False)

    assert late.added == (wanted,)
    assert not close.added


def test_difference_when_undescribable_wipes_the_cookie_and_puts_back_ours() -> None:
    odd = replace(DROP, match=Match(foreign="in_port=1"))
    actual = [Actual(flow=DROP), Actual(flow=odd)]

    found = difference([DROP], actual, adopts=False)

    assert found.wiped == (DROP.cookie,)
    assert found.added == (DROP,)


def test_difference_deletes_only_meters_of_ours() -> None:
    found = difference([], [], found=Tables(meters=(OURS, FOREIGN)), adopts=True)

    assert found.meters_deleted == (OURS.id,)


def test_difference_keeps_the_meter_of_what_it_adopts() -> None:
    metered = replace(DROP, cookie=flows.cookie(2, 5), meter=OURS.id, goto=1)

    found = difference(
        [], [Actual(flow=metered)], found=Tables(meters=(OURS,)), adopts=True
    )

    assert not found.meters_deleted


def test_difference_deletes_the_record_of_what_no_longer_acts() -> None:
    """Its rules ended while nobody lived to renew them: it is over."""
    record = replace(DROP, table=flows.RECORDS, match=Match(metadata=0xABC))

    alone = difference([], [Actual(flow=record)], adopts=True)
    both = difference([], [Actual(flow=record), Actual(flow=DROP)], adopts=True)

    assert alone.deleted == (record,)
    assert {item.flow for item in both.adopted} == {record, DROP}


def test_difference_keeps_both_groups_of_what_it_adopts() -> None:
    ids = (flows.GROUP_FIRST + 4, flows.GROUP_FIRST + 5, flows.GROUP_FIRST + 8, 7)
    groups = tuple(Group(id=number, buckets=(Bucket(),)) for number in ids)
    grouped = replace(DROP, cookie=flows.cookie(6, 5), group=ids[0])

    found = difference(
        [], [Actual(flow=grouped)], found=Tables(groups=groups), adopts=True
    )

    assert found.groups_deleted == (ids[2],)
