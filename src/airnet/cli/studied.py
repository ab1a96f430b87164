"""What the commands that study policies share: options, progress, tables."""

import contextlib
import functools
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import TypeVar

import click

from airnet.cli import output, show
from airnet.cli.given import Place, Real
from airnet.cli.twinplay import with_domain
from airnet.errors import UnsupportedError
from airnet.twin import casebook
from airnet.twin.plays import Play, Progress
from airnet.twin.pool import WORKERS_MAX, Local
from airnet.twin.priors import Case, chosen
from airnet.twin.sheet import Sheet, markdown

PATH = Place()
Command = TypeVar("Command", bound=Callable[..., object])

#: Seeds of one run; beyond it a sweep is meant.
SEEDS_MAX = 100_000


def with_scenarios(command: Command) -> Command:
    """Give a command its option --scenario."""
    return click.option(
        "--scenario",
        "scenarios",
        multiple=True,
        metavar="NAME",
        help="Only these, * as in a shell; repeatable. All by default.",
    )(command)


def with_seeds(default: int) -> Callable[[Command], Command]:
    """Give a command its options --seeds and --first-seed."""

    def give(command: Command) -> Command:
        command = click.option(
            "--first-seed",
            type=click.IntRange(0, 2**48),
            default=1,
            show_default=True,
            help="Of seeds that follow each other.",
        )(command)
        return click.option(
            "--seeds",
            type=click.IntRange(1, SEEDS_MAX),
            default=default,
            show_default=True,
            help="Episodes of each scenario.",
        )(command)

    return give


def with_priors(command: Command) -> Command:
    """Give a command its option --priors."""
    return click.option(
        "--priors", type=PATH, help="How often things happen; shipped table by default."
    )(command)


def with_workers(command: Command) -> Command:
    """Give a command its option --workers."""
    return click.option(
        "--workers",
        type=click.IntRange(1, WORKERS_MAX),
        help="Processes; every core by default. Changes the speed, never an answer.",
    )(command)


def with_difficulty(command: Command) -> Command:
    """Give a command its option --difficulty."""
    return click.option(
        "--difficulty",
        type=Real(0.0, 1.0),
        help="0 an incident shouts, 1 it hides; drawn from the seed by default.",
    )(command)


def with_season(command: Command) -> Command:
    """Give a command the options that say which trading days, and who plays them."""
    for give in (
        with_priors,
        with_domain,
        with_difficulty,
        click.option(
            "--seed",
            type=click.IntRange(0, 2**48),
            default=1,
            show_default=True,
            help="Of all.",
        ),
        with_workers,
        click.option(
            "--calm-samples",
            type=click.IntRange(1, 10_000),
            help="Episodes of calm a day; the priors say by default. More tighten the "
            "bound.",
        ),
        click.option(
            "--every-scenario",
            is_flag=True,
            help="Play each scenario every day, weighted by how rarely it comes.",
        ),
        with_scenarios,
        click.option(
            "--days",
            type=click.IntRange(1, 1_000_000),
            required=True,
            help="How many trading days.",
        ),
    ):
        command = give(command)
    return command


def play_in(domain: str) -> Play:
    """Return what plays scenarios in worlds of a domain."""
    return functools.partial(casebook.play, domain=domain)


def seeds_of(first: int, count: int) -> tuple[int, ...]:
    """Return the seeds that were asked for."""
    return tuple(range(first, first + count))


def cases_of(names: Sequence[str]) -> list[Case]:
    """Return the scenarios that were asked for.

    Raises:
        UsageError: a name fits none.
    """
    return chosen(casebook.cases(), names)


def local(workers: int | None) -> Local:
    """Return this host's workers."""
    return Local(workers or 0)


@contextlib.contextmanager
def progress(what: str, *, is_quiet: bool) -> Iterator[Progress]:
    """Show on standard error how far it is, if a person watches."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress as Bar,
        TextColumn,
        TimeRemainingColumn,
    )

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
    )
    out = Console(stderr=True)
    is_off = is_quiet or not out.is_terminal
    with Bar(*columns, console=out, transient=True, disable=is_off) as bar:
        task = bar.add_task(what, total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def tell(sheets: Iterable[Sheet]) -> None:
    """Print sheets as tables."""
    out = show.console()
    for sheet in sheets:
        if sheet.columns:
            out.print(show.table(sheet.title, sheet.columns, sheet.rows))
        else:
            out.print(output.plain(sheet.title), style="bold", markup=False)
        if sheet.note:
            out.print(sheet.note, markup=False)
        out.print()


def write_report(path: Path, title: str, sheets: Iterable[Sheet]) -> None:
    """Write sheets as Markdown.

    Raises:
        UnsupportedError: the file cannot be written.
    """
    save(path, markdown(title, sheets).encode())


def save(path: Path, content: bytes) -> None:
    """Write a file.

    Raises:
        UnsupportedError: it cannot be written.
    """
    try:
        path.write_bytes(content)
    except OSError as error:
        raise UnsupportedError(
            f"{path}: cannot be written: {error.strerror}", "name another place"
        ) from error
