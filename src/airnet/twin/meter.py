"""Meter: how many messages one session sends, and what one-line detectors say of it."""

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.heed import Heed
from airnet.domain.verdict import Verdict
from airnet.domain.window import WINDOW_SESSION
from airnet.score.scorer import Heeding, Scorer
from airnet.score.subjects import of_session

SECOND_NS = 1_000_000_000
BIN_NS = SECOND_NS // 10
_MESSAGES = SESSION_SCHEMA.index("messages")


class Traffic:
    """What a session sent, in bins of a tenth of a second from `start_ns` on."""

    def __init__(
        self, counts: NDArray[np.float64], start_ns: int, onset_ns: int
    ) -> None:
        self.counts, self.start_ns, self.onset_ns = counts, start_ns, onset_ns

    def within(self, from_ns: int, until_ns: int) -> NDArray[np.float64]:
        """Return the bins of a span."""
        first, last = ((at - self.start_ns) // BIN_NS for at in (from_ns, until_ns))
        return self.counts[first:last]

    def rate(self, from_ns: int, until_ns: int) -> float:
        """Return messages a second over a span."""
        return (
            float(self.within(from_ns, until_ns).sum())
            * SECOND_NS
            / (until_ns - from_ns)
        )

    def percentile(self, from_ns: int, until_ns: int) -> float:
        """Return the 99.9th percentile of its messages in a sliding second."""
        sums = np.convolve(self.within(from_ns, until_ns), np.ones(10), "valid")
        return float(np.percentile(sums, 99.9)) if len(sums) else 0.0


class Meter:
    """A Scorer that counts one session's messages on the way to another Scorer."""

    def __init__(self, scorer: Scorer, comp: str) -> None:
        self._scorer, self._comp = scorer, comp
        self._seen: list[tuple[int, float]] = []

    def score(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        sessions: NDArray[np.void],
    ) -> list[Verdict]:
        """Count, and score as the other does."""
        for place in (windows["kind"] == WINDOW_SESSION).nonzero()[0].tolist():
            named, _ = of_session(sessions, int(windows[place]["subject"]))
            if named.client_comp == self._comp:
                seen = float(features[place, _MESSAGES])
                self._seen.append((int(windows[place]["close_ns"]), seen))
        return self._scorer.score(windows, features, sessions)

    def heed(self, heeds: Sequence[Heed]) -> None:
        """Have the other heed them, if it can."""
        if isinstance(self._scorer, Heeding):
            self._scorer.heed(heeds)

    def counters(self) -> dict[str, int]:
        """Return what the other does."""
        return self._scorer.counters()

    def provenance(self) -> dict[str, str]:
        """Return what the other does."""
        return self._scorer.provenance()

    def traffic(self, start_ns: int, onset_ns: int, end_ns: int) -> Traffic:
        """Return what was counted: the total at each bin's end, less the one before."""
        edges = np.arange(start_ns, end_ns + 1, BIN_NS)
        times = np.array([at for at, _ in self._seen], np.int64)
        totals = np.array([0.0, *(seen for _, seen in self._seen)])
        known = totals[np.searchsorted(times, edges, side="right")]
        return Traffic(np.maximum(np.diff(known), 0.0), start_ns, onset_ns)


# ---- one-line detectors, as bench/strangers has them ----

#: Bins before an alarm is believed.
WARM = 30


def _fixed(counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    return np.asarray(counts > 10)


def _ewma(counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    alarms: list[bool] = []
    mean, spread = float(counts[0]), 1.0
    for at, count in enumerate(counts.tolist()):
        is_alarm = at > WARM and count > mean + 6 * spread**0.5 + 2
        alarms.append(is_alarm)
        if not is_alarm:
            spread = 0.98 * spread + 0.02 * (count - mean) ** 2
            mean = 0.98 * mean + 0.02 * count
    return np.array(alarms, np.bool_)


def _cusum(counts: NDArray[np.float64]) -> NDArray[np.bool_]:
    base = counts[:WARM]
    # Plain floats: the same bits, and a fifth of the time.
    slack = float(base.mean() + base.std() + 0.5)
    limit = float(10 * (base.std() + 1))
    totals, total = [0.0] * min(len(counts), WARM + 1), 0.0
    for count in counts[WARM + 1 :].tolist():
        total = total + count - slack
        if not total > 0.0:
            total = 0.0
        totals.append(total)
    return np.array(totals, np.float64) > limit


#: By name, where it alarms among a session's bins.
LINES = {"fixed": _fixed, "ewma": _ewma, "cusum": _cusum}


def _rule(
    line: Callable[[NDArray[np.float64]], NDArray[np.bool_]],
) -> Callable[[Traffic, int, int], bool]:
    """Return whether a line of arithmetic alarms within a span."""

    def detects(traffic: Traffic, from_ns: int, until_ns: int) -> bool:
        alarms = line(traffic.counts)
        first, last = ((at - traffic.start_ns) // BIN_NS for at in (from_ns, until_ns))
        return bool(alarms[first:last].any())

    return detects


DETECTORS = {name: _rule(line) for name, line in LINES.items()}
