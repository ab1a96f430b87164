"""Insistence: windows of sessions that say the same again, and how often is too often.

Of one window it is little: who slices a large order, or follows a price, does as much
for a moment. airnet.score tells of such windows, whatever models make of them, and
airnet.decide.insist counts for how many messages it goes on. In domain, because both
must mean the same. Units are those of airnet.domain.columns.
"""

from airnet.domain import beyond
from airnet.domain.believed import BELIEFS, ENDLESS
from airnet.domain.ongoing import ONGOING
from airnet.domain.risen import RISEN
from airnet.domain.shape import ANY, Shape

#: Who has a past that it can be held against.
_KNOWN = ("history_ms", 5000, ANY)

#: Bought and sold in turns, at once, and for nothing: new orders, all of them filled. A
#: maker's quotes are renewed in turns and by the clock of his machine, too, are filled
#: now and then, and come to seventy messages a fill and more.
_TURNED = (
    ("rate_new_fast", 300, ANY),
    ("rate_replace_fast", 0, 50),
    ("rate_quote_fast", 0, 0),
    ("rate_cancel_fast", 0, 50),
    ("fills_per_new", 900, ANY),
    ("order_to_trade", 0, 300),
    ("same_side_share", 0, 150),
    ("drift_share", 0, 250),
)

SHAPES = (
    # The same few new orders, hardly one withdrawn, while the others rest. Of 4,000
    # honest episodes the worst came to 54, and of 5,000 more one to 125: a large order
    # in like pieces that few would have, in a name that the others left alone. Another
    # had no end: what is worked (airnet.decide.likeness) does not count here.
    Shape(
        "session.alike_without_end",
        (
            ("loop_share", 375, ANY),
            ("entropy", 0, 2299),
            ("cancels_per_new", 0, 249),
            ("repeat_share", 500, ANY),
            ("rate_1s", 250, ANY),
            ("rate_new_fast", 300, ANY),
            ("relative_1s", 2000, ANY),
            ("relative_fast", 2500, ANY),
            ("relative_symbol", 1500, ANY),
            ("peak_ratio", 1200, ANY),
            ("fills_per_new", 0, 700),
            ("market_1s", 0, 1499),
            _KNOWN,
        ),
        told=28,
        limit=256,
    ),
    # The same, less far above the others.
    Shape(
        "session.alike_for_long",
        (
            ("loop_share", 375, ANY),
            ("entropy", 0, 2299),
            ("cancels_per_new", 0, 249),
            ("repeat_share", 500, ANY),
            ("rate_1s", 250, ANY),
            ("relative_1s", 1500, ANY),
            ("relative_fast", 2500, ANY),
            ("relative_symbol", 1200, ANY),
            ("peak_ratio", 1200, ANY),
            _KNOWN,
        ),
        told=28,
        limit=0,
    ),
    # Or each is filled. Who works an iceberg by like pieces does so for as long.
    Shape(
        "session.alike_and_filled_without_end",
        (
            ("loop_share", 330, ANY),
            ("entropy", 0, 2599),
            ("fills_per_new", 800, ANY),
            ("cancels_per_new", 0, 199),
            ("replaces_per_new", 0, 199),
            ("repeat_share", 450, ANY),
            ("rate_1s", 250, ANY),
            ("relative_1s", 1800, ANY),
            ("relative_fast", 1500, ANY),
            ("peak_ratio", 1000, ANY),
            _KNOWN,
        ),
        told=28,
        limit=0,
    ),
    # One order moved, and moved again, each time within 0.2 s, half as fast again as
    # the session ever was, while the others rest, and a fifth of its messages the ones
    # some places before: no price moves so. A firm's quotes, on its first day, came to
    # 37; in news and at an opening makers come to 282, and one whose quotes all went to
    # new prices was throttled before it was asked what repeats. Nor is it who moves a
    # bid and an offer in volleys: no loop's gaps differ so.
    Shape(
        "session.moved_without_end",
        (
            ("replace_run", 8, ANY),
            ("loop_share", 200, ANY),
            ("gap_deviation", 0, 799),
            ("rate_1s", 200, ANY),
            ("relative_1s", 1400, ANY),
            ("relative_fast", 2500, ANY),
            ("relative_symbol", 1400, ANY),
            ("peak_ratio", 1500, ANY),
            ("market_1s", 0, 1499),
            ("elevated_share", 0, 199),
            _KNOWN,
        ),
        told=36,
        limit=96,
        taken=2,
    ),
    # All of it filled and nearly all one way, in few names, while the others rest: a
    # position that grows without end. Who works a large order does so, too.
    Shape(
        "session.one_way_without_end",
        (
            ("drift_share", 650, ANY),
            ("entropy", 0, 3499),
            ("fills_per_new", 800, ANY),
            ("cancels_per_new", 0, 99),
            ("replaces_per_new", 0, 99),
            ("new_price_share", 0, 799),
            ("rate_1s", 300, ANY),
            ("relative_1s", 1500, ANY),
            ("relative_symbol", 1500, ANY),
            ("market_1s", 0, 1299),
            ("elevated_share", 0, 149),
            _KNOWN,
        ),
        told=52,
        limit=0,
    ),
    # In one name alone, one way, all filled, at three times its past and twice its
    # fastest second, while the others rest: somebody has typed a size with a zero too
    # many, or works a large order in a hurry. Which of them, a person has to ask.
    Shape(
        "session.one_name_without_end",
        (
            ("relative_1s", 3000, ANY),
            ("same_symbol_share", 950, ANY),
            ("same_side_share", 950, ANY),
            ("drift_share", 900, ANY),
            ("fills_per_new", 800, ANY),
            ("cancels_per_new", 0, 99),
            ("replaces_per_new", 0, 99),
            ("rate_1s", 150, ANY),
            ("relative_first", 2500, ANY),
            ("relative_symbol", 1200, ANY),
            ("peak_ratio", 2000, ANY),
            ("market_1s", 0, 1499),
            ("elevated_share", 0, 149),
            _KNOWN,
        ),
        told=40,
        limit=0,
    ),
    # Withdrawn within 5 ms, hardly one filled, each at a new price: who asks prices, or
    # quotes anew, does so, too, for a moment.
    Shape(
        "session.withdrawn_without_end",
        (
            ("cancels_per_new", 850, ANY),
            ("cancel_age_us", 0, 4999),
            ("fills_per_new", 0, 59),
            ("new_price_share", 850, ANY),
            ("gap_deviation", 0, 899),
            ("rate_1s", 300, ANY),
            ("relative_1s", 1400, ANY),
            ("market_1s", 0, 1499),
        ),
        told=128,
        limit=0,
        taken=2,
    ),
    # Each order on the other side of the one before, all of it filled, and nothing left
    # of it in the end: bought and sold again, by a clock. Who trades one thing against
    # another does so when prices meet, which no clock says.
    Shape(
        "session.turned_on_a_clock",
        (
            ("relative_1s", 2000, ANY),
            *_TURNED,
            ("gap_deviation", 0, 200),
            ("rate_1s", 300, ANY),
            ("peak_ratio", 1500, ANY),
            _KNOWN,
        ),
        told=32,
        limit=128,
    ),
    # Or the same few orders over and over, several times as fast as ever, whatever the
    # market does meanwhile: an opening hides it from what asks for calm.
    Shape(
        "session.turned_in_a_loop",
        (
            ("relative_1s", 2500, ANY),
            *_TURNED,
            ("loop_share", 600, ANY),
            ("rate_1s", 500, ANY),
            ("peak_ratio", 3000, ANY),
            _KNOWN,
        ),
        told=32,
        limit=128,
    ),
    # A hundred orders a second of one name, on one side, filled, far above its past
    # and what others do there. What hedges a block, an iceberg and a list come to a
    # half of the rate, or to some forty messages; who sweeps a book is through before.
    # Another iceberg was four times as fast: it moves what rests of it, if not in each
    # window. In a crash everybody sells one name, at fourteen times his past.
    Shape(
        "session.one_way_at_speed",
        (
            ("relative_1s", 2500, ANY),
            ("same_symbol_share", 900, ANY),
            ("same_side_share", 900, ANY),
            ("fills_per_new", 800, ANY),
            ("cancels_per_new", 0, 49),
            ("replaces_per_new", 0, 49),
            ("rate_1s", 1000, ANY),
            ("relative_symbol", 1500, ANY),
            ("peak_ratio", 1500, ANY),
            ("market_1s", 0, 4999),
            _KNOWN,
        ),
        told=64,
        limit=192,
        taken=4,
    ),
    # Or half of them one of the eight before, in whatever names: each order is sent
    # again and again, eighty a second together. An iceberg, and what hedges a block, is
    # half as fast; a large order in like pieces is not filled as fast as it is sent. Of
    # who is behind his plan others hurry as well, at half as much again as they did.
    Shape(
        "session.alike_at_speed",
        (
            ("relative_1s", 4000, ANY),
            ("repeat_share", 500, ANY),
            ("entropy", 0, 2800),
            ("fills_per_new", 650, ANY),
            ("cancels_per_new", 0, 49),
            ("replaces_per_new", 0, 49),
            ("rate_1s", 800, ANY),
            ("peak_ratio", 2000, ANY),
            ("market_1s", 0, 1499),
            _KNOWN,
        ),
        told=64,
        limit=192,
        taken=4,
    ),
    # As fast, in turns: each order is on the other side of the one before, whatever its
    # name and size, each is filled and nothing is left in the end. The legs of an
    # arbitrage are so as well, for 157 messages: they come at once, and gaps between
    # them do not, so that gaps differ by more than chance has them. Who takes back all
    # that he has, after a list that was filled, sends no new ones.
    Shape(
        "session.turned_at_speed",
        (
            ("relative_1s", 2500, ANY),
            ("same_side_share", 0, 150),
            ("rate_new_fast", 500, ANY),
            ("rate_cancel_fast", 0, 200),
            ("fills_per_new", 900, ANY),
            ("cancels_per_new", 0, 100),
            ("replaces_per_new", 0, 100),
            ("order_to_trade", 0, 600),
            ("drift_share", 0, 250),
            ("gap_deviation", 0, 1000),
            ("rate_1s", 1000, ANY),
            ("peak_ratio", 1200, ANY),
            _KNOWN,
        ),
        told=64,
        limit=256,
    ),
    *ONGOING,
)

#: Withdrawn within 10 ms and hardly one filled, by who takes a quarter of all messages,
#: at five times its past and three times the most it ever sent, while the others rest.
#: It is time that counts, in milliseconds, and not messages: an arbitrageur sends 694
#: so in a quarter of a second. And who did so before does it (airnet.decide.stuffed).
STUFFED = Shape(
    "session.withdrawn_for_long",
    (
        ("cancels_per_new", 650, ANY),
        ("cancel_age_us", 0, 10_000),
        ("fills_per_new", 0, 150),
        ("replaces_per_new", 0, 300),
        ("rate_1s", 600, ANY),
        ("relative_1s", 5000, ANY),
        ("relative_symbol", 2000, ANY),
        ("peak_ratio", 3000, ANY),
        ("market_1s", 0, 1499),
        ("elevated_share", 0, 199),
        ("market_share", 250, ANY),
        _KNOWN,
    ),
    told=400,
    limit=1000,
)

#: The same in one name by who has no past, and sends most of all there is, among others
#: who trade: of 6,800 honest episodes none came to 0.2 s of it, nor, at whatever age,
#: to 0.3 s.
STUFFED_NEW = Shape(
    "session.withdrawn_from_the_start",
    (
        ("cancels_per_new", 850, 1200),
        ("cancel_age_us", 0, 5000),
        ("fills_per_new", 0, 20),
        ("replaces_per_new", 0, 100),
        ("rate_1s", 1500, ANY),
        ("same_symbol_share", 700, ANY),
        ("market_1s", 0, 1499),
        ("market_share", 600, ANY),
        ("active_sessions", 6, ANY),
        ("history_ms", 0, 10_000),
    ),
    told=250,
    limit=400,
)

#: What is counted by time.
LASTING = (STUFFED, STUFFED_NEW, *RISEN)
#: What may be acted upon.
ACTED = tuple(
    one.name
    for one in (*SHAPES, *LASTING, *BELIEFS, ENDLESS[1], *beyond.SHAPES)
    if one.limit
)

__all__ = [
    "ACTED",
    "LASTING",
    "SHAPES",
    "STUFFED",
    "STUFFED_NEW",
    "Shape",
]
