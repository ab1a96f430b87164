"""Lasting: a volley is no loop, however alike its orders are, and however fast.

Who hedges what was filled sends as many like orders as it takes lots, at once, and then
waits for the next; so does who flattens, sweeps a book, clicks a wheel or tries out a
new line. For a tenth of a second such a volley is all that a loop is: the same order,
dozens of times, at many times its past. What is true of every loop, and of no volley,
is that it goes on while one looks. So a limit of like orders is a fact only of windows
of which all of this holds, however often it was broken before:

- there is no pause among its last messages: gaps differ no more than chance has them
  (docs/architecture.md: an exponential's deviation is 736 thousandths of its mean);
- over a second it has sent a third as fast as its last messages came at least, which at
  an even rate takes 0.4 s;
- and half as fast as in the last tenth of a second, which takes 0.7 s.

Until then it is told, however sure both models are: they were trained on loops. So is
who is refused again and again at his own pace. docs/adr/0093 has what was seen of both.
"""

from collections.abc import Callable

from airnet.decide.errands import is_iceberg

#: Rules of orders that are alike, for a moment, or of so many of them at speed, which
#: a hedger of hundreds of lots sends in a tenth of a second: of these it is asked.
VOLLEYS = frozenset(
    {
        "session.orders_alike_per_second",
        "session.orders_alike_at_length",
        "session.identical_orders_per_second",
        "session.identical_orders_in_a_row",
        "session.loop_messages_per_second",
        "session.loop_out_of_nothing",
        "session.loop_of_one_name",
        "session.loop_one_way",
        "session.one_order_in_a_frenzy",
        "session.one_order_one_way_in_a_frenzy",
        "session.one_order_out_of_nothing",
        "session.one_order_among_many",
        "session.alike_at_speed",
        "session.one_way_at_speed",
        "session.turned_at_speed",
    }
)

#: Deviation of gaps, thousandths of their mean: two volleys have 1,400 and more.
EVEN = 1200
#: As many times the rate of a second its last messages, and its last 100 ms, may have.
LAST, FAST = 3, 2

#: Of these, which ask that a session be above its past, that it be so for as long: what
#: is left of a volley over a second makes a desk's usual pace look like its going on.
ABOVE = frozenset(
    {
        "session.orders_alike_per_second",
        "session.loop_messages_per_second",
        "session.loop_out_of_nothing",
        "session.loop_of_one_name",
        "session.loop_one_way",
    }
)
STREAK_MS = 700

#: Refusals, and the same order on and on, at a pace that is none of a loop's: it is not
#: above the session's own (thousandths), or not twice of late, nor, as a past may have
#: learned of the fault itself, when the session began.
AGAIN, PAST_MS, USUAL = "session.refused_again_per_second", 10_000, 1000
IN_A_ROW, TWICE = "session.identical_orders_in_a_row", 2000

#: The value of a feature of a window by name; None where it has none.
Feature = Callable[[str], int | None]


def goes_on(feature: Feature) -> bool:
    """Return whether a session is seen to send for as long as a loop shows itself.

    Unseen, it is not: a window without its rates and gaps is of a few messages.
    """
    deviation, second = feature("gap_deviation"), feature("rate_1s")
    last, fast = feature("rate_16"), feature("rate_fast")
    if deviation is None or second is None or last is None or fast is None:
        return False
    return deviation <= EVEN and last <= LAST * second and fast <= FAST * second


def may_pass(rule: str, feature: Feature) -> bool:
    """Return whether a rule was broken by what may pass by itself: an honest desk's.

    A volley does; so do refusals of a name that is halted, or of a limit, which a desk
    meets at its own pace, where a loop has risen; and pieces of a large order, all one
    day's business of a desk of one name. Who has hardly a past has no pace. And an
    iceberg is taken in the end.
    """
    if rule == AGAIN and (feature("history_ms") or 0) >= PAST_MS:
        return (feature("relative_1s") or 0) < USUAL
    if rule == IN_A_ROW and (feature("history_ms") or 0) >= PAST_MS:
        now, first = feature("relative_1s") or 0, feature("relative_first") or TWICE
        return now < TWICE and first < TWICE
    if rule in VOLLEYS and is_iceberg(feature):
        return True
    if rule in ABOVE and (feature("streak_ms") or 0) < STREAK_MS:
        return True
    return rule in VOLLEYS and not goes_on(feature)
