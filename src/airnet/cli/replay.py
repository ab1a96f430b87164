"""The command on recordings: replay."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airnet.cli import output
from airnet.cli.ending import ends_whole
from airnet.domain.frame import FRAMES_MAX, TRAILERS
from airnet.errors import EXIT_DONE, UsageError
from airnet.front import BATCH_FRAMES

if TYPE_CHECKING:
    from airnet.replay import Summary

PATH = click.Path(path_type=Path)


def speed_of(
    _context: click.Context, _parameter: click.Parameter, value: str | None
) -> float | None:
    """Return how many times faster than it was captured; None without a limit.

    Raises:
        click.BadParameter: it is no number followed by an x.
    """
    if value is None:
        return None
    try:
        speed = float(value.removesuffix("x")) if value.endswith("x") else 0.0
    except ValueError:
        speed = 0.0
    if not 0.001 <= speed <= 1_000_000.0:
        raise click.BadParameter(f"{value!r} is not like 1x, 0.5x or 20x")
    return speed


@click.command(
    epilog="""\b
Examples
  airnet replay day.pcapng.gz
  airnet replay --site site.toml --policy policy.toml --decisions out.jsonl \\
                --ledger ledger --json monday.pcap tuesday.pcap
  airnet replay --to features --json day.pcap
  airnet replay --speed 1x demo.pcap

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
@click.option("--unsigned", is_flag=True, help="Take models that nobody signed.")
@click.option("--decisions", type=PATH, help="Write one JSON object a Decision here.")
@click.option("--ledger", type=PATH, help="Keep the ledger in this new directory.")
@click.option(
    "--to",
    "last",
    type=click.Choice(["features", "decisions"]),
    default="decisions",
    show_default=True,
    help="The last stage: features only counts windows, and loads no model.",
)
@click.option(
    "--speed",
    metavar="Nx",
    callback=speed_of,
    help="Pace by capture time: 1x as it was; without it, as fast as possible.",
)
@click.option(
    "--select",
    type=click.Choice(["all", "order"]),
    default="all",
    show_default=True,
    help="order: only traffic of the site's gateways and firms, as XDP selects live.",
)
@click.option(
    "--trailer",
    type=click.Choice(TRAILERS),
    default="none",
    show_default=True,
    help="Whose timestamp trailer or header carries the time of a frame.",
)
@click.option(
    "--batch",
    type=click.IntRange(1, FRAMES_MAX),
    default=BATCH_FRAMES,
    show_default=True,
    help="Frames taken at a time; changes the speed, never an answer.",
)
@click.option(
    "--lanes",
    type=click.Choice(["1", "2", "4"]),
    default="1",
    show_default=True,
    help="Processors that decode; changes the speed, never an answer.",
)
@output.as_json
def replay(
    files: tuple[Path, ...], last: str, *, as_json: bool, **given: object
) -> int:
    """Run capture FILEs (pcap, pcapng, gz; in order) through the whole pipeline.

    The same frames, site, policy and models give the same Decisions, byte for byte,
    live or replayed. Replay is open loop: a recording cannot react, so no effect is
    verified and nothing escalates for want of one.
    """
    given["batch_frames"] = given.pop("batch")
    given["lanes"] = int(str(given["lanes"]))
    if last == "features":
        return _to_features(files, given, as_json=as_json)
    return _to_decisions(files, given, as_json=as_json)


def _to_features(
    files: tuple[Path, ...], given: dict[str, Any], *, as_json: bool
) -> int:
    """Take the stages up to features and print what was found."""
    from airnet.extract import Extraction, extract

    for name in ("policy", "models", "decisions", "ledger"):
        if given[name] is not None:
            raise UsageError(
                f"--{name} does nothing with --to features", "leave one of them out"
            )
        del given[name]
    del given["unsigned"]
    order = Extraction(files=files, **given)
    with ends_whole():
        found = extract(order)
    if as_json:
        import json

        output.text(json.dumps(found, separators=(",", ":")).encode())
    else:
        from airnet.cli.found import print_extract

        print_extract(found)
    return EXIT_DONE


def _to_decisions(
    files: tuple[Path, ...], given: dict[str, Any], *, as_json: bool
) -> int:
    """Take every stage, show how far it is, and print what was found."""
    from airnet.cli.found import print_summary, progress
    from airnet.replay import Order, replay as run

    order = Order(files=files, **given)
    with ends_whole(), progress(disable=as_json or not sys.stderr.isatty()) as moved:
        summary: Summary = run(order, moved)
    if as_json:
        output.document(summary)
    else:
        print_summary(summary)
    return EXIT_DONE
