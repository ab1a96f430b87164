"""Connections of a bourse that are not FIX: pages, shells, copies, probes."""

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

from strangers.bourse_clock import Steps
from strangers.bourse_tcp import Conn, Context
from strangers.bourse_wire import Host
from strangers.loop import MS, SECOND

#: What happens when something is done.
Done = Callable[[], None]

if TYPE_CHECKING:
    from strangers.bourse import Bourse

PAGE = (b'node_cpu_seconds_total{cpu="1",mode="idle"} 81823.13\n' * 40)[:1400]
SCRAPE = b"GET /metrics HTTP/1.1\r\nHost: x:9100\r\nAccept: text/plain\r\n\r\n"
PULL = b"GET /artifacts/release.tgz HTTP/1.1\r\nHost: repo\r\n\r\n"
#: Bytes that these send at a time.
PART = 1400


class Load(NamedTuple):
    """A copy: to which port, how many bytes, how fast (ms a part), who sends it."""

    port: int
    size: int
    pace: float
    is_pulled: bool = False


def dial(w: "Bourse", client: Host, server: Host, port: int) -> Conn:
    """Return a connection that is not open yet."""
    return Conn(w.mirror, (client, client.port()), (server, port))


def scrape(w: "Bourse", client: Host, server: Host, size: int) -> None:
    """Have a monitor get a page of so many bytes."""
    conn = dial(w, client, server, 9100)

    def hear(side: int, _: Context) -> None:
        if side == 0:
            w.clock.after(w.rng.uniform(0.5, 4) * MS, answer)

    def answer() -> None:
        head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size
        conn.write(1, head, is_pushed=False)
        for left in range(size, 0, -PART):
            conn.write(1, PAGE[:left], is_pushed=False)
        w.clock.after(3 * MS, conn.close, 1)

    conn.on_data = hear
    conn.open(lambda: conn.write(0, SCRAPE, ("asked",)))


def shell(w: "Bourse", client: Host, server: Host, length_s: float) -> Steps:
    """Have somebody use a shell (SSH) for so long."""
    r = w.rng
    conn = dial(w, client, server, 22)
    up: list[bool] = []
    conn.open(lambda: up.append(True))
    yield 4 * MS
    while not up:
        yield 4 * MS
    conn.write(0, b"SSH-2.0-OpenSSH_8.9p1\r\n")
    yield MS
    conn.write(1, b"SSH-2.0-OpenSSH_8.7\r\n")
    yield 2 * MS
    for rank in range(3):
        conn.write(rank & 1, r.randbytes(r.randrange(300, 1200)))
        yield 3 * MS
    end = w.clock.now + length_s * SECOND
    while w.clock.now < end:
        yield r.expovariate(1) * 250 * MS
        conn.write(0, r.randbytes(36))
        yield r.uniform(0.2, 2) * MS
        conn.write(1, r.randbytes(r.choice((36, 44, 52, 100, 600))))
    conn.close(0)


def copy(w: "Bourse", client: Host, server: Host, load: Load) -> None:
    """Have a client send a load to a server, or pull it from there."""
    conn = dial(w, client, server, load.port)
    part = w.rng.randbytes(PART)
    conn.open(lambda: w.clock.play(_copied(w, conn, load, part)))


def _copied(w: "Bourse", conn: Conn, load: Load, part: bytes) -> Steps:
    r, left = w.rng, load.size
    yield MS
    if load.is_pulled:
        conn.write(0, PULL)
    yield MS
    while left > 0 and conn.is_up:
        for _ in range(r.randrange(4, 24)):
            conn.write(int(load.is_pulled), part, is_pushed=False)
            left -= PART
        yield load.pace * MS * (4 + r.expovariate(1) * 16)
    yield 30 * MS
    conn.close(0)


def probe(w: "Bourse", client: Host, server: Host, port: int, *, ends: bool) -> int:
    """Try a port; return when. What is open is closed again, orderly if it `ends`."""
    conn = dial(w, client, server, port)
    is_open = port in server.open
    if server.is_silent and not is_open:
        return conn.open(is_silent=True)
    up = (
        partial(w.clock.after, 2 * MS, conn.close, 0)
        if ends
        else partial(conn.reset, 0)
    )
    return conn.open(up, is_refused=not is_open)
