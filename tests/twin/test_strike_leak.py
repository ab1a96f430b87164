"""Header trivia do not give an incident away: a classifier on them is at chance.

Frames of one kind are compared: a failing session's new orders with those of healthy
sessions, SYNs under the firms' borrowed addresses with the firms' own. The classifier
sees TTL, ports, addresses, lengths, the time of day and the session's number, learns
on some episodes and is judged on others.
"""

from collections import Counter
from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from airnet.twin.plan import DAY_NS, Plan
from tests.twin import strikes
from tests.twin.strikes import SYN, TCP, Seen, build

BINS = 12
Columns = NDArray[np.float64]


def trivia(plan: Plan, one: Seen) -> list[float]:
    """Return what no detector may lean on."""
    lines = range(plan.count("line"))
    numbers = [n for n in lines if plan.name_of(n)[0].startswith(f"{one.source}:")]
    octets = [float(part) for part in one.source.split(".")]
    into_day = (one.time_ns % DAY_NS) / DAY_NS
    return [
        float(one.ttl),
        float(one.source_port),
        float(one.port),
        *octets[1:],
        float(len(one.payload)),
        float(len(one.raw)),
        into_day,
        into_day * 86_400 % 1.0,
        float(numbers[0]) / len(lines) if numbers else -1.0,
    ]


def area(scores: Columns, truth: NDArray[np.bool_]) -> float:
    """Return the area under the ROC curve; ties count half."""
    order = np.unique(scores, return_inverse=True)[1]
    counts = np.bincount(order)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[order]
    positive = int(truth.sum())
    above = ranks[truth].sum() - positive * (positive + 1) / 2
    return float(above / (positive * (len(truth) - positive)))


class Bayes:
    """Naive Bayes on binned columns: finds any value that one side has more often."""

    def __init__(self, columns: Columns, truth: NDArray[np.bool_]) -> None:
        shares = np.linspace(0, 1, BINS + 1)[1:-1]
        self._edges = [np.unique(np.quantile(column, shares)) for column in columns.T]
        self._odds = []
        for column, edges in zip(columns.T, self._edges, strict=True):
            place = np.searchsorted(edges, column)
            counts = [
                np.bincount(place[truth == side], minlength=len(edges) + 1) + 1.0
                for side in (False, True)
            ]
            self._odds.append(
                np.log(counts[1] / counts[1].sum())
                - np.log(counts[0] / counts[0].sum())
            )

    def score(self, columns: Columns) -> Columns:
        """Return the log odds of each row."""
        total = np.zeros(len(columns))
        for column, edges, odds in zip(columns.T, self._edges, self._odds, strict=True):
            total += odds[np.searchsorted(edges, column)]
        return total


Kind = tuple[Callable[[bytes], bool], Callable[[Plan, Seen], bool | None]]


def gathered(plan: Plan, kind: Kind, most: int) -> list[tuple[str, bool, list[float]]]:
    """Return at most so many frames of each sender: who, whether guilty, trivia."""
    worth, judge = kind
    taken: Counter[tuple[str, bool]] = Counter()
    found = []
    for one in strikes.glanced(plan, worth):
        is_guilty = judge(plan, one)
        if is_guilty is None:
            continue
        who = f"{plan.seed} {plan.scenario} {one.source}:{one.source_port}"
        taken[who, is_guilty] += 1
        if taken[who, is_guilty] <= most:
            found.append((who, is_guilty, trivia(plan, one)))
    return found


def judged(plans: Iterable[Plan], kind: Kind, most: int = 20) -> tuple[float, int]:
    """Return the held-out area over senders, and how many of them were guilty.

    Frames of one sender are alike, so that each sender counts once, by its mean score.
    """
    frames = [(plan.seed, *one) for plan in plans for one in gathered(plan, kind, most)]
    x = np.array([one[3] for one in frames])
    y = np.array([one[2] for one in frames])
    fold = np.array([one[0] for one in frames]) % 3
    scores = np.zeros(len(y))
    for number in range(3):
        held = fold == number
        scores[held] = Bayes(x[~held], y[~held]).score(x[held])
    senders: dict[tuple[str, bool], list[float]] = {}
    for (_, who, guilty, _), score in zip(frames, scores, strict=True):
        senders.setdefault((who, guilty), []).append(score)
    means = np.array([np.mean(found) for found in senders.values()])
    guilty = np.array([is_guilty for _, is_guilty in senders])
    return area(means, guilty), int(guilty.sum())


def is_one_order(one: Seen) -> bool:
    """Say whether a segment is exactly one NewOrderSingle."""
    return one.payload.count(b"8=FIX") == 1 and b"\x0135=D\x01" in one.payload


def orders_of(plan: Plan, one: Seen) -> bool | None:
    """Compare single new orders, up, of sessions of the culprit's kind."""
    label = plan.labels[-1]
    is_inside = label.onset_ns <= one.time_ns < label.offset_ns
    if one.protocol != TCP or not is_one_order(one) or not is_inside:
        return None
    name = f"{one.source}:{one.source_port}"
    own = [n for n in range(plan.count("line")) if plan.name_of(n)[0] == name]
    if not own or plan.kind_of(own[0]) != plan.kind_of(label.lines[0]):
        return None
    is_guilty = own[0] == label.lines[0]
    return is_guilty if bool(one.mark) == is_guilty else None


def has_order(raw: bytes) -> bool:
    """Say whether there is a NewOrderSingle in a frame."""
    return b"\x0135=D\x01" in raw


def test_orders_of_a_failing_session_look_like_others() -> None:
    """What tells them is how many there are and what they say, not their headers."""
    size = {"sessions": 20, "symbols": 8, "duration_s": 4.0}
    plans = [
        build(scenario, seed, **size)
        for scenario in ("runaway", "knight_2012", "duplicate_clordid_loop")
        for seed in range(1, 25)
    ]

    found, guilty = judged(plans, (has_order, orders_of))

    assert guilty > 60
    assert 0.37 < found < 0.63  # more than three standard errors wide


def syns_of(plan: Plan, one: Seen) -> bool | None:
    """Compare SYNs to the gateway under the firms' addresses."""
    if one.protocol != TCP or one.flags != SYN:
        return None
    lines = range(plan.count("line"))
    firms = {plan.address(int(plan.row("line", n)["client"])) for n in lines}
    return bool(one.mark) if one.source in firms else None


def is_syn(raw: bytes) -> bool:
    """Say whether a frame may be a SYN; it has no payload, and its flags say so."""
    return len(raw) <= 82 and raw[47 + 4 * (raw[12:14] == b"\x81\x00")] == SYN


def test_borrowed_syns_look_like_the_firms_own() -> None:
    """A flood under the firms' names has their TTLs, ports and lengths."""
    size = {"sessions": 40, "symbols": 3, "duration_s": 3.0, "difficulty": 0.6}

    plans = [build("syn_flood_firms", seed, **size) for seed in range(1, 25)]

    found, guilty = judged(plans, (is_syn, syns_of))

    assert guilty > 400
    assert 0.42 < found < 0.58


def test_the_classifier_finds_what_does_leak() -> None:
    """It is no straw man: a flood from one stranger is given away by its address."""

    def any_syn(plan: Plan, one: Seen) -> bool | None:
        return bool(one.mark) if one.protocol == TCP else None

    size = {"sessions": 20, "symbols": 3, "duration_s": 3.0}

    plans = [build("syn_flood", seed, **size) for seed in range(1, 10)]
    found, _ = judged(plans, (is_syn, any_syn))

    assert found > 0.8
