"""Drift: is what is seen still what the models were made for?

Of every subject one window in four seconds is looked at: drift takes minutes, and a
look at each window would cost the lane. Three questions are asked. Of everything of a
kind: are its features distributed as in training (PSI over POPULATION windows)? Of each
session: are they as in its own first quarter of an hour (PSI over blocks of SCOPE
windows), and has the model's margin crept away from there (Page-Hinkley, Biometrika
41, 1954, on the margin's rank)? And: does the site file know it at all?

Pure of the world: the same windows give the same findings at any batch size. Memory is
bounded by the SESSION table.
"""

from collections.abc import Iterable

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet._ext import rows as row_kernel
from airnet.domain.columns import SCHEMAS
from airnet.domain.drift import Drift, DriftKind
from airnet.domain.session import SessionName
from airnet.domain.window import WINDOW_SESSION
from airnet.score.model import Model
from airnet.score.reference import MILLI, Binned, Reference, psi
from airnet.score.rule import fired
from airnet.score.rules import RULES
from airnet.score.subjects import of_session

#: Between two looks at one subject, of capture time.
LOOK_NS = 4_000_000_000
#: Windows looked at before their distribution is compared: of all, of one session.
POPULATION = 1024
SCOPE = 225
#: Of all, as many of one client's host: whoever trades from one or opens a thousand
#: sessions there does not say what everybody is like.
HOST_LOOKS = POPULATION // 8
#: Sessions that an address has had, so that it is a gateway and not somebody's idea.
KNOWN_MIN = 3


class Limits(msgspec.Struct, frozen=True, kw_only=True):
    """When it is drift, in thousandths.

    A PSI above `psi` of the margin, or of more than `features` of the features; and a
    rank of the margin that has summed up to `sequential` beyond `slack` a window.
    """

    psi: int = 250
    features: int = 250
    slack: int = 100
    sequential: int = 15_000


class Scope:
    """What is remembered of one session.

    `own` are the counts of its first block, which it is compared with afterwards.
    """

    def __init__(self, width: int) -> None:
        self.seen = 0
        self.counts = np.zeros((width, row_kernel.BINS), np.int64)
        self.own: NDArray[np.int64] | None = None
        self.mean = 0
        self.rank_sum = 0
        self.up = self.down = 0
        self.is_told = False


class Drifts:
    """Looks for drift of one kind of window.

    Args:
        kind: of which kind, with a model.
        model: whose margin is looked at.
        reference: how it was in training.
        comps: the CompIDs of the site file; empty: it names none, nobody is new.
        limits: when it is drift.
    """

    def __init__(
        self,
        kind: int,
        model: Model,
        reference: Reference,
        comps: Iterable[str] = (),
        limits: Limits | None = None,
    ) -> None:
        self.kind = kind
        self._model = model
        self._limits = limits or Limits()
        self._binned = Binned(reference, SCHEMAS[kind])
        self._width = len(self._binned.names)
        #: By bin of the margin, the rank of a margin in it.
        self._ranks = [round(rank * MILLI) for rank in self._binned.ranks[-1]]
        self._counts = np.zeros((self._width, row_kernel.BINS), np.int64)
        self._seen = 0
        self._hosts: dict[str, int] = {}
        self._is_told = False
        self._comps = frozenset(comps)
        self._turns = row_kernel.Turns(kind, LOOK_NS)
        self._scopes: dict[int, Scope] = {}
        self._numbers: dict[int, int] = {}
        #: The last PSI of each feature and of the margin, thousandths, for the graph.
        self.index: dict[str, int] = {}

    @property
    def left(self) -> int:
        """How many windows may be looked at before all of a kind are compared."""
        return 1 << 62 if self._is_told else POPULATION - 1 - self._seen

    def look(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        sessions: NDArray[np.void],
    ) -> list[Drift]:
        """Return what drift shows in WINDOW[k] with float32[k, 64] features."""
        chosen = self._turns.choose(windows)
        if not chosen:
            return []
        rows = features[chosen]
        margins = self._model.margins(rows).astype(np.float64)
        places = self._binned.places(rows, margins[:, 1:].max(axis=1) - margins[:, 0])
        found: list[Drift] = []
        is_session = self.kind == WINDOW_SESSION
        ours = [True] * len(chosen) if is_session else self._ours(rows, margins)
        for at, place in enumerate(chosen):
            window = windows[place]
            if not ours[at]:
                continue
            if is_session:
                subject = int(window["subject"])
                named, number = of_session(sessions, subject)
                found += self._met(window, named, number)
                if window["first_ns"]:
                    continue  # a fault is no drift, however long it lasts
                found += self._of_session(window, places, at, named)
                if not self._may_count(named.client):
                    continue
            row_kernel.count(self._counts, places, at)
            self._seen += 1
            if self._seen == POPULATION:
                found += self._of_all(window)
        return found

    def _may_count(self, host: str) -> bool:
        """Return whether one more window of a host may speak for everybody."""
        count = self._hosts.get(host, 0)
        self._hosts[host] = count + 1
        return count < HOST_LOOKS

    def _met(self, window: np.void, named: SessionName, number: int) -> list[Drift]:
        """Begin to remember who has the row, if somebody else had it before."""
        subject = int(window["subject"])
        if self._numbers.get(subject) == number:
            return []
        self._numbers[subject] = number
        self._scopes[subject] = Scope(self._width)
        if not self._comps or named.client_comp in self._comps:
            return []
        return [self._drift(DriftKind.NEW_PEER, window, named)]

    def _ours(
        self, rows: NDArray[np.float32], margins: NDArray[np.float64]
    ) -> list[bool]:
        """Return which windows of gateways may speak for what is usual.

        Anybody can have a row made of an address, by a packet to it, and fill it with
        what he likes: only what the site lists, or has traded there, counts, and no
        window that a model or a rule takes for a flood.
        """
        registered, known = (
            rows[:, self._model.columns[name]] for name in ("registered", "known")
        )
        is_calm = margins[:, 0] >= margins[:, 1:].max(axis=1)
        ours = is_calm & ((registered > 0) | (known >= KNOWN_MIN))
        found: list[bool] = ours.tolist()
        for place in fired(RULES[self.kind], self._model.columns, rows):
            found[place] = False
        return found

    def _of_all(self, window: np.void) -> list[Drift]:
        """Compare all windows of the kind, which are enough now; begin anew."""
        indices = psi(self._binned.rows, self._counts)
        self.index = dict(zip(self._binned.names, indices.tolist(), strict=True))
        self._counts[:] = 0
        self._seen = 0
        self._hosts.clear()
        found = self._compared(indices, DriftKind.POPULATION, window, None)
        if self._is_told or not found:
            return []
        self._is_told = True
        return found

    def _of_session(
        self,
        window: np.void,
        places: NDArray[np.int64],
        at: int,
        named: SessionName,
    ) -> list[Drift]:
        """Count one window of a session; compare it with what the session was.

        Its bins are places[at].
        """
        scope = self._scopes[int(window["subject"])]
        out: list[Drift] = []
        row_kernel.count(scope.counts, places, at)
        scope.seen += 1
        rank = self._ranks[places[at, -1]]
        if scope.own is None:
            scope.rank_sum += rank
        elif not scope.is_told:
            out += self._crept(scope, rank, window, named)
        if scope.seen == SCOPE:
            out += self._block(scope, window, named)
        return out

    def _block(self, scope: Scope, window: np.void, name: SessionName) -> list[Drift]:
        """Compare a session's whole block with its first; the first is kept."""
        found: list[Drift] = []
        if scope.own is None:
            scope.own = scope.counts.copy()
            scope.mean = scope.rank_sum // SCOPE
        elif not scope.is_told:
            indices = psi(scope.own, scope.counts)
            found = self._compared(indices, DriftKind.SCOPE, window, name)
            scope.is_told = bool(found)
        scope.counts[:] = 0
        scope.seen = 0
        return found

    def _crept(
        self,
        scope: Scope,
        rank: int,
        window: np.void,
        name: SessionName,
    ) -> list[Drift]:
        """Sum up by how much the margin's rank is beyond the slack, up and down."""
        off, slack = rank - scope.mean, self._limits.slack
        scope.up = max(0, scope.up + off - slack)
        scope.down = max(0, scope.down - off - slack)
        measured, limit = max(scope.up, scope.down), self._limits.sequential
        if measured <= limit:
            return []
        scope.is_told = True
        return [
            self._drift(
                DriftKind.SEQUENTIAL,
                window,
                name,
                feature=self._binned.names[-1],
                measured=measured,
                limit=limit,
            )
        ]

    def _compared(
        self,
        indices: NDArray[np.int64],
        kind: DriftKind,
        window: np.void,
        name: SessionName | None,
    ) -> list[Drift]:
        """Return the Drift that these PSIs are, if they are one."""
        limit = self._limits.psi
        moved = int((indices[:-1] > limit).sum())
        is_many = moved * MILLI > self._limits.features * (self._width - 1)
        if indices[-1] <= limit and not is_many:
            return []
        most = self._width - 1 if indices[-1] > limit else int(indices[:-1].argmax())
        return [
            self._drift(
                kind,
                window,
                name,
                feature=self._binned.names[most],
                measured=int(indices[most]),
                limit=limit,
            )
        ]

    def _drift(
        self,
        kind: DriftKind,
        window: np.void,
        name: SessionName | None,
        **what: str | int,
    ) -> Drift:
        return msgspec.convert(
            {
                "kind": kind,
                "t_ns": int(window["close_ns"]),
                "window_kind": self.kind,
                "subject": int(window["subject"]) if name else 0,
                "session": name,
                **what,
            },
            Drift,
        )
