"""Windows of the digital twin's episodes, with labels: real frames, really decoded.

The second source of training data beside market_rows and flood_rows: its sessions
trade in clusters and its faults and floods are on the wire.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from airnet.decode import Decoder
from airnet.domain.frame import FRAME
from airnet.domain.session import address_text
from airnet.domain.verdict import Cause
from airnet.domain.window import WINDOW_VENUE
from airnet.features import Windows
from airnet.twin.scenario import randomised
from airnet.twin.scenarios import SCENARIOS
from airnet.twin.traffic import Episode, generate

BATCH = 2048
#: What stands for a missing feature; the card says so to whoever scores.
MISSING = 0
#: Scenarios whose trouble is the sensor's or a CompID's: no model here learns them.
LEFT_OUT = ("mirror_loss", "clock_step", "compid_wrong_host")
TRAINED = tuple(name for name in SCENARIOS if name not in (*LEFT_OUT, "demo"))


@dataclass(kw_only=True)
class Seen:
    """Every window that models learn from in an episode, and the clients' names."""

    episode: Episode
    windows: NDArray[np.void]
    features: NDArray[np.float32]
    clients: list[str]


def episode_of(seed: int, scenario: str = "") -> Episode:
    """Return the episode of a seed: scenarios in turn, parameters drawn."""
    name = scenario or TRAINED[seed % len(TRAINED)]
    return generate(name, seed, params=randomised(seed, 16.0))


def frame_rows(
    frames: list[tuple[int, bytes]],
) -> tuple[NDArray[np.void], NDArray[np.uint8]]:
    """Return FRAME[n] and the buffer their bytes lie in."""
    sizes = np.array([len(data) for _, data in frames], np.uint64)
    rows = np.zeros(len(frames), FRAME)
    rows["time_ns"] = [time_ns for time_ns, _ in frames]
    rows["offset"][1:] = np.cumsum(sizes)[:-1]
    rows["captured_bytes"] = rows["wire_bytes"] = sizes
    rows["link"] = 1
    data = b"".join(data for _, data in frames)
    return rows, np.frombuffer(data, np.uint8)


def look(episode: Episode, *, with_site: bool) -> Seen:
    """Return what features makes of an episode."""
    site = episode.site
    gateways = [(one.ip, one.port) for one in site.gateways] if with_site else []
    hosts = sorted({host for firm in site.firms for host in firm.hosts})
    decoder, table = Decoder(gateways), Windows(gateways, hosts if with_site else [])
    keys, values = [], []
    for first in range(0, len(episode.frames), BATCH):
        rest, buffer = frame_rows(episode.frames[first : first + BATCH])
        while len(rest):
            headers, messages = decoder.decode(rest, buffer)
            start = 0
            while start < len(headers):
                start += table.update(headers[start:], messages)
                chosen = table.windows["kind"] != WINDOW_VENUE
                keys.append(table.windows[chosen].copy())
                values.append(np.nan_to_num(table.rows[chosen], nan=MISSING))
            rest = rest[len(headers) :]
    clients = [
        f"{address_text(row['client'].tobytes())}:{row['client_port']}"
        for row in decoder.sessions
    ]
    return Seen(
        episode=episode,
        windows=np.concatenate(keys),
        features=np.concatenate(values),
        clients=clients,
    )


def spans(seen: Seen, cause: Cause) -> list[tuple[int, int, set[str], set[str]]]:
    """Return (onset, offset, sessions, hosts) of what happened of one Cause."""
    return [
        (
            label.onset_ns,
            label.offset_ns,
            {client for client, _ in label.sessions},
            set(label.hosts),
        )
        for label in seen.episode.labels
        if label.cause is cause
    ]


def ends_of(seen: Seen, window_us: int) -> NDArray[np.int64]:
    """Return when each window ended, by the grid and not by the next frame."""
    spans_ns = seen.features[:, window_us].astype(np.int64) * 1000
    return seen.windows["open_ns"].astype(np.int64) + spans_ns
