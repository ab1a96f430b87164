"""Message rows of made-up markets, with labels: what the session model learns from.

Every number of an episode is drawn anew (domain randomisation): how many sessions, of
what kinds, how fast, how they repeat themselves, how the gateway answers, what goes
wrong. Rows go through the real window kernel, so that training and serving share one
feature extractor. A run is a function of its seed.
"""

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from airnet.domain.frame import HEADER
from airnet.domain.message import KIND, MESSAGE, SCALE

START_NS = 1_700_000_000_000_000_000
BIN_S = 0.01
KINDS = ("maker", "taker", "execution", "arbitrage")
#: Shares of new, cancel, replace and quote messages by kind of session.
MIX = {
    "maker": (0.42, 0.30, 0.22, 0.06),
    "taker": (0.85, 0.12, 0.03, 0.0),
    "execution": (0.70, 0.15, 0.15, 0.0),
    "arbitrage": (0.55, 0.40, 0.05, 0.0),
}


@dataclass(kw_only=True)
class Trouble:
    """What happens in an episode, from when to when, in seconds."""

    kind: str
    start_s: float
    end_s: float
    factor: float
    session: int = 0
    style: str = "new"
    identical: bool = False


@dataclass(kw_only=True)
class Market:
    """The drawn parameters of one episode."""

    seed: int
    seconds: float
    sessions: int
    rates: NDArray[np.float64]
    kinds: list[str]
    troubles: list[Trouble] = field(default_factory=list)


@dataclass(kw_only=True)
class Rows:
    """HEADER[n] and MESSAGE[n], in time order, and which rows a runaway sent."""

    headers: NDArray[np.void]
    messages: NDArray[np.void]
    runaway: NDArray[np.bool_]


def bins(market: Market, rng: np.random.Generator, session: int) -> NDArray[np.float64]:
    """Return the expected order messages of one session in each 10 ms."""
    count = int(market.seconds / BIN_S)
    second = rng.gamma(8.0, 1 / 8.0, count // 100 + 1).repeat(100)[:count]
    shape = {"maker": 4.0, "taker": 1.5, "execution": 50.0, "arbitrage": 0.7}
    k = shape[market.kinds[session]]
    burst = rng.gamma(k, 1 / k, count // 5 + 1).repeat(5)[:count]
    expected = market.rates[session] * BIN_S * second * burst
    for trouble in market.troubles:
        if trouble.kind == "volatility":
            reply = trouble.factor * rng.lognormal(0.0, 0.35)
            lag_s = rng.uniform(0.0, 0.15)
        elif trouble.kind == "news" and (session * 7919 + market.seed) % 3 == 0:
            reply, lag_s = trouble.factor, rng.uniform(0.0, 0.1)
        elif trouble.kind == "single" and trouble.session == session:
            reply, lag_s = trouble.factor, 0.0
        else:
            continue
        first = int((trouble.start_s + lag_s) / BIN_S)
        last = int(trouble.end_s / BIN_S)
        ramp = int(rng.integers(1, 40))
        rise = np.minimum(np.arange(max(0, last - first)) / ramp, 1.0)
        expected[first:last] *= 1.0 + (max(reply, 1.0) - 1.0) * rise
    return expected


def times_of(
    expected: NDArray[np.float64], rng: np.random.Generator
) -> NDArray[np.float64]:
    """Return Poisson arrival times in seconds for expected counts per bin."""
    counts = rng.poisson(expected)
    starts = np.repeat(np.arange(len(expected)) * BIN_S, counts)
    return np.sort(starts + rng.uniform(0.0, BIN_S, len(starts)))


def orders(
    market: Market, rng: np.random.Generator, session: int
) -> tuple[NDArray[np.void], NDArray[np.bool_]]:
    """Return the client's own order messages of one session, unsorted runaways last."""
    kind = market.kinds[session]
    times = times_of(bins(market, rng, session), rng)
    rows = blank(times, session)
    rows["kind"] = 1 + rng.choice(4, len(times), p=MIX[kind])
    varied(rows, rng, kind)
    for trouble in market.troubles:
        if trouble.kind == "reload" and trouble.session == session:
            rows = np.concatenate([rows, reload(trouble, rng)])
    bad = [t for t in market.troubles if t.kind == "runaway" and t.session == session]
    marks = np.zeros(len(rows), np.bool_)
    for trouble in bad:
        more = runaway(trouble, market.rates[session], rng, kind)
        rows = np.concatenate([rows, more])
        marks = np.concatenate([marks, np.ones(len(more), np.bool_)])
    return rows, marks


def blank(times: NDArray[np.float64], session: int) -> NDArray[np.void]:
    """Return MESSAGE rows at these seconds, from the client of `session`."""
    rows = np.zeros(len(times), MESSAGE)
    rows["time_ns"] = START_NS + (times * 1e9).astype(np.uint64)
    rows["session"] = session
    rows["bytes"] = 160
    return rows


def varied(rows: NDArray[np.void], rng: np.random.Generator, kind: str) -> None:
    """Give orders the prices, sides and sizes a trader of this kind uses."""
    count = len(rows)
    levels = {"maker": 6, "taker": 3, "execution": 2, "arbitrage": 10}[kind]
    walk = np.cumsum(rng.choice([-1, 0, 0, 0, 1], count)) if count else 0
    ticks = 10_000 + walk + rng.integers(-levels, levels + 1, count)
    rows["price"] = ticks * (SCALE // 100)
    symbols = {"maker": 3, "taker": 4, "execution": 1, "arbitrage": 2}[kind]
    rows["symbol_key"] = 1 + rng.integers(0, symbols, count)
    rows["side"] = np.where(rng.random(count) < 0.5, ord("1"), ord("2"))
    if kind == "execution":
        rows["side"] = ord("1")
    sizes = np.array([100, 100, 100, 200, 500, 1000])
    rows["quantity"] = rng.choice(sizes, count) * SCALE
    if kind == "execution":
        rows["quantity"] = 100 * SCALE


def reload(trouble: Trouble, rng: np.random.Generator) -> NDArray[np.void]:
    """Return a parameter reload: everything cancelled, then placed anew, at once."""
    count = int(trouble.factor)
    times = trouble.start_s + np.sort(rng.uniform(0.0, 0.08, 2 * count))
    rows = blank(times, trouble.session)
    rows["kind"][:count] = KIND["cancel"]
    rows["kind"][count:] = KIND["new"]
    rows["symbol_key"] = 1 + np.arange(2 * count) % 5
    rows["price"] = (10_000 + rng.permutation(2 * count)) * (SCALE // 100)
    rows["side"] = np.where(np.arange(2 * count) % 2, ord("1"), ord("2"))
    rows["quantity"] = 100 * SCALE
    return rows


def runaway(
    trouble: Trouble, rate: float, rng: np.random.Generator, kind: str
) -> NDArray[np.void]:
    """Return what an algorithm that lost its mind sends on top of its trading."""
    count = int(trouble.factor * rate * (trouble.end_s - trouble.start_s))
    if trouble.style == "clock":
        times = np.linspace(trouble.start_s, trouble.end_s, count, endpoint=False)
    else:
        times = np.sort(rng.uniform(trouble.start_s, trouble.end_s, count))
    rows = blank(times, trouble.session)
    rows["kind"] = KIND["new"]
    if trouble.style == "loop":
        rows["kind"] = np.where(np.arange(count) % 2, KIND["cancel"], KIND["new"])
    if trouble.style == "replace":
        rows["kind"] = np.where(np.arange(count) % 8, KIND["replace"], KIND["new"])
    varied(rows, rng, kind)
    if trouble.identical and count:
        rows[["price", "side", "quantity", "symbol_key"]] = rows[
            ["price", "side", "quantity", "symbol_key"]
        ][0]
    return rows


def answers(
    rows: NDArray[np.void], marks: NDArray[np.bool_], rng: np.random.Generator
) -> NDArray[np.void]:
    """Return the gateway's reports on one session's orders."""
    count = len(rows)
    scale_ns = 10 ** rng.uniform(4.5, 7.0)
    wait = (scale_ns * rng.lognormal(0.0, rng.uniform(0.1, 0.8), count)).astype(
        np.int64
    )
    report = np.zeros(count, MESSAGE)
    for name in ("session", "order_key", "symbol_key", "side", "price"):
        report[name] = rows[name]
    report["time_ns"] = rows["time_ns"] + wait.astype(np.uint64)
    report["direction"] = 1
    report["bytes"] = 220
    report["kind"] = KIND["report"]
    types = np.array([0, ord("0"), ord("4"), ord("5"), ord("0")], np.uint8)
    report["exec_type"] = types[rows["kind"]]
    refused = rng.random(count) < np.where(marks, rng.choice([0.0, 0.0, 0.3]), 0.004)
    report["exec_type"] = np.where(refused, ord("8"), report["exec_type"])
    report["order_status"] = report["exec_type"]
    share = np.where(marks, rng.choice([0.0, 0.02, 0.2]), rng.uniform(0.03, 0.4))
    filled = (rows["kind"] == KIND["new"]) & ~refused & (rng.random(count) < share)
    fill = report[filled].copy()
    fill["time_ns"] += (rng.exponential(5e7, len(fill)) + 1000).astype(np.uint64)
    fill["exec_type"] = ord("F")
    fill["order_status"] = ord("2")
    return np.concatenate([report, fill])


def rows_of(market: Market) -> Rows:
    """Return every row of an episode, in time order."""
    rng = np.random.Generator(np.random.PCG64([market.seed, 1]))
    parts, marks = [], []
    for session in range(market.sessions):
        own, mark = orders(market, rng, session)
        own["order_key"] = rng.integers(1, 1 << 63, len(own), dtype=np.uint64)
        report = answers(own, mark, rng)
        parts += [own, report]
        marks += [mark, np.zeros(len(report), np.bool_)]
    messages = np.concatenate(parts)
    runaway_marks = np.concatenate(marks)
    order = np.argsort(messages["time_ns"], kind="stable")
    messages = messages[order]
    messages["frame_count"] = np.arange(len(messages))
    return Rows(
        headers=headers_of(messages), messages=messages, runaway=runaway_marks[order]
    )


def headers_of(messages: NDArray[np.void]) -> NDArray[np.void]:
    """Return one TCP frame's header row for each message."""
    headers = np.zeros(len(messages), HEADER)
    client = np.zeros((len(messages), 16), np.uint8)
    client[:, 10:12] = 0xFF
    client[:, 12] = 10
    client[:, 14] = messages["session"] // 200
    client[:, 15] = messages["session"] % 200 + 1
    gateway = np.zeros(16, np.uint8)
    gateway[10:12] = 0xFF
    gateway[12:] = (10, 9, 0, 1)
    up = messages["direction"] == 0
    headers["source"] = np.where(up[:, None], client, gateway)
    headers["target"] = np.where(up[:, None], gateway, client)
    headers["source_port"] = np.where(up, 40_000, 9_878)
    headers["target_port"] = np.where(up, 9_878, 40_000)
    headers["time_ns"] = messages["time_ns"]
    headers["frame_count"] = messages["frame_count"]
    headers["payload_bytes"] = messages["bytes"]
    headers["session"] = messages["session"]
    headers["message_index"] = np.arange(len(messages))
    headers["message_count"] = 1
    headers["protocol"] = 6
    headers["tcp_flags"] = 0x18
    headers["direction"] = messages["direction"]
    return headers
