"""Leases: which algorithm is held how, until when; and the cgroups made to agree."""

import contextlib
from collections.abc import Sequence

import msgspec

from airnet.agent.keeper import Keeper
from airnet.agent.settings import Held
from airnet.clock import SystemClock
from airnet.domain.decision import Action
from airnet.errors import ActuationError, UnsupportedError
from airnet.kernel.cgroup import Cgroup
from airnet.kernel.guard import Rule, rate

NS_PER_MS = 1_000_000
#: No containment outlives a day (ADR 0005).
TTL_MS_MAX = 86_400_000
#: How long the kernel may take to stop every thread of a cgroup.
FREEZE_NS, LOOK_S = 500_000_000, 0.001
ACTIONS = frozenset({Action.THROTTLE_PROCESS, Action.FREEZE_PROCESS})


class Lease(msgspec.Struct, frozen=True, kw_only=True):
    """One Decision about one algorithm, until CLOCK_MONOTONIC `until_ns`."""

    id: str
    action: Action
    algorithm: str
    until_ns: int


class Leases:
    """What stands here. Several may stand of one algorithm: the strictest holds.

    Args:
        held: the algorithms of this host.
        keeper: who takes back what the kernel keeps no time for.
        clock: the time, and short waits.

    A cgroup that is not there is nobody's matter but of Decisions about it: an
    algorithm that does not run today must not keep another one frozen.
    """

    def __init__(
        self, held: Sequence[Held], keeper: Keeper, clock: SystemClock
    ) -> None:
        self._held = {one.id: one for one in held}
        self._cgroups: dict[str, Cgroup] = {}
        self._keeper = keeper
        self._clock = clock
        self._leases: dict[str, Lease] = {}

    def apply(self, asked: Lease) -> Lease:
        """Hold an algorithm for a lease and read that back; the same id again: once.

        Raises:
            ActuationError: refused, or not all of it holds; nothing of it stands then.
        """
        known = self._leases.get(asked.id)
        if known is not None:
            return known
        if asked.algorithm not in self._held:
            raise ActuationError(
                f"algorithm {asked.algorithm!r} is none of this host", "see agent.toml"
            )
        if asked.action not in ACTIONS:
            raise ActuationError(f"{asked.action}: not of processes", "see the docs")
        if not self._has_processes(asked.algorithm):
            raise ActuationError(
                f"algorithm {asked.algorithm}: no process in its cgroup",
                "start it there, or correct agent.toml",
            )
        self._leases[asked.id] = asked
        try:
            self._settle(asked.algorithm)
        except UnsupportedError as error:
            del self._leases[asked.id]
            with contextlib.suppress(UnsupportedError):  # the keeper does, at the end
                self._settle(asked.algorithm)
            raise ActuationError(error.what, error.remedy) from error
        return asked

    def release(self, decision_id: str) -> None:
        """End a lease; ending what has ended is harmless.

        Raises:
            ActuationError: it may hold until its end.
        """
        lease = self._leases.pop(decision_id, None)
        if lease is None:
            return
        try:
            self._settle(lease.algorithm)
        except UnsupportedError as error:
            if self._is_gone(lease.algorithm):
                return  # and what held it with it
            raise ActuationError(error.what, error.remedy) from error

    def standing(self) -> list[Lease]:
        """Return what stands, those first that end first."""
        self.expire()
        return sorted(self._leases.values(), key=lambda lease: lease.until_ns)

    def expire(self) -> None:
        """End what is over."""
        now_ns = self._clock.mono_ns()
        for lease in [one for one in self._leases.values() if one.until_ns <= now_ns]:
            with contextlib.suppress(ActuationError):  # the keeper wrote it, or will
                self.release(lease.id)

    def end_all(self) -> list[str]:
        """Hold nothing any more, and what a dead agent left neither.

        Returns:
            Why it could not be seen to, one line for each algorithm.
        """
        self._leases.clear()
        failures = []
        for algorithm in self._held:
            try:
                self._settle(algorithm)
            except UnsupportedError as error:
                failures.append(f"{algorithm}: {error.what}")
        return failures

    def close(self) -> None:
        """End everything and let go."""
        self.end_all()
        for cgroup in self._cgroups.values():
            cgroup.close()

    def _cgroup(self, algorithm: str) -> Cgroup:
        """Return an algorithm's cgroup, opened when it is first needed.

        Raises:
            UnsupportedError: it is not there.
        """
        found = self._cgroups.get(algorithm)
        if found is not None and found.is_there():
            return found
        if found is not None:  # gone since: what was attached went with it
            found.close()
            del self._cgroups[algorithm]
        self._cgroups[algorithm] = Cgroup(self._held[algorithm].cgroup)
        return self._cgroups[algorithm]

    def _is_gone(self, algorithm: str) -> bool:
        """Return whether it has no cgroup."""
        try:
            self._cgroup(algorithm)
        except UnsupportedError:
            return True
        return False

    def _has_processes(self, algorithm: str) -> bool:
        try:
            return bool(self._cgroup(algorithm).processes())
        except (UnsupportedError, OSError):  # also one that goes while it is read
            return False

    def _settle(self, algorithm: str) -> None:
        """Make a cgroup what its leases say, and read that back.

        Raises:
            UnsupportedError: it is not so, or cannot be seen to be.
        """
        leases = [one for one in self._leases.values() if one.algorithm == algorithm]
        ends = {
            action: max((o.until_ns for o in leases if o.action is action), default=0)
            for action in ACTIONS
        }
        frozen_ns, slow_ns = (
            ends[Action.FREEZE_PROCESS],
            ends[Action.THROTTLE_PROCESS],
        )
        try:
            self._pace(algorithm, frozen_ns, slow_ns)
            self._slow(algorithm, slow_ns)
            self._freeze(self._cgroup(algorithm), frozen_ns)
        except OSError as error:  # it goes while it is read
            raise UnsupportedError(
                f"algorithm {algorithm}: its cgroup is gone: {error.strerror}",
                "start it again",
            ) from error

    def _pace(self, algorithm: str, frozen_ns: int, slow_ns: int) -> None:
        """Hold what it sends to nothing or to a rate, in the kernel, with its end."""
        cgroup, held = self._cgroup(algorithm), self._held[algorithm]
        if frozen_ns:
            cgroup.pace(Rule(until_ns=frozen_ns))
        elif slow_ns:
            cgroup.pace(rate(held.frames_per_second, held.burst_frames, slow_ns))
        else:
            cgroup.close()

    def _slow(self, algorithm: str, end_ns: int) -> None:
        cgroup = self._cgroup(algorithm)
        if cgroup.cpu is None:
            if end_ns:
                cgroup.slow(self._held[algorithm].cpu_percent)  # which says why not
            return
        file, free = cgroup.cpu
        if end_ns:
            self._keeper.hold(file, free, end_ns)
            cgroup.slow(self._held[algorithm].cpu_percent)
        else:
            cgroup.unslow()
            self._keeper.forget(file)

    def _freeze(self, cgroup: Cgroup, end_ns: int) -> None:
        if end_ns:
            self._keeper.hold(cgroup.freezer, "0", end_ns)
        cgroup.freeze(is_frozen=bool(end_ns))
        until_ns = self._clock.mono_ns() + FREEZE_NS
        while cgroup.is_frozen() != bool(end_ns):
            if self._clock.mono_ns() > until_ns:
                done = "frozen" if end_ns else "thawed"
                raise UnsupportedError(
                    f"{cgroup.path}: not {done} within {FREEZE_NS // NS_PER_MS} ms",
                    "look for threads that wait in the kernel",
                )
            self._clock.sleep_s(LOOK_S)
        if not end_ns:  # seen to be thawed: until then the keeper has its eye on it
            self._keeper.forget(cgroup.freezer)
