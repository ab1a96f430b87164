"""Commands on ledgers: verify, explain, incidents."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import msgspec

from airnet.cli import show
from airnet.cli.shares import Told, unproved
from airnet.domain.incident import Evidence, Incident
from airnet.errors import EXIT_DONE, EXIT_NO, LedgerError, UsageError
from airnet.record.file import (
    LEDGER as LEDGER_FILE,
    Verification,
    read,
    verify as verify_ledger,
)
from airnet.record.incident import fold
from airnet.shipped import models_path
from airnet.toml import whole

PATH = click.Path(path_type=Path)
#: What comes of an entry that somebody else wrote.
STRANGE = (
    msgspec.ValidationError,
    AssertionError,
    KeyError,
    OverflowError,
    TypeError,
    ValueError,
)
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
    require_ledger(ledger)
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
        for line in _unsealed(found):
            out.print(line, markup=False, soft_wrap=True)
    return EXIT_NO if found.problems else EXIT_DONE


def _unsealed(found: Verification) -> Iterator[str]:
    """Yield what no checkpoint vouches for, as while it is written or after a crash."""
    above = found.size - found.sealed
    if above > 0:
        yield f"{above} of them above the checkpoint: whole, but not sealed yet"
    if found.torn_bytes:
        yield (
            f"{found.torn_bytes} bytes behind them are torn: no acknowledged fact; "
            "airnet cuts them when it starts"
        )


def require_ledger(directory: Path) -> None:
    """Raise UsageError unless there is a ledger."""
    remedy = "name the directory given to `replay --ledger` or service.ledger"
    try:
        is_there = (directory / LEDGER_FILE).is_file()
    except OSError as error:
        what = f"{directory}: no ledger can be seen there: {error.strerror}"
        raise UsageError(what, remedy) from error
    if not is_there:
        raise UsageError(f"{directory}: there is no ledger", remedy)


@contextlib.contextmanager
def as_written(ledger: Path) -> Iterator[None]:
    """Take entries for what airnet writes; where one is not, say so.

    Raises:
        LedgerError: an entry lacks something, or has what no entry has.
    """
    try:
        yield
    except STRANGE as error:
        why = f"no {error}" if isinstance(error, KeyError) else str(error)
        raise LedgerError(
            f"{ledger}: an entry is not one that airnet writes: {why}",
            "run airnet verify, and ask who else writes there",
        ) from error


def incidents_of(ledger: Path) -> tuple[list[Evidence], list[Incident], int]:
    """Return a ledger's entries, the Incidents they tell, and an exit status.

    What does not verify is told as far as it can be read, with a warning.
    """
    require_ledger(ledger)
    problems = verify_ledger(ledger).problems
    if problems:
        show.say(
            f"warning: {ledger} does not verify, do not rely on this: {problems[0]}"
        )
    evidence = list(read(ledger))
    with as_written(ledger):
        found = fold(evidence)
    return evidence, found, EXIT_NO if problems else EXIT_DONE


def chosen_of(found: list[Incident], name: str, ledger: Path) -> Incident:
    """Return the Incident that a name means: how its id begins, or a Decision's of it.

    Raises:
        UsageError: none, or several.
    """
    chosen = [one for one in found if name and one.id.startswith(name)]
    chosen = chosen or [
        one
        for one in found
        if name and any(each.id.startswith(name) for each in one.decisions)
    ]
    if len(chosen) == 1:
        return chosen[0]
    problem = "several incidents begin with" if chosen else "no incident"
    known = ", ".join(one.id for one in chosen or found) or "none"
    raise UsageError(f"{ledger}: {problem} {name}", f"it has: {known}")


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
            show.plain(" ".join(incident.target)),
            show.moment_text(incident.first_ns),
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
  airnet explain LEDGER 3f2a9c1b       one: how its id, or a decision's, begins
  airnet explain LEDGER --check        does every number and word bear out?
  airnet explain LEDGER --story FILE   and those of a story that was handed to you?
  airnet explain LEDGER --story FILE --numbers     of one in somebody else's words?

\b
Exit statuses
   0  told; with --check or --story: numbers and words are what the ledger says
   1  told, but the ledger does not verify, or a number or word is not borne out
  64  there is no ledger there, or no such incident in it
"""
)
@LEDGER
@click.argument("incident", required=False)
@click.option("--models", type=PATH, help="The models of that run, if not the shipped.")
@click.option("--unsigned", is_flag=True, help="Take models that nobody signed.")
@click.option("--check", is_flag=True, help="Check each line against what it cites.")
@click.option("--story", type=PATH, help="Check this text instead of telling it anew.")
@click.option("--numbers", is_flag=True, help="Check numbers only: others' words.")
@show.as_json
def explain(ledger: Path, incident: str | None, *, as_json: bool, **given: Any) -> int:
    """Tell the story of an INCIDENT (all of them by default) of a LEDGER directory.

    Every number cites the ledger entry it comes from, in square brackets. Where the
    model that judged is at hand, its decision is taken apart again: what each feature
    added against the model's benign cohort (exact Shapley values), in what range of
    each the model says exactly the same, and the smallest change with which it would
    not have said so. With --check, every number and every word is looked up in the
    entry its line cites, by another hand than the one that tells, and what the model
    said is computed once more, by onnxruntime too.
    """
    evidence, found, status = incidents_of(ledger)
    chosen = found if incident is None else [chosen_of(found, incident, ledger)]
    folder, is_signed = given["models"] or models_path(), not given["unsigned"]
    with as_written(ledger):
        told = [Told.of(one, evidence, folder, is_signed=is_signed) for one in chosen]
    story, is_ours = given["story"], not given["numbers"]
    check = given["check"] or given["numbers"] or story is not None
    texts = [(_text_of(story), told)] if story else [(one.text, [one]) for one in told]
    wrong: list[str] = []
    with as_written(ledger):
        for text, of in texts if check else ():
            wrong += unproved(text, of, evidence, is_ours=is_ours)
    if as_json:
        show.document([_document(one) for one in told] if story is None else wrong)
    elif story is None:
        _print(told)
    for what in wrong:
        show.say(f"not borne out: {what}")
    if check and not wrong and not as_json:
        what = "every number and word" if is_ours else "every number"
        show.say(f"{what} is what the ledger says")
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
        return whole(path).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"{path}: cannot be read: {error}", "name a text") from error
