"""Harm: what an incident cost, and what containing it cost, in cents.

Two kinds, and they add up. Missed harm is what an incident did until it was contained:
the culprits' loss against the same day without the fault, fees for messages nobody
wanted, the market's impact, and what a flood held up for everybody else. Caused harm is
the price of containing: what sessions contained wrongly would have earned, what the
others paid for a thinner book, the desk's time, and coming back.

Each difference is between two runs of one seed, so that chance is common to both. It is
signed: cutting it off at zero would make noise look like harm.
"""

from collections.abc import Iterable, Sequence
from fractions import Fraction

import msgspec

from airnet.domain.verdict import Cause
from airnet.twin.outcome import Act, Harm, Wrong
from airnet.twin.scenario import Label
from airnet.twin.stage import Account, Book, Place
from airnet.twin.tally import may_be_contained

NS_PER_S = 1_000_000_000


class HarmModel(msgspec.Struct, frozen=True, kw_only=True):
    """The prices. All of them are priors: sweep them before believing a sum.

    `message_cents`: a message beyond what the session would have sent. Borsa Italiana
    charges 1 to 2.5 euro cents an order beyond 100 a trade (2012), LSE 5 pence an event
    beyond 100 a trade (2009): 1 cent is the low end.
    `impact_*_cents`: of market impact and liability a second while an incident goes on
    uncontained. Severe is Knight Capital on 2012-08-01: about $460 M in 45 minutes,
    $170,000 a second (SEC order 34-70694). Moderate is a hundredth: Everbright on
    2013-08-16 and Goldman on 2013-08-20 lost $30-40 M in minutes to an hour. Mild is a
    hundredth of that: a nuisance that a venue fines. Of a flood it counts by as much
    of the venue's service as is lost: the share of the others' messages that are
    answered late or never (`lost_service`). A flood that hurts nobody costs nothing.
    `late_cents`: a second by which a legitimate order is answered late; `lost_cents`: a
    legitimate order that is never answered. A market maker's expected capture is a
    fraction of a cent a share on some hundred shares: 25 cents an order (ours).
    `desk_cents`: of a containment that has to be looked at: a quarter of an hour of two
    people at $120 an hour (ours). `reentry_cents`: for each session contained wrongly,
    orders to be re-entered and limits to be signed off: an hour of the same (ours).
    """

    message_cents: int = 1
    impact_severe_cents: int = 17_000_000
    impact_moderate_cents: int = 170_000
    impact_mild_cents: int = 1_700
    late_cents: int = 25
    lost_cents: int = 25
    desk_cents: int = 6_000
    reentry_cents: int = 24_000

    def impact_cents(self, severity: str) -> int:
        """Return the impact of a second of an incident; nothing of a benign day."""
        return {
            "severe": self.impact_severe_cents,
            "moderate": self.impact_moderate_cents,
            "mild": self.impact_mild_cents,
        }.get(severity, 0)


class Ran(msgspec.Struct, frozen=True, kw_only=True):
    """What is left of a run."""

    end_ns: int
    accounts: tuple[Account, ...]
    books: tuple[Book, ...] = ()
    events: int = 0


class Case(msgspec.Struct, frozen=True, kw_only=True):
    """What one play is weighed against: who did it, and two runs without containment.

    `calm` is the same seed without the incident, `without` with it; `length_ns` is how
    long each lasts.
    """

    labels: tuple[Label, ...]
    severity: str
    culprits: frozenset[int]
    calm: Ran
    without: Ran
    length_ns: int = 0


def culprits(labels: Iterable[Label], lines: Sequence[Place]) -> frozenset[int]:
    """Return the lines that the labels which may be contained name."""
    named = {
        (host.rpartition(":")[0].strip("[]"), comp)
        for label in labels
        if may_be_contained(label)
        for host, comp in label.sessions
    }
    return frozenset(
        number
        for number, place in enumerate(lines)
        if (place.client, place.comp) in named
    )


def harm(model: HarmModel, case: Case, ran: Ran, acts: Sequence[Act] = ()) -> Harm:
    """Return what a run cost that saw these containments; none for `without` itself."""
    done = [act for act in acts if act.is_carried_out]
    wronged = _wronged(done, case.culprits)
    guilty = [ran.accounts[line] for line in sorted(case.culprits)]
    others = [
        (now, was)
        for line, (now, was) in enumerate(
            zip(ran.accounts, case.calm.accounts, strict=True)
        )
        if line not in case.culprits and line not in wronged
    ]
    late_ns = sum(now.late_ns - was.late_ns for now, was in others)
    return Harm(
        pnl=sum(
            case.calm.accounts[line].pnl_cents - ran.accounts[line].pnl_cents
            for line in case.culprits
        ),
        fees=model.message_cents * sum(account.excess for account in guilty),
        impact=_impact(model, case, ran, done),
        delayed=model.late_cents * late_ns // NS_PER_S,
        lost=model.lost_cents
        * sum(now.unanswered - was.unanswered for now, was in others),
        spread=sum(
            case.without.accounts[line].pnl_cents - ran.accounts[line].pnl_cents
            for line in wronged
        ),
        taker=_dearer(case, ran) if done else 0,
        desk=model.desk_cents * len(done),
        reentry=model.reentry_cents * len(wronged),
    )


def _wronged(done: Iterable[Act], guilty: frozenset[int]) -> frozenset[int]:
    """Return the lines that were contained and had done nothing, or nothing yet."""
    by_false = {line for act in done if act.wrong is not Wrong.NO for line in act.lines}
    by_right = {line for act in done if act.wrong is Wrong.NO for line in act.lines}
    return frozenset(by_false | (by_right - guilty))


def _dearer(case: Case, ran: Ran) -> int:
    """Return what a thinner book costs those who trade as on the calm day.

    Half of how much farther bid and ask were apart than without containment, for each
    share that is taken on the calm day. What was traded says nothing: in an empty book
    nobody pays anything.
    """
    total = 0
    books = zip(ran.books, case.without.books, case.calm.books, strict=True)
    for now, was, calm in books:
        looks = now.widths * was.widths
        if looks:
            wider = now.width * was.widths - was.width * now.widths
            total += wider * calm.taken // (2 * looks)
    return total


def lost_service(case: Case, ran: Ran, label_ns: int) -> Fraction:
    """Return the share of the messages in a label's time that were not served in time.

    Beyond those of the calm day; messages are taken to come evenly.
    """
    late = sum(
        now.late + now.unanswered - was.late - was.unanswered
        for now, was in zip(ran.accounts, case.calm.accounts, strict=True)
    )
    sent = sum(account.messages for account in case.calm.accounts)
    if not sent or label_ns <= 0 or late <= 0:
        return Fraction(0)
    return min(Fraction(late * case.length_ns, sent * label_ns), Fraction(1))


def _impact(model: HarmModel, case: Case, ran: Ran, done: Sequence[Act]) -> int:
    """Return each incident's impact while nothing right stood against it.

    A flood's is that of the service it took, whatever stood.
    """
    cents_per_s = model.impact_cents(case.severity)
    end_ns = ran.end_ns
    total = 0
    for number, label in enumerate(case.labels):
        if not may_be_contained(label):
            continue
        if label.cause is Cause.FLOOD:
            long_ns = min(label.offset_ns, end_ns) - label.onset_ns
            lost = lost_service(case, ran, long_ns)
            total += int(cents_per_s * long_ns * lost) // NS_PER_S
            continue
        spans = [(act.effect_ns, act.ended_ns) for act in done if number in act.covers]
        free_ns = uncovered_ns(label.onset_ns, min(label.offset_ns, end_ns), spans)
        total += cents_per_s * free_ns // NS_PER_S
    return total


def uncovered_ns(start_ns: int, end_ns: int, spans: Iterable[tuple[int, int]]) -> int:
    """Return how much of start..end no span covers."""
    free_ns, at_ns = 0, start_ns
    for first_ns, last_ns in sorted(spans):
        if first_ns > at_ns:
            free_ns += min(first_ns, end_ns) - at_ns
        at_ns = max(at_ns, last_ns)
        if at_ns >= end_ns:
            return free_ns
    return free_ns + max(end_ns - at_ns, 0)
