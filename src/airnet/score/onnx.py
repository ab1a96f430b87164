"""OnnxScorer: the session and the flood model, and the hard rules beside them."""

import functools
import operator
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
import structlog
from numpy.typing import NDArray

from airnet._ext.trees import EXCUSED, FACT, SHADOW
from airnet.domain.columns import FLOOD_SCHEMA, SESSION_SCHEMA, VENUE_SCHEMA
from airnet.domain.session import SESSION, SessionName, address_text, comp_text
from airnet.domain.verdict import Cause, Verdict
from airnet.domain.window import (
    WINDOW_GATEWAY,
    WINDOW_SESSION,
    WINDOW_SOURCE,
    WINDOW_VENUE,
)
from airnet.score.model import Model
from airnet.score.native import SHADOW_EVERY
from airnet.score.opinion import RULE_PPM, Opinion, if_ready, of_fact, of_model
from airnet.score.rules import RULES, fired
from airnet.score.screening import COLUMNS, KINDS, marks_of, screen, venue_marks

#: A source is named only when it is this sure, and sends this share (1/1000) of what
#: arrives: a bystander caught by chance must not be dropped with the guilty.
NAMED_PPM = 900_000
NAMED_SHARE = 50
#: A source speaks for a calm gateway only with so many packets in one window.
SOURCE_PACKETS = 16
#: Of a surely flooded gateway, a source of doubtful traffic is named too when it sends
#: this share (1/1000) and SOURCE_PACKETS: one decision names them all, not one each.
ACCOMPLICE_SHARE = 100

_REGISTERED = FLOOD_SCHEMA.index("registered")
_SOURCES = FLOOD_SCHEMA.index("sources")
_SHARE = FLOOD_SCHEMA.index("top_share")
_PACKETS = FLOOD_SCHEMA.index("packets")

#: What a Verdict names as its model where only rules speak.
RULES_ALONE = "rules"

_VENUE_DIGEST = VENUE_SCHEMA.digest()

#: Windows in one call that need no new room.
MARKS = 4096
#: Addresses and names of sessions kept as text.
NAMES = 8192
#: Where in a SESSION row counts end, and what names it begins.
NAMED = SESSION.fields["client"][1] if SESSION.fields else 0
CAUSE = operator.attrgetter("cause")
NOWHERE = np.zeros(0, np.intp)
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
        self._screen = screen(models, shadow_every)
        self._marks = np.zeros(MARKS, np.uint8)

    def score(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        sessions: NDArray[np.void],
    ) -> list[Verdict]:
        """Return Verdicts of WINDOW[k] with float32[k, 64] features, in order."""
        marks = self._marked(windows, features)
        if marks is None:
            return []
        kinds = windows["kind"]
        places = marks.nonzero()[0]
        opinions: dict[int, Opinion] = {}
        for kind in KINDS:
            those = places[kinds[places] == kind]
            if len(those):
                self._weigh(
                    kind, features[those], marks[those].tolist(), those, opinions
                )
        those = places[kinds[places] == WINDOW_VENUE]
        if len(those):
            facts = fired(RULES[WINDOW_VENUE], COLUMNS[WINDOW_VENUE], features[those])
            for place, fact in facts.items():
                opinions[int(those[place])] = of_fact(fact, RULE_PPM)
        if not opinions:
            return []
        verdicts = self._spoken(windows, features, sessions, opinions)
        self._counts.update(map(CAUSE, verdicts))
        self._heard -= len(verdicts)
        return verdicts

    def _marked(
        self, windows: NDArray[np.void], features: NDArray[np.float32]
    ) -> NDArray[np.uint8] | None:
        """Return marks of the windows that are not surely normal; None when all are."""
        count = len(windows)
        if self._screen is not None:
            if count > len(self._marks):
                self._marks = np.zeros(2 * count, np.uint8)
            if not self._screen.look(windows, features, self._marks):
                return None
            marks = self._marks[:count]
            if self._agree(windows, features, (marks & SHADOW).nonzero()[0]):
                return marks & UNSHADOWED
            self._heard += self._screen.heard - count_heard(windows)
            self._screen = None
        self._heard += count_heard(windows)
        marks = np.zeros(count, np.uint8)
        for kind in KINDS:
            places = (windows["kind"] == kind).nonzero()[0]
            if len(places):
                marks[places] = marks_of(kind, self.model_of(kind), features[places])
        places = (windows["kind"] == WINDOW_VENUE).nonzero()[0]
        if len(places):
            marks[places] = venue_marks(features[places])
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

    def provenance(self) -> dict[str, str]:
        """Return the model and schema hashes the ledger's first entry names."""
        out = {}
        for model in (self.session_model, self.flood_model):
            out[f"{model.card.name}.model"] = model.card.sha256
            out[f"{model.card.name}.schema"] = model.digest
        out[f"{VENUE_SCHEMA.name}.schema"] = _VENUE_DIGEST
        return out

    def counters(self) -> dict[str, int]:
        """Return how many session, gateway and venue windows had each Cause."""
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
        values = rows.tolist()
        for place, mark in enumerate(marks):
            fact = facts.get(place)
            if fact is None and mark & EXCUSED:
                continue
            chances = model.probabilities_ppm(margins[place])
            if fact is not None:
                chance = chances[model.card.classes.index(fact.rule.cause)]
                opinion: Opinion | None = of_fact(fact, max(chance, RULE_PPM))
            else:
                opinion = of_model(model, values[place], chances)
                if opinion is not None and kind == WINDOW_SESSION:
                    opinion = if_ready(opinion, values[place])
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
        kinds = windows["kind"]
        gateways = (kinds == WINDOW_GATEWAY).nonzero()[0]
        spoken: list[int] = []
        folded: dict[int, list[int]] = {}
        for place in sorted(opinions):
            if kinds[place] in (WINDOW_SESSION, WINDOW_VENUE):
                spoken.append(place)
            elif kinds[place] == WINDOW_GATEWAY:
                folded[place] = []
            else:
                before = int(gateways.searchsorted(place))
                assert before, "a source window without its gateway's"
                gateway = int(gateways[before - 1])
                # Who holds a session is no stranger: that is for the gateway to say.
                if gateway in folded or (
                    features[place, _PACKETS] >= SOURCE_PACKETS
                    and not windows[place]["known"]
                ):
                    folded.setdefault(gateway, []).append(place)
        order = sorted([*spoken, *folded])
        values = _integers(features[order])
        verdicts = []
        for place, integers in zip(order, values, strict=True):
            window = windows[place]
            opinion = opinions.get(place)
            if place in folded:
                about, opinion = _of_gateway(
                    windows, features, opinions, place, folded[place]
                )
            elif kinds[place] == WINDOW_VENUE:
                about = _of_venue(window)
            else:
                about = _of_session(sessions[int(window["subject"])])
            assert opinion is not None
            verdicts.append(self._verdict(window, integers, opinion, about))
        return verdicts

    def _verdict(
        self,
        window: np.void,
        integers: list[Any],
        opinion: Opinion,
        about: dict[str, Any],
    ) -> Verdict:
        """Return the Verdict of one window; `about` is what only its kind has."""
        # In the order of WINDOW.
        opened, closed, frame, first, accepted, _, subject, _, kind, known = (
            window.item()
        )
        schema, name = _VENUE_DIGEST, RULES_ALONE
        if kind != WINDOW_VENUE:
            model = self.model_of(kind)
            schema, name = model.digest, model.identity
        about.setdefault("first_ns", first)
        return Verdict(
            window_kind=kind,
            subject=subject,
            open_ns=opened,
            close_ns=closed,
            frame_count=frame,
            accepted_ns=accepted,
            cause=opinion.cause,
            probability_ppm=opinion.probability_ppm,
            abstains=opinion.abstains,
            rule=opinion.rule,
            measured=opinion.measured,
            limit=opinion.limit,
            features=tuple(integers[: len(COLUMNS[kind])]),
            schema=schema,
            model=name,
            known=bool(known),
            **about,
        )


def count_heard(windows: NDArray[np.void]) -> int:
    """Return how many windows speak for themselves; a source's gateway does for it."""
    return int(np.count_nonzero(windows["kind"] != WINDOW_SOURCE))


def _integers(rows: NDArray[np.float32]) -> list[list[Any]]:
    """Return rows' features as Verdicts carry them: None for what was not seen."""
    missing = np.isnan(rows)
    if not missing.any():
        return [*rows.astype(np.int64).tolist()]
    values = np.where(missing, 0, rows).astype(np.int64).astype(object)
    values[missing] = None
    return [*values.tolist()]


def _of_gateway(
    windows: NDArray[np.void],
    features: NDArray[np.float32],
    opinions: dict[int, Opinion],
    place: int,
    below: list[int],
) -> tuple[dict[str, Any], Opinion]:
    """Return what only a gateway's Verdict has, and the opinion it is of.

    Its worst source speaks if it does not.
    """
    guilty = [one for one in below if opinions[one].cause is Cause.FLOOD]
    own = opinions.get(place)
    is_sure = (
        own is not None
        and own.cause is Cause.FLOOD
        and own.probability_ppm >= NAMED_PPM
    )
    if guilty and (own is None or own.cause is not Cause.FLOOD):
        worst = max(guilty, key=lambda one: opinions[one].probability_ppm)
        own = opinions[worst]
    elif own is None:
        own = opinions[below[0]]
    named = [
        one
        for one in below
        if not windows[one]["known"]
        and not features[one, _REGISTERED]
        and _is_named(opinions[one], features[one], is_sure=is_sure)
    ]
    first_ns = int(windows[place]["first_ns"])
    if not first_ns and named:
        first_ns = min(int(windows[one]["first_ns"]) for one in named)
    about = {
        "first_ns": first_ns,
        "address": _address(windows[place]["address"].tobytes()),
        "port": int(windows[place]["port"]),
        "sources": tuple(_address(windows[one]["address"].tobytes()) for one in named),
        "fanout": int(features[place, _SOURCES]),
    }
    return about, own


def _is_named(opinion: Opinion, row: NDArray[np.float32], *, is_sure: bool) -> bool:
    """Return whether a stranger is guilty enough to be named; `is_sure` of a flood."""
    if opinion.cause is Cause.FLOOD and opinion.probability_ppm >= NAMED_PPM:
        return bool(row[_SHARE] >= NAMED_SHARE)
    is_heavy = row[_SHARE] >= ACCOMPLICE_SHARE and row[_PACKETS] >= SOURCE_PACKETS
    return is_sure and bool(is_heavy)


@functools.lru_cache(NAMES)
def _address(address: bytes) -> str:
    """Return an address as text: a busy one is said again and again."""
    return address_text(address)


def _of_session(row: np.void) -> dict[str, Any]:
    """Return what only a session's Verdict has, of its SESSION row."""
    name, number = _named(row.tobytes()[NAMED:])
    return {"session": name, "session_number": number}


@functools.lru_cache(NAMES)
def _named(identity: bytes) -> tuple[SessionName, int]:
    """Return name and number in the part of a SESSION row from NAMED on."""
    row = np.frombuffer(bytes(NAMED) + identity, SESSION)[0]
    name = SessionName(
        client=_address(row["client"].tobytes()),
        client_port=int(row["client_port"]),
        gateway=_address(row["gateway"].tobytes()),
        gateway_port=int(row["gateway_port"]),
        client_comp=comp_text(row["client_comp"].tobytes()),
        gateway_comp=comp_text(row["gateway_comp"].tobytes()),
    )
    return name, int(row["number"])


def _of_venue(window: np.void) -> dict[str, Any]:
    """Return what only a venue's Verdict has."""
    address = _address(window["address"].tobytes())
    return {"address": address, "port": int(window["port"])}


def load(models_dir: Path) -> OnnxScorer:
    """Return the scorer of the models in `models_dir`/session and `models_dir`/flood.

    Raises:
        ModelError: a model is missing, unreadable, altered or for another schema.
    """
    return OnnxScorer(
        Model(models_dir / "session", SESSION_SCHEMA),
        Model(models_dir / "flood", FLOOD_SCHEMA),
    )
