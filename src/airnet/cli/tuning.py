"""Commands that search and chart: tune, curve."""

import contextlib
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
from airnet.errors import EXIT_DONE, EXIT_NO, UnsupportedError, UsageError
from airnet.shipped import policy_path
from airnet.twin.plays import Progress
from airnet.twin.policyfile import as_enforced, save
from airnet.twin.priors import read_priors


class TuneAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The options of tune."""

    policy: Path | None
    trials: int
    seeds: int
    first_seed: int
    hold_out: int
    scenarios: tuple[str, ...]
    knobs: tuple[str, ...]
    contain_within: float | None
    priors: Path | None
    seed: int
    storage: Path | None
    workers: int | None
    output: Path


@click.command(
    epilog="""\b
Examples
  airnet twin tune --output var/tuned
  airnet twin tune --policy policy.toml --trials 200 --seeds 10 --workers 8
  airnet twin tune --knob cause.algo_fault.opinion_dwell_ms=100..2000 \\
                   --knob cause.algo_fault.probability_min=0.6..0.99 \\
                   --scenario 'runaway*' --scenario quiet --scenario '*news*'
  airnet twin tune --contain-within 2 --storage search.db

\b
How
  Every candidate plays the same worlds (domain tune, mechanisms that are held out
  left out). NSGA-II minimises missed harm and caused harm, dollars a day by the
  priors. Proposed is the cheapest candidate that is worse than the current policy in
  no severe scenario; it is then judged by the gate of `airnet twin diff` on worlds
  of domain report, other seeds, all scenarios chosen. Only thresholds and hysteresis
  are turned; what limits airnet itself is a person's to decide.

\b
Output
  In DIRECTORY: proposed.toml (your file with its comments, but for what changed; only
  when the gate passes), evidence.json (seeds, candidates, outcomes, digests, the
  judgement), pareto.svg (needs matplotlib), report.md. What got looser is said first.
  Results are the same for any --workers. A search continued from --storage may turn
  out otherwise than one made in one go.

\b
Exit statuses
   0  a policy was proposed and passes the gate
   1  none was found, or the gate refused it; the evidence is there
  64  wrong usage, no such scenario or field
  69  no room, optuna is missing, or a world could not be played
  78  the policy or the priors are wrong
"""
)
@click.option("--policy", type=studied.PATH, help="The shipped one by default.")
@click.option(
    "--trials",
    type=click.IntRange(1, 1_000_000),
    default=100,
    show_default=True,
    help="Candidates, the current policy among them.",
)
@studied.with_seeds(5)
@click.option(
    "--hold-out",
    type=click.IntRange(1, studied.SEEDS_MAX),
    default=30,
    show_default=True,
    help="Unseen seeds of each scenario that judge the proposal.",
)
@studied.with_scenarios
@click.option(
    "--knob",
    "knobs",
    multiple=True,
    metavar="FIELD=LOW..HIGH",
    help="Turn these fields only; repeatable. Thresholds and hysteresis by default.",
)
@click.option(
    "--contain-within",
    type=Real(0, min_open=True),
    metavar="SECONDS",
    help="Mean over severe incidents that a candidate must keep.",
)
@studied.with_priors
@click.option(
    "--seed",
    type=click.IntRange(0, 2**31),
    default=1,
    show_default=True,
    help="Of NSGA.",
)
@click.option("--storage", type=studied.PATH, help="Keep the search here (SQLite).")
@studied.with_workers
@click.option(
    "--output",
    type=studied.PATH,
    default=Path("var/tuned"),
    show_default=True,
    metavar="DIRECTORY",
    help="Where the proposal and its evidence go.",
)
@show.as_json
def tune(*, as_json: bool, **given: Any) -> int:
    """Search thresholds and hysteresis for less harm, missed and caused, and propose.

    What is in shadow is played as if enforced; the modes of the file stay as they are.
    """
    from airnet.twin import reports
    from airnet.twin.proposal import proposal

    asked = TuneAsked(**given)
    file = asked.policy or policy_path()
    wanted, hearing = _tuning(asked, load(file, Policy))
    with ends_whole(), contextlib.ExitStack() as stack:

        def told(what: str) -> Progress:
            bar = studied.progress(what, is_quiet=as_json)
            return stack.enter_context(bar)

        workers = stack.enter_context(studied.local(asked.workers))
        proposed, found = proposal(wanted, hearing, workers, file, told)
    sheets = reports.of_search(found)
    _keep(asked.output, found, sheets)
    path = asked.output / "proposed.toml"
    path.unlink(missing_ok=True)
    if found.passes and not save(path, proposed, file):
        show.say(f"{path}: written anew, without the comments of {file}")
    if as_json:
        show.document(found)
    else:
        studied.tell(sheets)
    for name in found.looser:
        show.say(f"looser: {name}")
    return EXIT_DONE if found.passes else EXIT_NO


def _tuning(asked: TuneAsked, policy: Policy) -> tuple[Any, Any]:
    """Return what is searched, and where the proposal is judged.

    Raises:
        UsageError: no such scenario or field.
    """
    from airnet.twin.candidates import Search
    from airnet.twin.knobs import knobs_of
    from airnet.twin.proposal import Hearing

    cases = studied.cases_of(asked.scenarios)
    wanted = Search(
        policy=policy,
        knobs=knobs_of(policy, asked.knobs),
        cases=tuple(case for case in cases if not case.is_held_out),
        seeds=studied.seeds_of(asked.first_seed, asked.seeds),
        priors=read_priors(asked.priors),
        play=studied.play_in("tune"),
        trials=asked.trials,
        seed=asked.seed,
        contain_s_max=asked.contain_within or float("inf"),
        storage=str(asked.storage or ""),
    )
    hearing = Hearing(
        play=studied.play_in("report"), cases=tuple(cases), seeds=asked.hold_out
    )
    return wanted, hearing


def _keep(directory: Path, found: Any, sheets: Any) -> None:
    """Write evidence, report and plot.

    Raises:
        UnsupportedError: there is no room for them.
    """
    from airnet.twin.pareto import plot_search

    try:
        directory.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UnsupportedError(
            f"{directory}: cannot be made: {error.strerror}", "name another --output"
        ) from error
    text = msgspec.json.format(msgspec.json.encode(found)) + b"\n"
    studied.save(directory / "evidence.json", text)
    studied.write_report(directory / "report.md", "A tuned policy", sheets)
    searched = found.found
    try:
        plot_search(
            directory / "pareto.svg",
            searched.points,
            searched.front,
            searched.current,
            searched.proposed,
        )
    except UnsupportedError as error:
        show.say(f"no plot: {error}")


class CurveAsked(msgspec.Struct, frozen=True, kw_only=True):
    """The options of curve."""

    policy: Path | None
    steps: int
    seeds: int
    first_seed: int
    domain: str
    as_written: bool
    plot: Path | None
    workers: int | None


@click.command(
    epilog="""\b
Examples
  airnet twin curve runaway
  airnet twin curve runaway_hidden --steps 21 --seeds 100 --plot hidden.svg
  airnet twin curve market_news --policy bold.toml --json

\b
Output
  A row a difficulty: of an incident the share contained and the median seconds from
  onset to effect (never counts as infinite); of a benign scenario the share of
  episodes with a false containment. Intervals are exact, 95 %. --json: an end that is
  infinite or not known is null.

\b
Exit statuses
   0  charted
  64  wrong usage, no such scenario, or --plot names no format
  69  an episode could not be played, matplotlib is missing, or no room
  78  the policy is wrong
"""
)
@click.argument("scenario")
@click.option("--policy", type=studied.PATH, help="The shipped one by default.")
@click.option(
    "--steps",
    type=click.IntRange(2, 1001),
    default=11,
    show_default=True,
    help="Difficulties from 0 to 1, evenly spaced.",
)
@studied.with_seeds(30)
@with_domain
@click.option(
    "--as-written", is_flag=True, help="Leave in shadow what the policy has in shadow."
)
@click.option("--plot", type=studied.PATH, help="Draw it: a .png, .svg or .pdf.")
@studied.with_workers
@show.as_json
def curve(scenario: str, *, as_json: bool, **given: Any) -> int:
    """Chart how often and how fast SCENARIO is contained against its difficulty.

    The same seeds are played at every difficulty. What is in shadow is played as if
    enforced, unless --as-written.
    """
    from airnet.twin import curve as charting, reports
    from airnet.twin.pareto import FORMATS, plot_curve

    asked = CurveAsked(**given)
    if asked.plot and asked.plot.suffix not in FORMATS:
        raise UsageError(f"{asked.plot}: no format", f"name it {' or '.join(FORMATS)}")
    (case, *others) = studied.cases_of([scenario])
    if others:
        raise UsageError(f"{scenario}: more than one scenario", "chart one at a time")
    policy = load(asked.policy or policy_path(), Policy)
    wanted = charting.Wanted(
        case=case,
        policy=policy if asked.as_written else as_enforced(policy),
        difficulties=charting.evenly(asked.steps),
        seeds=studied.seeds_of(asked.first_seed, asked.seeds),
        play=studied.play_in(asked.domain),
    )
    with ends_whole(), studied.progress("plays", is_quiet=as_json) as told:
        found = charting.curve(wanted, studied.local(asked.workers), told)
    if asked.plot:
        plot_curve(asked.plot, found)
    if as_json:
        show.document(found)
    else:
        studied.tell(reports.of_curve(found))
    return EXIT_DONE
