"""The commands that keep simulated days, and judge them again: keep, rejudge."""

from pathlib import Path
from typing import Any

import click
import msgspec

from airnet import __version__
from airnet.cli import show, studied
from airnet.cli.ending import ends_whole
from airnet.cli.twinplay import with_size
from airnet.config import load
from airnet.decide.policy import Policy
from airnet.errors import EXIT_DONE
from airnet.shipped import policy_path
from airnet.twin.policyfile import as_enforced
from airnet.twin.priors import read_priors

KEPT = "what is finished is kept; run again for the rest"


class KeepAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The options of keep."""

    scenarios: tuple[str, ...]
    every_scenario: bool
    calm_samples: int | None
    workers: int | None
    seed: int
    difficulty: float | None
    domain: str
    sessions: int | None
    symbols: int | None
    priors: Path | None
    output: Path


@click.command(
    epilog="""\b
Examples
  airnet twin keep --days 100
  airnet twin keep --days 1000 --seed 7 --output var/spring
  airnet twin rejudge var/spring

\b
What is kept
  Every window of every episode, with its features, before anything is made of it:
  about 20 MB a day. The days are those that `airnet twin sweep` plays for the same
  seed and priors, as nothing is contained in them.

\b
Resuming
  A finished day is on the disk before it counts. After a kill, run the same command
  again: it plays the days that are missing. More --days go on from there.

\b
Exit statuses
   0  every day is there
  64  wrong usage, or the directory holds other days
  69  days are missing: a worker died, or there is no room; run again
  78  the priors are wrong
 130  interrupted; what is finished is kept
"""
)
@studied.with_season
@with_size
@click.option(
    "--output",
    type=studied.PATH,
    default=Path("var/kept"),
    show_default=True,
    metavar="DIRECTORY",
    help="Where the days go, and where keeping goes on.",
)
@show.as_json
def keep(days: int, *, as_json: bool, **given: Any) -> int:
    """Simulate trading days, and keep what they show, to be judged again and again."""
    from airnet.twin import keeping

    asked = KeepAsked(**given)
    season, stock = _season(asked)
    with ends_whole(KEPT), studied.progress("days", is_quiet=as_json) as told:
        executor = studied.local(asked.workers)
        found = keeping.run(season, stock, days, (asked.output, executor, told))
    if as_json:
        show.document(found)
    else:
        show.console().print(
            f"{found.days:,} days, {found.size:,} bytes, in {found.directory}",
            markup=False,
        )
    return EXIT_DONE


def _season(asked: KeepAsked) -> tuple[Any, Any]:
    from airnet.twin import keeping
    from airnet.twin.days import Season

    priors = read_priors(asked.priors)
    if asked.calm_samples:
        calm = msgspec.structs.replace(priors.calm, samples=asked.calm_samples)
        priors = msgspec.structs.replace(priors, calm=calm)
    season = Season(
        play=studied.play_in(asked.domain),
        policy=Policy(),
        priors=priors,
        cases=tuple(studied.cases_of(asked.scenarios)),
        all_cases=tuple(studied.cases_of(())),
        seed=asked.seed,
        difficulty=asked.difficulty,
        is_every=asked.every_scenario,
    )
    wanted = {"sessions": asked.sessions, "symbols": asked.symbols}
    size = {name: count for name, count in wanted.items() if count}
    return season, keeping.stock_of(season, asked.domain, __version__, size)


@click.command(
    epilog="""\b
Examples
  airnet twin rejudge var/kept
  airnet twin rejudge var/kept --policy proposed.toml --json

\b
What is printed
  Episodes and days in which somebody innocent was contained, each with the bound that
  95 % of such samples keep: of none in n, at most about 3/n. What one-line detectors
  would have done to the same sessions stands beside it; and every false containment,
  with the seed to play it again (`airnet twin run SCENARIO --seed N`).

\b
What differs from a sweep
  Nothing that is decided changes the world: after the first containment of an episode
  the next ones are what would have been ordered had it not been obeyed. Of innocent
  episodes that says as much; of incidents it says whether, not when.

\b
Resuming
  What came of a day is on the disk before it counts, in judged/ under a digest of
  policy, models and code. After a kill only the missing days are judged.

\b
Exit statuses
   0  every kept day is judged
  64  wrong usage, or kept days cannot be read
  69  a worker died, or there is no room; run again
  78  the policy is wrong
 130  interrupted; what is finished is kept
"""
)
@click.argument("directory", type=studied.PATH)
@click.option("--policy", type=studied.PATH, help="The shipped one by default.")
@click.option(
    "--as-written", is_flag=True, help="Leave in shadow what the policy has in shadow."
)
@studied.with_workers
@show.as_json
def rejudge(
    directory: Path,
    policy: Path | None,
    workers: int | None,
    *,
    as_written: bool,
    as_json: bool,
) -> int:
    """Judge kept days by today's rules and a policy; bound false containments.

    What is in shadow is judged as if enforced, unless --as-written.
    """
    from airnet.twin import rejudged, reports_kept

    read = load(policy or policy_path(), Policy)
    chosen = read if as_written else as_enforced(read)
    with ends_whole(KEPT), studied.progress("days", is_quiet=as_json) as told:
        found = rejudged.run(directory, chosen, studied.local(workers), told)
    if as_json:
        show.document(found)
    else:
        studied.tell(reports_kept.of_bound(found))
    return EXIT_DONE
