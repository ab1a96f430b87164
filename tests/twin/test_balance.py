"""Makers' depth and takers' rates in proportion; weights of who is learned from."""

import numpy as np
import pytest

from airnet.train import fit
from airnet.twin import catalogue
from airnet.twin.balance import MAKER, TAKER, balance, quotes
from airnet.twin.plan import Plan, Size
from airnet.twin.ranges import domain

EXECUTION = 3
#: Levels and symbols of the makers; rate, two branchings and resting share of takers.
Makers = list[tuple[int, int]]
Takers = list[tuple[float, float, float, float]]


def cast(symbols: int, makers: Makers, takers: Takers) -> Plan:
    """Return a Plan of these agents and one execution algorithm, balanced."""
    spec = catalogue.scenario("quiet").spec
    size = Size(symbols=symbols, sessions=len(makers) + len(takers) + 1)
    plan = Plan("quiet", spec, 1, domain("report"), size)
    for levels, mine in makers:
        plan.add("agent", kind=MAKER, levels=levels, symbols=mine)
    plan.add("agent", kind=EXECUTION, levels=7, symbols=symbols, rate=4.0)
    for rate, own, others, rest in takers:
        plan.add("agent", kind=TAKER, rate=rate, n1=own, n2=others, rest_share=rest)
    balance(plan)
    return plan


def levels_of(plan: Plan) -> list[int]:
    """Return the makers' levels."""
    rows = [plan.row("agent", number) for number in range(plan.count("agent"))]
    return [int(row["levels"]) for row in rows if row["kind"] == MAKER]


@pytest.mark.parametrize(
    ("symbols", "makers", "wanted"),
    [
        # 2 (5 + 7) 10 = 240 quotes where 300 a symbol would be 3,000: twice at most.
        (10, [(5, 10), (7, 10)], [10, 14]),
        # 2 * 12 * 10 * 10 = 2,400 quotes of 3,000: five quarters.
        (10, [(12, 10)] * 10, [15] * 10),
        # 4,800 quotes of 3,000: five eighths of 12 is 7.5, to the even 8; of 4, 2.5.
        (10, [(12, 10)] * 20, [8] * 20),
        # Twelve times too many: halved at most, and never below the least.
        (1, [(9, 10)] * 20, [4] * 20),
        (1, [(4, 10)] * 40, [3] * 40),
        # Never above the most.
        (40, [(12, 10)], [16]),
    ],
)
def test_makers_quote_as_deep_as_bursts_are_wide(
    symbols: int, makers: Makers, wanted: list[int]
) -> None:
    """In proportion, within bounds of the factor and of the levels."""
    plan = cast(symbols, makers, [(1.0, 0.0, 0.0, 0.0)])

    assert levels_of(plan) == wanted
    each = [symbols for _, symbols in makers]
    assert quotes(plan) == sum(2 * a * b for a, b in zip(wanted, each, strict=True))
    execution = plan.row("agent", len(makers))
    assert (execution["levels"], execution["rate"]) == (7, 4.0)


@pytest.mark.parametrize(
    "takers",
    [
        [(1.0, 0.0, 0.0, 0.0)],
        [(0.5, 0.3, 0.5, 0.25), (4.0, 0.0, 0.2, 0.5), (2.0, 0.75, 0.0, 0.0)],
    ],
)
def test_takers_trade_once_for_so_many_quotes(takers: Takers) -> None:
    """All of their trades, children's included and resting orders left out."""
    plan = cast(20, [(5, 20), (8, 11), (4, 3)], takers)

    first = plan.count("agent") - len(takers)
    after = [plan.row("agent", first + place) for place in range(len(takers))]
    trades = sum(
        float(row["rate"]) / (1 - own - others) * (1 - rest)
        for row, (_, own, others, rest) in zip(after, takers, strict=True)
    )
    assert trades == pytest.approx(quotes(plan) / 1000, rel=1e-9)
    ratios = [
        float(row["rate"]) / rate for row, (rate, *_) in zip(after, takers, strict=True)
    ]
    assert ratios == pytest.approx([ratios[0]] * len(ratios), rel=1e-9)
    for row, (_, own, others, rest) in zip(after, takers, strict=True):
        assert (row["n1"], row["n2"], row["rest_share"]) == (own, others, rest)


def test_a_cast_without_makers_or_takers_is_let_be() -> None:
    """Nobody quotes: nobody takes; nobody takes: the makers are as ever."""
    plan = cast(3, [], [(1.5, 0.0, 0.0, 0.0)])
    assert quotes(plan) == 0
    assert plan.row("agent", 1)["rate"] == 0

    assert levels_of(cast(1, [(10, 10)], [])) == [15]


def test_normal_weighs_half_of_all_and_the_rest_share_the_other_half() -> None:
    """Each cause as much as another, however rarely it was seen; none is 0."""
    labels = np.array([0] * 12 + [1] * 3 + [3])

    weights = fit.balance(labels, 4)

    assert weights[labels == 0] == pytest.approx(np.full(12, 0.5 * 16 / 12))
    assert weights[labels == 1] == pytest.approx(np.full(3, 16 / 6 / 3))
    assert weights[labels == 3] == pytest.approx([16 / 6])
