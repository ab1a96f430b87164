"""Commands that study a policy in the twin: diff, tune, curve."""

from pathlib import Path
from typing import Any

import click
import msgspec

from airnet.cli import show, studied
from airnet.cli.ending import ends_whole
from airnet.cli.twinplay import with_domain
from airnet.config import load
from airnet.decide.policy import Policy
from airnet.errors import EXIT_DONE, EXIT_NO
from airnet.twin.priors import read_priors


class DiffAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The options of diff."""

    seeds: int
    first_seed: int
    scenarios: tuple[str, ...]
    difficulty: float | None
    domain: str
    as_written: bool
    priors: Path | None
    workers: int | None
    report: Path | None


@click.command(
    epilog="""\b
Examples
  airnet twin diff policy.toml proposed.toml
  airnet twin diff --gate --output report.md policy.toml proposed.toml
  airnet twin diff --scenario '*runaway*' --seeds 100 --json old.toml new.toml

\b
The gate
  --gate passes when every severe scenario was played with 30 seeds or more, no play
  failed, and none of its numbers (share never contained, seconds to contain, harm
  missed and caused together, false containments) is worse beyond its interval. What
  was not looked at does not pass. Benign days that get worse are told, not gated.

\b
Output
  What differs in the files, and what got looser; incidents and benign days that
  change, with seeds to play again; dollars a trading day by the priors. Every
  difference has its interval. --json: the same as one document; an end of an
  interval that is not known is null.

\b
Exit statuses
   0  compared; with --gate: the change may pass
   1  with --gate: it may not; also without: a play failed
  64  wrong usage, or no such scenario
  69  no room for the report, or a worker died
  78  a policy or the priors are wrong
"""
)
@click.argument("before", type=studied.PATH, metavar="POLICY_A")
@click.argument("after", type=studied.PATH, metavar="POLICY_B")
@studied.with_seeds(30)
@studied.with_scenarios
@studied.with_difficulty
@with_domain
@click.option("--gate", is_flag=True, help="Exit with 1 unless the change may pass.")
@click.option(
    "--as-written",
    is_flag=True,
    help="Leave in shadow what both have in shadow, which then changes nothing.",
)
@studied.with_priors
@studied.with_workers
@click.option(
    "--output", "report", type=studied.PATH, help="Also write a report (Markdown)."
)
@show.as_json
def diff(before: Path, after: Path, *, gate: bool, as_json: bool, **given: Any) -> int:
    """Say what POLICY_B changes against POLICY_A, on the same days, seed by seed.

    Each scenario is played under both policies with the same seeds, so that what
    differs is the policy's doing. A cause that is in shadow in both files is played as
    if it were enforced on every asset: what would it do?
    """
    from airnet.twin.diff import Request, compare, failed
    from airnet.twin.review import sheets

    asked = DiffAsked(**given)
    request = Request(
        before=load(before, Policy),
        after=load(after, Policy),
        files=(str(before), str(after)),
        cases=studied.cases_of(asked.scenarios),
        seeds=studied.seeds_of(asked.first_seed, asked.seeds),
        priors=read_priors(asked.priors),
        play=studied.play_in(asked.domain),
        difficulty=asked.difficulty,
        is_as_written=asked.as_written,
    )
    with ends_whole(), studied.progress("plays", is_quiet=as_json) as told:
        found = compare(request, studied.local(asked.workers), told)
    tables = sheets(found)
    if asked.report:
        studied.write_report(asked.report, f"{before} to {after}", tables)
    if as_json:
        show.document(found)
    else:
        studied.tell(tables)
    for line in failed(found.failures):
        show.say(line)
    is_no = bool(found.failures) or (gate and not found.gate.passes)
    return EXIT_NO if is_no else EXIT_DONE
