"""Commands on recordings and ledgers: replay, verify, explain, incidents."""

import contextlib
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from types import FrameType

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from airnet.cli import show
from airnet.cli.shares import lines, moved
from airnet.domain.frame import FRAMES_MAX
from airnet.domain.incident import Evidence, Incident
from airnet.errors import EXIT_DONE, EXIT_NO, LedgerError, UsageError
from airnet.pipeline import models_path
from airnet.record.file import LEDGER as LEDGER_FILE, read, verify as verify_ledger
from airnet.record.incident import fold
from airnet.record.narrative import tell
from airnet.replay import ENDINGS, Order, Summary, replay as replay_files

PATH = click.Path(path_type=Path)
LEDGER = click.argument("ledger", type=PATH)


@click.command(
    epilog="""\b
Examples
  airnet replay day.pcapng.gz
  airnet replay --site site.toml --policy policy.toml --decisions out.jsonl \\
                --ledger ledger --json monday.pcap tuesday.pcap

\b
Output
  DECISIONS takes one JSON object a line; an earlier file of that name is replaced
  when the replay is whole. LEDGER must not exist yet, or be empty. When anything
  fails, or a signal ends it, neither is touched. Bad frames and messages are
  counted by reason and are no failure: seen is processed plus every reason.

\b
Exit statuses
   0  replayed to the end, whatever was found
  64  wrong usage, or an output is in the way
  65  a FILE is no capture, or a model cannot be used
  69  no room for an output
  78  site or policy is wrong
"""
)
@click.argument("files", nargs=-1, required=True, type=PATH, metavar="FILE...")
@click.option("--site", type=PATH, help="The network: gateways, firms, protected.")
@click.option("--policy", type=PATH, help="What may be done; shadow by default.")
@click.option("--models", type=PATH, help="Folder of models instead of the shipped.")
@click.option("--decisions", type=PATH, help="Write one JSON object a Decision here.")
@click.option("--ledger", type=PATH, help="Keep the ledger in this new directory.")
@click.option(
    "--batch",
    type=click.IntRange(1, FRAMES_MAX),
    default=FRAMES_MAX,
    help="Frames taken at a time; changes the speed, never an answer.",
)
@show.as_json
def replay(  # noqa: PLR0913 -- one parameter an option
    files: tuple[Path, ...],
    site: Path | None,
    policy: Path | None,
    models: Path | None,
    decisions: Path | None,
    ledger: Path | None,
    batch: int,
    as_json: bool,
) -> int:
    """Run capture FILEs (pcap, pcapng, gz; in order) through the whole pipeline.

    The same frames, site, policy and models give the same Decisions, byte for byte,
    live or replayed. Replay is open loop: a recording cannot react, so no effect is
    verified and nothing escalates for want of one.
    """
    order = Order(
        files=files,
        site=site,
        policy=policy,
        models=models,
        decisions=decisions,
        ledger=ledger,
        batch_frames=batch,
    )
    with (
        ends_whole(),
        Progress(
            SpinnerColumn(),
            TextColumn("{task.fields[frames]:,} frames, {task.fields[made]} decisions"),
            TimeElapsedColumn(),
            console=_stderr(),
            disable=as_json or not sys.stderr.isatty(),
            transient=True,
        ) as bar,
    ):
        task = bar.add_task("replay", total=None, frames=0, made=0)
        summary = replay_files(
            order, lambda frames, made: bar.update(task, frames=frames, made=made)
        )
    if as_json:
        show.document(summary)
    else:
        _print_summary(summary)
    return EXIT_DONE


class Interrupted(BaseException):
    """A signal asked for the end; what was begun is removed on the way out."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_status = 128 + number


@contextlib.contextmanager
def ends_whole() -> Iterator[None]:
    """Let a signal end a command by an exception, so that nothing is left half-done."""

    def end(number: int, _frame: FrameType | None) -> None:
        for each in ENDINGS:
            signal.signal(each, signal.SIG_IGN)  # one end is enough
        raise Interrupted(number)

    before = {each: signal.signal(each, end) for each in ENDINGS}
    try:
        yield
    finally:
        for each, was in before.items():
            signal.signal(each, was)


def _stderr() -> Console:
    """Return a console on standard error, where progress belongs."""
    return Console(stderr=True)


def _print_summary(summary: Summary) -> None:
    """Print what a replay found."""
    out = show.console()
    frames = [["seen", summary.seen], ["processed", summary.processed]]
    frames += [[name, count] for name, count in sorted(summary.by_reason.items())]
    out.print(show.table("Frames", ("fate", "frames"), frames))
    messages = [
        [kind, counts["up"], counts["down"]]
        for kind, counts in sorted(summary.messages.items())
    ]
    out.print(
        show.table("Messages", ("MsgType", "to gateway", "from gateway"), messages)
    )
    if summary.malformed:
        rows = sorted(summary.malformed.items())
        out.print(show.table("Malformed", ("reason", "messages"), rows))
    verdicts = sorted(summary.verdicts.items())
    out.print(show.table("Windows by cause", ("cause", "windows"), verdicts))
    out.print(
        f"{summary.sessions:,} sessions, {summary.windows:,} windows, "
        f"{summary.decisions:,} decisions, {summary.incidents:,} incidents"
    )
    out.print(
        f"ledger: {summary.ledger['size']} entries, root {summary.ledger['root']}"
    )
    out.print(
        f"{summary.frames:,} frames in {summary.wall_s:.2f} s "
        f"({summary.cpu_s:.2f} s of CPU, {summary.peak_rss_bytes / 2**20:.0f} MiB)"
    )
    out.print(f"effects: {summary.effects}")


@click.command(
    epilog="""\b
Examples
  airnet verify /var/lib/airnet/ledger
  airnet verify --json LEDGER | jq -r .root    compare with a root kept elsewhere

\b
Exit statuses
   0  every entry is the one that was written
   1  something was changed, removed, reordered or cut
  64  there is no ledger there
"""
)
@LEDGER
@show.as_json
def verify(ledger: Path, as_json: bool) -> int:
    """Check every entry of a LEDGER directory against its Merkle tree and checkpoint.

    Says how many entries there are, their root, and each problem. A ledger rolled back
    together with its checkpoint still agrees with itself: keep roots elsewhere.
    """
    _require_ledger(ledger)
    found = verify_ledger(ledger)
    if as_json:
        show.document(found)
    else:
        out = show.console()
        for problem in found.problems:
            out.print(problem, style="red", markup=False)
        state = "does not verify" if found.problems else "verifies"
        style = "red" if found.problems else "green"
        text = f"{ledger}: {found.size} entries, root {found.root}: {state}"
        out.print(text, style=style, markup=False, soft_wrap=True)
    return EXIT_NO if found.problems else EXIT_DONE


def _require_ledger(directory: Path) -> None:
    """Raise UsageError unless there is a ledger."""
    if not (directory / LEDGER_FILE).is_file():
        raise UsageError(
            f"{directory}: there is no ledger",
            "name the directory given to `replay --ledger` or service.ledger",
        )


def _incidents(ledger: Path) -> tuple[list[Evidence], list[Incident], int]:
    """Return a ledger's entries, the Incidents they tell, and an exit status.

    What does not verify is told as far as it can be read, with a warning.
    """
    _require_ledger(ledger)
    problems = verify_ledger(ledger).problems
    if problems:
        show.say(
            f"warning: {ledger} does not verify, do not rely on this: {problems[0]}"
        )
    evidence = list(read(ledger))
    try:
        found = fold(evidence)
    except msgspec.ValidationError as error:
        raise LedgerError(
            f"{ledger}: an entry is not one that airnet writes: {error}",
            "run airnet verify, and ask who else writes there",
        ) from error
    return evidence, found, EXIT_NO if problems else EXIT_DONE


@click.command(
    epilog="""\b
Example
  airnet incidents /var/lib/airnet/ledger

\b
Exit statuses
   0  listed, also when there are none
   1  listed, but the ledger does not verify
  64  there is no ledger there
"""
)
@LEDGER
@show.as_json
def incidents(ledger: Path, as_json: bool) -> int:
    """List the Incidents of a LEDGER directory, one line each.

    An Incident is every Decision and Containment about one target in one disturbance.
    """
    _, found, status = _incidents(ledger)
    if as_json:
        show.document(found)
        return status
    columns = ("incident", "cause", "target", "first bad frame (UTC)", "decisions")
    rows = [
        [
            incident.id,
            incident.cause,
            " ".join(incident.target),
            show.time_text(incident.first_ns),
            len(incident.decisions),
        ]
        for incident in found
    ]
    show.console().print(show.table("Incidents", columns, rows))
    return status


@click.command(
    epilog="""\b
Examples
  airnet explain LEDGER                every incident
  airnet explain LEDGER 3f2a9c1b       one of them, as `airnet incidents` calls it

\b
Exit statuses
   0  told
   1  told, but the ledger does not verify
  64  there is no ledger there, or no such incident in it
"""
)
@LEDGER
@click.argument("incident", required=False)
@click.option("--models", type=PATH, help="The models of that run, if not the shipped.")
@show.as_json
def explain(
    ledger: Path, incident: str | None, models: Path | None, as_json: bool
) -> int:
    """Tell the story of an INCIDENT (all of them by default) of a LEDGER directory.

    Every number cites the ledger entry it comes from, in square brackets. Where the
    model that judged is at hand, the features that moved it most are weighed again:
    one feature at a time is set to its benign value, and the model asked how far its
    margin falls.
    """
    evidence, found, status = _incidents(ledger)
    chosen = [one for one in found if incident is None or one.id == incident]
    if incident is not None and not chosen:
        known = ", ".join(one.id for one in found) or "none"
        raise UsageError(f"no incident {incident} in {ledger}", f"it has: {known}")
    folder = models or models_path()
    weighed = [moved(one, evidence, folder) for one in chosen]
    pairs = list(zip(chosen, weighed, strict=True))
    if as_json:
        stories = [
            {
                **msgspec.to_builtins(one),
                "narrative": tell(one, evidence),
                "moved": shares,
            }
            for one, shares in pairs
        ]
        show.document(stories)
        return status
    out = show.console()
    for one, shares in pairs:
        out.rule(f"{one.cause}  {one.id}", align="left")
        out.print(tell(one, evidence), markup=False)
        out.print("\nWhat moved the model", *lines(shares), sep="\n", markup=False)
    return status
