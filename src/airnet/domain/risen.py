"""Risen: windows of sessions far above their own past, and how long is too long.

What an honest desk does in a hurry it does for a moment: a volley, a list, a refresh,
the bell. A market that opens moves many, and nobody ten times as far as the others. So
what is asked of a window is little, and airnet.decide.stuffed counts for how long it
holds: milliseconds that such windows cover, less half of what they do not. In 1,007
captures of six hands and 586 kept days no honest session came to half of a limit here
(docs/adr/0095 has how near; one came to more since, docs/adr/0097). Units are those of
airnet.domain.columns.
"""

from airnet.domain.astray import ASTRAY
from airnet.domain.shape import ANY, Shape

#: A tenth of all order messages at least: at a closing auction everybody hurries, and
#: each of them is a fiftieth.
_SEEN = ("market_share", 100, ANY)
#: Who has a past that it can be held against.
_KNOWN = ("history_ms", 5000, ANY)

#: Mostly filled, and little of it withdrawn or moved; or nearly all of it.
_FILLED = (
    ("fills_per_new", 300, ANY),
    ("cancels_per_new", 0, 250),
    ("replaces_per_new", 0, 250),
)
_TAKEN = (
    ("fills_per_new", 700, ANY),
    ("cancels_per_new", 0, 100),
    ("replaces_per_new", 0, 100),
)

#: Eight times its own past, and five times what it was to the others when it began; not
#: in volleys (an exponential law has gaps that differ by 736).
_FAR = (
    ("relative_1s", 8000, ANY),
    ("relative_first", 5000, ANY),
    ("gap_deviation", 0, 1000),
    _KNOWN,
)
#: Nor do the others: fewer than a quarter of them have risen.
_ALONE = (("market_1s", 0, 1999), ("elevated_share", 0, 249))
#: Or the market is not in a rush that has everybody at several times his past: a crash
#: had it at fourteen times, and two that sold were contained.
_NO_RUSH = ("market_1s", 0, 4999)
#: Or not much more of them.
_CALMER = (("market_1s", 0, 2499), ("elevated_share", 0, 349))

RISEN = (
    # New orders by a clock, several times as fast as ever, and filled. A plan is kept
    # from the beginning, and what answers a market has no clock; quotes that are all
    # moved by one are not filled.
    Shape(
        "session.even_above_its_past",
        (
            ("relative_1s", 2500, ANY),
            ("gap_deviation", 0, 200),
            ("rate_1s", 400, ANY),
            ("history_ms", 3000, ANY),
            ("rate_new_fast", 200, ANY),
            *_TAKEN,
            _SEEN,
        ),
        told=500,
        limit=1200,
    ),
    # By a clock, on one side, seventy a second, all of it filled: whatever its past is.
    # Who works a large order so is a tenth as fast.
    Shape(
        "session.even_and_one_way",
        (
            ("same_side_share", 850, ANY),
            ("gap_deviation", 0, 200),
            ("rate_1s", 700, ANY),
            *_TAKEN,
            _SEEN,
        ),
        told=300,
        limit=1000,
    ),
    # Some orders come again among the last eight, and all are filled: children that
    # were filled already. A list has each name once; a large order moves who trades its
    # name further than itself; and of who is behind his plan others hurry as well.
    Shape(
        "session.alike_above_its_past",
        (
            ("relative_1s", 5000, ANY),
            ("relative_first", 4000, ANY),
            ("repeat_share", 200, ANY),
            ("entropy", 0, 3600),
            ("rate_1s", 600, ANY),
            ("peak_ratio", 1500, ANY),
            ("gap_deviation", 0, 1100),
            ("relative_symbol", 1000, ANY),
            *_FILLED,
            ("market_1s", 0, 1499),
            _SEEN,
            _KNOWN,
        ),
        told=400,
        limit=1000,
    ),
    # Told alone: on both sides at random, of which some rests and is withdrawn later,
    # as a desk whose plan is changed would. Makers quote both by turns; what large
    # orders, of both sides, send into a book that does not take them is mostly alike.
    Shape(
        "session.resting_above_its_past",
        (
            *_FAR,
            ("same_side_share", 250, 750),
            ("cancels_per_new", 200, 1600),
            ("cancel_age_us", 50_000, ANY),
            ("fills_per_new", 0, 800),
            ("repeat_share", 0, 450),
            ("relative_symbol", 6000, ANY),
            ("peak_ratio", 2000, ANY),
            ("rate_1s", 800, ANY),
            *_ALONE,
            ("market_share", 150, ANY),
        ),
        told=300,
        limit=0,
    ),
    # Told alone, for the same reason: on both sides at random, all of it filled. Lists
    # are on one side, and legs by turns.
    Shape(
        "session.taking_above_its_past",
        (
            *_FAR,
            ("same_side_share", 250, 750),
            ("relative_symbol", 6000, ANY),
            ("peak_ratio", 2000, ANY),
            ("rate_1s", 800, ANY),
            *_TAKEN,
            *_ALONE,
            ("market_share", 150, ANY),
        ),
        told=400,
        limit=0,
    ),
    # Bought and sold again in one name, all of it filled: with whom, it hardly matters.
    # The others answer in that name.
    Shape(
        "session.one_name_above_its_past",
        (
            *_FAR,
            ("same_symbol_share", 900, ANY),
            ("same_side_share", 0, 500),
            ("peak_ratio", 2500, ANY),
            ("rate_1s", 600, ANY),
            *_TAKEN,
            _NO_RUSH,
            _SEEN,
        ),
        told=300,
        limit=800,
    ),
    # Each withdrawn within 20 ms and hardly one filled, slower than what is stopped as
    # stuffing, and further above its past. A maker came to a second of it while an
    # index was rebalanced and a third of the others hurried, too.
    Shape(
        "session.withdrawn_above_its_past",
        (
            *_FAR,
            ("cancels_per_new", 700, 1300),
            ("cancel_age_us", 0, 20_000),
            ("fills_per_new", 0, 150),
            ("replaces_per_new", 0, 100),
            ("peak_ratio", 2500, ANY),
            ("rate_1s", 600, ANY),
            *_ALONE,
            _SEEN,
        ),
        told=300,
        limit=1400,
    ),
    # Told alone: orders moved, whichever, each within 70 ms, and hardly one sent or
    # withdrawn. Who refreshes all his quotes at that rate moves each after a sixth of a
    # second; pegs that follow a price that runs do so for as long as it does.
    Shape(
        "session.replaced_above_its_past",
        (
            *_FAR,
            ("rate_replace_fast", 400, ANY),
            ("rate_new_fast", 0, 400),
            ("rate_cancel_fast", 0, 100),
            ("cancel_age_us", 0, 70_000),
            ("peak_ratio", 2500, ANY),
            ("rate_1s", 600, ANY),
            *_CALMER,
            _SEEN,
        ),
        told=300,
        limit=0,
    ),
    # The same, each within 15 ms, at 200 a second: not the price is followed, but the
    # answer to the last replace. Nobody honest showed a window of it.
    Shape(
        "session.replaced_at_once_above_its_past",
        (
            *_FAR,
            ("rate_replace_fast", 2000, ANY),
            ("rate_new_fast", 0, 1000),
            ("rate_cancel_fast", 0, 1000),
            ("cancel_age_us", 0, 15_000),
            ("peak_ratio", 2500, ANY),
            *_CALMER,
            _SEEN,
        ),
        told=300,
        limit=600,
    ),
    # One order moved, and moved again, some of it back to where it was. A maker that
    # leans moves two in volleys, and a peg follows a price that moves many.
    Shape(
        "session.moved_above_its_past",
        (
            ("relative_1s", 8000, ANY),
            ("relative_first", 5000, ANY),
            ("replace_run", 16, ANY),
            ("cancels_per_new", 0, 100),
            ("loop_share", 150, ANY),
            ("gap_deviation", 0, 799),
            ("peak_ratio", 2500, ANY),
            ("rate_1s", 400, ANY),
            ("elevated_share", 0, 399),
            _NO_RUSH,
            _SEEN,
            _KNOWN,
        ),
        told=300,
        limit=1000,
    ),
    # The rest is told alone as well. Gaps of a clock, mostly one way, filled, at 15 a
    # second and no slower than ever: some icebergs, for 0.9 s.
    Shape(
        "session.even_for_long",
        (
            ("same_side_share", 700, ANY),
            ("gap_deviation", 0, 200),
            ("rate_1s", 150, ANY),
            ("relative_1s", 1000, ANY),
            ("relative_first", 1400, ANY),
            ("history_ms", 3000, ANY),
            *_FILLED,
        ),
        told=1200,
        limit=0,
    ),
    # Like orders again, filled, four times as fast as ever: large orders, for 0.8 s.
    Shape(
        "session.alike_for_a_second",
        (
            ("relative_1s", 4000, ANY),
            ("relative_first", 4000, ANY),
            ("repeat_share", 200, ANY),
            ("entropy", 0, 3600),
            ("rate_1s", 200, ANY),
            ("gap_deviation", 0, 1000),
            ("market_share", 60, ANY),
            *_FILLED,
            _KNOWN,
        ),
        told=900,
        limit=0,
    ),
    # One way in several names, some of it alike: one list in some hundred, for 1.5 s.
    Shape(
        "session.one_way_for_a_second",
        (
            ("relative_1s", 3500, ANY),
            ("relative_first", 4000, ANY),
            ("same_side_share", 600, ANY),
            ("drift_share", 900, ANY),
            ("same_symbol_share", 0, 300),
            ("repeat_share", 100, ANY),
            ("entropy", 0, 3900),
            ("rate_1s", 200, ANY),
            ("gap_deviation", 0, 1000),
            *_FILLED,
            _KNOWN,
        ),
        told=1000,
        limit=0,
    ),
    # One order moved by who may always have done so. A maker that leans, or who keeps
    # to an obligation, does it for twelve seconds.
    Shape(
        "session.moved_back_and_forth",
        (
            ("replace_run", 16, ANY),
            ("rate_1s", 200, ANY),
            ("cancels_per_new", 0, 50),
            ("new_price_share", 0, 50),
            ("loop_share", 125, ANY),
            ("entropy", 0, 3600),
            ("gap_deviation", 0, 900),
        ),
        told=1500,
        limit=0,
    ),
    *ASTRAY,
)

__all__ = ["RISEN"]
