"""How an incident could have gone: whatif."""

from pathlib import Path
from typing import TYPE_CHECKING

import click

from airnet.cli import output
from airnet.cli.ending import ends_whole
from airnet.cli.given import Place, Real
from airnet.errors import EXIT_DONE, EXIT_NO

if TYPE_CHECKING:
    from airnet.twin.whatif import WhatIf

PATH = Place()
ACTIONS = (
    "throttle_session",
    "cancel_orders",
    "disable_session",
    "isolate_session",
    "reroute",
    "drop_sources",
    "rate_limit_sources",
)
NS_PER_S = 1_000_000_000


@click.command(
    epilog="""\b
Examples
  airnet twin run knight_2012 --enforce --ledger day && airnet incidents day
  airnet twin whatif day 3f2a9c1b
  airnet twin whatif day 3f2a9c1b --later 5 --action disable_session
  airnet twin whatif /var/lib/airnet/ledger 3f2a9c1b --json

\b
How far to believe it
  The ledger of `airnet twin run` names scenario and seed: the same world is played
  again, and the answer is exact; that frames and decisions came out the same is
  checked by their root. The ledger of a capture (run, replay) keeps no world: the
  answer is an estimate from the rates at the decision, and says so. It knows no
  prices, so no exposure, and takes the rate to have gone on: an upper bound.

\b
Exit statuses
   0  told
   1  told, but the ledger does not verify, or the record could not be had again
  64  no ledger, no such incident, or nothing was ordered in it
"""
)
@click.argument("ledger", type=PATH)
@click.argument("incident")
@click.option(
    "--later",
    type=Real(0, 3600),
    default=1.0,
    show_default=True,
    help="Seconds, for the variant that acts later.",
)
@click.option(
    "--action",
    "actions",
    type=click.Choice(ACTIONS),
    multiple=True,
    help="What else to order; may be given again. Default: what fits.",
)
@output.as_json
def whatif(
    ledger: Path, incident: str, later: float, actions: tuple[str, ...], as_json: bool
) -> int:
    """Tell how an INCIDENT of a LEDGER could have gone: acted, not acted, otherwise.

    For each: orders stopped, exposure avoided, legitimate orders stopped with them,
    and the harm by the twin's model.
    """
    from airnet.cli.record import chosen_of, incidents_of
    from airnet.domain.decision import Action
    from airnet.twin.whatif import what_if

    evidence, found, status = incidents_of(ledger)
    chosen = chosen_of(found, incident, ledger)
    with ends_whole():
        told = what_if(
            chosen,
            evidence,
            later_ns=round(later * NS_PER_S),
            actions=[Action(action) for action in actions],
        )
    if as_json:
        output.document(told)
    else:
        _print(told)
    return EXIT_NO if status != EXIT_DONE or told.warnings else EXIT_DONE


def _print(told: "WhatIf") -> None:
    """Print the variants beside each other."""
    from airnet.cli import show
    from airnet.cli.twinshow import after, money

    def cell(value: int | None) -> object:
        return "unknown" if value is None else value

    columns = (
        "variant",
        "contained",
        f"{told.unit} passed",
        f"{told.unit} stopped",
        "exposure avoided",
        "legitimate stopped",
        "harm",
    )
    rows = [
        [
            one.name,
            after(one.contain_ns) if told.is_exact or one.harm else "unknown",
            cell(one.passed),
            cell(one.stopped),
            "unknown" if one.avoided_cents is None else money(one.avoided_cents),
            cell(one.collateral),
            "unknown" if one.harm_cents is None else money(one.harm_cents),
        ]
        for one in told.variants
    ]
    out = show.console()
    title = f"{told.cause} {told.incident}: {' '.join(told.target)}"
    table = show.table(title, columns, rows)
    for column in table.columns[1:]:
        column.justify = "right"
    out.print(table)
    out.print(told.basis, markup=False)
    for warning in told.warnings:
        out.print(f"warning: {warning}", style="red", markup=False)
