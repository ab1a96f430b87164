"""Commands that try airnet out on this machine: demo and bench."""

from pathlib import Path

import click

from airnet import log
from airnet.cli import show
from airnet.cli.given import Real
from airnet.errors import EXIT_DONE, EXIT_NO


@click.command(
    epilog="""\b
Examples
  airnet demo                           the lab, as root; about a minute
  airnet demo --simulated               a generated capture, anywhere; seconds
  airnet demo --directory /tmp/demo     where recording, ledger and report go

\b
Exit statuses
   0  every expectation held
   1  one did not
  64  the directory holds something else
"""
)
@click.option(
    "--directory",
    type=click.Path(path_type=Path),
    default=Path("var/demo"),
    show_default=True,
    help="Where the run's files go; replaced by each run.",
)
@click.option(
    "--simulated", is_flag=True, help="Use the generated capture in any case."
)
@show.as_json
def demo(directory: Path, simulated: bool, as_json: bool) -> int:
    """Build a trading network on this machine, break it twice, watch airnet contain it.

    Namespaces, a real switch, real FIX sessions. Without root or kernel support it
    says what is missing and runs the same scenes from a capture it generates itself.
    Exit status 0 only when every expectation held.
    """
    from airnet.lab.theatre import perform
    from airnet.twin.traffic import generate

    log.configure()
    return perform(directory, generate, simulated=simulated, as_json=as_json)


@click.command(
    epilog="""\b
Stages: capture, decode, features, score, decide, pipeline, lab; all by default. The
lab needs root: wire to decision, decision to effect through a real switch. Four
more, only when named: replay, CPU beside tcpdump's (tcpdump, 600 MB of room); live
(root), what AF_XDP delivers to feature rows, beside dropping it; twin, events and
packets of virtual time a second of CPU, with the loop closed and without; guard
(root), from a flood's deciding frame to the first one that the guard holds back.

\b
Examples
  airnet bench
  airnet bench decode features --json
  airnet bench replay
  airnet bench live --seconds 10
  airnet bench twin

\b
Exit statuses
   0  measured
   1  nothing could be measured here
  64  no such stage
  69  a stage needs what this host lacks: root, namespaces, tcpdump, room
"""
)
@click.argument("stages", nargs=-1, metavar="[STAGE]...")
@click.option(
    "--seconds",
    type=Real(0.1, 3600),
    default=60,
    show_default=True,
    help="How long live holds its steady rate.",
)
@show.as_json
def bench(stages: tuple[str, ...], seconds: float, as_json: bool) -> int:
    """Measure this host: ns a row of each STAGE, latencies in the lab, its floor."""
    from airnet.bench import render, run as measure

    log.configure()
    found = measure(stages, seconds)
    if as_json:
        show.document(found)
    else:
        show.console().print(render(found))
    return EXIT_DONE if found else EXIT_NO
