"""Faults: algorithms that fail, sessions that break, mirrors that lie."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.domain.decision import Action, Tier
from airnet.domain.verdict import Cause
from airnet.twin.line import Connection
from airnet.twin.market import SECOND_NS, stream
from airnet.twin.scenario import Fault, Label, Mirror, SessionPlan, World
from airnet.twin.trader import Terms
from airnet.twin.wire import Frame, Host


def loop_times(
    rng: np.random.Generator, span: tuple[int, int], rate: float
) -> NDArray[np.int64]:
    """Return when a loop turns: as fast as its timer, its answers, or in clumps."""
    onset_ns, offset_ns = span
    count = max(1, int(rate * (offset_ns - onset_ns) / SECOND_NS))
    style = int(rng.integers(3))
    if style == 0:  # a timer with jitter
        times = np.linspace(onset_ns, offset_ns, count, endpoint=False)
        times += rng.random(count) * 0.3 * SECOND_NS / rate
    elif style == 1:  # each turn waits for something
        gaps = rng.gamma(3.0, 1.0, count)
        times = onset_ns + np.cumsum(gaps) / gaps.sum() * (offset_ns - onset_ns)
    else:  # clumps, like healthy traffic's
        clumps = rng.random(max(1, count // 6)) * (offset_ns - onset_ns)
        picks = clumps[rng.integers(0, len(clumps), count)]
        times = onset_ns + picks + rng.exponential(4e6, count)
    whole = np.sort(times).astype(np.int64)
    whole = whole[(whole >= onset_ns) & (whole < offset_ns)]
    if len(whole):
        whole[0] = onset_ns
    return whole


def fail(
    world: World, plan: SessionPlan, kind: str, rate: float, span: tuple[int, int]
) -> None:
    """Let a session's algorithm fail at `rate` orders a second, and label it."""
    rng = stream(world.seed, "fault", plan.name)
    times = loop_times(rng, span, rate)
    fill = float(rng.choice([0.0, 0.02, 0.4]))
    plan.faults.append(Fault(times=times, terms=Terms(kind=kind, fill=fill)))
    world.labels.append(
        Label(
            cause=Cause.ALGO_FAULT,
            onset_ns=span[0],
            offset_ns=span[1],
            sessions=(plan.name_at(span[0]),),
            hosts=(plan.host.ip,),
            action=Action.THROTTLE_SESSION,
            tier_max=Tier.KILL_ALGO,
            about=f"{kind} at {rate:.0f}/s besides its own {plan.rate:.0f}/s",
        )
    )


# ---- sessions ----


def requote(world: World, plan: SessionPlan, times: list[int]) -> None:
    """Let a session cancel and re-enter everything at each of these times."""
    rng = stream(world.seed, "requote", plan.name)
    for time_ns in times:
        terms = Terms(kind="requote", quantity=int(rng.integers(0, 8)))
        plan.faults.append(Fault(times=np.array([time_ns], np.int64), terms=terms))


def reconnect(
    world: World, plan: SessionPlan, cut_ns: int, back_ns: int, ending: str
) -> None:
    """Cut a session's connection and let it come back on another port."""
    last = plan.connections.pop()
    plan.connections.append(
        msgspec.structs.replace(last, close_ns=cut_ns, ending=ending)
    )
    plan.connections.append(
        Connection(
            open_ns=back_ns, close_ns=last.close_ns, client_port=world.new_port()
        )
    )


def impersonate(
    world: World, plan: SessionPlan, host: Host, span: tuple[int, int]
) -> SessionPlan:
    """Let a session's CompID appear from another host, and trade."""
    stray = msgspec.structs.replace(
        plan,
        name=f"{plan.name}-stray",
        host=host,
        is_known=False,
        faults=[],
        connections=[
            Connection(
                open_ns=span[0],
                close_ns=span[1],
                client_port=world.new_port(),
                ending="reset" if world.rng.random() < 0.5 else "logout",
            )
        ],
    )
    world.sessions.append(stray)
    world.labels.append(
        Label(
            cause=Cause.COMPROMISE,
            onset_ns=span[0],
            offset_ns=span[1],
            sessions=(stray.name_at(span[0]),),
            hosts=(host.ip,),
            action=Action.ISOLATE_SESSION,
            tier_max=Tier.ISOLATE_HOST,
            about=f"{plan.comp} logs on from {host.ip}, which is not its host",
        )
    )
    return stray


# ---- mirrors ----


def losing(span: tuple[int, int], share: float, burst_frames: int) -> Mirror:
    """Return a mirror that loses a share of frames, in bursts."""

    def lose(world: World, frames: list[Frame]) -> list[Frame]:
        rng = stream(world.seed, "loss")
        kept: list[Frame] = []
        left = 0
        for frame in frames:
            is_hit = left == 0 and span[0] <= frame[0] < span[1]
            if is_hit and rng.random() < share / burst_frames:
                left = 1 + int(rng.exponential(burst_frames))
            if left:
                left -= 1
            else:
                kept.append(frame)
        return kept

    return lose


def stepping(at_ns: int, step_ns: int) -> Mirror:
    """Return a mirror whose clock steps once; frames stay in true order."""

    def step(_: World, frames: list[Frame]) -> list[Frame]:
        return [
            (time_ns + step_ns if time_ns >= at_ns else time_ns, frame)
            for time_ns, frame in frames
        ]

    return step
