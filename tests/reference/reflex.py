"""What ext/reflex.pyx fires at, slowly: with the scorer's own words for each window.

Written from the words of the judge and of the scorer, not from the kernel: a batch is
scored as ever, and looked at window by window.
"""

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from airnet.act.shot import Arm, Order
from airnet.decide.forgery import KNOWN_SHARE
from airnet.domain.columns import FLOOD_SCHEMA
from airnet.domain.verdict import CONTAINABLE
from airnet.domain.window import WINDOW_GATEWAY, WINDOW_SOURCE
from airnet.score import OnnxScorer
from airnet.score.evidence import needs_second
from airnet.score.opinion import Opinion
from airnet.score.rules import GATEWAY_RULES
from airnet.score.subjects import of_gateway

SOURCES = FLOOD_SCHEMA.index("sources")
COLUMNS = {name: place for place, name in enumerate(FLOOD_SCHEMA.names)}
Rows = NDArray[np.float32]


class Aim(NamedTuple):
    """What would be done."""

    number: int
    port: int
    is_limit: bool
    gateway: bytes
    sources: tuple[bytes, ...]


def broken(row: Rows) -> int | None:
    """Return the number of the first rule that a gateway's row breaks."""
    for number, rule in enumerate(GATEWAY_RULES):
        bounds = [
            np.float32(least) <= row[COLUMNS[name]] <= np.float32(most)
            for name, least, most in rule.needs
        ]
        if row[COLUMNS[rule.feature]] > rule.limit * rule.divisor and all(bounds):
            return number
    return None


def named(
    scorer: OnnxScorer,
    windows: NDArray[np.void],
    rows: Rows,
    place: int,
    opinions: dict[int, Opinion],
) -> list[int] | None:
    """Return the sources that the Verdict names; None: a second opinion is asked."""
    below = []
    for other in range(place + 1, len(windows)):
        if windows[other]["kind"] != WINDOW_SOURCE:
            break
        if other in opinions:
            below.append(other)
    _, found = of_gateway(windows, rows, opinions, place, below)
    has_second = scorer.flood_model.second.is_there
    if has_second and any(needs_second(opinions[one]) for one in found):
        return None
    assert has_second or not CONTAINABLE.isdisjoint(CONTAINABLE)
    return found


def fitting(
    arm: Arm, port: int, is_many: bool, wanted: list[bytes]
) -> tuple[Order | None, int]:
    """Return the order that fits, and the port."""
    if arm.bounds[0] and port != arm.bounds[0]:
        return None, port
    return (arm.drop if wanted and not is_many else arm.limit), port


def aim(
    scorer: OnnxScorer,
    arms: dict[bytes, Arm],
    spared: set[bytes],
    windows: NDArray[np.void],
    rows: Rows,
) -> Aim | None:
    """Return what would be done of a batch; None: nothing."""
    gateways = (windows["kind"] == WINDOW_GATEWAY).nonzero()[0].tolist()
    place = next((one for one in gateways if broken(rows[one]) is not None), None)
    if place is None:
        return None
    opinions = scorer._opinions(windows, rows)
    window, rule = windows[place], broken(rows[place])
    arm = arms.get(window["address"].tobytes())
    close_ns = int(window["close_ns"])
    if arm is None or not arm.when[0] <= close_ns <= arm.when[1]:
        return None
    is_alive = close_ns <= arm.when[2]
    enough = arm.rules[0] | (arm.rules[1] if is_alive else 0)
    if not enough >> rule & 1 or any(one < place for one in opinions):
        return None
    port = int(window["port"])
    if is_alive and arm.bounds[1] != port:
        port = 0
    _, _, few, most = arm.bounds
    is_many = bool(rows[place, SOURCES] > few)
    wanted: list[bytes] = []
    if not is_many:
        if rows[place, COLUMNS["known_share"]] > KNOWN_SHARE:
            return None  # likely forged: whom it bears the name of is not dropped
        found = named(scorer, windows, rows, place, opinions)
        if found is None or len(found) > few:
            return None
        those = [windows[one]["address"].tobytes() for one in found]
        wanted = list(dict.fromkeys(those + list(arm.sources if is_alive else ())))
        if spared.intersection(wanted) or len(wanted) > most:
            return None
    order, port = fitting(arm, port, is_many, wanted)
    if order is None:
        return None
    gateway = window["address"].tobytes()
    return Aim(order.number, port, not wanted, gateway, tuple(wanted))
