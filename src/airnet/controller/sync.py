"""What must change on a switch for it to hold what it should. Pure.

The switch is the record that survives us: what an earlier life of the controller put
there and what still ends by itself is adopted; the rest under our cookie is deleted.
"""

from collections.abc import Iterable

import msgspec

from airnet.controller.flows import (
    ACTIONS,
    BASELINE,
    DECISION_BITS,
    DECISION_MASK,
    METER_COUNT,
    METER_FIRST,
    OWNER,
    SECURITY,
    Flow,
    Meter,
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


def difference(
    desired: Iterable[Flow],
    actual: Iterable[Actual],
    *,
    meters: Iterable[Meter] = (),
    found: Iterable[Meter] = (),
    adopts: bool,
) -> Difference:
    """Compare the flows and meters there should be with those a switch reports.

    Args:
        desired: every flow; `seconds` is what remains of it.
        actual: the reported flows under our cookie.
        meters: every meter there should be.
        found: every meter reported, ours or not.
        adopts: whether well-formed containments nobody desires are kept.
    """
    wanted = {flow.key: flow for flow in desired}
    reported = list(actual)
    wiped = {item.flow.cookie for item in reported if item.flow.match.foreign}
    standing = {item.flow.key: item for item in reported}
    for key in [key for key in standing if standing[key].flow.cookie in wiped]:
        del standing[key]
    known = {flow.cookie & DECISION_MASK for flow in wanted.values()}
    spare = [item for key, item in standing.items() if key not in wanted]
    adopted = [
        item
        for item in spare
        if adopts and is_whole(item) and item.flow.cookie & DECISION_MASK not in known
    ]
    deleted = [item.flow for item in spare if item not in adopted]
    added = [
        flow
        for key, flow in wanted.items()
        if key not in standing or not _same(flow, standing[key])
    ]
    asked = {meter.id: meter for meter in meters}
    have = {meter.id: meter for meter in found if is_ours(meter.id)}
    used = {item.flow.meter for item in adopted} | set(asked)
    return Difference(
        wiped=tuple(sorted(wiped)),
        deleted=tuple(deleted),
        added=tuple(added),
        adopted=tuple(adopted),
        meters_deleted=tuple(sorted(set(have) - used)),
        meters_added=tuple(asked[id_] for id_ in sorted(set(asked) - set(have))),
    )


def is_ours(meter: int) -> bool:
    """Return whether a meter's id is one of those we give."""
    return METER_FIRST <= meter < METER_FIRST + METER_COUNT


def is_whole(item: Actual) -> bool:
    """Return whether a reported flow is a containment's and ends by itself."""
    flow = item.flow
    kind = flow.cookie >> DECISION_BITS & 0xFF
    return (
        flow.cookie >> 56 == OWNER
        and kind != BASELINE
        and kind in ACTIONS
        and flow.table == SECURITY
        and item.remaining_ms > 0
    )


def _same(wanted: Flow, item: Actual) -> bool:
    """Return whether a standing flow does what is wanted, until when it is wanted."""
    alike = msgspec.structs.replace(item.flow, seconds=wanted.seconds) == wanted
    if not alike or bool(wanted.seconds) != bool(item.flow.seconds):
        return False
    late_ms = abs(item.remaining_ms - wanted.seconds * 1000)
    return not wanted.seconds or late_ms <= END_TOLERANCE_MS
