"""Commands on ledgers: verify, explain, incidents."""

from pathlib import Path
from typing import Any

import click
import msgspec

from airnet.cli import show
from airnet.cli.shares import Told, unproved
from airnet.domain.incident import Evidence, Incident
from airnet.errors import EXIT_DONE, EXIT_NO, LedgerError, UsageError
from airnet.pipeline import models_path
from airnet.record.file import LEDGER as LEDGER_FILE, read, verify as verify_ledger
from airnet.record.incident import fold

PATH = click.Path(path_type=Path)
LEDGER = click.argument("ledger", type=PATH)


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


def incidents_of(ledger: Path) -> tuple[list[Evidence], list[Incident], int]:
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
    _, found, status = incidents_of(ledger)
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
  airnet explain LEDGER --check        does every number bear out?
  airnet explain LEDGER --story FILE   and those of a story that was handed to you?

\b
Exit statuses
   0  told; with --check or --story: every number is what the ledger says
   1  told, but the ledger does not verify, or a number is not borne out
  64  there is no ledger there, or no such incident in it
"""
)
@LEDGER
@click.argument("incident", required=False)
@click.option("--models", type=PATH, help="The models of that run, if not the shipped.")
@click.option("--unsigned", is_flag=True, help="Take models that nobody signed.")
@click.option("--check", is_flag=True, help="Check each number against what it cites.")
@click.option("--story", type=PATH, help="Check this text instead of telling it anew.")
@show.as_json
def explain(ledger: Path, incident: str | None, *, as_json: bool, **given: Any) -> int:
    """Tell the story of an INCIDENT (all of them by default) of a LEDGER directory.

    Every number cites the ledger entry it comes from, in square brackets. Where the
    model that judged is at hand, its decision is taken apart again: what each feature
    added against the model's benign cohort (exact Shapley values), in what range of
    each the model says exactly the same, and the smallest change with which it would
    not have said so. With --check, every number is looked up in the entry its line
    cites, and what the model said is computed once more, by onnxruntime too.
    """
    evidence, found, status = incidents_of(ledger)
    chosen = [one for one in found if incident is None or one.id == incident]
    if incident is not None and not chosen:
        known = ", ".join(one.id for one in found) or "none"
        raise UsageError(f"no incident {incident} in {ledger}", f"it has: {known}")
    folder, is_signed = given["models"] or models_path(), not given["unsigned"]
    told = [Told.of(one, evidence, folder, is_signed=is_signed) for one in chosen]
    story, check = given["story"], given["check"]
    wrong: list[str] = []
    if story is not None:
        wrong = unproved(_text_of(story), told, evidence)
    elif check:
        wrong = [what for one in told for what in unproved(one.text, [one], evidence)]
    if as_json:
        show.document([_document(one) for one in told] if story is None else wrong)
    elif story is None:
        _print(told)
    for what in wrong:
        show.say(f"not borne out: {what}")
    if (check or story) and not wrong and not as_json:
        show.say("every number is what the ledger says")
    return EXIT_NO if wrong else status


def _document(told: Told) -> dict[str, object]:
    """Return a story as a document has it."""
    return {
        **msgspec.to_builtins(told.incident),
        "narrative": told.narrative,
        "moved": told.moved,
    }


def _print(told: list[Told]) -> None:
    """Print stories; where they are kept, a fact stays on its line."""
    out = show.console()
    for one in told:
        out.rule(one.heading, align="left")
        out.print(one.text, markup=False, soft_wrap=not out.is_terminal)


def _text_of(path: Path) -> str:
    """Return a story that was handed over.

    Raises:
        UsageError: it cannot be read.
    """
    try:
        return path.read_text("utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}", "name a text") from error
