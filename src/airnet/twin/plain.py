"""Plain: what one-line detectors alarm of, session by session, in kept windows."""

import numpy as np
from numpy.typing import NDArray

from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.window import WINDOW_SESSION
from airnet.twin import tally
from airnet.twin.kept import Episode
from airnet.twin.meter import BIN_NS, LINES
from airnet.twin.scenario import Label

_MESSAGES = SESSION_SCHEMA.index("messages")
#: A second of doubt at each end: a bin is a tenth of one, and a line remembers.
GRACE_NS = 1_000_000_000


def alarms(episode: Episode) -> dict[str, tuple[int, bool]]:
    """Return, by detector, how many sessions it would wrongly contain, and if rightly.

    Wrong is an alarm on a session that does nothing wrong then; right, one on a session
    that does. A session counts once, however long the alarm lasts.
    """
    found = dict.fromkeys(LINES, (0, False))
    for name, start_ns, counts in _sessions(episode):
        ends_ns = start_ns + BIN_NS * np.arange(1, len(counts) + 1)
        is_guilty = np.zeros(len(counts), np.bool_)
        for label in episode.heading.labels:
            if tally.may_be_contained(label) and _names(label, name):
                after = ends_ns >= label.onset_ns
                is_guilty |= after & (ends_ns <= label.offset_ns + GRACE_NS)
        for line, alarm in LINES.items():
            fired = alarm(counts)
            wrong, right = found[line]
            found[line] = (
                wrong + bool((fired & ~is_guilty).any()),
                right or bool((fired & is_guilty).any()),
            )
    return found


def _names(label: Label, comp: str) -> bool:
    return any(comp == own for _, own in label.sessions)


def _sessions(
    episode: Episode,
) -> list[tuple[str, int, NDArray[np.float64]]]:
    """Return each session's CompID, first bin, and messages by tenths of a second."""
    seen = episode.seen
    is_session = seen.windows["kind"] == WINDOW_SESSION
    windows, totals = seen.windows[is_session], seen.rows[is_session, _MESSAGES]
    if not len(windows):
        return []
    start_ns, end_ns = int(windows["close_ns"].min()), int(windows["close_ns"].max())
    edges = np.arange(start_ns, end_ns + BIN_NS, BIN_NS)
    comps = {
        int(subject): bytes(row["client_comp"]).rstrip(b"\0").decode("latin-1")
        for subject, row in zip(seen.subjects.tolist(), seen.names, strict=True)
    }
    found = []
    for subject in np.unique(windows["subject"]).tolist():
        own = windows["subject"] == subject
        times = windows["close_ns"][own].astype(np.int64)
        known = np.concatenate([np.zeros(1), totals[own].astype(np.float64)])
        at = known[np.searchsorted(times, edges, side="right")]
        counts = np.maximum(np.diff(at), 0.0)
        # What it had sent before its first window is no burst of that moment.
        counts[: max(int((times[0] - start_ns) // BIN_NS), 0) + 1] = 0.0
        found.append((comps.get(subject, ""), start_ns, counts))
    return found
