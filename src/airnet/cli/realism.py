"""Commands that hold the twin against markets: realism, fit."""

import contextlib
import errno
from pathlib import Path
from typing import TYPE_CHECKING

import click

from airnet.cli import output
from airnet.cli.ending import ends_whole
from airnet.cli.given import Place, Real
from airnet.errors import EXIT_DONE, EXIT_NO, UnsupportedError, UsageError

if TYPE_CHECKING:
    from airnet.twin.realism import Finding, Report

PATH = Place()
FILE = click.Path(path_type=Path, exists=True, dir_okay=False)


@click.command(
    epilog="""\b
Examples
  airnet twin realism
  airnet twin realism --worlds 30 --seconds 300 --json
  airnet twin realism --site site.toml

\b
Output
  One line a moment: the median of the worlds, their range, the band it must be in.
  After that whose measurement each band is.

\b
Exit statuses
   0  every moment is in its band
   1  one is not
  64  wrong usage
  78  the site's file is wrong
"""
)
@click.option(
    "--worlds",
    type=click.IntRange(1, 1000),
    default=15,
    show_default=True,
    help="How many worlds; each moment is their median.",
)
@click.option(
    "--first-seed",
    type=click.IntRange(0),
    default=1,
    show_default=True,
    help="Of seeds that follow each other.",
)
@click.option(
    "--seconds",
    type=Real(60, 7200),
    default=150.0,
    show_default=True,
    help="Of virtual time, each.",
)
@click.option(
    "--domain",
    type=click.Choice(["train", "tune", "report"]),
    default="train",
    show_default=True,
    help="What the worlds are drawn from.",
)
@click.option("--sessions", type=click.IntRange(2, 400), help="Default: 50.")
@click.option("--symbols", type=click.IntRange(1, 400), help="Default: 20.")
@click.option(
    "--site",
    type=FILE,
    help="A fit: worlds of that domain, compared with that site.",
)
@output.as_json
def realism(*, as_json: bool, **given: object) -> int:
    """Compare the twin's order flow with that of real markets.

    Fano factors of arrivals, gaps, orders a trade, how long orders live, how much of
    the trading excites itself, the day's shape.
    """
    report = _report(**given)
    if as_json:
        output.document(report)
    else:
        _show(report)
    return EXIT_DONE if report.holds else EXIT_NO


def _report(**given: object) -> "Report":
    """Run the worlds that were asked for."""
    from airnet.twin import fit as fits
    from airnet.twin.moments import BANDS
    from airnet.twin.plan import Size
    from airnet.twin.ranges import domain
    from airnet.twin.realism import realism as measured

    first, worlds = int(str(given["first_seed"])), int(str(given["worlds"]))
    ranges, bands = domain(str(given["domain"])), BANDS
    sessions, symbols = given["sessions"] or 50, given["symbols"] or 20
    site = given["site"]
    if isinstance(site, Path):
        fitted = fits.load(site)
        ranges, bands = fitted.ranges, fitted.bands
        sessions = given["sessions"] or ranges.sessions[0]
        symbols = given["symbols"] or ranges.symbols[0]
    size = Size(
        duration_s=float(str(given["seconds"])),
        sessions=int(str(sessions)),
        symbols=int(str(symbols)),
    )
    seeds = range(first, first + worlds)
    return measured(ranges, seeds=seeds, size=size, bands=bands)


def _line(finding: "Finding") -> str:
    value, low, high = (
        "-" if number is None else f"{number:.4g}"
        for number in (finding.value, finding.lowest, finding.highest)
    )
    verdict = "ok" if finding.holds else "OUT"
    band = f"{finding.band.least:.4g} to {finding.band.most:.4g}"
    return (
        f"{finding.name:22}{value:>10}{low:>10} ..{high:>9}   {band:18} {verdict:4}"
        f" {finding.band.about}"
    )


def _show(report: "Report") -> None:
    click.echo(
        f"{report.worlds} worlds of {report.domain}, {report.seconds:g} s each, "
        f"{report.messages_per_s:.0f} messages a second"
    )
    click.echo(f"{'moment':22}{'median':>10}{'range':>22}   {'band':18}")
    for finding in report.findings:
        click.echo(_line(finding))
    sources = {finding.band.source: None for finding in report.findings}
    for source in sources:
        click.echo(f"  source: {source}")
    out = [finding.name for finding in report.findings if not finding.holds]
    click.echo(f"out of band: {', '.join(out)}" if out else "every moment is in band")


@click.command(
    epilog="""\b
Examples
  airnet twin fit site.pcapng --output site.toml
  airnet twin realism --site site.toml

\b
Output
  The moments of the capture's order flow, and with --output a TOML file of them and
  of a domain of worlds: as many sessions and symbols, the same mix of makers and
  takers, the gateway's latency, the trades' self-excitement.

\b
Exit statuses
   0  fitted
  64  the output is in the way
  65  no capture, or hardly an order in it
  69  no room for the output
"""
)
@click.argument("files", type=FILE, nargs=-1, required=True)
@click.option("--output", "output_", type=PATH, help="Where to write the fit.")
@output.as_json
def fit(files: tuple[Path, ...], output_: Path | None, *, as_json: bool) -> int:
    """Measure the order flow of a site's own capture FILES.

    They are read as airnet reads them; nothing of an order's content is kept.
    """
    from airnet.twin.fit import as_text, fit as fitted
    from airnet.twin.moments import BY_NAME

    if output_ is not None and output_.exists():
        raise UsageError(
            f"{output_}: is there already", "name a place that does not exist yet"
        )
    found = fitted(files, [])
    if output_ is not None:
        _write(output_, as_text(found))
    if as_json:
        output.document(found)
        return EXIT_DONE
    click.echo(
        f"{found.orders} orders and {found.trades} trades in {found.span_s:.1f} s, "
        f"{found.ranges.sessions[0]} sessions, {found.ranges.symbols[0]} symbols"
    )
    for name, band in BY_NAME.items():
        value = found.moments.get(name)
        said = "not measured: too short" if value is None else f"{value:10.4g}"
        click.echo(f"{name:22}{said:>12}   {band.about}")
    return EXIT_DONE


def _write(path: Path, text: str) -> None:
    """Write a file whole or not at all.

    Raises:
        UsageError: it cannot be written there.
        UnsupportedError: there is no room.
    """
    partial = path.with_name(f".{path.name}.partial")
    try:
        with ends_whole():
            partial.write_text(text, "utf-8")
            partial.rename(path)
    except OSError as error:
        kind = UnsupportedError if error.errno == errno.ENOSPC else UsageError
        raise kind(f"{path}: {error.strerror}", "name another place") from error
    finally:
        with contextlib.suppress(OSError):  # it was never begun
            partial.unlink()
