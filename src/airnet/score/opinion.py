"""Opinion: what the model, or a rule that outranks it, says of one row of features."""

import math
import operator

import msgspec

from airnet.domain.columns import SESSION_SCHEMA
from airnet.domain.verdict import PPM, Cause
from airnet.score.model import Model
from airnet.score.rule import Fired

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


_READY = operator.itemgetter(
    *(
        SESSION_SCHEMA.index(name)
        for name in ("history_ms", "messages", "active_sessions", "rate_fast")
    )
)


class Opinion(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one row: the fields of a Verdict that rest on its features."""

    cause: Cause
    probability_ppm: int
    abstains: bool
    rule: str
    measured: int
    limit: int


def of_fact(fact: Fired, probability_ppm: int) -> Opinion:
    """Return what a rule says; a model may only make it surer."""
    return Opinion(
        cause=fact.rule.cause,
        probability_ppm=probability_ppm,
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
        measured=0 if math.isnan(measured) else int(measured),
        limit=driving.limit,
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
