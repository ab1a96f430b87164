"""Shapes: which of them a window shows, its columns looked up once.

This is asked of every window of a session: what all shapes ask for at least is asked
first, and most windows show less.
"""

from collections.abc import Mapping, Sequence

from airnet.domain.shape import Shape

#: (column, least, most), all of a shape.
_Bounds = list[tuple[int, int, int]]
#: Asked first where it is asked for, and once of all that do: hardly a window of an
#: honest session is far above its past.
RAREST = "relative_1s"


class Shapes:
    """Shapes, by the columns of a window; where it lacks one, nothing is shown."""

    def __init__(self, shapes: Sequence[Shape], names: Mapping[str, int]) -> None:
        asked = {name for shape in shapes for name, _, _ in shape.bounds}
        self._shapes: list[tuple[int, int, int, _Bounds, Shape]] = []
        self._others: list[tuple[int, int, int, _Bounds, Shape]] = []
        self._screens: list[tuple[int, int]] = []
        self._rarest = self._rarest_min = 0
        self._column_max = max(names.values(), default=0)
        if not asked <= set(names):
            return
        for shape in shapes:
            bounds = sorted(shape.bounds, key=lambda one: one[0] != RAREST)
            first, *rest = [(names[name], least, most) for name, least, most in bounds]
            self._shapes.append((*first, rest, shape))
        self._screens = [(names[name], least) for name, least in _common(shapes)]
        rare = [one[1] for one in self._shapes if one[0] == names.get(RAREST)]
        self._rarest, self._rarest_min = names.get(RAREST, 0), min(rare, default=0)
        self._others = [one for one in self._shapes if one[0] != names.get(RAREST)]

    def of(self, values: tuple[int | None, ...]) -> list[Shape]:
        """Return what a window shows, in the order in which they were handed in."""
        if not self._shapes or len(values) <= self._column_max:
            return []
        for column, least in self._screens:
            value = values[column]
            if value is None or value < least:
                return []
        value = values[self._rarest]
        is_rare = value is not None and value >= self._rarest_min
        shown = []
        # The first bound by itself: to ask it so takes a fifth of a call.
        asked = self._shapes if is_rare else self._others
        for column, least, most, rest, shape in asked:
            value = values[column]
            if value is None or value < least or value > most:
                continue
            if _is_within(values, rest):
                shown.append(shape)
        return shown


def _common(shapes: Sequence[Shape]) -> list[tuple[str, int]]:
    """Return the least that every shape asks of a feature that all of them ask of."""
    leasts = [{name: least for name, least, _ in one.bounds} for one in shapes]
    names = sorted(set(leasts[0]).intersection(*leasts)) if leasts else []
    common = [(name, min(one[name] for one in leasts)) for name in names]
    return [(name, least) for name, least in common if least > 0]


def _is_within(values: tuple[int | None, ...], bounds: _Bounds) -> bool:
    for column, least, most in bounds:
        value = values[column]
        if value is None or not least <= value <= most:
            return False
    return True


__all__ = ["Shapes"]
