"""The command that simulates many trading days: sweep."""

from pathlib import Path
from typing import Any

import click
import msgspec

from airnet import __version__
from airnet.cli import show, studied
from airnet.cli.ending import ends_whole
from airnet.config import load
from airnet.decide.policy import Policy
from airnet.errors import EXIT_DONE, UsageError
from airnet.shipped import policy_path
from airnet.twin.policyfile import as_enforced
from airnet.twin.pool import Cluster, Executor
from airnet.twin.priors import read_priors


class SweepAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The options of sweep."""

    policy: Path | None
    scenarios: tuple[str, ...]
    every_scenario: bool
    calm_samples: int | None
    executor: str
    scheduler: str
    workers: int | None
    seed: int
    difficulty: float | None
    domain: str
    priors: Path | None
    as_written: bool
    output: Path


@click.command(
    epilog="""\b
Examples
  airnet twin sweep --days 100
  airnet twin sweep --days 1000 --policy policy.toml --output var/ours
  airnet twin sweep --days 1000 --executor dask --scheduler tcp://head:8786
  airnet twin sweep --days 50 --scenario '*news*' --scenario quiet --json

\b
A day
  is drawn by its number from the priors: every episode of what happens in it is
  played whole; of the calm in between only samples are, and each stands for its share
  of the rest of the day. The output says so, and the bound pays for it: one false
  containment in a sample counts as many as the sample stands for.

\b
Resuming
  A finished day is on the disk before it counts. After a kill, a crash or SIGINT run
  the same command again: it plays the days that are missing and gives the same bytes.
  More --days go on from there. The number of workers and the executor do not matter.

\b
Output
  DIRECTORY/results.parquet: one row an episode, columns in docs/twin.md. Printed:
  false containments a day by kind of hour, each with the bound that 95 % of such
  sweeps keep; what was never seen is bounded, not zero.

\b
Exit statuses
   0  every day is there
  64  wrong usage, or the directory holds another sweep
  69  days are missing: a worker died, no scheduler answered, no room; run again
  78  the policy or the priors are wrong
 130  interrupted; what is finished is kept
"""
)
@studied.with_season
@click.option("--policy", type=studied.PATH, help="The shipped one by default.")
@click.option(
    "--executor",
    type=click.Choice(["local", "dask"]),
    default="local",
    show_default=True,
    help="Where days are played: this host's processes, or a Dask cluster.",
)
@click.option(
    "--scheduler",
    default="",
    metavar="ADDRESS",
    help="Of the Dask cluster; without it, one is made on this host.",
)
@click.option(
    "--as-written", is_flag=True, help="Leave in shadow what the policy has in shadow."
)
@click.option(
    "--output",
    type=studied.PATH,
    default=Path("var/sweep"),
    show_default=True,
    metavar="DIRECTORY",
    help="Where the results go, and where a sweep goes on.",
)
@show.as_json
def sweep(days: int, *, as_json: bool, **given: Any) -> int:
    """Simulate trading days and bound how often a policy contains the innocent.

    What is in shadow is played as if enforced, unless --as-written.
    """
    from airnet.twin import reports, sweep as sweeping
    from airnet.twin.parts import Parts

    asked = SweepAsked(**given)
    season = _season(asked)
    played_by = f"airnet {__version__}, domain {asked.domain}"
    parts = Parts(asked.output, sweeping.identity(season, played_by))
    kept = "what is finished is kept; run again for the rest"
    with ends_whole(kept), studied.progress("days", is_quiet=as_json) as told:
        found = sweeping.run(season, days, parts, _executor(asked), told)
    if as_json:
        show.document(found)
    else:
        studied.tell(reports.of_sweep(found))
    return EXIT_DONE


def _season(asked: SweepAsked) -> Any:
    from airnet.twin.days import Season

    policy = load(asked.policy or policy_path(), Policy)
    priors = read_priors(asked.priors)
    if asked.calm_samples:
        calm = msgspec.structs.replace(priors.calm, samples=asked.calm_samples)
        priors = msgspec.structs.replace(priors, calm=calm)
    return Season(
        play=studied.play_in(asked.domain),
        policy=policy if asked.as_written else as_enforced(policy),
        priors=priors,
        cases=tuple(studied.cases_of(asked.scenarios)),
        all_cases=tuple(studied.cases_of(())),
        seed=asked.seed,
        difficulty=asked.difficulty,
        is_every=asked.every_scenario,
    )


def _executor(asked: SweepAsked) -> Executor:
    """Return where the days are played.

    Raises:
        UsageError: a scheduler is named that nobody would ask.
    """
    if asked.executor == "dask":
        return Cluster(asked.scheduler, asked.workers or 0)
    if asked.scheduler:
        raise UsageError(
            "--scheduler does nothing with --executor local", "add --executor dask"
        )
    return studied.local(asked.workers)
