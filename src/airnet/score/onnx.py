"""OnnxScorer: the session and the flood model, and the hard rules beside them."""

import operator
from collections import Counter
from collections.abc import Iterable, Sequence

import msgspec
import numpy as np
import structlog
from numpy.typing import NDArray

from airnet._ext import rows as row_kernel
from airnet._ext.reflex import Arms
from airnet._ext.trees import EXCUSED, FACT, SHADOW
from airnet.domain.columns import FLOOD_SCHEMA, SCHEMAS
from airnet.domain.heed import Heed
from airnet.domain.verdict import CONTAINABLE, Cause, Verdict
from airnet.domain.window import OF_SESSIONS, WINDOW_GATEWAY, WINDOW_SESSION
from airnet.score.drift import Drifts
from airnet.score.evidence import Evidence, Said
from airnet.score.heeded import Heeded
from airnet.score.model import Model
from airnet.score.native import SHADOW_EVERY
from airnet.score.opinion import (
    RULE_PPM,
    Opinion,
    if_ready,
    of_counted,
    of_fact,
    of_model,
    of_rule,
)
from airnet.score.rule import Fired, fired
from airnet.score.rules import COUNTED, RULES
from airnet.score.screening import (
    COLUMNS,
    KINDS,
    RULED,
    gateway_bounds,
    marks_of,
    ruled_marks,
    screen,
    voices_of,
)
from airnet.score.subjects import (
    FOLDED,
    count_heard,
    folded,
    gateway_said,
    of_gateway,
    of_place,
    of_session,
)

#: What a Verdict names as its model where only rules speak.
RULES_ALONE = "rules"

#: By kind of window that rules alone speak of, the digest of its schema.
_DIGESTS = {kind: SCHEMAS[kind].digest() for kind in RULED}

#: Windows in one call that need no new room.
MARKS = 4096
CAUSE = operator.attrgetter("cause")
NOBODY: list[int] = []
UNSHADOWED = np.uint8(0xFF ^ SHADOW)


class OnnxScorer:
    """Scores windows: pure, the same Verdicts of the same rows at any batch size."""

    def __init__(
        self, session: Model, flood: Model, shadow_every: int = SHADOW_EVERY
    ) -> None:
        self.session_model = session
        self.flood_model = flood
        self._counts: Counter[Cause] = Counter()
        self._heard = 0
        self._compared = Counter(checked=0, mismatched=0)
        models = {kind: self.model_of(kind) for kind in KINDS}
        self._voices = voices_of(models)
        self._screen = screen(models, self._voices, shadow_every)
        self._marks = np.zeros(MARKS, np.uint8)
        self._evidence = Evidence(self.model_of)
        self._heeded: Heeded | None = None
        #: By window kind, how many features it has, their schema, and whose word it is.
        self._names = {
            kind: (len(COLUMNS[kind]), digest, RULES_ALONE)
            for kind, digest in _DIGESTS.items()
        }
        for kind, model in models.items():
            named = len(COLUMNS[kind]), model.digest, model.identity
            self._names[kind] = named
        #: By model, the digest of everything that was signed with it.
        self.seals: dict[str, str] = {}

    def score(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        sessions: NDArray[np.void],
    ) -> list[Verdict]:
        """Return Verdicts of WINDOW[k] with float32[k, 64] features, in order."""
        opinions = self._opinions(windows, features)
        if self._heeded is not None:
            self._heeded.add(windows, features, sessions, opinions)
        if not opinions:
            return []
        verdicts = self._spoken(windows, features, sessions, opinions)
        self._counts.update(map(CAUSE, verdicts))
        self._heard -= len(verdicts)
        return verdicts

    def heed(self, heeds: Sequence[Heed]) -> None:
        """Tell of every window that is beyond one of these, and of no others'."""
        self._heeded = Heeded(heeds, self.model_of) if heeds else None

    def drifts(self, comps: Iterable[str]) -> tuple[Drifts, ...]:
        """Return what looks for drift of each kind whose training is known."""
        comps = tuple(comps)
        return tuple(
            Drifts(kind, model, model.distribution, comps)
            for kind in (WINDOW_SESSION, WINDOW_GATEWAY)
            if (model := self.model_of(kind)).distribution is not None
        )

    def _opinions(
        self, windows: NDArray[np.void], features: NDArray[np.float32]
    ) -> dict[int, Opinion]:
        """Return, by place, what is said of windows that are not surely normal."""
        screen = self._screen
        if screen is None:
            marks = self._marked(windows, features)
            return self._weighed(windows, features, marks, {})
        count = len(windows)
        if count > len(self._marks):
            self._marks = np.zeros(2 * count, np.uint8)
        if not screen.look(windows, features, self._marks):
            return {}
        marks, marked = self._marks[:count], screen.marked
        if marked & SHADOW and not self._agree(
            windows, features, (marks & SHADOW).nonzero()[0]
        ):
            self._heard += screen.heard - count_heard(windows)
            self._screen = None
            return self._opinions(windows, features)
        opinions = {
            place: self._voices[kind].opinion(cause, chance, measured, abstains)
            for place, kind, cause, abstains, chance, measured in screen.opinions()
        }
        if marked & FACT:
            # A rule is named and measured slowly: it hardly ever fires.
            self._weighed(windows, features, np.where(marks & FACT, marks, 0), opinions)
        return opinions

    def _weighed(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        marks: NDArray[np.uint8],
        opinions: dict[int, Opinion],
    ) -> dict[int, Opinion]:
        """Add the opinions of marked windows, and return them."""
        kinds = windows["kind"]
        places = (marks & UNSHADOWED).nonzero()[0]
        for kind in KINDS:
            those = places[kinds[places] == kind]
            if len(those):
                self._weigh(
                    kind, features[those], marks[those].tolist(), those, opinions
                )
        for kind in RULED:
            those = places[kinds[places] == kind]
            if len(those):
                facts = fired(RULES[kind], COLUMNS[kind], features[those])
                for place, fact in facts.items():
                    opinions[int(those[place])] = of_fact(fact, RULE_PPM)
        return opinions

    def _marked(
        self, windows: NDArray[np.void], features: NDArray[np.float32]
    ) -> NDArray[np.uint8]:
        """Return the marks of windows, as the screen would write them."""
        self._heard += count_heard(windows)
        marks = np.zeros(len(windows), np.uint8)
        for kind in KINDS:
            places = (windows["kind"] == kind).nonzero()[0]
            if len(places):
                marks[places] = marks_of(kind, self.model_of(kind), features[places])
        for kind in RULED:
            places = (windows["kind"] == kind).nonzero()[0]
            if len(places):
                marks[places] = ruled_marks(kind, features[places])
        return marks

    def _agree(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        places: NDArray[np.intp],
    ) -> bool:
        """Score the windows whose turn it is by onnxruntime too; False: it differs."""
        for place in places.tolist():
            model = self.model_of(int(windows[place]["kind"]))
            self._compared["checked"] += 1
            if not model.agrees(features[place : place + 1]):
                self._compared["mismatched"] += 1
                log = structlog.get_logger()
                log.error("score.mismatch", model=model.card.name, why=model.native.why)
                return False
        return True

    def warm(self) -> None:
        """Load the second opinions now: 20 ms each that no frame should wait for."""
        for model in (self.session_model, self.flood_model):
            if model.second.is_there:
                _ = model.second.runtime

    def arms(self) -> Arms | None:
        """Return what fires at a gateway's window as this scorer would speak of it.

        None where no kernel of ours screens.
        """
        if self._screen is None:
            return None
        model = self.flood_model
        classes = model.card.classes
        asked = 0
        if model.second.is_there:
            asked = sum(1 << at for at, one in enumerate(classes) if one in CONTAINABLE)
        columns = (
            FLOOD_SCHEMA.index(name)
            for name in ("sources", "packets", "registered", "top_share", "known_share")
        )
        terms = (*columns, classes.index(Cause.FLOOD), asked)
        screening = self._screen
        if self._heeded is not None:
            # Of what is told of beyond limits, the judge decides.
            models = {kind: self.model_of(kind) for kind in KINDS}
            rules = self._heeded.rules()
            found = screen(models, self._voices, SHADOW_EVERY, rules)
            assert found is not None
            screening = found
        return Arms(screening, *gateway_bounds(), terms)

    @property
    def is_screening(self) -> bool:
        """Whether a kernel of ours still tells what is surely normal."""
        return self._screen is not None

    def provenance(self) -> dict[str, str]:
        """Return the model and schema hashes the ledger's first entry names."""
        out = {}
        for model in (self.session_model, self.flood_model):
            out[f"{model.card.name}.model"] = model.card.sha256
            out[f"{model.card.name}.schema"] = model.digest
        for name, digest in self.seals.items():
            out[f"{name}.manifest"] = digest
        for kind, digest in _DIGESTS.items():
            out[f"{SCHEMAS[kind].name}.schema"] = digest
        return out

    def counters(self) -> dict[str, int]:
        """Return how many windows, those of sources apart, had each Cause."""
        counts = {cause.value: self._counts[cause] for cause in Cause}
        counts[Cause.NORMAL.value] += self._heard
        if self._screen is not None:
            counts[Cause.NORMAL.value] += self._screen.heard
        return counts

    def kernels(self) -> dict[str, str]:
        """Return what scores each model: a kernel of ours, or onnxruntime and why."""
        models = (self.session_model, self.flood_model)
        return {model.card.name: model.native.describe() for model in models}

    def compared(self) -> dict[str, int]:
        """Return how many windows onnxruntime scored as well, and how many differed."""
        return dict(self._compared)

    def model_of(self, window_kind: int) -> Model:
        """Return the model that speaks of windows of this kind."""
        is_session = window_kind == WINDOW_SESSION
        return self.session_model if is_session else self.flood_model

    def _weigh(
        self,
        kind: int,
        rows: NDArray[np.float32],
        marks: list[int],
        places: NDArray[np.intp],
        opinions: dict[int, Opinion],
    ) -> None:
        """Add the opinions of marked rows of one kind; `places` is where they are."""
        model = self.model_of(kind)
        margins = model.margins(rows)
        has_fact = any(mark & FACT for mark in marks)
        facts = fired(RULES[kind], model.columns, rows) if has_fact else {}
        counted: dict[int, Fired] = {}
        if has_fact and kind in COUNTED:
            counted = fired(COUNTED[kind], model.columns, rows)
        values = rows.tolist()
        for place, mark in enumerate(marks):
            fact = facts.get(place)
            is_excused = fact is None and mark & EXCUSED
            if is_excused and place not in counted:
                continue
            chances = model.probabilities_ppm(margins[place])
            opinion = of_rule(model, fact, chances)
            if opinion is None and not is_excused:
                opinion = of_model(model, values[place], chances)
                if opinion is not None and kind == WINDOW_SESSION:
                    opinion = if_ready(opinion, values[place])
            if opinion is None and place in counted:
                opinion = of_counted(counted[place], chances[0])
            if opinion is not None:
                opinions[int(places[place])] = opinion

    def _spoken(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        sessions: NDArray[np.void],
        opinions: dict[int, Opinion],
    ) -> list[Verdict]:
        """Return the Verdicts of the opinions, sources folded into their gateways."""
        kinds = windows["kind"].tolist()
        order = sorted(opinions)
        told = [place for place in order if kinds[place] in FOLDED]
        gateways = folded(windows, features, told, opinions) if told else {}
        said: Said = {
            place: (place, NOBODY) for place in order if kinds[place] not in FOLDED
        }
        for place, below in gateways.items():
            said[place] = of_gateway(windows, features, opinions, place, below)
        weighed = self._evidence.of(kinds, features, opinions, said)
        verdicts = []
        for place in sorted(said):
            opinion, about, named = weighed[place]
            if place in gateways:
                about = gateway_said(windows, features, place, named) | about
            elif kinds[place] not in OF_SESSIONS:
                about = of_place(windows[place], features[place]) | about
            verdict = self._verdict(windows, features, sessions, place, opinion)
            if about:
                verdict = msgspec.structs.replace(verdict, **about)
            verdicts.append(verdict)
        return verdicts

    def _verdict(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        sessions: NDArray[np.void],
        place: int,
        opinion: Opinion,
    ) -> Verdict:
        """Return the Verdict of one window, without what only some kinds have."""
        opened, closed, frame, first, accepted, subject, _, kind, known = (
            row_kernel.window(windows, place)
        )
        width, schema, model = self._names[kind]
        name, number = None, 0
        if kind in OF_SESSIONS:
            name, number = of_session(sessions, subject)
        return Verdict(
            window_kind=kind,
            subject=subject,
            open_ns=opened,
            close_ns=closed,
            frame_count=frame,
            first_ns=first,
            accepted_ns=accepted,
            cause=opinion.cause,
            probability_ppm=opinion.probability_ppm,
            abstains=opinion.abstains,
            rule=opinion.rule,
            measured=opinion.measured,
            limit=opinion.limit,
            features=row_kernel.integers(features, place, width),
            schema=schema,
            model=model,
            session=name,
            known=bool(known),
            session_number=number,
        )
