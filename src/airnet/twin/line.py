"""Line: one FIX connection in virtual time: TCP, logon, heartbeats, logout.

What both ends want to do is a heap of (time, what); the Line takes them in order,
writes the messages and gives them to the Flow.
"""

import heapq
from collections import Counter
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import numpy as np

from airnet.twin.dialect import Dialect, Writer
from airnet.twin.flow import DOWN, UP, Ends, Flow, Impairment
from airnet.twin.wire import Frame

#: Messages sent, by MsgType and direction.
Truth = Counter[tuple[str, int]]
Act = Callable[[int, Any], None]


def endless(
    draw: Callable[[int], np.ndarray[Any, np.dtype[Any]]],
) -> Iterator[Any]:
    """Return an endless row of draws, made a few thousand at a time."""
    while True:
        yield from draw(2048).tolist()


class Connection(msgspec.Struct, frozen=True, kw_only=True):
    """One TCP connection of a session: from when, until when, and how it ends.

    Times are ns since the epoch. `ending` is stay (the capture ends first), logout,
    reset or silent.
    """

    open_ns: int
    close_ns: int
    client_port: int
    ending: str = "stay"


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How two engines use a connection.

    `latency_ns` is the median of the gateway's answer, `spread` its sigma (lognormal),
    `service_ns` what it needs for each message, `coalesce_ns` how long it gathers
    reports into one segment; `batches`: the client writes what belongs together at
    once. `stalls` are (from, until, factor) on the latency.
    """

    latency_ns: int = 250_000
    spread: float = 0.5
    service_ns: int = 3_000
    coalesce_ns: int = 0
    batches: bool = True
    stalls: tuple[tuple[int, int, float], ...] = ()


class Line:
    """One connection. Traders and venues `push` what they will do and `say` it."""

    def __init__(
        self,
        ends: Ends,
        connection: Connection,
        manner: Manner,
        rng: np.random.Generator,
        output: tuple[list[Frame], Truth, int],
        impairment: Impairment,
    ) -> None:
        self.connection = connection
        self.chance: Iterator[float] = endless(rng.random)
        self.client: Writer
        self.server: Writer
        self.heartbeat_ns = 0
        self._manner = manner
        self._frames, self._truth, self._since = output
        self._flow = Flow(ends, self._frames, self.chance, impairment, self._since)
        self._latencies: Iterator[float] = endless(
            lambda n: rng.lognormal(np.log(manner.latency_ns), manner.spread, n)
        )
        self._heap: list[tuple[int, int, Act, Any]] = []
        self._count = 0
        self._free = 0
        self._sent = [0, 0]
        self._gathered: list[bytes] = []
        self._gathered_from = self._gathered_until = 0

    def meet(self, dialect: Dialect, comps: tuple[bytes, bytes]) -> None:
        """Say how and under which CompIDs (client, gateway) the two will write."""
        self.client = Writer(dialect, *comps)
        self.server = Writer(dialect, *comps[::-1])
        self.heartbeat_ns = dialect.heartbeat_s * 1_000_000_000

    def push(self, time_ns: int, act: Act, subject: Any) -> None:
        """Do `act(time, subject)` at a time to come."""
        self._count += 1
        heapq.heappush(self._heap, (time_ns, self._count, act, subject))

    def answer_ns(self, time_ns: int) -> int:
        """Return when the gateway answers it gets now; first come, first served."""
        latency = next(self._latencies)
        for since, until, factor in self._manner.stalls:
            if since <= time_ns < until:
                latency *= factor
        at = max(time_ns + int(latency), self._free + self._manner.service_ns)
        self._free = at
        return at

    def say(self, kind: str, time_ns: int, values: dict[bytes, bytes]) -> bytes:
        """Return the client's next message."""
        if time_ns >= self._since:
            self._truth[kind, UP] += 1
        return self.client.write(kind, time_ns, values)

    def send(self, time_ns: int, messages: list[bytes]) -> None:
        """Send the client's messages: in one write, or one after the other."""
        if len(messages) == 1 or self._manner.batches:
            self._flow.send(UP, time_ns, b"".join(messages))
        else:
            for message in messages:
                time_ns = self._flow.send(UP, time_ns, message)
                time_ns += 2_000 + int(next(self.chance) * 20_000)
        self._sent[UP] = time_ns

    def tell(self, kind: str, time_ns: int, values: dict[bytes, bytes]) -> None:
        """Send the gateway's next message, perhaps together with the following."""
        if time_ns >= self._since:
            self._truth[kind, DOWN] += 1
        message = self.server.write(kind, time_ns, values)
        self._sent[DOWN] = time_ns
        if not self._manner.coalesce_ns or time_ns < self._since:
            self._flow.send(DOWN, time_ns, message)
            return
        if not self._gathered:
            self._gathered_from = time_ns
        self._gathered.append(message)
        self._gathered_until = time_ns

    def _flush(self) -> None:
        self._flow.send(DOWN, self._gathered_until, b"".join(self._gathered))
        self._gathered.clear()

    def run(self, activities: Iterator[tuple[int, Act, Any]]) -> None:
        """Open, log on, live through the activities (sorted), and end."""
        ready = self._log_on()
        close = self.connection.close_ns
        heap, chance = self._heap, next(self.chance)
        self.push(ready + int(chance * 2e10), self._test, b"TEST")
        for side in (UP, DOWN):
            self.push(self._sent[side] + self.heartbeat_ns, self._beat, side)
        following = next(activities, None)
        while following is not None and following[0] < ready:
            following = next(activities, None)
        gather = self._manner.coalesce_ns
        while True:
            if following is not None and following[0] <= heap[0][0]:
                time_ns, act, subject = following
                following = next(activities, None)
                urgent = True
            else:
                time_ns, _, act, subject = heapq.heappop(heap)
                urgent = False
            if self._gathered and (urgent or time_ns > self._gathered_from + gather):
                self._flush()
            if time_ns >= close:
                break
            act(time_ns, subject)
        if self._gathered:
            self._flush()
        self._end(close)

    def _log_on(self) -> int:
        """Open the connection and log on; return when trading may begin."""
        opened = self._flow.open(self.connection.open_ns)
        at = opened + 50_000 + int(next(self.chance) * 400_000)
        seconds = b"%d" % (self.heartbeat_ns // 1_000_000_000)
        values = {b"98": b"0", b"108": seconds, b"141": b"Y"}
        self.send(at, [self.say("A", at, dict(values))])
        answered = self.answer_ns(at)
        if answered >= self._since:
            self._truth["A", DOWN] += 1
        self._flow.send(DOWN, answered, self.server.write("A", answered, values))
        self._sent[DOWN] = answered
        return answered + 100_000 + int(next(self.chance) * 5_000_000)

    def _beat(self, time_ns: int, side: int) -> None:
        if self._sent[side] + self.heartbeat_ns <= time_ns:
            if side == UP:
                self.send(time_ns, [self.say("0", time_ns, {})])
            else:
                self.tell("0", time_ns, {})
        self.push(self._sent[side] + self.heartbeat_ns, self._beat, side)

    def _test(self, time_ns: int, name: bytes) -> None:
        self.send(time_ns, [self.say("1", time_ns, {b"112": name})])
        self.push(self.answer_ns(time_ns), self._test_answer, name)

    def _test_answer(self, time_ns: int, name: bytes) -> None:
        self.tell("0", time_ns, {b"112": name})

    def _end(self, time_ns: int) -> None:
        """End the connection as it is meant to end."""
        ending = self.connection.ending
        if ending == "logout":
            self.send(time_ns, [self.say("5", time_ns, {})])
            time_ns = self.answer_ns(time_ns)
            self.tell("5", time_ns, {})
            if self._gathered:
                self._flush()
            self._flow.close(UP, time_ns + 100_000)
        elif ending == "reset":
            self._flow.reset(UP, time_ns)
        elif ending == "stay":
            self._flow.advance(time_ns)
