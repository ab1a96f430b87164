"""Commands that look before anything runs: doctor and lint."""

import tomllib
from pathlib import Path

import click
import msgspec

from airnet.cli import show
from airnet.config import Config, Site, load
from airnet.decide.policy import Policy, problems
from airnet.errors import EXIT_CONFIG, EXIT_DONE, EXIT_UNAVAILABLE, AirnetError
from airnet.kernel.probe import probe

#: What live capture cannot do without; everything else degrades.
REQUIRED = frozenset({"privileges", "onnxruntime"})


@click.command()
@show.as_json
def doctor(as_json: bool) -> int:
    """Say what this host can do, and what each missing thing costs.

    Tries rather than guesses, and leaves nothing behind. Exit status 69 when
    something live capture needs is missing.
    """
    features = probe()
    if as_json:
        show.document(features)
    else:
        rows = [
            [
                "[green]yes[/]" if feature.ok else "[yellow]no[/]",
                feature.name,
                feature.detail,
                "" if feature.ok else feature.costs,
            ]
            for feature in features
        ]
        columns = ("", "feature", "found", "what its lack costs")
        show.console().print(show.table("This host", columns, rows))
    lacking = any(feature.name in REQUIRED and not feature.ok for feature in features)
    return EXIT_UNAVAILABLE if lacking else EXIT_DONE


class Finding(msgspec.Struct, frozen=True, kw_only=True):
    """What lint says of one file."""

    file: str
    kind: str
    problems: list[str]


@click.command()
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@show.as_json
def lint(files: tuple[Path, ...], as_json: bool) -> int:
    """Check configuration, site and policy FILEs without starting anything.

    Which of the three a file is, its keys tell. A policy is also checked against the
    site given beside it. Exit status 78 when anything is wrong.
    """
    kinds = {file: _kind(file) for file in files}
    findings: list[Finding] = []
    trees: dict[str, object] = {}
    for file, kind in kinds.items():
        found: list[str] = []
        try:
            trees[kind.__name__] = load(file, kind)
        except AirnetError as error:
            found.append(str(error))
        name = kind.__name__.lower()
        findings.append(Finding(file=str(file), kind=name, problems=found))
    policy, site = trees.get("Policy"), trees.get("Site", Site())
    if isinstance(policy, Policy) and isinstance(site, Site):
        owner = next(f for f in findings if f.kind == "policy")
        owner.problems.extend(problems(policy, site))
    if as_json:
        show.document(findings)
    else:
        _print_findings(findings)
    wrong = any(finding.problems for finding in findings)
    return EXIT_CONFIG if wrong else EXIT_DONE


def _kind(file: Path) -> type[Config] | type[Site] | type[Policy]:
    """Return which of the three files this is, by its top-level keys."""
    try:
        keys = set(tomllib.loads(file.read_text("utf-8")))
    except (OSError, ValueError):
        return Config
    if keys & set(Config.__struct_encode_fields__):
        return Config
    if keys & set(Site.__struct_encode_fields__):
        return Site
    return Policy


def _print_findings(findings: list[Finding]) -> None:
    """Print what is wrong, or that nothing is."""
    out = show.console()
    for finding in findings:
        for problem in finding.problems:
            out.print(f"[red]{finding.kind}[/red] {problem}")
        if not finding.problems:
            out.print(f"[green]good[/green] {finding.kind} {finding.file}")
