"""Classes: what each window really is; -1 where it straddles, or nobody can say."""

import numpy as np
from numpy.typing import NDArray

from airnet.domain.address import address_bytes, address_text
from airnet.domain.columns import FLOOD_SCHEMA, SESSION_SCHEMA
from airnet.domain.verdict import Cause
from airnet.domain.window import WINDOW_GATEWAY, WINDOW_SESSION, WINDOW_SOURCE
from airnet.train.seen import Happening, Seen

NORMAL, VOLATILITY, FAULT = range(3)
FLOOD = 1
UNSURE = -1
SESSION_CLASSES = (Cause.NORMAL, Cause.VOLATILITY, Cause.ALGO_FAULT)
FLOOD_CLASSES = (Cause.NORMAL, Cause.FLOOD)

#: A session's windows look back 200 ms, and what is slow shows within a second.
FAST_NS, SLOW_NS = 100_000_000, 1_000_000_000
AFTER_NS = 300_000_000
#: Messages of an incident's in the last 100 ms, or second, that make it one.
FAST_LEAST, SLOW_LEAST = 4, 6
#: A burst is one in a session's window above this, and none below, in 1/1000.
BURST, CALM = 2500, 1800
#: Before a session has sent so much for so long, no model is asked.
READY_MS, READY_MESSAGES = 1_500, 16
#: Of the packets in a window, the incident's that make it a flood.
GATEWAY_LEAST, SOURCE_LEAST = 8, 6

Classes = NDArray[np.int64]
_SESSION = {name: place for place, name in enumerate(SESSION_SCHEMA.names)}
_FLOOD = {name: place for place, name in enumerate(FLOOD_SCHEMA.names)}


def ends_of(seen: Seen) -> NDArray[np.int64]:
    """Return when each window ended, by the grid and not by the next frame."""
    span_us = seen.rows[:, _SESSION["window_us"]].astype(np.int64)
    return seen.windows["open_ns"].astype(np.int64) + span_us * 1000


def of_sessions(seen: Seen) -> tuple[NDArray[np.intp], Classes]:
    """Return which windows are sessions', and their classes."""
    places = np.flatnonzero(seen.windows["kind"] == WINDOW_SESSION)
    rows, ends = seen.rows[places], ends_of(seen)[places]
    subjects = seen.windows["subject"][places]
    out = np.full(len(places), NORMAL)
    ratio = rows[:, _SESSION["ratio_fast"]]
    for one in seen.happenings:
        since, until = ends - one.span_ns[0], ends - one.span_ns[1]
        inside = (since > 0) & (until < AFTER_NS)
        if one.cause is Cause.VOLATILITY:
            out[inside & (ratio > BURST)] = VOLATILITY
            out[inside & (ratio > CALM) & (ratio <= BURST)] = UNSURE
            out[inside & (until > 0) & (ratio > CALM)] = UNSURE
        elif one.cause is Cause.COMPROMISE:
            out[inside & np.isin(subjects, _subjects(seen, one))] = UNSURE
    for one in seen.happenings:
        if one.cause is Cause.ALGO_FAULT:
            _blame(seen, one, (ends, subjects, ratio), out)
    ready = rows[:, _SESSION["history_ms"]] >= READY_MS
    ready &= rows[:, _SESSION["messages"]] >= READY_MESSAGES
    out[~ready] = UNSURE
    return places, out


def _subjects(seen: Seen, one: Happening) -> list[int]:
    """Return the sessions that a happening is about."""
    hosts = {address for address, _ in one.clients} | one.hosts
    return [
        index
        for index, (address, comp) in seen.clients.items()
        if (address, comp) in one.clients or (not one.clients and address in hosts)
    ]


def _blame(
    seen: Seen,
    one: Happening,
    about: tuple[NDArray[np.int64], NDArray[np.uint32], NDArray[np.float32]],
    out: Classes,
) -> None:
    """Mark the windows of the sessions whose algorithm fails."""
    ends, subjects, ratio = about
    own = np.isin(subjects, _subjects(seen, one))
    inside = own & (ends > one.span_ns[0])
    if not seen.has_marks:
        out[inside & (ends < one.span_ns[1] + AFTER_NS)] = UNSURE
        sure = (ends > one.span_ns[0] + 30_000_000) & (ends <= one.span_ns[1])
        out[inside & sure & (ratio >= BURST)] = FAULT
        return
    spoken = seen.spoken
    bad = np.isin(spoken["mark"], list(one.numbers))
    for subject in np.unique(subjects[own]).tolist():
        theirs = spoken["session"] == subject
        times = spoken["time_ns"][theirs]
        counts = np.concatenate([[0], np.cumsum(spoken["count"][theirs].astype(int))])
        wrong = np.where(bad[theirs], spoken["count"][theirs].astype(int), 0)
        wrong = np.concatenate([[0], np.cumsum(wrong)])
        mine = own & (subjects == subject)
        at = ends[mine]
        fast, all_fast = _within(times, (wrong, counts), at, FAST_NS)
        slow, all_slow = _within(times, (wrong, counts), at, SLOW_NS)
        is_fault = (fast >= FAST_LEAST) & (2 * fast > all_fast)
        is_fault |= (slow >= SLOW_LEAST) & (2 * slow > all_slow) & (fast > 0)
        values = out[mine]
        values[slow > 0] = UNSURE
        values[is_fault] = FAULT
        out[mine] = values


def _within(
    times: NDArray[np.int64],
    totals: tuple[NDArray[np.int64], NDArray[np.int64]],
    ends: NDArray[np.int64],
    span_ns: int,
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return how much of each total falls into the span before each end."""
    last = np.searchsorted(times, ends)
    first = np.searchsorted(times, ends - span_ns)
    return totals[0][last] - totals[0][first], totals[1][last] - totals[1][first]


def of_floods(seen: Seen) -> tuple[NDArray[np.intp], Classes]:
    """Return which windows are gateways' and sources', and their classes."""
    kinds = seen.windows["kind"]
    places = np.flatnonzero(np.isin(kinds, (WINDOW_GATEWAY, WINDOW_SOURCE)))
    if not seen.has_marks:
        return places, _by_span(seen, places)
    numbers = [n for one in seen.happenings for n in one.numbers if _is_flood(one)]
    packets = seen.packets[np.isin(seen.packets["mark"], numbers)]
    out = np.zeros(len(places), np.int64)
    if not len(packets):
        return places, out
    ends, rows = ends_of(seen)[places], seen.rows[places]
    opens = seen.windows["open_ns"][places].astype(np.int64)
    bad = np.zeros(len(places), np.int64)
    for kind, name in ((WINDOW_GATEWAY, "target"), (WINDOW_SOURCE, "source")):
        by_address = _by_address(packets, name)
        for place in np.flatnonzero(kinds[places] == kind).tolist():
            address = seen.windows["address"][places[place]].tobytes()
            times = by_address.get(address)
            if times is not None:
                span = [opens[place], ends[place]]
                first, last = np.searchsorted(times, span)
                bad[place] = last - first
    share = bad / np.maximum(rows[:, _FLOOD["packets"]], 1)
    least = np.where(kinds[places] == WINDOW_SOURCE, SOURCE_LEAST, GATEWAY_LEAST)
    out[bad > 0] = UNSURE
    out[(bad >= least) & (share > 0.5)] = FLOOD
    return places, out


def _is_flood(one: Happening) -> bool:
    return one.cause is Cause.FLOOD


def _by_address(packets: NDArray[np.void], name: str) -> dict[bytes, NDArray[np.int64]]:
    """Return the sorted times of packets by an address of theirs."""
    keys = packets[name].copy().view("V16").reshape(-1)
    values, which = np.unique(keys, return_inverse=True)
    order = np.argsort(which, kind="stable")
    edges = np.searchsorted(which[order], np.arange(len(values) + 1))
    times = packets["time_ns"][order]
    return {
        value.tobytes(): np.sort(times[edges[i] : edges[i + 1]])
        for i, value in enumerate(values)
    }


def _by_span(seen: Seen, places: NDArray[np.intp]) -> Classes:
    """Return classes where no packet says whose it is: by the time of the label."""
    ends, rows = ends_of(seen)[places], seen.rows[places]
    is_source = seen.windows["kind"][places] == WINDOW_SOURCE
    own = {address_bytes(address) for address in seen.gateways}
    names = [row.tobytes() for row in seen.windows["address"][places]]
    packed = np.array([name in own for name in names], bool)
    packets = rows[:, _FLOOD["packets"]]
    out = np.zeros(len(places), np.int64)
    for one in seen.happenings:
        if not _is_flood(one):
            continue
        inside = (ends > one.span_ns[0]) & (ends < one.span_ns[1] + 110_000_000)
        out[inside & ~is_source & packed] = UNSURE
        sure = inside & (ends <= one.span_ns[1])
        out[sure & ~is_source & packed & (packets >= 16)] = FLOOD
        guilty = np.array([address_text(name) in one.hosts for name in names], bool)
        out[inside & is_source & (guilty | (not one.hosts))] = UNSURE
        out[sure & is_source & guilty & (packets >= 8)] = FLOOD
    return out
