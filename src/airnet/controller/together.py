"""Together: containments asked for at once come into force at once.

A switch looks through all that it has cached whenever its tables change, however small
the change. So what is asked for while it is busy waits, and then goes in one write: one
bundle, one barrier, read back by one question. Each containment keeps its own cookie,
lease, answer and undo; one that is refused is found by halves, and the rest stand.
"""

from abc import abstractmethod
from collections import deque
from collections.abc import Iterable, Sequence

from airnet.clock import Clock
from airnet.controller import flows
from airnet.controller.entries import DECISION_BITS, KINDS, REFRESH_KIND
from airnet.controller.exchange import Exchange
from airnet.controller.messages import (
    AddFlow,
    AskFlows,
    AskGroups,
    AskMeters,
    AskPorts,
    Barrier,
    DeleteCookie,
    DeleteFlow,
    Message,
    Refresh,
    SetGroup,
    SetMeter,
)
from airnet.controller.refresh import is_cached
from airnet.controller.standing import Held
from airnet.controller.switches import Switches

#: The caller gives up after 1 s (config.Actuators); it shall hear the reason first.
ANSWER_LIMIT_NS = 800_000_000
#: Containments in one write: a switch forwards nothing new while it takes them in.
TOGETHER_MAX = 512
#: Writes of containments that a switch has not answered yet; the next ones wait.
UNDER_WAY_MAX = 2
#: How long no twins stand beside what comes and goes, once there was no room.
CROWDED_NS = 60_000_000_000
#: Owner and kind of a cookie: what all containments of one kind are read back by.
KIND_MASK = 0xFFFF << DECISION_BITS


class Together(Switches):
    """The way of containments to the switches and out again.

    Args:
        clock: for durations only.
        is_leading: whether to take the lead over every switch that connects.
    """

    def __init__(self, clock: Clock, *, is_leading: bool = True) -> None:
        super().__init__(clock, is_leading=is_leading)
        self._queued: list[Exchange] = []
        self._halves: deque[list[Exchange]] = deque()
        self._under_way: set[Exchange] = set()
        self._has_twins = False
        self._crowded_ns = 0

    def _queue(self, client: int | None, held: Held) -> None:
        """Have a containment wait for its turn, which may be now."""
        self._queued.append(self._open("apply", ANSWER_LIMIT_NS, client, held))

    def _flush(self, *, is_urgent: bool = False) -> None:
        """Send what waits, unless as much as a switch may have is under way."""
        while self._halves or self._queued:
            if len(self._under_way) >= UNDER_WAY_MAX and not is_urgent:
                return
            some = self._halves.popleft() if self._halves else self._next()
            # What has waited too long was answered already.
            some = [one for one in some if one in self._exchanges.open]
            if some:
                self._send_together(some)

    def _next(self) -> list[Exchange]:
        """Take from the queue what can go together: new rules of one kind, no more."""
        first, *others = self._queued[:TOGETHER_MAX]
        some = [first]
        if _is_plain(first):
            kind = first.held.action if first.held else ""
            for one in others:
                if not _is_plain(one) or not one.held or one.held.action != kind:
                    break
                some.append(one)
        del self._queued[: len(some)]
        return some

    def _send_together(self, some: Sequence[Exchange]) -> None:
        limit_ns = self.clock.mono_ns() + ANSWER_LIMIT_NS
        asked = some[0]
        if len(some) > 1:
            asked = self._open("together", ANSWER_LIMIT_NS)
            asked.members = list(some)
        for one in some:  # theirs comes later: what they wait for answers them
            one.limit_ns = limit_ns + (asked is not one) * ANSWER_LIMIT_NS
        self._under_way.add(asked)
        helds = [one.held for one in some if one.held is not None]
        if not self.is_leading or not self.peers:
            self._finish(asked)
            return
        now_ns = self.clock.mono_ns()
        for switch in sorted(self.peers):
            messages = [m for held in helds for m in self._put(switch, held, now_ns)]
            # Read back in the same write: a barrier says what a switch means to have
            # done, and no more.
            asked_too = [*_meters(helds), *_groups(helds)]
            look = [Barrier(), *asked_too, self._read_back(helds)]
            together = self._at_once(self.peers[switch], messages)
            self._ask(asked, switch, [*together, *look])

    def _put(self, switch: int, held: Held, now_ns: int) -> list[Message]:
        """Return the messages that put `held` on a switch; it counts as there now."""
        there = held.put(switch)
        dropped = [flow for key, flow in there.items() if key not in held.flows]
        messages: list[Message] = []
        if held.meter:
            known = switch in held.metered
            held.metered.add(switch)
            messages.append(SetMeter(meter=held.meter, modify=known))
        messages += [DeleteFlow(flow=flow) for flow in dropped]
        if held.groups:
            known = switch in held.grouped
            held.grouped.add(switch)
            messages += [SetGroup(group=g, modify=known) for g in held.groups]
        return messages + [AddFlow(flow=flow) for flow in held.leased(now_ns)]

    @staticmethod
    def _read_back(helds: Sequence[Held]) -> AskFlows:
        if len(helds) == 1:
            mark = flows.OWNER_COOKIE | helds[0].decision
            return AskFlows(cookie=mark, mask=flows.UNDO_MASK)
        return AskFlows(cookie=flows.cookie(KINDS[helds[0].action], 0), mask=KIND_MASK)

    def _undo(self, exchange: Exchange, helds: Sequence[Held]) -> None:
        """Delete exactly what these put anywhere, by their cookies."""
        for switch in sorted(self.peers):
            messages: list[Message] = []
            for held in helds:
                mark = flows.OWNER_COOKIE | held.decision
                messages.append(DeleteCookie(cookie=mark, mask=flows.UNDO_MASK))
                messages += self._tidied(switch, held)
            self._ask(exchange, switch, messages)
        for held in helds:
            self._refresh(held, sorted(self.peers), is_over=True)

    def _refresh(self, held: Held, switches: Iterable[int], *, is_over: bool) -> None:
        """Have switches look up anew what they have cached of a containment.

        What a switch refuses of it changes nothing, and nobody is told.
        """
        if self.clock.mono_ns() < self._crowded_ns:
            return
        changed = filter(is_cached, held.flows.values())
        messages = [Refresh(flow=flow, is_over=is_over) for flow in changed]
        self._has_twins |= bool(messages)
        for switch in switches if messages else ():
            self._ask(self._open("refresh", ANSWER_LIMIT_NS), switch, messages)

    def _crowd(self) -> None:
        """Have no twins for a while: there is hardly room for the rules themselves."""
        self._crowded_ns = self.clock.mono_ns() + CROWDED_NS

    def _makes_room(self, exchange: Exchange) -> bool:
        """Ask again, without twins, where a switch had no room beside them."""
        held = exchange.held
        is_full = any("TABLE_FULL" in error for error in exchange.errors)
        if not is_full or not self._has_twins or held is None:
            return False
        if self.standing.find(held.id) is not held:  # let go of meanwhile
            return False
        self._crowd()
        self._has_twins = False
        for switch in sorted(self.peers):
            gone = DeleteCookie(cookie=flows.cookie(REFRESH_KIND, 0), mask=KIND_MASK)
            self._ask(self._open("refresh", ANSWER_LIMIT_NS), switch, [gone])
        self._exchanges.end(exchange)
        held.left.clear()
        self._queue(None, held)
        self._queued[-1].clients = exchange.clients
        return True

    def _part(self, exchange: Exchange) -> None:
        """Answer each of those that went together.

        What a switch refused is tried again by halves: one that cannot stand shall not
        keep the others from standing.
        """
        members = exchange.members
        if exchange.errors and not exchange.is_late:
            middle = len(members) // 2
            self._halves.extendleft((members[middle:], members[:middle]))
            return
        open_still = [one for one in members if one in self._exchanges.open]
        for one in open_still:
            one.confirmed, one.read = exchange.confirmed, exchange.read
            one.errors += exchange.errors
        self._fail_together([one for one in open_still if not self._settled(one)])

    @abstractmethod
    def _settled(self, exchange: Exchange) -> bool:
        """Close an apply; answer it and return whether it stands, as it was asked."""

    @abstractmethod
    def _fail_together(self, failed: Sequence[Exchange]) -> None:
        """Undo what may stand of these, on every switch, and say so."""

    def _went(self, exchange: Exchange) -> None:
        """Take note that one answer has come, and that the next may go."""
        if exchange not in self._under_way:
            return
        self._under_way.discard(exchange)
        limit_ns = self.clock.mono_ns() + ANSWER_LIMIT_NS
        waiting = [one for half in self._halves for one in half]
        for one in (*waiting, *self._queued):  # its turn comes, as long as others' do
            one.limit_ns = limit_ns
        self._flush()


def _meters(helds: Sequence[Held]) -> list[AskMeters]:
    """Return the questions for their meters: a rule may stand, and lead to another."""
    return [AskMeters(meter=held.meter.id) for held in helds if held.meter]


def _groups(helds: Sequence[Held]) -> list[AskGroups | AskPorts]:
    """Return the questions for their groups, and whether the links there are up."""
    has_any = any(held.groups for held in helds)
    return [AskGroups(), AskPorts()] if has_any else []


def _is_plain(exchange: Exchange) -> bool:
    """Return whether it is but new rules, which a bundle takes back whole."""
    held = exchange.held
    return not (held is None or held.meter or held.groups or held.left)
