"""Commands that look before anything runs: doctor and lint."""

import contextlib
import re
import tomllib
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import click
import msgspec
from rich.markup import escape
from rich.text import Text

from airnet.act.masscancel import MassCancelActuator
from airnet.act.openc2 import control_problems
from airnet.act.orders import OrdersActuator
from airnet.act.people import Approvers
from airnet.act.process import Agents
from airnet.agent.settings import Settings
from airnet.cli import show
from airnet.cli.dated import NS_PER_S, calendar_problems
from airnet.clock import SystemClock
from airnet.config import Config, Site, load
from airnet.decide import Judge
from airnet.decide.policy import Policy
from airnet.decide.problems import problems
from airnet.decide.problems_ladder import PROCESS, enforces
from airnet.decide.problems_names import resigned_problems
from airnet.decide.problems_paths import unported, way_problems
from airnet.decide.reading import read_policy
from airnet.domain.verdict import CONTAINABLE
from airnet.errors import EXIT_CONFIG, EXIT_DONE, EXIT_UNAVAILABLE, AirnetError
from airnet.features.schema import SCHEMAS
from airnet.kernel.probe import probe
from airnet.score.rules import RULES
from airnet.toml import line_of, read_text, tree_of

_YES, _NO = Text("yes", style="green"), Text("no", style="yellow")
#: What live capture cannot do without; everything else degrades.
REQUIRED = frozenset({"privileges", "onnxruntime"})
Kind = type[Config | Site | Policy | Approvers | Agents | Settings]
KINDS: tuple[Kind, ...] = (Config, Site, Policy, Approvers, Agents, Settings)
#: First words of what problems() says of a policy; all else is about the site.
POLICY_WORDS = re.compile(
    r"(cause|budget|market|hysteresis|trust)\.|resigned\[|few_sources_max|rule\b|"
    r"envelope\b|policy: "
)


@click.command(
    epilog="""\b
Example
  airnet doctor && airnet run --check

\b
Exit statuses
   0  live capture can run here, at least in its slowest form
  69  it cannot: privileges or the model runtime are missing
"""
)
@show.as_json
def doctor(as_json: bool) -> int:
    """Say what this host can do, and what each missing thing costs.

    Tries rather than guesses, in a namespace of its own, and leaves nothing behind.
    Needs no privileges to run; without them it says what they would give.
    """
    features = probe()
    if as_json:
        show.document(features)
    else:
        rows = [
            [
                _YES if feature.ok else _NO,
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


@click.command(
    epilog="""\b
Examples
  airnet lint /etc/airnet/airnet.toml      the site and policy it names, too
  airnet lint site.toml policy.toml
  airnet lint policy.toml --on 2027-01-04  will its calendar still hold then?

\b
Exit statuses
   0  nothing is wrong
  78  something is: one line each, with file, line and field
"""
)
@click.argument(
    "files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE..."
)
@click.option(
    "--on",
    "day",
    type=click.DateTime(["%Y-%m-%d"]),
    help="The day (UTC) by which dates are judged; today by default.",
)
@show.as_json
def lint(files: tuple[Path, ...], day: datetime | None, as_json: bool) -> int:
    """Check configuration, site, policy, approvers, agents and agent FILEs.

    Which of the six a file is, its keys tell. The files that a configuration names
    are checked as well, a policy against its site, and its market's hours by the day.
    """
    now_ns = SystemClock().now_ns()
    if day is not None:
        now_ns = int(day.replace(tzinfo=UTC).timestamp()) * NS_PER_S
    findings: dict[Path, Finding] = {}
    trees: dict[str, tuple[Path, object]] = {}
    waiting = list(files)
    while waiting:
        file = waiting.pop(0)
        if file in findings:
            continue
        kind = _kind(file)
        name = "agent" if kind is Settings else kind.__name__.lower()
        finding = Finding(file=show.plain(str(file)), kind=name, problems=[])
        findings[file] = finding
        try:
            tree = read_policy(file) if kind is Policy else load(file, kind)
            if kind is Policy:
                aged = calendar_problems(file, now_ns)
                finding.problems.extend(show.plain(one) for one in aged)
        except AirnetError as error:
            finding.problems.append(show.plain(str(error)))
            continue
        trees.setdefault(finding.kind, (file, tree))
        if isinstance(tree, Config):
            names = (tree.site, tree.policy, tree.approvers, tree.agents)
            named = [name for name in names if name]
            waiting += [file.parent / name for name in named]
    for about, problem in _together(trees, now_ns):
        owner = trees.get(about) or trees["site" if about == "policy" else "policy"]
        findings[owner[0]].problems.append(show.plain(problem))
    found = list(findings.values())
    if as_json:
        show.document(found)
    else:
        _print_findings(found)
    return EXIT_CONFIG if any(one.problems for one in found) else EXIT_DONE


def _kind(file: Path) -> Kind:
    """Return which of the six files this is: whose top-level keys it has most of."""
    try:
        keys = set(tree_of(read_text(file)))
    except (AirnetError, tomllib.TOMLDecodeError):
        keys = set()

    def likeness(kind: Kind) -> tuple[int, bool]:
        fields = set(kind.__struct_encode_fields__)
        return len(keys & fields), kind.__name__.lower() in file.name

    return max(KINDS, key=likeness)


def _together(
    trees: dict[str, tuple[Path, object]], now_ns: int
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong with a policy and a site together: kind of file, problem."""
    if "policy" not in trees and "site" not in trees:
        return
    policy_file, policy = trees.get("policy", (None, Policy()))
    site_file, site = trees.get("site", (None, Site()))
    assert isinstance(policy, Policy)
    assert isinstance(site, Site)
    for text in _judged(policy, site, now_ns):
        about = "policy" if POLICY_WORDS.match(text) else "site"
        file = policy_file if about == "policy" else site_file
        yield about, f"{file}{_place(file, text)}: {text}" if file else text
    yield from _held(trees, policy, site)
    if "policy" in trees and "config" in trees:
        for text in _unapproved(trees, policy):
            yield "policy", f"{policy_file}{_place(trees['policy'][0], text)}: {text}"


def _held(
    trees: dict[str, tuple[Path, object]], policy: Policy, site: Site
) -> Iterator[tuple[str, str]]:
    """Yield what is wrong between this host and others: agents, gateways."""
    asked = [rung.action for rung in policy.cause.algo_fault.rungs]
    _, config = trees.get("config", (None, None))
    is_mute = isinstance(config, Config) and not config.agents
    for action in sorted(PROCESS & set(asked)):
        if is_mute and "policy" in trees:
            where = trees["policy"][0]
            yield "policy", f"{where}: {action}, but airnet.toml names no `agents`"
    if isinstance(config, Config) and "site" in trees:
        actuators, where = config.actuators, trees["site"][0]
        controls = [gateway.control for gateway in site.gateways if gateway.control]
        with contextlib.suppress(AirnetError):  # told by what was judged
            for text in control_problems(
                controls, actuators.plain, has_identity=bool(actuators.certificate)
            ):
                yield "site", f"{where}: gateway.control {text}"
        for kind, text in way_problems(config.sdn, site):
            place = trees[kind][0]
            yield kind, f"{place}{_place(place, text)}: {text}"
    if isinstance(config, Config) and "policy" in trees:
        place = trees["policy"][0]
        if text := unported(policy, config.sdn):
            yield "policy", f"{place}{_place(place, text)}: {text}"
    file, agents = trees.get("agents", (None, None))
    hosts = {session.host for firm in site.firms for session in firm.sessions}
    if isinstance(agents, Agents) and hosts:
        for one in agents.places:
            if one.host not in hosts:
                yield "agents", f"{file}: agent of {one.host}: no session is from there"


def _unapproved(trees: dict[str, tuple[Path, object]], policy: Policy) -> Iterator[str]:
    """Yield which rungs nobody, or too few people of this host's, could agree to."""
    _, listed = trees.get("approvers", (None, Approvers()))
    assert isinstance(listed, Approvers)
    for cause in sorted(CONTAINABLE):
        rule = policy.contain(cause)
        if rule is None or not enforces(rule):
            continue
        for place, rung in enumerate(rule.rungs):
            able = sum(one.tier_max >= rung.tier for one in listed.people)
            if able < rung.approvals:
                yield (
                    f"cause.{cause.value}.rung[{place}].approvals: {rung.approvals} "
                    f"must agree, and the approvers of airnet.toml have {able} who "
                    f"may speak up to T{rung.tier:d}"
                )


def _judged(policy: Policy, site: Site, now_ns: int) -> list[str]:
    """Return what the parts that will work by them say of a policy and a site."""
    columns = {
        kind: {name: column for column, name in enumerate(schema.names)}
        for kind, schema in SCHEMAS.items()
    }
    found = []
    try:
        Judge(policy, site, columns)
        rules = (rule.name for kind in RULES.values() for rule in kind)
        found += problems(policy, site, rules)
        found += resigned_problems(policy, site, now_ns)
        OrdersActuator(site.gateways).close()
        MassCancelActuator(site.gateways)
    except AirnetError as error:
        found.append(str(error))
    return found


def _place(file: Path, text: str) -> str:
    """Return `:LINE` of what a problem names first, where it can be told."""
    source = read_text(file)
    dotted = re.match(r"(?:site: )?([\w.\[\]]+): ", text)
    parts = re.findall(r"\w+", dotted.group(1)) if dotted else []
    steps = tuple(int(part) if part.isdigit() else part for part in parts)
    place = line_of(source, steps) if steps else ""
    if place and not text.startswith("site: "):
        return place
    words = [word.strip("'\",()") for word in re.split(r":\d+:|:? ", text)]
    for number, line in enumerate(source.splitlines(), 1):
        if any(f'"{word}"' in line for word in words if word):
            return f":{number}"
    return place


def _print_findings(findings: list[Finding]) -> None:
    """Print what is wrong, or that nothing is."""
    out = show.console()
    for finding in findings:
        for problem in finding.problems:
            text = f"[red]{finding.kind}[/red] {escape(problem)}"
            out.print(text, soft_wrap=True)
        if not finding.problems:
            text = f"[green]good[/green] {finding.kind} {escape(finding.file)}"
            out.print(text, soft_wrap=True)
