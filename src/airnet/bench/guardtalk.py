"""What the guard's bench sends: sessions that trade, strangers that flood."""

from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from itertools import count, cycle

from airnet.bench.livetalk import framed
from airnet.bench.trials import GATEWAY, VENUE
from airnet.clock import SystemClock
from airnet.twin.wire import ACK, PSH, RST, SYN, Host, Path as Wire, syn_options

#: Each is attacked in turn, so that floods do not add up to one of many sources.
GATEWAYS = tuple(f"10.8.0.{n}" for n in range(1, 13))
CLIENTS = 4
ORDER = (
    "35=D|49={firm}|56=VENUE|34={n}|52={time}|11=O{n:010}|21=1|55=ACME|54={side}|"
    "60={time}|38={n}00|40=2|44=101.{n:02}|59=0|"
)
REPORT = (
    "35=8|49=VENUE|56={firm}|34={n}|52={time}|37=V{n:010}|11=O{n:010}|17=E{n:010}|"
    "150=0|39=0|55=ACME|54={side}|38={n}00|44=101.{n:02}|151={n}00|14=0|6=0|60={time}|"
)
clock = SystemClock()

#: What a stranger sends from, one after the other.
PORTS = range(1024, 65_536, 7)


def stranger(number: int) -> str:
    """Return the address of the stranger of one trial."""
    return f"10.9.{1 + number // 200}.{1 + number % 200}"


def strange(number: int) -> Iterator[bytes]:
    """Return an endless row of SYNs of a trial's stranger at that trial's gateway."""
    here = Host(ip=stranger(number), mac=b"\x02" * 6)
    there = Host(ip=GATEWAYS[number % len(GATEWAYS)], mac=VENUE.mac)
    for port in cycle(PORTS):
        path = Wire(here, there, (port, GATEWAY.port), port)
        options = syn_options(has_stamps=True, stamp=port * 977)
        yield path.tcp(port * 65_521, 0, SYN, options, len(options))


def refusals(number: int) -> Iterator[bytes]:
    """Return the resets of a trial's handshakes, in their order."""
    here = Host(ip=stranger(number), mac=b"\x02" * 6)
    there = Host(ip=GATEWAYS[number % len(GATEWAYS)], mac=VENUE.mac)
    for port in cycle(PORTS):
        path = Wire(there, here, (GATEWAY.port, port), port)
        yield path.tcp(0, port * 65_521 + 1, RST | ACK, b"", 0)


def talk(
    venues: Sequence[Host] = (VENUE,), now: Callable[[], int] = clock.now_ns
) -> Iterator[bytes]:
    """Return sessions' orders and reports, in turn, in sequence and on time.

    Each of CLIENTS holds one at each of the gateways; `now` is the time they say.
    """
    hosts = [
        Host(ip=f"10.9.0.{20 + n}", mac=b"\x02\0\0\0\0\x09") for n in range(CLIENTS)
    ]
    ends = 40_000, GATEWAY.port
    ups = [Wire(host, venue, ends) for venue in venues for host in hosts]
    downs = [Wire(venue, host, ends[::-1]) for venue in venues for host in hosts]
    sent, told = [1] * len(ups), [1] * len(ups)
    for number in count(1):
        for n, (up, down) in enumerate(zip(ups, downs, strict=True)):
            fields = {"n": number, "firm": f"FIRM{n}", "side": 1 + number % 2}
            order = framed(ORDER.format(time=utc(now()), **fields))
            yield up.tcp(sent[n], told[n], PSH | ACK, order, 0)
            sent[n] += len(order)
            report = framed(REPORT.format(time=utc(now()), **fields))
            yield down.tcp(told[n], sent[n], PSH | ACK, report, 0)
            told[n] += len(report)


def utc(now_ns: int) -> str:
    """Return a time as FIX writes it (UTCTimestamp, milliseconds)."""
    seconds, rest_ns = divmod(now_ns, 1_000_000_000)
    moment = datetime.fromtimestamp(seconds, UTC)
    return f"{moment:%Y%m%d-%H:%M:%S}.{rest_ns // 1_000_000:03}"
