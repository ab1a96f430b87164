"""The lab twin: a scenario's frames past a real switch, before the product itself."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from airnet.cli import output
from airnet.cli.ending import ends_whole
from airnet.cli.replay import speed_of
from airnet.cli.twinplay import (
    PATH,
    policy_of,
    progress,
    scenario_names,
    size_of,
    with_world,
)
from airnet.cli.twinwrite import written
from airnet.errors import EXIT_DONE, EXIT_NO, UnsupportedError

if TYPE_CHECKING:
    from airnet.lab.relive import Asked, Relived
    from airnet.twin.onwire import Heard
    from airnet.twin.plan import Plan


@click.command(
    epilog="""\b
Examples
  airnet twin lab syn_flood --seconds 10
  airnet twin lab runaway --seed 7 --policy strict.toml
  airnet twin lab market_open --speed 0.5x --directory /tmp/open

\b
What happens
  The scenario's mirrored frames are written to a file, then sent at their time into
  both ends of a real switch whose mirror port `airnet run` watches. What it decided is
  held against a replay of what it recorded, byte for byte, and against the scenario's
  expectation, whose times are taken to the mirror's own stamps. Nothing is carried out:
  what a policy has in force is decided in shadow.

\b
Output
  Where every frame went: sent, late, lost (where), recorded. DIRECTORY keeps the wire
  (wire.pcapng and its truth), the recording, decisions, ledger and logs.

\b
Exit statuses
   0  decided the same live and replayed, and as expected
   1  not the same, not as expected, or frames are unaccounted for
  64  no such scenario, or one about a mirror's stamps; DIRECTORY holds something else
  69  this host lacks something: root, network namespaces, a switch, room
  78  the policy is wrong
"""
)
@click.argument("scenario", shell_complete=scenario_names)
@click.option("--policy", type=PATH, help="What may be done; the shipped by default.")
@click.option(
    "--speed",
    metavar="Nx",
    callback=speed_of,
    default="1x",
    show_default=True,
    help="Faster or slower than the world; rates and expectation are of 1x.",
)
@click.option(
    "--directory",
    type=PATH,
    default=Path("var/twin-lab"),
    show_default=True,
    help="Where the run's files go; replaced by each run.",
)
@with_world
@output.as_json
def lab(scenario: str, *, as_json: bool, **given: Any) -> int:
    """Send SCENARIO past a real switch at real time, and let `airnet run` decide.

    Network namespaces, an Open vSwitch with its mirror port, XDP: as in `airnet demo`,
    but with the twin's frames. Needs root; ends with nothing left behind.
    """
    from airnet import log
    from airnet.lab.needs import missing

    log.configure()
    lacking = missing({})
    if lacking:
        raise UnsupportedError("; ".join(lacking), "or use `airnet twin run`")
    plan, asked = _asked(scenario, given)
    with ends_whole("what was begun has been removed from the network"):
        relived, heard = _relived(plan, asked, given, is_quiet=as_json)
    is_good = relived.is_same and not relived.unaccounted and not relived.foreign
    if as_json:
        output.document(_document(plan, relived, heard, given))
    else:
        _print(plan, relived, heard, given)
    return EXIT_DONE if is_good and not heard.held else EXIT_NO


def _asked(scenario: str, given: dict[str, Any]) -> "tuple[Plan, Asked]":
    """Return what is played and what the lab is asked for."""
    from airnet.lab.relive import Asked
    from airnet.twin import onwire, policyfile

    policy, _ = policy_of(given["policy"], is_enforced=False)
    plan = onwire.plan_of(scenario, given["seed"], size_of(given), given["domain"])
    asked = Asked(
        capture=given["directory"].resolve() / "wire.pcapng",
        venue_macs=onwire.venue_macs(plan),
        site=plan.site(),
        policy=policyfile.written(onwire.in_shadow(policy)),
        speed=given["speed"],
    )
    return plan, asked


def _relived(
    plan: "Plan", asked: "Asked", given: dict[str, Any], *, is_quiet: bool
) -> "tuple[Relived, Heard]":
    """Write the wire, send it, judge what was decided."""
    from airnet.lab.demo import prepare
    from airnet.lab.relive import relive
    from airnet.twin.onwire import judged

    directory = prepare(given["directory"])
    span_ns = plan.start_ns, plan.end_ns
    with progress(span_ns, is_quiet=is_quiet, what="the wire") as moved:
        written(plan, asked.capture, moved)
    real_ns = 0, int((plan.end_ns - plan.start_ns) / asked.speed)
    with progress(real_ns, is_quiet=is_quiet, what="real time") as moved:
        relived, likeness = relive(directory, asked, moved)
    return relived, judged(plan, relived.decisions, likeness.at)


def _document(
    plan: "Plan", relived: "Relived", heard: "Heard", given: dict[str, Any]
) -> dict[str, Any]:
    """Return everything, for a program."""
    import msgspec

    return {
        "scenario": plan.scenario,
        "seed": plan.seed,
        "difficulty": plan.difficulty,
        "domain": plan.ranges.name,
        "speed": given["speed"],
        "directory": str(given["directory"].resolve()),
        **msgspec.to_builtins(relived),
        "live": len(relived.decisions),
        **msgspec.to_builtins(heard),
    }


def _print(
    plan: "Plan", relived: "Relived", heard: "Heard", given: dict[str, Any]
) -> None:
    """Print the table, and what failed."""
    from airnet.cli import show

    out = show.console()
    title = (
        f"{plan.scenario}, seed {plan.seed}, difficulty {plan.difficulty:.2f}, "
        f"{given['speed']:g}x, by {relived.source}"
    )
    out.print(show.table(title, ("", "", ""), _rows(relived, heard)))
    out.print(f"files: {given['directory']}", markup=False)
    if not relived.is_real_time:
        out.print("real-time priority is refused here: late frames are this host's")
    if not relived.is_same:
        out.print("live and replay decided differently", style="red")
    if relived.unaccounted or relived.foreign:
        out.print("frames are unaccounted for", style="red")
    for failure in heard.held:
        out.print(f"missed: {failure}", style="red", markup=False)
    if not heard.held:
        out.print("the expectation was met", style="green")


def _rows(relived: "Relived", heard: "Heard") -> list[list[object]]:
    """Return the table: where frames went, what was decided."""
    sent = relived.sent
    unsent = {
        "too long": sent.too_long,
        "too short": sent.too_short,
        "refused by the link": sent.refused,
    }
    rows: list[list[object]] = [
        ["frames of the world's mirror", f"{sent.frames:,}", ""]
    ]
    rows += [[f"not sent: {why}", f"{n:,}", ""] for why, n in unsent.items() if n]
    rows.append(["sent", f"{sent.sent:,}", f"in {sent.span_ns / 1e9:.3f} s"])
    rows.append(_late("sent late", sent.late, sent.late_worst_ns))
    rows += [[f"lost: {why}", f"{n:,}", ""] for why, n in relived.lost.items()]
    rows.append(["seen on the mirror and recorded", f"{relived.recorded:,}", ""])
    rows.append(_late("seen late", relived.late, relived.late_worst_ns))
    rows.append(["seen in another order", f"{relived.swapped:,}", ""])
    rows.append(["unaccounted for", f"{relived.unaccounted:,}", ""])
    rows.append(["seen and not sent so", f"{relived.foreign:,}", ""])
    rows.append(["decisions live", f"{len(relived.decisions):,}", ""])
    is_same = "the same bytes" if relived.is_same else "OTHERS"
    rows.append(["decisions of the replay", f"{relived.replayed:,}", is_same])
    rows.append(["expectation", "missed" if heard.held else "met", ""])
    return rows


def _late(what: str, count: int, worst_ns: int) -> list[object]:
    return [f"{what} (over 1 ms)", f"{count:,}", f"at most {worst_ns / 1e6:.3f} ms"]
