"""Streaks and episodes: what has been seen of each subject lately, in bounded memory.

Time is capture time only. A streak is a run of bad windows of one subject and one
Cause without a gap; a scorer says nothing of the normal ones between, which so neither
break it nor take from its evidence. An episode is a run of anything that is merely
said once.
"""

import msgspec

from airnet.domain.verdict import Cause

#: Subjects remembered; twice the sessions decode can track. The oldest is forgotten.
STREAKS_MAX = 16_384

#: What this long a silence parts is two: who knocks a dozen times and is gone does not
#: hold on, however soon he knocks again.
SILENCE_NS = 25_000_000

#: Sources named by earlier windows that a streak remembers.
SOURCES_MAX = 8

Key = tuple[str, ...]

#: What keys and streaks call each Cause: an enum takes longer to say its value.
NAMES = {cause: cause.value for cause in Cause}


class Streak(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """Bad windows without a gap: how many, from when to when, first bad frame.

    `facts` of them broke a hard limit. `port` is the attacked port, 0 when it changed
    from window to window: any port. `sources` are those the windows named. `is_above`:
    it has run since, and although, something was ordered against it. `evidence` is
    what the windows add up to (airnet.decide.dwell), never below nothing. `held` counts
    the windows since a silence that saw anything of it, not only what came before;
    `held_ns` is when the first of them began to look.
    """

    cause: str
    windows: int
    open_ns: int
    close_ns: int
    first_ns: int
    port: int = 0
    facts: int = 0
    sources: tuple[str, ...] = ()
    is_above: bool = False
    evidence: int = 0
    held: int = 1
    held_ns: int = 0

    @property
    def span_ns(self) -> int:
        """Return how much capture time the windows cover."""
        return self.close_ns - self.open_ns


class Streaks:
    """The streak of each subject. Bounded: the least recently extended goes first."""

    def __init__(self, gap_ns: int) -> None:
        self._gap_ns = gap_ns
        self._by_key: dict[Key, Streak] = {}

    def extend(self, key: Key, streak: Streak) -> Streak:
        """Join one window's streak to the subject's, and return what it is now.

        It starts anew when the Cause differs or more than the gap has passed since
        the last bad window closed.
        """
        joined = self.joined(key, streak)
        self._by_key.pop(key, None)
        self._by_key[key] = joined
        if len(self._by_key) > STREAKS_MAX:
            del self._by_key[next(iter(self._by_key))]
        return joined

    def joined(self, key: Key, streak: Streak) -> Streak:
        """Return what `extend` would, and remember nothing."""
        before = self._by_key.get(key)
        begin_ns = _begin_ns(streak)
        if (
            before is None
            or before.cause != streak.cause
            or streak.close_ns - before.close_ns > self._gap_ns
        ):
            evidence = max(streak.evidence, 0)
            return msgspec.structs.replace(streak, evidence=evidence, held_ns=begin_ns)
        held, held_ns = streak.held, begin_ns
        if begin_ns - before.close_ns <= SILENCE_NS:
            held, held_ns = before.held + held, before.held_ns
        return Streak(
            cause=streak.cause,
            windows=before.windows + 1,
            open_ns=min(before.open_ns, streak.open_ns),
            close_ns=max(before.close_ns, streak.close_ns),
            first_ns=min(before.first_ns, streak.first_ns),
            port=before.port if before.port == streak.port else 0,
            facts=before.facts + streak.facts,
            sources=_joined(streak.sources, before.sources),
            is_above=streak.is_above,
            evidence=max(before.evidence + streak.evidence, 0),
            held=held,
            held_ns=held_ns,
        )

    def weigh(self, key: Key, cause: str, evidence: int) -> None:
        """Add evidence of a window that is no bad one; the streak grows no longer."""
        before = self._by_key.get(key)
        if before is not None and before.cause == cause:
            total = max(before.evidence + evidence, 0)
            self._by_key[key] = msgspec.structs.replace(before, evidence=total)

    def of(self, key: Key) -> Streak | None:
        """Return the subject's streak, unbroken or not."""
        return self._by_key.get(key)

    def forget(self, key: Key) -> None:
        """End the subject's streak."""
        self._by_key.pop(key, None)

    def runs(self, key: Key, now_ns: int) -> bool:
        """Return whether the subject has an unbroken streak of any Cause."""
        streak = self._by_key.get(key)
        return streak is not None and now_ns - streak.close_ns <= self._gap_ns

    def alive(self, cause: str, now_ns: int) -> int:
        """Return how many subjects have an unbroken streak of `cause`.

        Extension keeps the order by last window, so the walk back ends at the gap.
        """
        count = 0
        for streak in reversed(self._by_key.values()):
            if now_ns - streak.close_ns > self._gap_ns:
                break
            count += streak.cause == cause
        return count

    def state(self) -> tuple[tuple[Key, Streak], ...]:
        """Return everything remembered, oldest first, as a value."""
        return tuple(self._by_key.items())


def _begin_ns(streak: Streak) -> int:
    """Return when a window began to see what is bad in it, as well as it says.

    A source's first bad frame may lie many windows back.
    """
    return max(streak.open_ns, streak.first_ns)


def _joined(now: tuple[str, ...], before: tuple[str, ...]) -> tuple[str, ...]:
    """Return the sources named now, and of those before some more."""
    if not now and len(before) <= SOURCES_MAX:
        return before
    return tuple(dict.fromkeys((*now, *before[:SOURCES_MAX])))


class Episodes:
    """Says whether something is being said for the first time in its episode."""

    def __init__(self) -> None:
        self._last_ns: dict[Key, int] = {}

    def begins(self, key: Key, now_ns: int, gap_ns: int) -> bool:
        """Note `key` at `now_ns`; true when it was silent for longer than `gap_ns`."""
        last_ns = self._last_ns.pop(key, None)
        self._last_ns[key] = now_ns
        if len(self._last_ns) > STREAKS_MAX:
            del self._last_ns[next(iter(self._last_ns))]
        return last_ns is None or now_ns - last_ns > gap_ns

    def state(self) -> tuple[tuple[Key, int], ...]:
        """Return everything remembered, oldest first, as a value."""
        return tuple(self._last_ns.items())
