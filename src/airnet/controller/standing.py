"""Standing: the containments in force, and what of each is left on which switch."""

import dataclasses
from collections.abc import Collection, Iterable, Sequence

import msgspec

from airnet.controller import flows
from airnet.controller.entries import ACTIONS, RECORDS, Flow, Group, Key, Meter
from airnet.controller.flows import LEASE_S, Apply
from airnet.controller.sync import Actual, Tables

#: Limits of what may stand at once; one more is refused.
HELD_MAX, FLOWS_MAX = 2048, 16384
#: How long after its hard timeout a switch may be silent about an end.
SILENCE_NS = 3_000_000_000
#: How long removals may trail the barrier of the delete that caused them.
TRAIL_NS = 1_000_000_000
SECOND_NS = 1_000_000_000
#: A lease is renewed when less than this is left of it.
RENEW_NS = LEASE_S * SECOND_NS // 2


@dataclasses.dataclass(eq=False)
class Held:
    """One containment: its rules, when they end, and where they still are."""

    id: str
    decision: int
    action: str
    deadline_ns: int
    request: Apply | None = None
    rank: int = 0
    meter: Meter | None = None
    groups: tuple[Group, ...] = ()
    leased_ns: int = 0
    reason: str = ""
    was_confirmed: bool = False
    flows: dict[Key, Flow] = dataclasses.field(default_factory=dict)
    left: dict[int, dict[Key, Flow]] = dataclasses.field(default_factory=dict)
    metered: set[int] = dataclasses.field(default_factory=set)
    grouped: set[int] = dataclasses.field(default_factory=set)
    counts: dict[tuple[int, Key], Actual] = dataclasses.field(default_factory=dict)

    @staticmethod
    def unknown(identity: str) -> "Held":
        """Return what stands for a containment nobody remembers."""
        decision = flows.decision_bits(identity)
        return Held(id=identity, decision=decision, action="", deadline_ns=0)

    def put(self, switch: int) -> dict[Key, Flow]:
        """Take every rule as being on `switch`; return those that were before."""
        before = self.left.get(switch, {})
        self.left[switch] = dict(self.flows)
        return before

    def covers(self, asked: Apply, now_ns: int, switches: Collection[int]) -> bool:
        """Return whether just what is asked stands already, and for as long."""
        whole = all(len(self.left.get(s, ())) == len(self.flows) for s in switches)
        return whole and self._is_same(asked) and self._lasts(asked, now_ns)

    def is_prolonged(self, asked: Apply, now_ns: int) -> bool:
        """Return whether what is asked is the same, for longer."""
        return self._is_same(asked) and not self._lasts(asked, now_ns)

    def _is_same(self, asked: Apply) -> bool:
        return self.request is not None and self.request.known == asked.known

    def _lasts(self, asked: Apply, now_ns: int) -> bool:
        until_ns = now_ns + asked.ttl_ms * 1_000_000
        return until_ns <= self.deadline_ns + SECOND_NS

    def is_used(self, switch: int) -> bool:
        """Return whether a rule that uses the meter or group is left on `switch`."""
        flows_left = self.left.get(switch, {}).values()
        return any(flow.meter or flow.group for flow in flows_left)

    def leased(self, now_ns: int) -> list[Flow]:
        """Return every flow there should be, with the seconds that it is to have."""
        left_s = -(-self.remaining_ms(now_ns) // 1000)
        return [
            msgspec.structs.replace(
                flow,
                seconds=left_s if flow.table == RECORDS else min(left_s, LEASE_S),
            )
            for flow in self.flows.values()
            if left_s
        ]

    def must_renew(self, now_ns: int) -> bool:
        """Return whether its rules would end soon, and before it does."""
        return self.leased_ns < min(now_ns + RENEW_NS, self.deadline_ns)

    def is_over(self) -> bool:
        """Return whether no rule is left on any switch we hear from."""
        return not any(map(self.acts_on, self.left))

    def acts_on(self, switch: int) -> bool:
        """Return whether a rule is left on `switch`."""
        there = self.left.get(switch, {}).values()
        return any(flow.table != RECORDS for flow in there)

    def remaining_ms(self, now_ns: int) -> int:
        """Return how long it still stands."""
        return max(0, self.deadline_ns - now_ns) // 1_000_000

    def line(
        self, state: str, now_ns: int, switches: Iterable[int]
    ) -> dict[str, object]:
        """Return what clients are told of it."""
        return {
            "id": self.id,
            "ok": True,
            "state": state,
            "action": self.action,
            "switches": [f"{switch:016x}" for switch in switches],
            "flows": len(self.flows),
            "remaining_ms": self.remaining_ms(now_ns),
        }

    def status_line(self, now_ns: int) -> dict[str, object]:
        """Return its line of `status`, with what its rules have matched."""
        line = self.line("applied", now_ns, sorted(s for s in self.left))
        del line["ok"]
        request = self.request
        return {
            **line,
            "sources": list(request.sources) if request else [],
            "gateway": request.gateway if request else "",
            "adopted": request is None,
            "packets": sum(item.packets for item in self.counts.values()),
            "bytes": sum(item.bytes for item in self.counts.values()),
        }

    def ended_line(self, now_ns: int) -> dict[str, object]:
        """Return the event of its end."""
        return {
            "event": "ended",
            "id": self.id,
            "action": self.action,
            "reason": self.reason or "expired",
            "early_ms": self.remaining_ms(now_ns),
            "packets": sum(item.packets for item in self.counts.values()),
            "bytes": sum(item.bytes for item in self.counts.values()),
        }


class Standing:
    """Every Held, by decision; and those told to end whose removals trail."""

    def __init__(self) -> None:
        self._held: dict[int, Held] = {}
        # Of every Held and nothing else, so that one more costs the same as the first.
        self._taken: set[Key] = set()
        self._ending: dict[int, tuple[Held, int]] = {}

    def find(self, identity: str) -> Held | None:
        """Return what stands under a decision id."""
        return self._held.get(flows.decision_bits(identity))

    def of(self, decision: int) -> Held | None:
        """Return what stands under a decision's bits."""
        return self._held.get(decision)

    def all(self) -> list[Held]:
        """Return everything that stands."""
        return list(self._held.values())

    def refusal(self, asked: Apply) -> str:
        """Return why `asked` cannot stand beside what does, or nothing."""
        held = self.find(asked.id)
        if held is None:
            total = len(self._taken)
            if len(self._held) >= HELD_MAX or total >= FLOWS_MAX:
                return f"{len(self._held)} containments, {total} flows: the limit"
            return ""
        if not asked.id.startswith(held.id) and held.id != asked.id:
            return f"{asked.id} cannot be told from {held.id}, which stands"
        if held.request is None:
            return ""
        # Who is known changes as sessions come and go; the rules then follow.
        before = msgspec.structs.replace(
            held.request, ttl_ms=asked.ttl_ms, known=asked.known
        )
        return "" if before == asked else f"{asked.id} stands for another request"

    def hold(self, asked: Apply, now_ns: int) -> Held:
        """Return what shall stand for `asked`, new or prolonged.

        Raises:
            ValueError: no free priority or meter is left.
        """
        decision = flows.decision_bits(asked.id)
        held = self._held.get(decision)
        meter, group = self._numbers(asked, decision, held)
        if held is not None:
            made = flows.ranked(asked, held.rank, meter, group)
            self._taken.difference_update(held.flows)
        else:
            made = flows.plan(asked, self._taken, meter, group)
            held = Held(asked.id, decision, asked.action, 0, rank=made.rank)
            self._held[decision] = held
        held.id, held.request = asked.id, asked
        held.flows = {flow.key: flow for flow in made.flows}
        held.meter = made.meters[0] if made.meters else None
        held.groups = made.groups
        self._taken.update(held.flows)
        held.deadline_ns = now_ns + flows.whole_seconds(asked) * SECOND_NS
        held.leased_ns = min(held.deadline_ns, now_ns + LEASE_S * SECOND_NS)
        return held

    def _numbers(
        self, asked: Apply, decision: int, held: Held | None
    ) -> tuple[int, int]:
        """Return the numbers of meter and first group, where they are needed."""
        meter = held.meter.id if held and held.meter else 0
        group = min((g.id for g in held.groups), default=0) if held else 0
        if asked.action == "rate_limit_sources" and not meter:
            taken = {other.meter.id for other in self._all() if other.meter}
            meter = flows.free_meter(decision, taken)
        if asked.action == "reroute" and not group:
            used = {each.id for other in self._all() for each in other.groups}
            group = flows.free_group(decision, used)
        return meter, group

    def adopt(
        self,
        switch: int,
        found: Sequence[Actual],
        tables: Tables,
        now_ns: int,
    ) -> None:
        """Hold what an earlier life of ours left on `switch`."""
        meters = {meter.id: meter for meter in tables.meters}
        groups = {group.id: group for group in tables.groups}
        for item in found:
            flow = item.flow
            decision = flow.cookie & flows.DECISION_MASK
            kind = flow.cookie >> flows.DECISION_BITS & 0xFF
            until_ns = now_ns + item.remaining_ms * 1_000_000
            held = self._held.get(decision)
            if held is None:
                name = f"{decision:012x}"
                held = Held(name, decision, ACTIONS[kind], until_ns)
                held.rank, held.was_confirmed = flows.rank_of(flow), True
                self._held[decision] = held
            held.deadline_ns = max(held.deadline_ns, until_ns)
            if flow.table != RECORDS:
                held.leased_ns = max(held.leased_ns, until_ns)
            held.flows[flow.key] = flow
            self._taken.add(flow.key)
            if flow.meter in meters:
                held.meter = meters[flow.meter]
                held.metered.add(switch)
            if flow.group in groups:
                pair = (flow.group + 1, flow.group)
                held.groups = tuple(groups[each] for each in pair if each in groups)
                held.grouped.add(switch)

    def put_all(self, switch: int) -> set[int]:
        """Take all as there; return the meters and groups that were before."""
        before = {h.meter.id for h in self._all() if h.meter and switch in h.metered}
        for held in self._all():
            if switch in held.grouped:
                before.update(group.id for group in held.groups)
        for held in self._held.values():
            held.put(switch)
            if held.meter:
                held.metered.add(switch)
            if held.groups:
                held.grouped.add(switch)
        return before

    def to_renew(self, now_ns: int) -> list[Held]:
        """Return what would end before its end unless it is renewed."""
        return [held for held in self._held.values() if held.must_renew(now_ns)]

    def remaining(self, now_ns: int) -> list[Flow]:
        """Return every flow there should be, `seconds` being what remains of it."""
        return [flow for held in self._held.values() for flow in held.leased(now_ns)]

    def tables(self) -> Tables:
        """Return every meter and group there should be."""
        held = self._held.values()
        return Tables(
            meters=tuple(each.meter for each in held if each.meter),
            groups=tuple(group for each in held for group in each.groups),
        )

    def drop(self, identity: str, now_ns: int) -> Held | None:
        """Let go of what stands under an id; its removals may still be told."""
        held = self._held.pop(flows.decision_bits(identity), None)
        if held is not None:
            self._taken.difference_update(held.flows)
            self._ending[held.decision] = (held, now_ns + TRAIL_NS)
        return held

    def end(self, held: Held) -> bool:
        """Forget a containment; return whether it was one that had stood."""
        known = any(other is held for other in self._all())
        if self._held.get(held.decision) is held:
            del self._held[held.decision]
            self._taken.difference_update(held.flows)
        elif known:
            del self._ending[held.decision]
        return known and held.was_confirmed

    def gone(self, switch: int, item: Actual, reason: str) -> Held | None:
        """Take note that a rule is gone; return the containment it was of."""
        decision = item.flow.cookie & flows.DECISION_MASK
        trailing = self._ending.get(decision, (None, 0))[0]
        held = self._held.get(decision)
        # A delete's removals may come after the same id was applied again.
        if trailing is not None and (held is None or reason == "removed"):
            held = trailing
        if held is None or item.flow.key not in held.left.get(switch, {}):
            return None
        del held.left[switch][item.flow.key]
        held.counts[switch, item.flow.key] = item
        held.reason = held.reason or reason
        return held

    def count(self, switch: int, item: Actual) -> None:
        """Take note of what a standing rule has matched."""
        held = self._held.get(item.flow.cookie & flows.DECISION_MASK)
        if held is not None and item.flow.key in held.flows:
            held.counts[switch, item.flow.key] = item

    def lost(self, switch: int) -> None:
        """Take note that `switch` is out of sight."""
        for held in self._all():
            held.left.pop(switch, None)
            held.metered.discard(switch)
            held.grouped.discard(switch)

    def overdue(self, now_ns: int) -> list[Held]:
        """Return what must have ended by now without anyone telling."""
        late = [
            held
            for held in self._held.values()
            if now_ns > held.deadline_ns + SILENCE_NS
        ]
        return late + [h for h, until in self._ending.values() if now_ns > until]

    def lines(self, now_ns: int) -> list[dict[str, object]]:
        """Return the status of each, the first to end first."""
        order = sorted(self._held.values(), key=lambda h: (h.deadline_ns, h.id))
        return [held.status_line(now_ns) for held in order]

    def _all(self) -> list[Held]:
        return [*self._held.values(), *(held for held, _ in self._ending.values())]
