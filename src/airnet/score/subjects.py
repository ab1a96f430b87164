"""Subjects: what a Verdict says besides its opinion, by the kind of its Window.

A session is named, a gateway has its guilty sources folded in, and everything else is
an address and a port.
"""

import functools
from typing import Any

import numpy as np
from numpy.typing import NDArray

from airnet._ext.rows import identity
from airnet.domain.address import address_text
from airnet.domain.columns import FLOOD_SCHEMA
from airnet.domain.columns_host import HOST_SCHEMA
from airnet.domain.session import SESSION, SessionName, comp_text
from airnet.domain.verdict import Cause
from airnet.domain.window import (
    WINDOW_GATEWAY,
    WINDOW_HOST,
    WINDOW_SENSOR,
    WINDOW_SOURCE,
)
from airnet.score.opinion import Opinion

#: A source is named only when it is this sure, and sends this share (1/1000) of what
#: arrives: a bystander caught by chance must not be dropped with the guilty.
NAMED_PPM = 900_000
NAMED_SHARE = 50
#: Kinds of windows that are told of together.
FOLDED = (WINDOW_GATEWAY, WINDOW_SOURCE)
#: A source speaks for a calm gateway only with so many packets in one window.
SOURCE_PACKETS = 16
#: Of a surely flooded gateway, a source of doubtful traffic is named too when it sends
#: this share (1/1000) and SOURCE_PACKETS: one decision names them all, not one each.
ACCOMPLICE_SHARE = 100

_PEER_IS, _PEER = HOST_SCHEMA.index("peer_is"), HOST_SCHEMA.index("peer_0")
_REGISTERED = FLOOD_SCHEMA.index("registered")
_SOURCES = FLOOD_SCHEMA.index("sources")
_SHARE = FLOOD_SCHEMA.index("top_share")
PACKETS = FLOOD_SCHEMA.index("packets")

#: Addresses and names of sessions kept as text.
NAMES = 8192
#: Where in a SESSION row counts end, and what names it begins.
_NAMED = SESSION.fields["client"][1] if SESSION.fields else 0


def count_heard(windows: NDArray[np.void]) -> int:
    """Return how many windows speak for themselves; a source's gateway does for it."""
    return int(np.count_nonzero(windows["kind"] != WINDOW_SOURCE))


def folded(
    windows: NDArray[np.void],
    features: NDArray[np.float32],
    places: list[int],
    opinions: dict[int, Opinion],
) -> dict[int, list[int]]:
    """Return, by gateway, which sources' windows are told of with its own.

    Args:
        windows: WINDOW[k], each gateway's before those of its sources.
        features: float32[k, 64].
        places: of the gateways and sources of whom there is an opinion, ascending.
        opinions: by place. A gateway of whom it is that it is normal is a calm one.
    """
    gateways = (windows["kind"] == WINDOW_GATEWAY).nonzero()[0]
    out: dict[int, list[int]] = {}
    for place in places:
        if windows[place]["kind"] == WINDOW_GATEWAY:
            out[place] = []
            continue
        before = int(gateways.searchsorted(place))
        assert before, "a source window without its gateway's"
        gateway = int(gateways[before - 1])
        own = opinions.get(gateway)
        is_odd = own is not None and own.cause is not Cause.NORMAL
        # Who holds a session is no stranger: that is for the gateway to say.
        if (
            is_odd
            or out.get(gateway)
            or (
                features[place, PACKETS] >= SOURCE_PACKETS
                and not windows[place]["known"]
            )
        ):
            out.setdefault(gateway, []).append(place)
    return out


def of_gateway(
    windows: NDArray[np.void],
    features: NDArray[np.float32],
    opinions: dict[int, Opinion],
    place: int,
    below: list[int],
) -> tuple[int, list[int]]:
    """Return whose opinion a gateway's Verdict is, and which sources it names.

    Its worst source speaks if it does not itself.
    """
    guilty = [one for one in below if opinions[one].cause is Cause.FLOOD]
    own = opinions.get(place)
    if own is not None and own.cause is Cause.NORMAL and below:
        own = None
    is_sure = (
        own is not None
        and own.cause is Cause.FLOOD
        and own.probability_ppm >= NAMED_PPM
    )
    speaker = place
    if guilty and (own is None or own.cause is not Cause.FLOOD):
        speaker = max(guilty, key=lambda one: opinions[one].probability_ppm)
    elif own is None:
        speaker = below[0]
    named = [
        one
        for one in below
        if not windows[one]["known"]
        and not features[one, _REGISTERED]
        and _is_named(opinions[one], features[one], is_sure=is_sure)
    ]
    return speaker, named


def gateway_said(
    windows: NDArray[np.void],
    features: NDArray[np.float32],
    place: int,
    named: list[int],
) -> dict[str, Any]:
    """Return what only a gateway's Verdict has, with the sources that it names."""
    first_ns = int(windows[place]["first_ns"])
    if not first_ns and named:
        first_ns = min(int(windows[one]["first_ns"]) for one in named)
    return {
        "first_ns": first_ns,
        "address": _address(windows[place]["address"].tobytes()),
        "port": int(windows[place]["port"]),
        "sources": tuple(_address(windows[one]["address"].tobytes()) for one in named),
        "fanout": int(features[place, _SOURCES]),
    }


def _is_named(opinion: Opinion, row: NDArray[np.float32], *, is_sure: bool) -> bool:
    """Return whether a stranger is guilty enough to be named; `is_sure` of a flood."""
    if opinion.cause is Cause.FLOOD and opinion.probability_ppm >= NAMED_PPM:
        return bool(row[_SHARE] >= NAMED_SHARE)
    is_heavy = row[_SHARE] >= ACCOMPLICE_SHARE and row[PACKETS] >= SOURCE_PACKETS
    return is_sure and bool(is_heavy)


@functools.lru_cache(NAMES)
def _address(address: bytes) -> str:
    """Return an address as text: a busy one is said again and again."""
    return address_text(address)


def of_session(sessions: NDArray[np.void], subject: int) -> tuple[SessionName, int]:
    """Return name and number of a row of the SESSION table."""
    return _named(identity(sessions, subject))


@functools.lru_cache(NAMES)
def _named(named: bytes) -> tuple[SessionName, int]:
    """Return name and number in what `identity` gives of a SESSION row."""
    row = np.frombuffer(bytes(_NAMED) + named, SESSION)[0]
    name = SessionName(
        client=_address(row["client"].tobytes()),
        client_port=int(row["client_port"]),
        gateway=_address(row["gateway"].tobytes()),
        gateway_port=int(row["gateway_port"]),
        client_comp=comp_text(row["client_comp"].tobytes()),
        gateway_comp=comp_text(row["gateway_comp"].tobytes()),
    )
    return name, int(row["number"])


def of_place(window: np.void, row: NDArray[np.float32]) -> dict[str, Any]:
    """Return what only a Verdict of something with an address has; the mirror: none.

    Of a host, whom it is about as well: the peer that was told of last.
    """
    if window["kind"] == WINDOW_SENSOR:
        return {}
    about = {
        "address": _address(window["address"].tobytes()),
        "port": int(window["port"]),
    }
    if window["kind"] == WINDOW_HOST and row[_PEER_IS] > 0:  # NaN: of rows kept before
        about["sources"] = (_address(_peer(row)),)
    return about


def _peer(row: NDArray[np.float32]) -> bytes:
    """Return the address in a host's row: words of three bytes, the last has one."""
    words = [int(word) for word in row[_PEER : _PEER + 6]]
    return b"".join(word.to_bytes(3, "big") for word in words[:5]) + bytes(words[5:])
