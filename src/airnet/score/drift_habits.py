"""Habits: does a session still send what it always sent, by a version that is signed?

A session is known by its CompID and its host, so that it is the same after it has
reconnected, and so that nobody who borrows its CompID elsewhere speaks for it. In its
first quarter of an hour, and until as long has passed without a new one, its layouts
(which tags its orders have, in which order) are learned; later a new one is told. The
version is what the site file has, and what the Logon names (ApplicationSystemVersion,
1604, FIX Latest). Where policy binds versions of the algorithm, another is told; where
it binds none, another than the first that was seen.

Channels of market data are learned likewise, and a new one is told.

Pure of the world; memory is bounded: who comes when it is full is not watched.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from airnet._ext import rows as row_kernel
from airnet._ext.fix import key
from airnet.domain.address import address_text
from airnet.domain.drift import Drift, DriftKind, Run
from airnet.domain.session import SessionName
from airnet.domain.window import WINDOW_FEED, WINDOW_SESSION
from airnet.score.subjects import of_session

#: How long layouts are learned, of capture time: as long as drift.SCOPE looks take.
LEARN_NS = 900_000_000_000
HABITS_MAX = 16_384
FEEDS_MAX = 1024

#: A session's CompID and its host.
Who = tuple[str, str]


class Habit:
    """What is remembered of one session: layouts as bits, the version as a hash."""

    def __init__(self, since_ns: int) -> None:
        self.since_ns = since_ns
        self.layouts = 0
        self.version = 0


class Habits:
    """Looks for what sessions and feeds did not do before.

    Args:
        runs: by CompID and host, what the site says that a session runs.
    """

    kind = WINDOW_SESSION

    def __init__(self, runs: Mapping[Who, Run]) -> None:
        self._runs = runs
        self._signed = {
            who: frozenset(map(version_hash, run.signed)) for who, run in runs.items()
        }
        self._turns = row_kernel.Habits()
        self._habits: dict[Who, Habit] = {}
        self._feeds: set[tuple[bytes, int]] = set()
        self._feeds_since_ns = 0
        #: As Drifts has it: nothing here has an index.
        self.index: dict[str, int] = {}

    def look(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        sessions: NDArray[np.void],
    ) -> list[Drift]:
        """Return what is new in WINDOW[k]; `features` are not looked at."""
        del features
        found: list[Drift] = []
        for place in self._turns.choose(windows, sessions):
            window = windows[place]
            if window["kind"] == WINDOW_FEED:
                found += self._feed(window)
                continue
            named, _ = of_session(sessions, int(window["subject"]))
            if named.client_comp:
                found += self._session(window, named)
        return found

    def _session(self, window: np.void, named: SessionName) -> list[Drift]:
        who = (named.client_comp, named.client)
        run, habit = self._runs.get(who), self._habits.get(who)
        found: list[Drift] = []
        if habit is None:
            if len(self._habits) >= HABITS_MAX:
                return []
            habit = self._habits[who] = Habit(int(window["open_ns"]))
            if run is not None and run.signed and run.version not in run.signed:
                about = f"{run.algorithm} in version {run.version!r}"
                found.append(_new(DriftKind.UNSIGNED_VERSION, window, named, about))
        version = int(window["port"])
        if version and version != habit.version:
            signed = self._signed.get(who, frozenset()) or {habit.version or version}
            habit.version = version
            if version not in signed:
                about = "tag 1604 of its Logon"
                found.append(_new(DriftKind.NEW_VERSION, window, named, about))
        return found + self._layouts(window, named, habit)

    def _layouts(
        self, window: np.void, named: SessionName, habit: Habit
    ) -> list[Drift]:
        """Learn a window's layouts, or tell of those that were not learned."""
        seen = int.from_bytes(window["address"].tobytes(), "little")
        fresh = seen & ~habit.layouts
        if not fresh:
            return []
        habit.layouts |= fresh
        now_ns = int(window["close_ns"])
        if now_ns - habit.since_ns < LEARN_NS:
            habit.since_ns = now_ns
            return []
        return [_new(DriftKind.NEW_TEMPLATE, window, named, "")]

    def _feed(self, window: np.void) -> list[Drift]:
        """Learn a channel of market data, or tell of one that was not learned."""
        feed = (window["address"].tobytes(), int(window["port"]))
        if feed in self._feeds or len(self._feeds) >= FEEDS_MAX:
            return []
        now_ns = int(window["close_ns"])
        if not self._feeds:
            self._feeds_since_ns = now_ns
        self._feeds.add(feed)
        if now_ns - self._feeds_since_ns < LEARN_NS:
            self._feeds_since_ns = now_ns
            return []
        about = f"{address_text(feed[0])}:{feed[1]}"
        return [_new(DriftKind.NEW_FEED, window, None, about)]


def version_hash(version: str) -> int:
    """Return what a session's window carries of the version that its Logon named."""
    return key(version.encode()) >> 48 | 1


def _new(
    kind: DriftKind, window: np.void, named: SessionName | None, about: str
) -> Drift:
    return Drift(
        kind=kind,
        t_ns=int(window["close_ns"]),
        window_kind=int(window["kind"]),
        subject=int(window["subject"]),
        session=named,
        about=about,
        is_elevated=named is not None and bool(window["first_ns"]),
    )
