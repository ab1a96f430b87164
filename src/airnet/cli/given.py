"""What options take that click's own types let through wrong."""

import math
from pathlib import Path
from typing import Any

import click


class Real(click.FloatRange):
    """A number in a range: NaN is neither below nor above a bound."""

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return the number.

        Raises:
            UsageError: it is none, or not in the range.
        """
        number = float(super().convert(value, param, ctx))
        if math.isnan(number):
            self.fail(f"{value} is not in the range {self._describe_range()}.")
        return number


class Place(click.Path):
    """A path with a name: an empty one would be the working directory."""

    def __init__(self) -> None:
        super().__init__(path_type=Path)

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> Any:
        """Return the path.

        Raises:
            UsageError: it is empty.
        """
        if value == "":
            self.fail("a path is empty.")
        return super().convert(value, param, ctx)
