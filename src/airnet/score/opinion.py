"""Opinion: what the model, or a rule that outranks it, says of one row of features."""

import operator

import msgspec

from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.verdict import PPM, Cause
from airnet.domain.window import FEATURE_LIMIT
from airnet.score.model import Model
from airnet.score.rule import Fired

#: A rule is a fact: no Verdict that rests on one is less sure than this.
RULE_PPM = 990_000
#: A rule that is only told is spoken of where the model finds it as likely as not.
TOLD_PPM = 500_000
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
#: The columns and least values of the same, in this order.
READY = tuple(
    (SESSION_SCHEMA.index(name), float(least))
    for name, least in (
        ("history_ms", READY_MS),
        ("messages", READY_MESSAGES),
        ("active_sessions", MARKET_SESSIONS),
        ("rate_fast", UNREADY_RATE),
    )
)
_READY = operator.itemgetter(*(column for column, _ in READY))


class Opinion(msgspec.Struct, frozen=True, kw_only=True, gc=False):
    """What is said of one row: the fields of a Verdict that rest on its features."""

    cause: Cause
    probability_ppm: int
    abstains: bool
    rule: str
    measured: int
    limit: int
    is_told: bool = False


def of_fact(fact: Fired, chance_ppm: int) -> Opinion:
    """Return what a rule says; a model, whose chance is given, may only make it surer.

    Of a rule that is only told, the model says how sure it is.
    """
    is_told = fact.rule.is_told
    return Opinion(
        cause=fact.rule.cause,
        probability_ppm=chance_ppm if is_told else max(chance_ppm, RULE_PPM),
        is_told=is_told,
        abstains=False,
        rule=fact.rule.name,
        measured=fact.measured,
        limit=fact.rule.limit,
    )


def of_rule(model: Model, fact: Fired | None, chances: list[int]) -> Opinion | None:
    """Return what a rule that fired says, or None: nothing, or too little alone."""
    if fact is None:
        return None
    # A rule may tell what no model knows: then it is as sure as a rule.
    known = dict(zip(model.card.classes, chances, strict=True))
    chance = known.get(fact.rule.cause, 0)
    if fact.rule.is_told and chance < TOLD_PPM:
        return None
    return of_fact(fact, chance)


def of_counted(fact: Fired, chance_ppm: int) -> Opinion:
    """Return that a window is normal, and what is counted of it all the same."""
    return Opinion(
        cause=fact.rule.cause,
        probability_ppm=chance_ppm,
        abstains=False,
        rule=fact.rule.name,
        measured=fact.measured,
        limit=fact.rule.limit,
    )


def of_model(model: Model, row: list[float], chances: list[int]) -> Opinion | None:
    """Return what the model says, or None when that is normal after all.

    `row` is a row of features as Python's numbers: one by one they cost less so.
    """
    top = chances.index(max(chances))
    rest = [-1 if one == top else chance for one, chance in enumerate(chances)]
    second = rest.index(max(rest))
    abstains = chances[top] - chances[second] < LEAD_PPM
    if top == 0 and (not abstains or chances[0] * 2 >= PPM):
        return None
    # Torn between normal and something: the something is what must be looked at.
    cause = model.card.classes[top or second]
    driving = model.card.driving[cause]
    measured = row[model.columns[driving.feature]]
    return Opinion(
        cause=Cause.UNKNOWN if abstains else cause,
        probability_ppm=chances[top],
        abstains=abstains,
        rule=f"model.{model.card.name}",
        measured=int(measured) if abs(measured) <= FEATURE_LIMIT else 0,
        limit=driving.limit,
    )


class Voice:
    """How a model speaks: what ext/opinion.h takes of it, and its words made whole.

    Args:
        model: the model.
        ready: columns and least values as READY has them; () when it is always heard.
    """

    def __init__(self, model: Model, ready: tuple[tuple[int, float], ...] = ()) -> None:
        card = model.card
        drivings = [card.driving.get(cause) for cause in card.classes]
        columns = tuple(
            0 if one is None else model.columns[one.feature] for one in drivings
        )
        self.native = (card.temperature, columns, LEAD_PPM, ready)
        self._rule = f"model.{card.name}"
        self._words = [
            (cause, 0 if one is None else one.limit)
            for cause, one in zip(card.classes, drivings, strict=True)
        ]

    def opinion(
        self, place: int, probability_ppm: int, measured: int, abstains: int
    ) -> Opinion:
        """Return the Opinion of the class at `place`."""
        cause, limit = self._words[place]
        return Opinion(
            cause=Cause.UNKNOWN if abstains else cause,
            probability_ppm=probability_ppm,
            abstains=bool(abstains),
            rule=self._rule,
            measured=measured,
            limit=limit,
        )


def if_ready(opinion: Opinion, row: list[float]) -> Opinion | None:
    """Return the opinion, an abstention, or nothing when too little is known."""
    history_ms, messages, active, rate = _READY(row)
    is_ready = history_ms >= READY_MS and messages >= READY_MESSAGES
    if is_ready and active >= MARKET_SESSIONS:
        return opinion
    if not is_ready and rate < UNREADY_RATE:
        return None
    return msgspec.structs.replace(opinion, cause=Cause.UNKNOWN, abstains=True)
