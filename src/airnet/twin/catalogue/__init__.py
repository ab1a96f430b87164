"""The catalogue: every scenario of the twin, one file each.

A file has a docstring, `SPEC` (what must come of it) and `prepare`, a function that
disturbs a populated Plan with nothing but the Plan's own streams. It is found by its
name; `build` makes its Plan.
"""

import importlib
import pkgutil
from collections.abc import Callable
from functools import cache

import msgspec

from airnet.errors import UsageError
from airnet.twin.cast import populate
from airnet.twin.plan import Plan, Size
from airnet.twin.ranges import domain
from airnet.twin.spec import Spec


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """One file of the catalogue."""

    name: str
    about: str
    story: str
    spec: Spec
    prepare: Callable[[Plan], None]


@cache
def names() -> tuple[str, ...]:
    """Return the names of all scenarios, sorted."""
    return tuple(sorted(found.name for found in pkgutil.iter_modules(__path__)))


@cache
def scenario(name: str) -> Scenario:
    """Return one scenario.

    Raises:
        UsageError: the catalogue has none of that name.
    """
    if name not in names():
        raise UsageError(
            f"no scenario {name!r} in the catalogue", "docs/scenarios.md lists them"
        )
    module = importlib.import_module(f"{__name__}.{name}")
    story = (module.__doc__ or "").strip()
    return Scenario(
        name=name,
        about=story.splitlines()[0].partition(": ")[2] or story.splitlines()[0],
        story=story,
        spec=module.SPEC,
        prepare=module.prepare,
    )


def build(name: str, seed: int, *, size: Size | None = None, of: str = "train") -> Plan:
    """Return the Plan of a scenario with a seed, drawn from a domain.

    Args:
        name: of the scenario.
        seed: of everything in it.
        size: what the caller fixes: duration, sessions, symbols, difficulty.
        of: the domain: train, tune or report.

    Raises:
        UsageError: there is no such scenario or domain.
    """
    chosen = scenario(name)
    plan = Plan(name, chosen.spec, seed, domain(of), size or Size())
    populate(plan)
    chosen.prepare(plan)
    return plan
