"""Writing the wire twin: a scenario's frames and what is true of them."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airnet.cli import output
from airnet.cli.ending import ends_whole
from airnet.cli.given import Place
from airnet.cli.twinplay import scenario_names, size_of, with_world
from airnet.errors import EXIT_DONE, UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from airnet.twin.plan import Plan
    from airnet.twin.wirefile import Truth

PATH = Place()


@click.command(
    epilog="""\b
Examples
  airnet twin write quiet day.pcapng
  airnet twin write knight_2012 --seed 3 knight.pcapng && tshark -r knight.pcapng
  airnet twin write scan --difficulty 0.9 --domain report scan.pcapng

\b
Output
  FILE.pcapng has ns stamps and, at its end, the mirror's counters: frames that passed
  the switch, and how many of them the mirror lost. FILE.pcapng.json says what is true
  of it: each incident's class, onset, offset, sessions, hosts, right tier and scope,
  its frames by their place in the file; every message by type, session and direction.

\b
Exit statuses
   0  written
  64  no such scenario, or an output is in the way
  69  no room for an output
"""
)
@click.argument("scenario", shell_complete=scenario_names)
@click.argument("file", type=PATH)
@with_world
@output.as_json
def write(scenario: str, file: Path, *, as_json: bool, **given: Any) -> int:
    """Write SCENARIO's mirrored frames into FILE, and the truth beside it.

    Nobody decides anything here: it is the open loop, faster than real time.
    """
    from airnet.twin import catalogue

    plan = catalogue.build(
        scenario, given["seed"], size=size_of(given), of=given["domain"]
    )
    truth = written(plan, file)
    if as_json:
        output.document(truth)
        return EXIT_DONE
    click.echo(f"{file}: {truth.frames} frames, {truth.bytes} bytes, {truth.sha256}")
    for incident in truth.incidents:
        label = incident.label
        since = (label.onset_ns - truth.start_ns) / 1e9
        click.echo(f"  {since:8.3f} s  {label.cause}: {label.about}")
    return EXIT_DONE


def written(
    plan: "Plan", file: Path, moved: "Callable[[int], None] | None" = None
) -> "Truth":
    """Write both files, each whole or not at all.

    Args:
        plan: what happens.
        file: the frames'; the truth's is beside it.
        moved: told the virtual time now and then.

    Raises:
        UsageError: something is in the way.
    """
    import msgspec

    from airnet.twin.wirefile import write as write_file

    beside = file.with_name(f"{file.name}.json")
    for path in (file, beside):
        if path.exists():
            raise UsageError(
                f"{path}: is there already", "name a place that does not exist yet"
            )
    if not file.parent.is_dir():
        raise UsageError(f"{file.parent}: is no directory", "make it first")
    partial = file.with_name(f".{file.name}.partial")
    partial_truth = file.with_name(f".{beside.name}.partial")
    try:
        with ends_whole():
            partial.unlink(missing_ok=True)
            truth = write_file(plan, partial, moved)
            encoded = msgspec.json.format(msgspec.json.encode(truth), indent=1)
            partial_truth.write_bytes(encoded + b"\n")
            partial_truth.rename(beside)
            partial.rename(file)
    finally:
        partial.unlink(missing_ok=True)
        partial_truth.unlink(missing_ok=True)
    return truth
