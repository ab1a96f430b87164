"""What must change on a switch for it to hold what it should. Pure.

The switch is the record that survives us: what an earlier life of the controller put
there and what still ends by itself is adopted; the rest under our cookie is deleted.
"""

from collections.abc import Callable, Collection, Iterable
from typing import TypeVar

import msgspec

from airnet.controller.entries import (
    ACTIONS,
    ARMED_KIND,
    BASELINE,
    DECISION_BITS,
    DECISION_MASK,
    GROUP_COUNT,
    GROUP_FIRST,
    METER_COUNT,
    METER_FIRST,
    OWNER,
    RECORDS,
    SECURITY,
    Flow,
    Group,
    Meter,
)
from airnet.controller.messages import (
    AddFlow,
    DeleteCookie,
    DeleteFlow,
    DeleteGroup,
    DeleteMeter,
    Message,
    SetGroup,
    SetMeter,
)

#: A hard timeout counts whole seconds; within this two ends are the same end.
END_TOLERANCE_MS = 1500


class Actual(msgspec.Struct, frozen=True, kw_only=True):
    """A flow as a switch reports it, its age and what it has matched."""

    flow: Flow
    age_ms: int = 0
    packets: int = 0
    bytes: int = 0

    @property
    def remaining_ms(self) -> int:
        """Return how long until it ends by itself; 0 when it never does."""
        return max(0, self.flow.seconds * 1000 - self.age_ms)


class Tables(msgspec.Struct, frozen=True, kw_only=True):
    """What there is, or should be, on one switch: flows, meters, groups."""

    meters: tuple[Meter, ...] = ()
    groups: tuple[Group, ...] = ()


class Difference(msgspec.Struct, frozen=True, kw_only=True):
    """Deletes first, then meters, then adds. `adopted` is kept as it is.

    `wiped` are cookies under which something stands that we cannot even describe.
    """

    wiped: tuple[int, ...]
    deleted: tuple[Flow, ...]
    added: tuple[Flow, ...]
    adopted: tuple[Actual, ...]
    meters_deleted: tuple[int, ...]
    meters_added: tuple[Meter, ...]
    groups_deleted: tuple[int, ...]
    groups_added: tuple[Group, ...]


def difference(
    desired: Iterable[Flow],
    actual: Iterable[Actual],
    *,
    asked: Tables | None = None,
    found: Tables | None = None,
    adopts: bool,
) -> Difference:
    """Compare the flows and meters there should be with those a switch reports.

    Args:
        desired: every flow; `seconds` is what remains of it.
        actual: the reported flows under our cookie.
        asked: every meter and group there should be.
        found: every meter and group reported, ours or not.
        adopts: whether well-formed containments nobody desires are kept.
    """
    wanted = {flow.key: flow for flow in desired}
    # What the fast lane has armed is its own.
    reported = [item for item in actual if kind_of(item.flow) != ARMED_KIND]
    wiped = {item.flow.cookie for item in reported if item.flow.match.foreign}
    standing = {item.flow.key: item for item in reported}
    for key in [key for key in standing if standing[key].flow.cookie in wiped]:
        del standing[key]
    known = {flow.cookie & DECISION_MASK for flow in wanted.values()}
    spare = [item for key, item in standing.items() if key not in wanted]
    adopted = _adopted(spare, known) if adopts else []
    deleted = [item.flow for item in spare if item not in adopted]
    added = [
        flow
        for key, flow in wanted.items()
        if key not in standing or not _same(flow, standing[key])
    ]
    asked, found = asked or Tables(), found or Tables()
    used_meters = {item.flow.meter for item in adopted}
    used_groups = {item.flow.group + step for item in adopted for step in (0, 1)}
    meters = _numbered(asked.meters, found.meters, is_ours, used_meters)
    groups = _numbered(asked.groups, found.groups, is_our_group, used_groups)
    return Difference(
        wiped=tuple(sorted(wiped)),
        deleted=tuple(deleted),
        added=tuple(added),
        adopted=tuple(adopted),
        meters_deleted=meters[0],
        meters_added=meters[1],
        groups_deleted=groups[0],
        groups_added=groups[1],
    )


def _adopted(spare: Iterable[Actual], known: set[int]) -> list[Actual]:
    """Return what an earlier life of ours put there, and what of it still acts.

    A record of an end without any rule left is not a containment.
    """
    whole = [
        item
        for item in spare
        if is_whole(item) and item.flow.cookie & DECISION_MASK not in known
    ]
    acting = {item.flow.cookie for item in whole if item.flow.table == SECURITY}
    return [item for item in whole if item.flow.cookie in acting]


N = TypeVar("N", Meter, Group)


def _numbered(
    asked: Iterable[N], found: Iterable[N], ours: Callable[[int], bool], used: set[int]
) -> tuple[tuple[int, ...], tuple[N, ...]]:
    """Return the numbers to delete and the things to add, in order of number."""
    wanted = {each.id: each for each in asked}
    have = {each.id for each in found if ours(each.id)}
    deleted = sorted(have - used - set(wanted))
    added = tuple(wanted[number] for number in sorted(set(wanted) - have))
    return tuple(deleted), added


def is_ours(meter: int) -> bool:
    """Return whether a meter's id is one of those we give."""
    return METER_FIRST <= meter < METER_FIRST + METER_COUNT


def is_our_group(group: int) -> bool:
    """Return whether a group's id is one of those we give."""
    return GROUP_FIRST <= group < GROUP_FIRST + GROUP_COUNT


def kind_of(flow: Flow) -> int:
    """Return the kind in a flow's cookie."""
    return flow.cookie >> DECISION_BITS & 0xFF


def is_whole(item: Actual) -> bool:
    """Return whether a reported flow is a containment's and ends by itself."""
    flow = item.flow
    kind = kind_of(flow)
    return (
        flow.cookie >> 56 == OWNER
        and kind != BASELINE
        and kind in ACTIONS
        and flow.table in {SECURITY, RECORDS}
        and item.remaining_ms > 0
    )


def _same(wanted: Flow, item: Actual) -> bool:
    """Return whether a standing flow does what is wanted, until when it is wanted."""
    alike = msgspec.structs.replace(item.flow, seconds=wanted.seconds) == wanted
    if not alike or bool(wanted.seconds) != bool(item.flow.seconds):
        return False
    late_ms = abs(item.remaining_ms - wanted.seconds * 1000)
    return not wanted.seconds or late_ms <= END_TOLERANCE_MS


def changes(found: Difference, known: Collection[int]) -> list[Message]:
    """Return the messages that make a difference good, what goes before what comes.

    Args:
        found: the difference.
        known: ids of meters and groups that we have put there already.
    """
    messages: list[Message] = [
        DeleteCookie(cookie=cookie, mask=(1 << 64) - 1) for cookie in found.wiped
    ]
    messages += [DeleteMeter(meter=number) for number in found.meters_deleted]
    messages += [DeleteGroup(group=number) for number in found.groups_deleted]
    messages += [SetMeter(meter=m, modify=m.id in known) for m in found.meters_added]
    messages += [DeleteFlow(flow=flow) for flow in found.deleted]
    messages += [SetGroup(group=g, modify=g.id in known) for g in found.groups_added]
    return messages + [AddFlow(flow=flow) for flow in found.added]
