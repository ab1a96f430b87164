"""Fit: a site's own order flow, measured through our decoder, as a domain of worlds.

What is measured becomes the ranges of a domain (airnet.twin.ranges); what a capture
cannot say (agents' reactions, other firms' networks) stays as the training domain has
it. The moments go with it, so that worlds made from the domain can be compared with
the site and not only with the literature.
"""

import math
import tomllib
from collections import Counter, defaultdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.capture import frame_rows
from airnet.capture.pcap import PcapSource
from airnet.decode import Decoder
from airnet.domain.message import KIND, UP
from airnet.errors import CaptureError, ConfigError
from airnet.toml import tree_of, whole
from airnet.twin.market import SECOND_NS
from airnet.twin.moments import (
    BY_NAME,
    CANCEL,
    END,
    NEW,
    RECORD,
    REPLACE,
    TRADE,
    Band,
    Records,
    day_ratio,
    measure,
)
from airnet.twin.ranges import TRAIN, Ranges

BATCH_FRAMES = 4096
#: Fewer orders than these make no site.
ORDERS_MIN = 200
#: Fills of (ExecType) 'F', and '1' and '2' of FIX 4.2.
_FILLS = frozenset(b"F12")
_ENDS = frozenset(b"48C")
_FILLED = ord("2")
_NAMES = {NEW: "new", REPLACE: "replace", CANCEL: "cancel"}
_ASKS = {KIND["new"]: NEW, KIND["replace"]: REPLACE, KIND["cancel"]: CANCEL}


class Fitted(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A site as it was measured: what it is like, and the domain made from it.

    `moments` holds what could be measured, under the names of BANDS.
    """

    span_s: float
    messages_per_s: float
    orders: int
    trades: int
    moments: dict[str, float]
    ranges: Ranges

    @property
    def bands(self) -> tuple[Band, ...]:
        """Return bands about the site's own moments: half to twice of each."""
        return tuple(
            msgspec.structs.replace(
                BY_NAME[name], least=value / 2, most=value * 2, source="this capture"
            )
            for name, value in self.moments.items()
        )


class Flow:
    """Follows orders through decoded messages, whatever their ids become."""

    def __init__(self) -> None:
        self.found: list[tuple[int, int, int, int]] = []
        self.symbols: set[int] = set()
        self.sides: defaultdict[int, Counter[str]] = defaultdict(Counter)
        self.waits: list[int] = []
        self._orders: dict[tuple[int, int], int] = {}
        self._asked: dict[int, int] = {}

    def take(self, messages: NDArray[np.void]) -> None:
        """Take decoded rows in the order they were made."""
        names = ("time_ns", "session", "kind", "direction", "order_key")
        rest = ("original_key", "symbol_key", "exec_type", "order_status")
        columns = [messages[name].tolist() for name in (*names, *rest)]
        for time, session, kind, direction, key, *more in zip(*columns, strict=True):
            if direction == UP and kind in _ASKS:
                self._asks(time, session, _ASKS[kind], (key, *more[:2]))
            elif direction != UP and kind == KIND["report"]:
                self._told(time, session, (key, *more[:1]), bytes(more[2:4]))

    def _order(self, session: int, key: int, original: int) -> int:
        """Return the order an id belongs to: a replace gives an order a new id."""
        number = self._orders.get((session, original)) if original else None
        if number is None:
            number = self._orders.setdefault((session, key), len(self._orders) + 1)
        return self._orders.setdefault((session, key), number)

    def _asks(
        self, time: int, session: int, kind: int, keys: tuple[int, int, int]
    ) -> None:
        key, original, symbol = keys
        order = self._order(session, key, original)
        self.found.append((time, order, session, kind))
        self.sides[session][_NAMES[kind]] += 1
        if symbol:
            self.symbols.add(symbol)
        if kind == NEW:
            self._asked[order] = time

    def _told(
        self, time: int, session: int, keys: tuple[int, int], states: bytes
    ) -> None:
        order = self._order(session, *keys)
        executed, status = states
        self.sides[session]["report"] += 1
        asked = self._asked.pop(order, None)
        if asked is not None:
            self.waits.append(time - asked)
        if executed in _FILLS:
            self.found.append((time, order, session, TRADE))
            self.sides[session]["fill"] += 1
        if executed in _ENDS or status == _FILLED:
            self.found.append((time, order, session, END))

    def records(self) -> Records:
        """Return what happened, in time order."""
        made = np.zeros(len(self.found), RECORD)
        for name, values in zip(
            ("time_ns", "order", "line", "kind"),
            zip(*self.found, strict=True),
            strict=False,
        ):
            made[name] = values
        return made[np.argsort(made["time_ns"], kind="stable")]


def read(files: tuple[Path, ...], gateways: list[tuple[str, int]]) -> Flow:
    """Return the order flow of capture files.

    Raises:
        CaptureError: a file is no capture.
    """
    source, decoder = PcapSource(files), Decoder(gateways)
    flow, rows = Flow(), frame_rows(BATCH_FRAMES)
    try:
        while not source.is_exhausted:
            count = source.poll(rows, 0)
            frames = rows[:count]
            while len(frames):
                headers, messages = decoder.decode(frames, source.buffer)
                flow.take(messages)
                frames = frames[len(headers) :]
    finally:
        source.close()
        decoder.close()
    return flow


def _roles(flow: Flow) -> tuple[float, float, float, float, float]:
    """Return the shares of makers, takers, executions, arbitrage and drop copies.

    A maker changes most of what it offers and seldom trades; a taker's orders mostly
    trade; who only listens is a drop copy. Arbitrageurs look like takers from
    outside: they keep their share of the two.
    """
    counts = Counter[str]()
    for seen in flow.sides.values():
        changes = seen["replace"] + seen["cancel"]
        if not seen["new"]:
            counts["drop"] += seen["report"] > 0
        elif changes >= 0.7 * seen["new"] and seen["fill"] < 0.25 * seen["new"]:
            counts["maker"] += 1
        else:
            counts["taker" if seen["fill"] >= 0.4 * seen["new"] else "other"] += 1
    racing = TRAIN.roles[3] / (TRAIN.roles[1] + TRAIN.roles[3])
    shares = (
        counts["maker"] + 0.5,
        counts["taker"] * (1 - racing) + 0.5,
        counts["other"] + 0.5,
        counts["taker"] * racing + 0.2,
        counts["drop"] + 0.2,
    )
    total = sum(shares)
    maker, taker, execution, arbitrage, drop = (share / total for share in shares)
    return maker, taker, execution, arbitrage, drop


def _ranges(flow: Flow, found: dict[str, float]) -> Ranges:
    sessions = max(2, len(flow.sides))
    symbols = max(1, len(flow.symbols))
    changed: dict[str, Any] = {
        "name": "site",
        "sessions": (sessions, sessions),
        "symbols": (symbols, symbols),
        "roles": _roles(flow),
        "concentration": 200.0,
    }
    if flow.waits:
        # A gateway's service is three tenths of `exchange_ns` (airnet.twin.cast).
        low, high = np.percentile(flow.waits, [10, 60]) / 0.3
        changed["exchange_ns"] = (max(1000.0, float(low)), max(1001.0, float(high)))
    if not math.isnan(found["branching"]):
        middle = min(0.9, max(0.3, found["branching"]))
        changed["branching"] = (middle - 0.03, middle + 0.03)
    return msgspec.structs.replace(TRAIN, **changed)


def fit(files: tuple[Path, ...], gateways: list[tuple[str, int]]) -> Fitted:
    """Measure a site's order flow.

    Args:
        files: captures of it, in time order.
        gateways: order gateways known beforehand; more are learned from FIX.

    Raises:
        CaptureError: a file is no capture, or has hardly an order in it.
    """
    flow = read(files, gateways)
    if len(flow.found) < ORDERS_MIN:
        raise CaptureError(
            f"{', '.join(map(str, files))}: {len(flow.found)} events of orders",
            f"a fit needs {ORDERS_MIN} and more: capture order sessions for longer",
        )
    records = flow.records()
    times = records["time_ns"].astype(np.int64)
    span_ns = max(1, int(times[-1] - times[0]))
    asked = np.isin(records["kind"], (NEW, REPLACE, CANCEL))
    found = measure(records)
    if span_ns > 4 * 3600 * SECOND_NS:
        found["day_ratio"] = day_ratio(times[asked], int(times[0]), int(times[-1]))
    return Fitted(
        span_s=span_ns / SECOND_NS,
        messages_per_s=float(asked.sum()) / span_ns * SECOND_NS,
        orders=int((records["kind"] == NEW).sum()),
        trades=int((records["kind"] == TRADE).sum()),
        moments={name: v for name, v in found.items() if not math.isnan(v)},
        ranges=_ranges(flow, found),
    )


def _toml(value: Any) -> str:
    """Return a number, a text or a flat list of them as TOML."""
    if isinstance(value, str):
        return f'"{value}"'
    if isinstance(value, tuple):
        return f"[{', '.join(_toml(one) for one in value)}]"
    return repr(value)


def as_text(fitted: Fitted) -> str:
    """Return a fit as the TOML that `load` reads."""
    lines = ["# Made by airnet twin fit; read by airnet twin realism --site."]
    for name in ("span_s", "messages_per_s", "orders", "trades"):
        lines.append(f"{name} = {_toml(getattr(fitted, name))}")
    lines += ["", "[moments]"]
    lines += [f"{name} = {_toml(value)}" for name, value in fitted.moments.items()]
    lines += ["", "[ranges]"]
    for name in Ranges.__struct_fields__:
        lines.append(f"{name} = {_toml(getattr(fitted.ranges, name))}")
    return "\n".join(lines) + "\n"


def load(path: Path) -> Fitted:
    """Read a fit.

    Raises:
        ConfigError: the file cannot be read, or is no fit.
    """
    try:
        raw = tree_of(whole(path).decode())
        return msgspec.convert(raw, Fitted)
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: {error}", "airnet twin fit writes one") from error
    except msgspec.ValidationError as error:
        raise ConfigError(f"{path}: {error}", "airnet twin fit writes one") from error
