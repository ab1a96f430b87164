"""Episodes: what models learn from and are judged by, from three generators.

The twin's catalogue in one of its domains, the older generator of frames, and plain
markets. Whatever the generator, what comes out is Seen: windows by the product's own
stages, and what really happened.
"""

import numpy as np
from numpy.typing import NDArray

from airnet.domain.frame import FRAME, LINK_ETHERNET
from airnet.domain.verdict import Cause
from airnet.errors import UsageError
from airnet.train import lines, passers, plain, troubles
from airnet.train.packets import SECOND_NS, Capture
from airnet.train.seen import Happening, Seen, Watcher
from airnet.twin import catalogue
from airnet.twin.scenario import randomised
from airnet.twin.scenarios import SCENARIOS
from airnet.twin.stage import FULL, VOID, Kind
from airnet.twin.staging import PlanStage, stage_of
from airnet.twin.traffic import generate

#: The mark of frames that a failing algorithm of the twin sent, beside its line.
MARK_LINE = 1 << 31
BATCH = 4096
#: Older scenarios whose trouble is the sensor's or a CompID's: no model learns them.
LEFT_OUT = ("mirror_loss", "clock_step", "compid_wrong_host", "demo")
CLASSIC = tuple(name for name in SCENARIOS if name not in LEFT_OUT)
CLASSIC_S = 16.0


def of_catalogue(name: str, seed: int, domain: str, *, with_site: bool = True) -> Seen:
    """Return what is seen of a scenario of the catalogue.

    Raises:
        UsageError: the world cannot be built, or overflows.
    """
    stage = stage_of(name, seed, domain=domain)
    gateways = sorted({(one.gateway, one.gateway_port) for one in stage.lines})
    hosts = sorted({one.client for one in stage.lines})
    watcher = Watcher(gateways if with_site else [], hosts if with_site else [])
    try:
        world = stage.world(Kind.WHOLE, is_seen=True)
    except ValueError as error:
        raise UsageError(f"{name} {seed}: {error}", "take another seed") from error
    _, end_ns = stage.span_ns
    while True:
        count = world.run(end_ns)
        marks = world.marks[:count]
        watcher.take(world.frames[:count], marks, world.buffer)
        if world.ended != FULL:
            break
    if world.ended == VOID:
        raise UsageError(f"{name} {seed}: the world overflowed", "take another seed")
    seen = watcher.seen()
    seen.family, seen.domain = name, domain
    seen.is_held_out = catalogue.scenario(name).spec.is_held_out
    seen.happenings = _marked(stage)
    return seen


def _marked(stage: PlanStage) -> list[Happening]:
    """Return the labels of a stage."""
    out = []
    for label in stage.labels:
        own = getattr(label, "lines", ())
        numbers = {getattr(label, "number", 0), *(MARK_LINE | line for line in own)}
        out.append(
            Happening(
                label.cause,
                (label.onset_ns, label.offset_ns),
                clients=frozenset(
                    (name.rpartition(":")[0], comp) for name, comp in label.sessions
                ),
                hosts=frozenset(label.hosts),
                numbers=frozenset(numbers - {0}),
            )
        )
    return out


def frame_rows(
    frames: list[tuple[int, bytes]],
) -> tuple[NDArray[np.void], NDArray[np.uint8]]:
    """Return FRAME[n] and the buffer their bytes lie in."""
    sizes = np.array([len(data) for _, data in frames], np.uint64)
    rows = np.zeros(len(frames), FRAME)
    rows["time_ns"] = [time_ns for time_ns, _ in frames]
    rows["offset"][1:] = np.cumsum(sizes)[:-1]
    rows["captured_bytes"] = rows["wire_bytes"] = sizes
    rows["link"] = LINK_ETHERNET
    return rows, np.frombuffer(b"".join(data for _, data in frames), np.uint8)


def of_classic(name: str, seed: int, *, with_site: bool = True) -> Seen:
    """Return what is seen of a scenario of the older generator."""
    episode = generate(name, seed, params=randomised(seed, CLASSIC_S))
    site = episode.site
    gateways = [(one.ip, one.port) for one in site.gateways] if with_site else []
    hosts = sorted({host for firm in site.firms for host in firm.hosts})
    watcher = Watcher(gateways, hosts if with_site else [])
    for first in range(0, len(episode.frames), BATCH):
        rows, buffer = frame_rows(episode.frames[first : first + BATCH])
        watcher.take(rows, np.zeros(len(rows), np.uint32), buffer)
    seen = watcher.seen()
    seen.family, seen.domain = name, "classic"
    seen.has_marks = False
    seen.happenings = [
        Happening(
            label.cause,
            (label.onset_ns, label.offset_ns),
            clients=frozenset(
                (client.rpartition(":")[0], comp) for client, comp in label.sessions
            ),
            hosts=frozenset(label.hosts),
        )
        for label in episode.labels
    ]
    seen.gateways = [one.ip for one in site.gateways]
    return seen


def of_plain(seed: int, *, is_held_out: bool = False, is_benign: bool = False) -> Seen:
    """Return what is seen of a plain market, perhaps under a flood."""
    market = troubles.draw(seed, is_held_out=is_held_out, is_benign=is_benign)
    capture = Capture()
    rng = np.random.Generator(np.random.PCG64([seed, 12]))
    common = plain.shared(rng, market)
    for trader in market.traders:
        expected = plain.intensity(rng, market, trader, common)
        lines.add_session(rng, market, trader, expected, capture)
    happenings = [_trouble(one) for one in market.troubles if one.kind in _CAUSES]
    rng = np.random.Generator(np.random.PCG64([seed, 13]))
    for make in passers.BENIGN:
        if rng.random() < 0.2:
            make(rng, capture, market.seconds)
    if not is_benign and rng.random() < 0.45:
        flood = passers.Flood(rng, market.seconds, is_held_out=is_held_out)
        flood.add(capture)
        happenings.append(_flooded(flood))
    end_ns = lines.START_NS + int(market.seconds * SECOND_NS)
    rows, marks, buffer = capture.rows((lines.START_NS, end_ns))
    watcher = Watcher([("10.9.0.1", 9878)] if market.has_site else [])
    watcher.take(rows, marks, buffer)
    seen = watcher.seen()
    seen.domain, seen.is_held_out = "plain", is_held_out
    seen.happenings = happenings
    worst = [one for one in happenings if one.cause in (Cause.FLOOD, Cause.ALGO_FAULT)]
    seen.family = _family(market, [*worst, *happenings][:1])
    return seen


def _ns(span: tuple[float, float]) -> tuple[int, int]:
    return lines.START_NS + int(span[0] * 1e9), lines.START_NS + int(span[1] * 1e9)


#: Plain troubles that are something; what is not here is an ordinary day's.
_CAUSES = dict.fromkeys(plain.FAULTS, Cause.ALGO_FAULT) | {
    "volatility": Cause.VOLATILITY,
    "slow": Cause.VENUE_FAULT,
    "refusing": Cause.VENUE_FAULT,
    "silent": Cause.VENUE_FAULT,
}


def _trouble(trouble: plain.Trouble) -> Happening:
    cause = _CAUSES[trouble.kind]
    is_fault = cause is Cause.ALGO_FAULT
    return Happening(
        cause,
        _ns((trouble.start_s, trouble.end_s)),
        clients=frozenset((_client(line), f"CLI{line:03d}") for line in trouble.lines),
        numbers=frozenset({lines.FAULT_MARK} if is_fault else ()),
    )


def _client(line: int) -> str:
    number = lines.CLIENTS + 3 * line
    return ".".join(str(number >> shift & 255) for shift in (24, 16, 8, 0))


def _flooded(flood: passers.Flood) -> Happening:
    return Happening(
        Cause.FLOOD, _ns(flood.span), numbers=frozenset({lines.FLOOD_MARK})
    )


def _family(market: plain.Market, worst: list[Happening]) -> str:
    """Return what a plain episode is about, in one word."""
    if not worst:
        return "calm"
    if worst[0].cause is Cause.ALGO_FAULT:
        return next(one.kind for one in market.troubles if one.kind in plain.FAULTS)
    return worst[0].cause.value
