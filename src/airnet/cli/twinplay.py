"""Playing the twin: run one scenario, list them all."""

import contextlib
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from airnet.cli import output
from airnet.cli.ending import ends_whole
from airnet.cli.given import Place, Real
from airnet.errors import (
    EXIT_DONE,
    EXIT_NO,
    LedgerError,
    UnsupportedError,
    UsageError,
)

if TYPE_CHECKING:
    from click.shell_completion import CompletionItem

    from airnet.decide.policy import Policy
    from airnet.twin.loop import Prepared
    from airnet.twin.outcome import Outcome
    from airnet.twin.plan import Size
    from airnet.twin.timeline import Sampler

PATH = Place()
SEED_MAX = (1 << 63) - 1
Command = TypeVar("Command", bound=Callable[..., object])


def scenario_names(
    _context: click.Context, _parameter: click.Parameter, incomplete: str
) -> "list[CompletionItem]":
    """Return the scenarios that begin so, for the shell."""
    from click.shell_completion import CompletionItem

    from airnet.twin import catalogue

    return [
        CompletionItem(name, help=catalogue.scenario(name).about)
        for name in catalogue.names()
        if name.startswith(incomplete)
    ]


def with_domain(command: Command) -> Command:
    """Give a command its option --domain.

    All that play have the same default: a seed that a study names is the same world
    for who plays it alone.
    """
    return click.option(
        "--domain",
        type=click.Choice(["train", "tune", "report"]),
        default="report",
        show_default=True,
        help="What worlds are drawn from; nothing was trained or tuned on report.",
    )(command)


def with_size(command: Command) -> Command:
    """Give a command the options that say how large a world is."""
    for option in (
        click.option(
            "--symbols", type=click.IntRange(1, 400), help="Instead of drawn."
        ),
        click.option(
            "--sessions", type=click.IntRange(2, 400), help="Instead of drawn."
        ),
    ):
        command = option(command)
    return command


#: What a world is drawn from, and what of it may be said instead.
_WORLD = (
    click.option(
        "--seed",
        type=click.IntRange(0, SEED_MAX),
        default=1,
        show_default=True,
        help="Of everything in it: the same seed is the same day, byte for byte.",
    ),
    click.option(
        "--difficulty",
        type=Real(0, 1),
        help="0: the incident shouts; 1: it hides. Default: drawn from the seed.",
    ),
    with_domain,
    with_size,
    click.option("--seconds", type=Real(1, 3600), help="Of virtual time."),
)


def size_of(given: dict[str, Any]) -> "Size":
    """Return what those options fix of a Plan."""
    from airnet.twin.plan import Size

    return Size(
        duration_s=given["seconds"] or 0.0,
        sessions=given["sessions"] or 0,
        symbols=given["symbols"] or 0,
        difficulty=given["difficulty"],
    )


def with_world(command: Command) -> Command:
    """Give a command the options that say which world is played."""
    for option in reversed(_WORLD):
        command = option(command)
    return command


@click.command(
    epilog="""\b
Examples
  airnet twin run knight_2012 --enforce
  airnet twin run runaway --seed 7 --difficulty 0.8 --policy strict.toml
  airnet twin run syn_flood --enforce --plot flood.png --write flood.pcapng
  airnet twin run runaway --enforce --ledger incident && airnet explain incident

\b
What is played
  The same seed is played three times: as the policy has it, without containment, and
  without the incident. Their difference is the harm. A command takes effect after the
  time that its actuator needs (3.5 ms order gateway, 3 ms switch, 7.3 ms venue).
  The shipped policy decides everything in shadow and changes nothing; --enforce puts
  every cause of the policy that may be contained in force.

\b
Output
  The timeline, harm with and without, and whether the expectation was met: the right
  containment within the scenario's time, or none on a benign day. A containment before
  the onset, of the wrong session or above the tier counts as false, in shadow too.

\b
Exit statuses
   0  the expectation was met
   1  it was missed; what was expected is printed
  64  no such scenario, or an output is in the way
  69  no room for an output, or matplotlib is missing for --plot
  78  the policy is wrong
"""
)
@click.argument("scenario", shell_complete=scenario_names)
@click.option("--policy", type=PATH, help="What may be done; the shipped by default.")
@click.option("--enforce", is_flag=True, help="Put what the policy contains in force.")
@click.option("--models", type=PATH, help="Folder of models instead of the shipped.")
@click.option("--unsigned", is_flag=True, help="Take models that nobody signed.")
@with_world
@click.option("--plot", type=PATH, help="Draw the timeline: a .png, .svg or .pdf.")
@click.option("--write", type=PATH, help="Keep the mirror's frames: a .pcapng file.")
@click.option("--ledger", type=PATH, help="Keep the ledger in this new directory.")
@output.as_json
def run(scenario: str, *, as_json: bool, **given: Any) -> int:
    """Play SCENARIO with the product deciding, and weigh what it did.

    Frames of a whole simulated trading network go through the pipeline that runs live,
    and what it orders changes the network: refused orders, dropped sources, in virtual
    time. Same scenario, seed, difficulty and policy: same result, bit for bit.

    A SCENARIO that ends in .incident.json is a counterexample of `airnet prove`: its
    Decision is put to the guardrails that run, and to the judge, without frames.
    """
    if scenario.endswith(".incident.json"):
        from airnet.cli.policies import play_incident

        return play_incident(Path(scenario), as_json=as_json)
    return _run(scenario, given, as_json=as_json)


def _run(scenario: str, given: dict[str, Any], *, as_json: bool) -> int:
    """Play, print and draw."""
    from airnet.cli.twinshow import print_outcome
    from airnet.twin.loop import Prepared
    from airnet.twin.staging import stage_of
    from airnet.twin.timeline import Sampler, plot, without

    policy, said = policy_of(given["policy"], is_enforced=given["enforce"])
    size = {
        name: given[option]
        for name, option in _SIZES.items()
        if given[option] is not None
    }
    stage = stage_of(
        scenario, given["seed"], given["difficulty"], domain=given["domain"], **size
    )
    prepared = Prepared(stage)
    with ends_whole():
        sampler = Sampler(stage.span_ns[0], prepared.case.culprits)
        outcome = _played(prepared, policy, given, sampler, is_quiet=as_json)
        if given["plot"]:
            before = without(stage, prepared.case.culprits)
            plot(given["plot"], outcome, sampler.series, before)
    if as_json:
        output.document(outcome)
    else:
        print_outcome(outcome, sampler.series, said)
    return EXIT_NO if outcome.held else EXIT_DONE


_SIZES = {"sessions": "sessions", "symbols": "symbols", "duration_s": "seconds"}


def policy_of(path: Path | None, *, is_enforced: bool) -> "tuple[Policy, str]":
    """Return the policy to play, and in words whether it is in force.

    Raises:
        ConfigError: the file is no policy.
    """
    from airnet.decide.reading import read_policy
    from airnet.domain.decision import Mode
    from airnet.shipped import policy_path
    from airnet.twin.loop import enforced

    policy = read_policy(path or policy_path())
    policy = enforced(policy) if is_enforced else policy
    causes = ("flood", "algo_fault", "compromise")
    modes = {name: getattr(policy.cause, name).mode for name in causes}
    in_force = [name for name, mode in modes.items() if mode is Mode.ENFORCE]
    name = str(path) if path else "the shipped policy"
    if in_force:
        how = " by --enforce" if is_enforced else ""
        return policy, f"{name}, in force{how}: {', '.join(in_force)}"
    return policy, f"{name}, all in shadow: nothing is changed (see --enforce)"


def _played(
    prepared: "Prepared",
    policy: "Policy",
    given: dict[str, Any],
    sampler: "Sampler",
    *,
    is_quiet: bool,
) -> "Outcome":
    """Play with what the command line asks to be kept."""
    from airnet.score import load as load_models
    from airnet.shipped import models_path
    from airnet.twin.closed import Terms
    from airnet.twin.loop import play_on, shipped_scorer

    models = given["models"]
    scorer = shipped_scorer()
    if models or given["unsigned"]:
        folder = models or models_path()
        scorer = load_models(folder, is_signed=not given["unsigned"])
    with (
        _kept(given["write"], given["ledger"]) as (tape, ledger),
        progress(prepared.stage.span_ns, is_quiet=is_quiet) as moved,
    ):

        def look(now_ns: int, world: Any, frames: int) -> None:
            sampler(now_ns, world, frames)
            moved(now_ns)

        terms = Terms(tape=tape, ledger=ledger, look=look)
        return play_on(prepared, policy, terms=terms, scorer=scorer)


@contextlib.contextmanager
def _kept(write: Path | None, ledger: Path | None) -> Iterator[tuple[Any, Any]]:
    """Open what is to be kept, beside its place until it is whole.

    Raises:
        UsageError: something is in the way.
        UnsupportedError: there is no room for the ledger.
    """
    from airnet.capture.recorder import Recorder
    from airnet.record.file import FileLedger

    for path in (write, ledger):
        if path is not None and path.exists():
            raise UsageError(
                f"{path}: is there already", "name a place that does not exist yet"
            )
        if path is not None and not path.parent.is_dir():
            raise UsageError(f"{path.parent}: is no directory", "make it first")
    moves: list[tuple[Path, Path]] = []
    try:
        with contextlib.ExitStack() as held:
            tape = book = None
            if write is not None:
                tape = Recorder(_partial(write, moves))
                held.callback(tape.close)
            if ledger is not None:
                book = FileLedger(_partial(ledger, moves))
                held.callback(book.close)
            yield tape, book
    except LedgerError as error:
        _discard(moves)
        raise UnsupportedError(error.what, "make room, or name another") from error
    except BaseException:
        _discard(moves)
        raise
    for partial, target in moves:
        partial.rename(target)


def _partial(target: Path, moves: list[tuple[Path, Path]]) -> Path:
    partial = target.with_name(f".{target.name}.partial")
    _discard([(partial, target)])
    moves.append((partial, target))
    return partial


def _discard(moves: list[tuple[Path, Path]]) -> None:
    """Remove what was begun."""
    import shutil

    for partial, _ in moves:
        if partial.is_dir():
            shutil.rmtree(partial)
        else:
            partial.unlink(missing_ok=True)


@contextlib.contextmanager
def progress(
    span_ns: tuple[int, int], *, is_quiet: bool, what: str = "virtual time"
) -> "Iterator[Callable[[int], None]]":
    """Show how much of the episode is played, on standard error."""
    from rich.console import Console
    from rich.progress import Progress

    start_ns, end_ns = span_ns
    with Progress(
        console=Console(stderr=True),
        disable=is_quiet or not sys.stderr.isatty(),
        transient=True,
    ) as bar:
        task = bar.add_task(what, total=end_ns - start_ns)
        yield lambda now_ns: bar.update(task, completed=now_ns - start_ns)


@click.command(
    name="list",
    epilog="""\b
Examples
  airnet twin list
  airnet twin list --json | jq -r '.[] | select(.severity == "severe") | .name'

\b
Exit statuses
   0  listed
""",
)
@output.as_json
def list_(as_json: bool) -> int:
    """List every scenario: what happens, what must be made of it, and how soon."""
    from airnet.cli import show
    from airnet.twin import catalogue

    found = [catalogue.scenario(name) for name in catalogue.names()]
    if as_json:
        rows = [
            {
                "name": one.name,
                "about": one.about,
                "cause": one.spec.cause,
                "action": one.spec.action,
                "tier_max": one.spec.tier_max,
                "within_ms": one.spec.within_ms,
                "severity": one.spec.severity,
                "axis": one.spec.axis,
                "is_held_out": one.spec.is_held_out,
            }
            for one in found
        ]
        output.document(rows)
        return EXIT_DONE
    columns = ("scenario", "severity", "cause", "expected", "within ms", "what happens")
    table = show.table(
        f"{len(found)} scenarios",
        columns,
        [
            [
                one.name,
                one.spec.severity,
                one.spec.cause,
                one.spec.action,
                one.spec.within_ms,
                one.about + (" (held out)" if one.spec.is_held_out else ""),
            ]
            for one in found
        ],
    )
    show.console().print(table)
    return EXIT_DONE
