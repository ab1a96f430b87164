"""The lab's algorithms: seeded, and exact about what they sent and what came back."""

import itertools

import pytest

from airnet.lab.algorithm import Algorithm, Answer, Wish
from airnet.lab.roster import Plan, plans
from airnet.lab.scenes import RUNAWAY, SCENES

NS_PER_S = 1_000_000_000


def algorithm(kind: str = "quoter", seed: int = 1) -> Algorithm:
    plan = Plan(comp_id="ONE", kind=kind, symbols=("AAA", "BBB"), per_second=10.0)
    return Algorithm(plan, seed)


def accept(wish: Wish) -> Answer:
    """Return the answer of a venue that agrees to everything."""
    exec_type = {"D": "0", "G": "5", "F": "4"}[wish.kind]
    return Answer(
        kind="8",
        id=wish.id,
        original=wish.original,
        exec_type=exec_type,
        left=wish.quantity,
    )


def trade(one: Algorithm, times: int) -> list[Wish]:
    """Let it trade with that venue and return what it sent."""
    wishes = []
    for number in range(times):
        wish = one.want(number * NS_PER_S // 10)
        if wish is not None:
            wishes.append(wish)
            one.hear(accept(wish))
    return wishes


@pytest.mark.parametrize("kind", ["quoter", "taker"])
def test_same_seed_wants_the_same(kind: str) -> None:
    assert trade(algorithm(kind), 300) == trade(algorithm(kind), 300)
    assert trade(algorithm(kind), 300) != trade(algorithm(kind, seed=2), 300)


@pytest.mark.parametrize("kind", ["quoter", "taker"])
def test_everything_answered_is_counted_and_little_stays_open(kind: str) -> None:
    one = algorithm(kind)
    wishes = trade(one, 2000)

    assert one.tally.unanswered() == 0
    assert one.tally.orders == sum(wish.kind == "D" for wish in wishes)
    assert one.tally.canceled == sum(wish.kind == "F" for wish in wishes) > 0
    assert len(one.orders) < 25
    if kind == "quoter":
        assert one.tally.replaced > 0


def test_who_is_stopped_asks_again_as_often_as_before_and_then_trades() -> None:
    one = algorithm()
    trade(one, 100)
    stopped: list[Wish] = []
    for number in range(200):
        wish = one.want(10 * NS_PER_S + number * NS_PER_S // 10)
        if wish is not None and wish.kind == "D":
            stopped.append(wish)
            text = "stopped by risk control x"
            one.hear(Answer(kind="8", id=wish.id, exec_type="8", text=text))
        elif wish is not None:
            one.hear(accept(wish))

    alike = [(one.symbol, one.side, one.price, one.quantity) for one in stopped]
    repeats = sum(a == b for a, b in itertools.pairwise(alike))
    assert len(stopped) <= 200
    assert len({one.id for one in stopped}) == len(stopped), "a new ClOrdID each"
    assert repeats > len(stopped) // 3
    assert one.tally.stopped == len(stopped)

    before = one.tally.accepted
    assert len(trade(one, 50)) > 0
    assert one.tally.accepted > before


def test_leaving_takes_everything_off() -> None:
    one = algorithm()
    trade(one, 100)
    one.is_leaving = True
    assert not one.is_idle()

    trade(one, 100)

    assert one.is_idle()
    assert one.want(0) is None


def test_loop_repeats_one_order() -> None:
    one = algorithm()
    wishes = [one.loop(number) for number in range(50)]

    assert len({(w.symbol, w.side, w.price, w.quantity) for w in wishes}) == 1
    assert len({wish.id for wish in wishes}) == 50
    assert one.tally.orders == 50


def test_stopped_orders_are_told_from_refused_ones() -> None:
    one = algorithm()
    for text in ("stopped by risk control c1", "duplicate ClOrdID"):
        wish = one.loop(0)
        one.hear(Answer(kind="8", id=wish.id, exec_type="8", text=text))

    assert (one.tally.stopped, one.tally.refused) == (1, 1)
    assert one.is_idle()


def test_filled_order_is_gone_and_its_cancel_too_late() -> None:
    one = algorithm()
    wish = one.loop(0)
    one.hear(accept(wish))
    one.is_leaving = True
    cancel = one.want(0)
    assert cancel is not None
    assert cancel.original == wish.id
    one.hear(Answer(kind="8", id=wish.id, exec_type="F", left=0))
    one.hear(Answer(kind="9", id=cancel.id, original=wish.id, response_to="1"))

    assert (one.tally.fills, one.tally.cancel_rejects) == (1, 1)
    assert one.is_idle()


def test_stopped_replace_leaves_the_order_as_it_was() -> None:
    one = algorithm()
    wishes = iter(range(1000))
    wish = one.want(0)
    while wish is not None and wish.kind != "G":
        one.hear(accept(wish))
        wish = one.want(next(wishes) * NS_PER_S)
    assert wish is not None
    text = "stopped by risk control c1"
    answer = Answer(
        kind="9", id=wish.id, original=wish.original, response_to="2", text=text
    )
    one.hear(answer)

    assert one.tally.replace_rejects == 1
    assert wish.original in one.orders


def test_roster_and_scenes_fit_together() -> None:
    firms = {"alpha", "beta", "gamma"}
    everybody = [plan for firm in sorted(firms) for plan in plans(firm)]

    assert len(everybody) == len({plan.comp_id for plan in everybody}) == 6
    assert RUNAWAY in {plan.comp_id for plan in everybody}
    assert all(10 <= plan.per_second <= 20 for plan in everybody)
    assert len({scene.name for scene in SCENES}) == len(SCENES)
    assert sum(scene.seconds for scene in SCENES) < 60
