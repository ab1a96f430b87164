"""Surge: windows of sessions that are filled in all names, far above their past.

airnet.score tells of such windows, whatever models make of them, and
airnet.decide.surge counts their orders. In domain, because both must mean the same.
Units are those of airnet.domain.columns.
"""

from airnet.domain.window import FEATURE_LIMIT

ANY = FEATURE_LIMIT

#: (feature, least, most), all must hold. All of it is filled and nothing waits for it;
#: nothing is withdrawn, replaced or said again; each order is in another name than the
#: one before, though a name may come twice, on either side, at another price; at 100 a
#: second, eight times as fast as the session was and six times its fastest second. It
#: has a past. The others do not hurry and are not refused: at an opening they are.
SURGING = (
    ("fills_per_new", 950, ANY),
    ("outstanding", 0, 16),
    ("unfilled_run", 0, 6),
    ("cancels_per_new", 0, 80),
    ("replaces_per_new", 0, 50),
    ("rate_quote_fast", 0, 0),
    ("same_symbol_share", 0, 180),
    ("same_side_share", 250, 750),
    ("side_run", 0, 10),
    ("new_price_share", 600, ANY),
    ("entropy", 3750, ANY),
    ("market_1s", 0, 1500),
    ("others_rejected", 0, 200),
    ("rate_fast", 1000, ANY),
    ("relative_fast", 8000, ANY),
    ("peak_ratio", 6000, ANY),
    ("history_ms", 3000, ANY),
)

__all__ = ["ANY", "SURGING"]
