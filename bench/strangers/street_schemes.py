"""A street's schemes: who prepares the ground first, and what comes together."""

from strangers.registry import family
from strangers.street import Street
from strangers.street_calm import street_news, street_open
from strangers.street_faults import loop, repeat, street_loop
from strangers.street_floods import (
    outsiders,
    pour,
    span,
    street_datagrams,
    street_syn_few,
    street_syn_forged,
    syns,
)
from strangers.street_intruders import steal, street_scan
from strangers.street_lines import street_lossy, street_slow
from strangers.street_office import street_failover
from strangers.street_venue import MS, SECOND, US


@family("mixed", Street)
def street_frog(world: Street) -> None:
    """A session gets faster step by step for half a minute; then it loops."""
    world.length = int(world.dice.uniform(45, 55) * SECOND)
    one = world.active(2, 15)
    for number in range(1, 30):
        factor = 1 + world.pick(3, 5) * number / 30
        world.at(world.at_share(0.02 * number), setattr, one.desk, "factor", factor)
    start = world.at_share(world.dice.uniform(0.65, 0.8))
    rate = max(world.pick(700, 50), 3 * one.desk.rate)
    repeat(world, one, (start, start + 6 * SECOND), rate)


@family("mixed", Street)
def street_pulses(world: Street) -> None:
    """Short pulses of SYNs with pauses, as if to stay below what is counted."""
    dice, gate = world.dice, world.dice.choice(world.gates)
    when, sources = span(world, 8, 14), outsiders(world, dice.between(1, 4))
    make, hosts = syns(world, gate), [one.address for one in sources]
    incident = world.incident("flood", when, (), hosts, gateway=gate.name)
    pulse, rest = int(world.pick(300, 60)), dice.uniform(0.4, 1.6) * SECOND
    at = when[0]
    while at < when[1]:
        for number in range(pulse):
            source = dice.choice(sources)
            tap = int(at + number * 2 * MS * dice.uniform(0.8, 1.2))
            for late, one in enumerate(make(source)):
                world.put(tap + late * 20 * US, one)
            world.hurt(incident, source.address, tap)
        at += int(pulse * 2 * MS + rest)


@family("mixed", Street)
def street_noise_first(world: Street) -> None:
    """A little noise from everywhere for a while, then the flood."""
    dice, gate = world.dice, world.dice.choice(world.gates)
    when, sources = span(world, 3, 5), outsiders(world, 300)
    make, rate = syns(world, gate), world.pick(8, 30)
    at = world.start
    while at < when[0]:
        for late, one in enumerate(make(dice.choice(sources))):
            world.put(at + late * 20 * US, one)
        at += int(dice.wait(1 / rate) * SECOND)
    given = world.pick(8000, 900), sources, gate
    pour(world, make, *given, when=when, forged=True)


@family("mixed", Street)
def street_rehearsed(world: Street) -> None:
    """A session bursts harmlessly every few seconds, then the burst does not end."""
    dice, one = world.dice, world.active(1, 10)
    world.length = int(dice.uniform(40, 50) * SECOND)
    start, rate = world.at_share(dice.uniform(0.6, 0.75)), world.pick(200, 60)
    at = float(world.start + 2 * SECOND)

    def enter() -> None:
        if one.is_up:
            one.desk.enter(*one.desk.draw(), 1)

    while at < start - 2 * SECOND:
        for number in range(int(rate * 0.3)):
            world.at(at + number / rate * SECOND, enter)
        at += dice.uniform(3, 6) * SECOND
    symbol, side = one.desk.draw()
    price, size = one.desk.near(symbol, side, 1), one.desk.size()
    when = start, start + 6 * SECOND
    more = {"quantity": size}
    loop(world, one, when, rate * 1.5, lambda: one.order(symbol, side, price, **more))


@family("mixed", Street)
def street_flood_in_news(world: Street) -> None:
    """A flood of SYNs while the news is out."""
    street_news(world)
    street_syn_few(world)


@family("mixed", Street)
def street_loop_at_open(world: Street) -> None:
    """An order loop hidden in the open."""
    street_open(world)
    start = world.at_share(world.dice.uniform(0.55, 0.65))
    rate = world.pick(700, 50)
    repeat(world, world.active(1, 30), (start, start + 6 * SECOND), rate)


@family("mixed", Street)
def street_two_at_once(world: Street) -> None:
    """A flood on one side, a loop on the other."""
    street_datagrams(world)
    street_loop(world)


@family("mixed", Street)
def street_impatient(world: Street) -> None:
    """A venue's answers are late, and an algorithm loses patience."""
    street_slow(world)
    one, start = world.active(1, 20), world.incidents[0]["onset_ns"] + 3 * SECOND
    rate = max(world.pick(700, 50), 3 * one.desk.rate)
    repeat(world, one, (start, start + 6 * SECOND), rate)


@family("mixed", Street)
def street_smoke(world: Street) -> None:
    """A flood, and behind it a stolen session."""
    street_syn_forged(world)
    steal(world, world.at_share(world.dice.uniform(0.4, 0.6)), is_like=False)


@family("mixed", Street)
def street_scan_in_failover(world: Street) -> None:
    """A gateway's sessions move, and one machine scans meanwhile."""
    street_failover(world)
    street_scan(world)


@family("mixed", Street)
def street_loss_in_news(world: Street) -> None:
    """A line loses frames while the news is out."""
    street_news(world)
    street_lossy(world)
