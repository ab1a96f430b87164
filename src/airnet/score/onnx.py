"""OnnxScorer: the session and the flood model, by onnxruntime, and the hard rules."""

from collections import Counter
from pathlib import Path

import msgspec
import numpy as np
from numpy.typing import NDArray

from airnet.domain.columns import FLOOD_SCHEMA, SESSION_SCHEMA
from airnet.domain.session import SessionName, address_text, comp_text
from airnet.domain.verdict import PPM, Cause, Verdict
from airnet.domain.window import WINDOW_GATEWAY, WINDOW_SESSION, WINDOW_SOURCE
from airnet.score.model import Model
from airnet.score.rules import EXCUSES, RULES, Fired, fired

#: A rule is a fact: no Verdict that rests on one is less sure than this.
RULE_PPM = 990_000
#: The two likeliest classes closer than this: the model abstains.
LEAD_PPM = 200_000
#: Before a session has sent so much for so long, its baseline says nothing.
READY_MS = 3_000
READY_MESSAGES = 64
#: With fewer active sessions there is no market to compare with: of three, one busy
#: market maker is nine tenths of all orders, and its burst has nothing beside it.
MARKET_SESSIONS = 5
#: A session not ready is spoken of only above this rate, in tenths a second: before,
#: there is nothing that could harm and nothing to know.
UNREADY_RATE = 1_000

#: A source is named only when it is this sure, and sends this share (1/1000) of what
#: arrives: a bystander caught by chance must not be dropped with the guilty.
NAMED_PPM = 900_000
NAMED_SHARE = 50
#: A source speaks for a calm gateway only with so many packets in one window.
SOURCE_PACKETS = 16
#: Of a surely flooded gateway, a source of doubtful traffic is named too when it sends
#: this share (1/1000) and SOURCE_PACKETS: one decision names them all, not one each.
ACCOMPLICE_SHARE = 100

_READY = tuple(
    SESSION_SCHEMA.index(name)
    for name in ("history_ms", "messages", "active_sessions", "rate_fast")
)
_REGISTERED = FLOOD_SCHEMA.index("registered")
_SOURCES = FLOOD_SCHEMA.index("sources")
_SHARE = FLOOD_SCHEMA.index("top_share")
_PACKETS = FLOOD_SCHEMA.index("packets")


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one row: the fields of a Verdict that rest on its features."""

    cause: Cause
    probability_ppm: int
    abstains: bool
    rule: str
    measured: int
    limit: int


class OnnxScorer:
    """Scores windows: pure, the same Verdicts of the same rows at any batch size."""

    def __init__(self, session: Model, flood: Model) -> None:
        self.session_model = session
        self.flood_model = flood
        self._counts: Counter[str] = Counter()

    def score(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        sessions: NDArray[np.void],
    ) -> list[Verdict]:
        """Return Verdicts of WINDOW[k] with float32[k, 64] features, in order."""
        kinds = windows["kind"]
        opinions: dict[int, Opinion] = {}
        for kind in (WINDOW_SESSION, WINDOW_GATEWAY, WINDOW_SOURCE):
            places = np.flatnonzero(kinds == kind)
            if len(places):
                whole = len(places) == len(kinds)
                rows = features if whole else features[places]
                self._weigh(kind, places, rows, opinions)
        verdicts = self._spoken(windows, features, sessions, opinions)
        self._counts.update(verdict.cause.value for verdict in verdicts)
        heard = int(np.count_nonzero(kinds != WINDOW_SOURCE))
        self._counts[Cause.NORMAL.value] += heard - len(verdicts)
        return verdicts

    def provenance(self) -> dict[str, str]:
        """Return the model and schema hashes the ledger's first entry names."""
        out = {}
        for model in (self.session_model, self.flood_model):
            out[f"{model.card.name}.model"] = model.card.sha256
            out[f"{model.card.name}.schema"] = model.digest
        return out

    def counters(self) -> dict[str, int]:
        """Return how many session and gateway windows had each Cause."""
        return {cause.value: self._counts[cause.value] for cause in Cause}

    def model_of(self, window_kind: int) -> Model:
        """Return the model that speaks of windows of this kind."""
        is_session = window_kind == WINDOW_SESSION
        return self.session_model if is_session else self.flood_model

    def _weigh(
        self,
        kind: int,
        places: NDArray[np.intp],
        rows: NDArray[np.float32],
        opinions: dict[int, Opinion],
    ) -> None:
        """Add the opinions of rows of one kind that are not plainly normal."""
        model = self.model_of(kind)
        margins = model.margins(rows)
        facts = fired(RULES[kind], model.schema, rows)
        excused: dict[int, Fired] = {}
        if kind == WINDOW_GATEWAY:
            excused = fired(EXCUSES, model.schema, rows)
        suspects = set(np.flatnonzero(~model.is_plain(margins)).tolist())
        for place in sorted((suspects - excused.keys()) | facts.keys()):
            chances = model.probabilities_ppm(margins[place])
            fact = facts.get(place)
            if fact is not None:
                opinion: Opinion | None = _of_fact(model, fact, chances)
            else:
                opinion = _of_model(model, rows[place], chances)
                if opinion is not None and kind == WINDOW_SESSION:
                    opinion = _if_ready(opinion, rows[place])
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
        gateway = -1
        folded: dict[int, list[int]] = {}
        for place in np.flatnonzero(kinds != WINDOW_SESSION).tolist():
            if kinds[place] == WINDOW_GATEWAY:
                gateway = place
                if place in opinions:
                    folded[place] = folded.get(place, [])
            elif place in opinions and (
                gateway in folded
                # Who holds a session is no stranger: that is for the gateway to say.
                or (
                    features[place, _PACKETS] >= SOURCE_PACKETS
                    and not windows[place]["known"]
                )
            ):
                assert gateway >= 0, "a source window without its gateway's"
                folded.setdefault(gateway, []).append(place)
        spoken = [place for place in opinions if kinds[place] == WINDOW_SESSION]
        verdicts = []
        for place in sorted([*spoken, *folded]):
            if kinds[place] == WINDOW_SESSION:
                verdict = self._verdict(
                    windows[place], features[place], opinions[place]
                )
                row = sessions[int(windows[place]["subject"])]
                verdict = msgspec.structs.replace(
                    verdict,
                    session=_session_name(row),
                    session_number=int(row["number"]),
                )
                verdicts.append(verdict)
            else:
                verdicts.append(
                    self._of_gateway(windows, features, opinions, place, folded[place])
                )
        return verdicts

    def _of_gateway(
        self,
        windows: NDArray[np.void],
        features: NDArray[np.float32],
        opinions: dict[int, Opinion],
        place: int,
        below: list[int],
    ) -> Verdict:
        """Return a gateway window's Verdict; its worst source speaks if it does not."""
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
        verdict = self._verdict(windows[place], features[place], own)
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
        return msgspec.structs.replace(
            verdict,
            first_ns=first_ns,
            address=address_text(windows[place]["address"].tobytes()),
            port=int(windows[place]["port"]),
            sources=tuple(
                address_text(windows[one]["address"].tobytes()) for one in named
            ),
            fanout=int(features[place, _SOURCES]),
        )

    def _verdict(
        self, window: np.void, row: NDArray[np.float32], opinion: Opinion
    ) -> Verdict:
        """Return the Verdict of one window, without names and addresses."""
        model = self.model_of(int(window["kind"]))
        columns = len(model.schema.features)
        return Verdict(
            window_kind=int(window["kind"]),
            subject=int(window["subject"]),
            open_ns=int(window["open_ns"]),
            close_ns=int(window["close_ns"]),
            frame_count=int(window["frame_count"]),
            first_ns=int(window["first_ns"]),
            accepted_ns=int(window["accepted_ns"]),
            cause=opinion.cause,
            probability_ppm=opinion.probability_ppm,
            abstains=opinion.abstains,
            rule=opinion.rule,
            measured=opinion.measured,
            limit=opinion.limit,
            features=tuple(row[:columns].astype(np.int64).tolist()),
            schema=model.digest,
            model=model.card.identity,
            known=bool(window["known"]),
        )


def _is_named(opinion: Opinion, row: NDArray[np.float32], *, is_sure: bool) -> bool:
    """Return whether a stranger is guilty enough to be named; `is_sure` of a flood."""
    if opinion.cause is Cause.FLOOD and opinion.probability_ppm >= NAMED_PPM:
        return bool(row[_SHARE] >= NAMED_SHARE)
    is_heavy = row[_SHARE] >= ACCOMPLICE_SHARE and row[_PACKETS] >= SOURCE_PACKETS
    return is_sure and bool(is_heavy)


def _of_fact(model: Model, fact: Fired, chances: list[int]) -> Opinion:
    """Return what a rule says; the model may only make it surer."""
    chance = chances[model.card.classes.index(fact.rule.cause)]
    return Opinion(
        cause=fact.rule.cause,
        probability_ppm=max(chance, RULE_PPM),
        abstains=False,
        rule=fact.rule.name,
        measured=fact.measured,
        limit=fact.rule.limit,
    )


def _of_model(
    model: Model, row: NDArray[np.float32], chances: list[int]
) -> Opinion | None:
    """Return what the model says, or None when that is normal after all."""
    ranked = sorted(range(len(chances)), key=lambda one: (-chances[one], one))
    top, second = ranked[0], ranked[1]
    abstains = chances[top] - chances[second] < LEAD_PPM
    if top == 0 and (not abstains or chances[0] * 2 >= PPM):
        return None
    # Torn between normal and something: the something is what must be looked at.
    cause = model.card.classes[top or second]
    driving = model.card.driving[cause]
    return Opinion(
        cause=Cause.UNKNOWN if abstains else cause,
        probability_ppm=chances[top],
        abstains=abstains,
        rule=f"model.{model.card.name}",
        measured=int(row[model.schema.index(driving.feature)]),
        limit=driving.limit,
    )


def _if_ready(opinion: Opinion, row: NDArray[np.float32]) -> Opinion | None:
    """Return the opinion, an abstention, or nothing when too little is known."""
    history_ms, messages, active, rate = (int(row[column]) for column in _READY)
    is_ready = history_ms >= READY_MS and messages >= READY_MESSAGES
    if is_ready and active >= MARKET_SESSIONS:
        return opinion
    if not is_ready and rate < UNREADY_RATE:
        return None
    return msgspec.structs.replace(opinion, cause=Cause.UNKNOWN, abstains=True)


def _session_name(row: np.void) -> SessionName:
    """Return what the session of a SESSION row is called."""
    return SessionName(
        client=address_text(row["client"].tobytes()),
        client_port=int(row["client_port"]),
        gateway=address_text(row["gateway"].tobytes()),
        gateway_port=int(row["gateway_port"]),
        client_comp=comp_text(row["client_comp"].tobytes()),
        gateway_comp=comp_text(row["gateway_comp"].tobytes()),
    )


def load(models_dir: Path) -> OnnxScorer:
    """Return the scorer of the models in `models_dir`/session and `models_dir`/flood.

    Raises:
        ModelError: a model is missing, unreadable, altered or for another schema.
    """
    return OnnxScorer(
        Model(models_dir / "session", SESSION_SCHEMA),
        Model(models_dir / "flood", FLOOD_SCHEMA),
    )
