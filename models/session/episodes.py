"""Episodes of the session model: what is drawn, and which class a window has."""

import sys
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

import market_rows
import twin_rows
from market_rows import START_NS, Market, Trouble

from airnet.domain.verdict import Cause
from airnet.domain.window import WINDOW_SESSION
from airnet.features import Windows
from airnet.features.schema import SESSION_SCHEMA

CLASSES = ("normal", "volatility", "algo_fault")
NORMAL, VOLATILITY, FAULT = range(3)
COLUMN = {name: i for i, name in enumerate(SESSION_SCHEMA.names)}
#: Drawn for the test only: sessions, the market's multiplier, a runaway's excess.
HELD_SESSIONS = (18, 26)
HELD_MULTIPLIER = (6.0, 9.0)
HELD_EXCESS = (8.0, 14.0)


def between(
    rng: np.random.Generator,
    low: float,
    high: float,
    held: tuple[float, float],
    *,
    inside: bool,
) -> float:
    """Return a log-uniform number inside the held-out range, or outside of it."""
    while True:
        drawn = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        if inside == (held[0] <= drawn <= held[1]):
            return drawn


def draw(seed: int, *, held: bool, excess: float = 0.0) -> Market:
    """Return an episode; `held` draws from the held-out ranges only.

    `excess`, when given, is how many times its own rate the one runaway adds.
    """
    rng = np.random.Generator(np.random.PCG64([seed, 0]))
    sessions = round(between(rng, 3, 40, HELD_SESSIONS, inside=held))
    rates = 10 ** rng.uniform(0.0, 2.4, sessions)
    if rng.random() < 0.4:
        rates = rng.uniform(6.0, 25.0) * rng.lognormal(0.0, 0.3, sessions)
    seconds = float(rng.uniform(16, 30))
    rates *= min(1.0, 30_000 / (rates.sum() * seconds))
    kinds = [str(k) for k in rng.choice(market_rows.KINDS, sessions)]
    market = Market(
        seed=seed, seconds=seconds, sessions=sessions, rates=rates, kinds=kinds
    )
    market.troubles = troubles(rng, market, held=held)
    for trouble in market.troubles:
        if excess and trouble.kind == "runaway":
            trouble.factor = excess
    return market


def troubles(rng: np.random.Generator, market: Market, *, held: bool) -> list[Trouble]:
    """Return what happens: a burst, a fault, both, or the small things of a day."""
    out = []
    start = float(rng.uniform(6, market.seconds - 6))
    end = start + float(rng.uniform(1.0, 5.0))
    what = rng.random()
    if what < 0.45:
        factor = between(rng, 1.5, 15, HELD_MULTIPLIER, inside=held)
        out.append(Trouble(kind="volatility", start_s=start, end_s=end, factor=factor))
    elif what < 0.55:
        factor = float(rng.uniform(2, 5))
        out.append(Trouble(kind="news", start_s=start, end_s=end, factor=factor))
    if what > 0.4:
        session = int(rng.integers(market.sessions))
        rate = market.rates[session]
        excess = between(rng, 3, 50, HELD_EXCESS, inside=held)
        at = float(rng.uniform(5, market.seconds - 3))
        out.append(
            Trouble(
                kind="runaway",
                start_s=at,
                end_s=min(at + float(rng.uniform(0.6, 3.0)), market.seconds),
                factor=min(max(excess, 60 / rate), 3000 / rate),
                session=session,
                style=str(rng.choice(["new", "new", "clock", "loop", "replace"])),
                identical=bool(rng.random() < 0.5),
            )
        )
    for _ in range(int(rng.integers(0, 4))):
        at = float(rng.uniform(5, market.seconds - 2))
        session = int(rng.integers(market.sessions))
        single = rng.random() < 0.6
        factor = rng.uniform(1.5, 3.2) if single else rng.uniform(4, 20)
        out.append(
            Trouble(
                kind="single" if single else "reload",
                start_s=at,
                end_s=at + float(rng.uniform(0.3, 2.0)),
                factor=float(factor),
                session=session,
            )
        )
    return out


def label(
    market: Market,
    rows: market_rows.Rows,
    windows: NDArray[np.void],
    f: NDArray[np.float32],
) -> NDArray[np.int64]:
    """Return each window's class, -1 where it straddles two."""
    out = np.full(len(windows), NORMAL)
    subject = windows["subject"]
    closes = (windows["open_ns"].astype(np.int64) - START_NS) / 1e9
    closes += f[:, COLUMN["window_us"]] / 1e6
    ratio = f[:, COLUMN["ratio_fast"]]
    for trouble in market.troubles:
        since, until = closes - trouble.start_s, closes - trouble.end_s
        tail = (until > 0) & (until < 0.25)
        if trouble.kind == "volatility":
            inside = (since > 0.02) & (until <= 0)
            out[inside & (ratio > 2500)] = VOLATILITY
            out[inside & (ratio > 1800) & (ratio <= 2500)] = -1
            out[tail & (ratio > 1800)] = -1
        elif trouble.kind == "news":
            inside = (since > 0) & (until <= 0.25)
            out[inside & (ratio > 1800)] = -1
    for trouble in market.troubles:
        if trouble.kind != "runaway":
            continue
        own = subject == trouble.session
        since, until = closes - trouble.start_s, closes - trouble.end_s
        times = np.sort(rows.messages["time_ns"][rows.runaway]).astype(np.int64)
        ends = ((closes * 1e9).astype(np.int64)) + START_NS
        bad = np.searchsorted(times, ends) - np.searchsorted(times, ends - 100_000_000)
        share = bad / np.maximum(f[:, COLUMN["rate_fast"]] / 100, 1)
        inside = own & (since > 0) & (until <= 0)
        out[own & (since > 0) & (until < 0.25)] = -1
        out[inside & (bad >= 8) & (share > 0.5)] = FAULT
    ready = (f[:, COLUMN["history_ms"]] >= 3000) & (f[:, COLUMN["messages"]] >= 64)
    out[~ready] = -1
    return out


def episode(
    seed: int, *, held: bool, excess: float = 0.0
) -> tuple[Market, NDArray[np.void], NDArray[np.float32], NDArray[np.int64]]:
    """Return an episode's session windows, their features and labels."""
    market = draw(seed, held=held, excess=excess)
    rows = market_rows.rows_of(market)
    table = Windows([("10.9.0.1", 9878)], [])
    keys, values, start = [], [], 0
    while start < len(rows.headers):
        start += table.update(rows.headers[start:], rows.messages)
        chosen = table.windows["kind"] == WINDOW_SESSION
        keys.append(table.windows[chosen].copy())
        values.append(np.nan_to_num(table.rows[chosen], nan=twin_rows.MISSING))
    windows, features = np.concatenate(keys), np.concatenate(values)
    return market, windows, features, label(market, rows, windows, features)


def twin_label(seen: twin_rows.Seen) -> NDArray[np.int64]:
    """Return each window's class in a twin's episode, -1 for other windows."""
    f, windows = seen.features, seen.windows
    ends = twin_rows.ends_of(seen, COLUMN["window_us"])
    out = np.full(len(windows), NORMAL)
    is_session = windows["kind"] == WINDOW_SESSION
    ratio = f[:, COLUMN["ratio_fast"]]
    for onset, offset, _, _ in twin_rows.spans(seen, Cause.VOLATILITY):
        inside = (ends > onset) & (ends < offset + 300_000_000)
        out[inside & (ratio > 2500)] = VOLATILITY
        out[inside & (ratio > 1800) & (ratio <= 2500)] = -1
        out[(ends > offset) & (ends < offset + 300_000_000) & (ratio > 1800)] = -1
    for onset, offset, clients, _ in twin_rows.spans(seen, Cause.ALGO_FAULT):
        guilty = [i for i, client in enumerate(seen.clients) if client in clients]
        own = np.isin(windows["subject"], guilty)
        out[own & (ends > onset) & (ends < offset + 300_000_000)] = -1
        busy = f[:, COLUMN["orders"]] >= 8
        sure = (ends > onset + 30_000_000) & (ends <= offset) & busy & (ratio >= 2500)
        out[own & sure] = FAULT
    ready = (f[:, COLUMN["history_ms"]] >= 3000) & (f[:, COLUMN["messages"]] >= 64)
    out[~ready | ~is_session] = -1
    return out
