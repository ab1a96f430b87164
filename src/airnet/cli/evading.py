"""The command that looks for what gets past: evade."""

import statistics
from pathlib import Path
from typing import Any

import click
import msgspec

from airnet.cli import show, studied
from airnet.cli.ending import ends_whole
from airnet.cli.given import Real
from airnet.cli.twinplay import with_domain
from airnet.config import load
from airnet.decide.policy import Policy
from airnet.errors import EXIT_DONE, EXIT_NO
from airnet.shipped import policy_path
from airnet.twin import evade as search
from airnet.twin.policyfile import as_enforced
from airnet.twin.sheet import Sheet, number

#: The requirement: no more than so many times a session's own p99.9 may survive.
LIMIT = 3.0


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """The options of evade."""

    policy: Path | None
    shapes: tuple[str, ...]
    seeds: int
    first_seed: int
    calm: float
    sessions: int
    domain: str
    limit: float
    workers: int | None


@click.command(
    epilog="""\b
Examples
  airnet twin evade
  airnet twin evade --shape steady --shape own --seeds 5 --calm 120
  airnet twin evade --policy policy.toml --json

\b
How
  A maker trades for --calm seconds; its envelope is the 99.9th percentile of its
  messages in a sliding second. Then it stuffs for ten seconds in one shape. The
  largest rate that nobody contains in that time is bisected, from 1 to 64 times the
  envelope in quarters of an octave, and the two steps above are tried as well. Its
  own trading counts into the multiple. Beside it stands what gets past one-line
  detectors on the same messages; of one that alarms in calm trading, too, `!`.

\b
Exit statuses
   0  in no shape and seed more than --limit survives
   1  in some it does; which, and what was said meanwhile, is printed
  64  wrong usage
  69  an episode could not be played
  78  the policy is wrong
"""
)
@click.option("--policy", type=studied.PATH, help="The shipped one by default.")
@click.option(
    "--shape",
    "shapes",
    multiple=True,
    type=click.Choice(search.NAMES),
    help="Only this; repeatable. All by default.",
)
@studied.with_seeds(3)
@click.option(
    "--calm",
    type=Real(10, 600),
    default=60.0,
    show_default=True,
    help="Seconds that it trades first.",
)
@click.option(
    "--sessions",
    type=click.IntRange(2, 400),
    default=12,
    show_default=True,
    help="How many trade.",
)
@with_domain
@click.option(
    "--limit",
    type=Real(1, 64),
    default=LIMIT,
    show_default=True,
    help="What may survive, in multiples of the envelope.",
)
@studied.with_workers
@show.as_json
def evade(*, as_json: bool, **given: Any) -> int:
    """Search the largest stuffing that survives ten seconds, in several shapes.

    What is in shadow is played as if enforced.
    """
    options = Given(**given)
    policy = as_enforced(load(options.policy or policy_path(), Policy))
    asked = [
        search.Asked(
            shape=shape,
            seed=seed,
            policy=policy,
            calm_s=options.calm,
            sessions=options.sessions,
            domain=options.domain,
        )
        for shape in options.shapes or search.NAMES
        for seed in studied.seeds_of(options.first_seed, options.seeds)
    ]
    with ends_whole(), studied.progress("searches", is_quiet=as_json) as told:
        found = search.evade(asked, studied.local(options.workers), told)
    worst = max(one.by[search.PRODUCT].multiple for one in found)
    if as_json:
        show.document({"worst": worst, "limit": options.limit, "found": found})
    else:
        studied.tell([sheet_of(found, worst, options.limit)])
    return EXIT_NO if worst > options.limit else EXIT_DONE


def sheet_of(found: list[search.Evaded], worst: float, limit: float) -> Sheet:
    """Return a table with a row a shape: the worst of its seeds, and the median."""
    names = list(found[0].by)
    rows = []
    for shape in dict.fromkeys(one.shape for one in found):
        own = [one for one in found if one.shape == shape]
        product = [one.by[search.PRODUCT] for one in own]
        most = max(product, key=lambda one: one.multiple)
        cells = [shape, number(statistics.median(one.multiple for one in product))]
        cells += [_cell([one.by[name] for one in own]) for name in names]
        rows.append((*cells, most.caught_by, "; ".join(most.told)))
    note = (
        f"Multiples of a session's own p99.9; worst {number(worst)}, limit "
        f"{number(limit)}. > : more was not tried. ! : alarms in calm trading, too."
    )
    columns = ("shape", "median", *names, "caught a step above by", "said meanwhile")
    title = "What survives ten seconds: the worst of all seeds"
    return Sheet(title=title, columns=columns, rows=tuple(rows), note=note)


def _cell(survived: list[search.Survived]) -> str:
    """Return the worst that got past one detector."""
    most = max(survived, key=lambda one: one.multiple)
    mark = "!" if any(one.is_nervous for one in survived) else ""
    return f"{'>' if most.is_all else ''}{number(most.multiple)}{mark}"
