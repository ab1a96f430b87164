"""What a model says of a row, slow and obvious: reference of ext/opinion.h.

Named tuples of (cause, abstains, ppm, measured), of float32 margins and features.
"""

import math
from fractions import Fraction

PPM = 1_000_000
LIMIT = 2**24

Ready = tuple[tuple[int, float], ...]
Said = tuple[int, int, int, int]


def softmax_ppm(margins: list[float], temperature: float) -> list[int]:
    """Return shares of the whole, each part and the running sum rounded once."""
    scaled = [margin / temperature for margin in margins]
    parts = [math.exp(one - max(scaled)) for one in scaled]
    whole = 0.0
    for part in parts:
        whole = whole + part
    return [half_even(Fraction(part / whole * PPM)) for part in parts]


def half_even(value: Fraction) -> int:
    """Return the nearest integer, the even one of two."""
    below = value.numerator // value.denominator
    rest = value - below
    if rest == Fraction(1, 2):
        return below + below % 2
    return below + (rest > Fraction(1, 2))


def said(
    margins: list[float],
    row: list[float],
    voice: tuple[float, tuple[int, ...], int, Ready],
) -> Said | None:
    """Return what is said; None: normal after all, or too little is known."""
    temperature, columns, lead_ppm, ready = voice
    chances = softmax_ppm(margins, temperature)
    order = sorted(range(len(chances)), key=lambda place: (-chances[place], place))
    top, second = order[:2]
    abstains = chances[top] - chances[second] < lead_ppm
    if top == 0 and (not abstains or chances[0] >= PPM / 2):
        return None
    if ready:
        *needs, (rate, least_rate) = ready
        is_known = all(row[column] >= least for column, least in needs[:2])
        column, least = needs[2]
        if not is_known and row[rate] < least_rate:
            return None
        abstains = abstains or not (is_known and row[column] >= least)
    cause = top or second
    measured = row[columns[cause]]
    whole = int(measured) if abs(measured) < LIMIT else 0
    return cause, int(abstains), chances[top], whole
