"""The venue, or the way to it, got slow; nobody here did anything wrong."""

from collections.abc import Callable

from strangers.gateway import Gateway
from strangers.loop import MS, SECOND
from strangers.registry import family
from strangers.world import Incident, World

Slow = Callable[[int], float]


def fault(world: World, low: float = 5, high: float = 16) -> tuple[Incident, Gateway]:
    """Declare a fault of the gateway that most sessions use."""
    use = {id(one): 0 for one in world.gateways}
    for session in world.sessions:
        use[id(session.gateway)] += 1
    gateway = max(world.gateways, key=lambda one: use[id(one)])
    made = world.incident("venue_fault", world.last(low, high))
    made.gateway = f"{gateway.host.text}:{gateway.port}"
    return made, gateway


def during(made: Incident, slow: Slow) -> Slow:
    """Return `slow` while the incident lasts, and nothing otherwise."""

    def delay(now: int) -> float:
        return slow(now) if made.onset_ns <= now < made.end_ns else 0.0

    return delay


@family("latency")
def slow_logon(world: World) -> None:
    """Logons that took milliseconds take seconds; orders are as fast as ever."""
    world.midstream = False
    world.populate(spread_s=1.5)
    world.trade_all()
    made, gateway = fault(world, 8, 16)
    longer = world.log_uniform(0.5, 4) * SECOND
    noisy = world.uniform(0.05, 0.4)
    gateway.logon_slowed = during(
        made, lambda _now: longer * world.uniform(1 - noisy, 1 + noisy)
    )
    gap = world.uniform(0.25, 0.7)
    at = world.second(world.onset) - 4
    turn = 0
    own = [one for one in world.sessions if one.gateway is gateway]
    while world.start + at * SECOND < made.end_ns:
        session = own[turn % len(own)]
        leave = world.start + at * SECOND
        back = leave + world.uniform(0.2, 0.6) * SECOND
        world.loop.at(leave, session.log_off)
        world.loop.at(back, session.connect)
        if back > made.onset_ns and not made.due_ns:
            made.due_ns = int(back)
        at, turn = at + gap, turn + 1


@family("latency")
def slow_acks(world: World) -> None:
    """Every answer of the venue comes late; the network is as fast as before."""
    world.populate()
    world.trade_all()
    made, gateway = fault(world)
    extra = max(gateway.latency.median_ns * world.uniform(8, 40), 15 * MS)
    noisy = world.uniform(0.02, 0.5)
    gateway.slowed = during(
        made, lambda _now: extra * world.uniform(1 - noisy, 1 + noisy)
    )


@family("latency")
def stall(world: World) -> None:
    """The venue says nothing for seconds, then answers everything at once."""
    world.populate()
    world.trade_all()
    made, gateway = fault(world, 4, 9)
    gateway.slowed = during(made, lambda now: float(made.end_ns - now))
    gateway.logon_slowed = gateway.slowed


@family("latency")
def longer_path(world: World) -> None:
    """The way to the venue got longer: handshakes, ACKs and answers alike."""
    world.populate()
    world.trade_all()
    made, gateway = fault(world)
    extra = world.log_uniform(4, 60) * MS
    slow = during(made, lambda _now: extra)
    gateway.slowed = gateway.logon_slowed = slow
    for session in world.sessions:
        if session.gateway is gateway:
            session.link.slowed = slow


@family("latency")
def jitter(world: World) -> None:
    """Answers come sometimes at once, sometimes very late."""
    world.populate()
    world.trade_all()
    made, gateway = fault(world)
    scale = max(gateway.latency.median_ns * world.uniform(5, 20), 20 * MS)
    share = world.uniform(0.3, 0.8)
    gateway.slowed = during(
        made,
        lambda _now: (
            float(world.rng.exponential(scale)) if world.rng.random() < share else 0.0
        ),
    )


@family("latency")
def retransmissions(world: World) -> None:
    """A line drops a share of all segments, both ways; everything comes twice."""
    world.populate()
    world.trade_all()
    made, gateway = fault(world)
    lost = world.uniform(0.06, 0.25)
    slow = during(made, lambda _now: lost)
    for session in world.sessions:
        if session.gateway is gateway:
            session.link.lossy = slow
