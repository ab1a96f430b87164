"""Commands on recordings and ledgers: replay, verify, explain, incidents."""

from pathlib import Path

import click
import msgspec
from rich.console import Console
from rich.progress import Progress, SpinnerColumn, TextColumn, TimeElapsedColumn

from airnet.cli import show
from airnet.domain.frame import FRAMES_MAX
from airnet.domain.incident import Evidence, Incident
from airnet.errors import EXIT_DONE, EXIT_NO, UsageError
from airnet.record.file import read, verify as verify_ledger
from airnet.record.incident import fold
from airnet.record.narrative import tell
from airnet.replay import Order, Summary, replay as replay_files

PATH = click.Path(path_type=Path)
LEDGER = click.argument("ledger", type=PATH)


@click.command()
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
    with Progress(
        SpinnerColumn(),
        TextColumn("{task.fields[frames]:,} frames, {task.fields[made]} decisions"),
        TimeElapsedColumn(),
        console=_stderr(),
        disable=as_json,
        transient=True,
    ) as bar:
        task = bar.add_task("replay", total=None, frames=0, made=0)
        summary = replay_files(
            order, lambda frames, made: bar.update(task, frames=frames, made=made)
        )
    if as_json:
        show.document(summary)
    else:
        _print_summary(summary)
    return EXIT_DONE


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


@click.command()
@LEDGER
@show.as_json
def verify(ledger: Path, as_json: bool) -> int:
    """Check every entry of a LEDGER directory against its Merkle tree and checkpoint.

    Exit status 1 when anything was changed, removed, reordered or cut.
    """
    found = verify_ledger(ledger)
    if as_json:
        show.document(found)
    else:
        out = show.console()
        for problem in found.problems:
            out.print(f"[red]{problem}[/red]")
        state = "[red]does not verify[/red]" if found.problems else "[green]verifies[/]"
        out.print(f"{ledger}: {found.size} entries, root {found.root}: {state}")
    return EXIT_NO if found.problems else EXIT_DONE


def _incidents(ledger: Path) -> tuple[list[Evidence], list[Incident]]:
    """Return a ledger's entries and the Incidents they tell."""
    evidence = list(read(ledger))
    return evidence, fold(evidence)


@click.command()
@LEDGER
@show.as_json
def incidents(ledger: Path, as_json: bool) -> int:
    """List the Incidents of a LEDGER directory, one line each."""
    _, found = _incidents(ledger)
    if as_json:
        show.document(found)
        return EXIT_DONE
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
    return EXIT_DONE


@click.command()
@LEDGER
@click.argument("incident", required=False)
@show.as_json
def explain(ledger: Path, incident: str | None, as_json: bool) -> int:
    """Tell the story of an INCIDENT (all of them by default) of a LEDGER directory.

    Every number cites the ledger entry it comes from, in square brackets.
    """
    evidence, found = _incidents(ledger)
    chosen = [one for one in found if incident is None or one.id == incident]
    if incident is not None and not chosen:
        known = ", ".join(one.id for one in found) or "none"
        raise UsageError(f"no incident {incident} in {ledger}", f"it has: {known}")
    if as_json:
        stories = [
            {**msgspec.to_builtins(one), "narrative": tell(one, evidence)}
            for one in chosen
        ]
        show.document(stories)
        return EXIT_DONE
    out = show.console()
    for one in chosen:
        out.rule(f"{one.cause}  {one.id}", align="left")
        out.print(tell(one, evidence), markup=False)
    return EXIT_DONE
