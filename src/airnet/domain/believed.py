"""Believed: for how long no model may doubt that a session is faulty.

Counted by airnet.decide.belief, whatever it is that the session sends: milliseconds
that such windows cover, less half of what they do not. Units are those of
airnet.domain.columns. docs/adr/0096 and 0097 have how near honest sessions came.
"""

from airnet.domain.shape import ANY, Shape

#: Five times its past, and four times its beginning; three times; and far above both.
ABOVE = (("relative_1s", 5000, ANY), ("relative_first", 4000, ANY))
RAISED = (("relative_1s", 3000, ANY), ("relative_first", 2400, ANY))
FAR = (("relative_1s", 8000, ANY), ("relative_first", 5000, ANY))
#: (How sure, in parts per million, and for how long.) Who is three times as fast as he
#: was is told of at once: of 167 benign captures ten sessions more were, beside 73.
BELIEVED = (
    (900_000, Shape("session.certain_for_long", ABOVE, told=200, limit=750)),
    (800_000, Shape("session.believed_for_long", ABOVE, told=300, limit=1200)),
    (700_000, Shape("session.suspected_above_its_past", RAISED, told=50, limit=0)),
    (700_000, Shape("session.suspected_for_long", (), told=400, limit=0)),
    (700_000, Shape("session.suspected_far_above_its_past", FAR, 400, 2400)),
)
BELIEFS = tuple(shape for _, shape in BELIEVED)
#: And for so many messages, as far above its past, of what honest sessions do for long,
#: too, which ends: the longest list came to 940.
ENDLESS = (
    800_000,
    Shape("session.believed_without_end", FAR, told=500, limit=2000),
)

__all__ = ["BELIEFS", "BELIEVED", "ENDLESS", "FAR"]
