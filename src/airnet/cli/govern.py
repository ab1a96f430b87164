"""Commands by which people govern a running airnet."""

import getpass
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click
import msgspec
from click.shell_completion import CompletionItem
from rich.text import Text

from airnet.cli import show
from airnet.clock import SystemClock
from airnet.config import Config, load
from airnet.domain.instruction import (
    NS_PER_S,
    VALID_NS_MAX,
    Ask,
    Instruction,
    Signed,
)
from airnet.errors import EXIT_DONE, EXIT_NO, AirnetError, UnsupportedError, UsageError
from airnet.service.ask import ask, frozen_by_hand
from airnet.service.talk import Answer, Place, place_of

CONFIG = "/etc/airnet/airnet.toml"
PATH = click.Path(path_type=Path)
Command = TypeVar("Command", bound=Callable[..., object])

COLUMNS = (
    "id",
    "decided (UTC)",
    "state",
    "tier",
    "action",
    "target",
    "cause",
    "ends",
    "by, detail",
)
UNDOABLE = "standing", "underway", "retried", "proposed"
LEFT_ALONE = ("target", "cause", "undone by", "since (UTC)", "ends")
#: Of a moment as text, up to its seconds.
SECONDS = 19
STYLES = {
    "applied": "bold yellow",
    "underway": "bold yellow",
    "verified": "bold green",
    "proposed": "bold magenta",
    "failed": "bold red",
    "withheld": "red",
    "rolled_back": "cyan",
    "ended": "dim",
    "lapsed": "dim",
    "withdrawn": "cyan",
}
STATUSES = """\b
Exit statuses
   0  done
   1  refused, and why
  64  wrong usage
  69  no airnet answers
  78  its configuration is wrong"""


class Given(msgspec.Struct, frozen=True, kw_only=True):
    """Where airnet is talked to, and who talks to it, why, with which key."""

    place: Place
    by: str = ""
    reason: str = ""
    key: Path | None = None
    valid_s: int = 60

    def sign(self, what: Ask, subject: str = "") -> Signed:
        """Return the Instruction, signed when there is a key.

        Raises:
            UsageError: name, reason or key will not do.
        """
        now_ns = SystemClock().now_ns()
        instruction = Instruction(
            ask=what,
            by=self.by,
            reason=self.reason,
            subject=subject,
            at_ns=now_ns,
            until_ns=now_ns + self.valid_s * NS_PER_S,
        )
        problem = instruction.problem()
        if problem:
            raise UsageError(problem, "see --help")
        if self.key is None:
            return Signed(instruction=instruction)
        from airnet.act.people import sign
        from airnet.keys import private_key

        return sign(instruction, private_key(self.key))


def placed(command: Command) -> Command:
    """Give a command the options that say which airnet is meant."""
    config = click.option(
        "--config",
        "file",
        type=PATH,
        default=Path(CONFIG),
        envvar="AIRNET_CONFIG",
        show_default=True,
        help="The configuration of the airnet that is meant.",
    )
    where = click.option(
        "--socket", "path", type=PATH, help="Its socket, instead of --config."
    )
    return config(where(command))


_KEY = click.option(
    "--key",
    type=PATH,
    envvar="AIRNET_KEY",
    help="Your Ed25519 private key (PEM); or AIRNET_KEY.",
)


def person(command: Command) -> Command:
    """Give a command the options that say who speaks, and why."""
    by = click.option(
        "--by",
        default=getpass.getuser,
        show_default="your account",
        metavar="NAME",
        help="Who says so, as approvers.toml has the name.",
    )
    reason = click.option(
        "--reason", default="not given", metavar="TEXT", help="Why; it is recorded."
    )
    return by(reason(_KEY(command)))


def _place(file: Path, path: Path | None) -> Place:
    """Return where the airnet that is meant is talked to."""
    if path is not None:
        return Place(socket=path, directory=path.parent)
    return place_of(load(file, Config), file.parent)


def _answered(answer: Answer, *, as_json: bool) -> int:
    """Tell an answer, and return the exit status."""
    if as_json:
        show.document(answer)
    elif answer.ok:
        show.console().print(answer.what, markup=False, soft_wrap=True)
    if not answer.ok:
        remedy = f"; {answer.remedy}" if answer.remedy else ""
        show.say(f"refused: {answer.what}{remedy}")
    return EXIT_DONE if answer.ok else EXIT_NO


@click.command(
    epilog=f"""\b
Examples
  airnet actions
  airnet actions --json | jq -r '.proposed[].id'

{STATUSES}
"""
)
@placed
@show.as_json
def actions(file: Path, path: Path | None, as_json: bool) -> int:
    """List what stands, what waits for people, what ended, what is left alone.

    Each Decision has the id that `airnet approve` and `airnet undo` take. A freeze is
    told first. Times are UTC.
    """
    answer = ask(_place(file, path).socket, Ask.ACTIONS)
    if as_json:
        show.document(answer.body if answer.ok else answer)
    elif answer.ok:
        _print(answer.body)
    if not answer.ok:
        show.say(f"refused: {answer.what}; {answer.remedy}")
    return EXIT_DONE if answer.ok else EXIT_NO


def _print(body: dict[str, Any]) -> None:
    """Print what stands, waits and has ended."""
    out = show.console()
    frozen = body["frozen"]
    if frozen:
        out.print(f"FROZEN: {frozen['why']}", style="bold red", markup=False)
    titles = (
        ("In force", "standing", "nothing is in force"),
        ("Under way", "underway", ""),
        ("Failed, and tried again", "retried", ""),
        ("Waiting for people", "proposed", ""),
        ("Ended", "ended", ""),
    )
    for title, name, nothing in titles:
        rows = [_row(one, body["now_ns"]) for one in body[name]]
        if rows:
            out.print(show.table(title, COLUMNS, rows))
        elif nothing:
            out.print(nothing)
    if undone := [_veto(one, body["now_ns"]) for one in body["undone"]]:
        out.print(show.table("Undone, and left alone", LEFT_ALONE, undone))


def _veto(one: dict[str, Any], now_ns: int) -> list[object]:
    """Return what is not done again, and until when, as a row."""
    return [
        show.plain(one["target"]),
        one["cause"],
        show.plain(one["by"]),
        show.moment_text(one["since_ns"])[:SECONDS],
        f"in {max(one['until_ns'] - now_ns, 0) / NS_PER_S:.1f} s, unless it goes on",
    ]


def _row(one: dict[str, Any], now_ns: int) -> list[object]:
    """Return a Decision as a row."""
    left_ns = one["until_ns"] - now_ns
    ends = f"in {max(left_ns, 0) / NS_PER_S:.1f} s" if one["until_ns"] else "-"
    if not one["until_ns"] and one["state"] in ("applied", "verified"):
        ends = "by a named person"
    detail = one["detail"]
    if "needed" in one:
        names = ", ".join(one["approved_by"]) or "nobody"
        detail = f"approved by {names}; needs {one['needed']}"
    action, target = show.plain(one["action"]), show.plain(" ".join(one["target"]))
    return [
        show.plain(one["id"]),
        show.moment_text(one["t_ns"])[:SECONDS],
        Text(one["state"], style=STYLES.get(one["state"], "")),
        f"T{one['tier']}",
        action,
        target,
        one["cause"],
        ends,
        show.plain(detail or one["why"]),
    ]


def _ids(
    ctx: click.Context, param: click.Parameter, incomplete: str
) -> list[CompletionItem]:
    """Return the ids that a shell may complete: what waits, or stands."""
    del param
    file = ctx.params.get("file") or os.environ.get("AIRNET_CONFIG", CONFIG)
    try:
        place = _place(Path(file), ctx.params.get("path"))
        body: Any = ask(place.socket, Ask.ACTIONS).body
    except AirnetError:
        return []
    names = ("proposed",) if ctx.info_name == "approve" else UNDOABLE
    return [
        CompletionItem(one["id"], help=f"{one['action']} {' '.join(one['target'])}")
        for name in names
        for one in body.get(name, ())
        if one["id"].startswith(incomplete)
    ]


@click.command(
    epilog=f"""\b
Examples
  airnet approve 3f2a9c1b5d6e7f80 --by "Jane Doe" --key ~/jane.pem \\
      --reason "NORTH1 loops, desk informed"

\b
A key:   openssl genpkey -algorithm ed25519 -out jane.pem
Public:  openssl pkey -in jane.pem -pubout -outform DER | tail -c 32 | xxd -p -c 32

{STATUSES}
"""
)
@click.argument("decision", shell_complete=_ids)
@click.option(
    "--by",
    required=True,
    metavar="NAME",
    help="Who agrees, as approvers.toml has the name.",
)
@click.option("--reason", required=True, metavar="TEXT", help="Why; it is recorded.")
@_KEY
@click.option(
    "--valid",
    "valid_s",
    type=click.IntRange(1, VALID_NS_MAX // NS_PER_S),
    default=300,
    show_default=True,
    help="Seconds for which the approval counts.",
)
@placed
@show.as_json
def approve(decision: str, as_json: bool, **given: Any) -> int:
    """Agree to a DECISION that waits for people, by the id `airnet actions` has.

    It is carried out when as many people as it needs agree at the same time, each by
    a key of their own that approvers.toml lists. An approval lapses; so does what it
    is about, after ten minutes. Nothing else is approved by it, ever.
    """
    return _answered(_tell(Ask.APPROVE, decision, given), as_json=as_json)


@click.command(
    epilog=f"""\b
Examples
  airnet undo 3f2a9c1b5d6e7f80
  airnet undo 3f2a9c1b5d6e7f80 --reason "wrong session, desk called"

{STATUSES}
"""
)
@click.argument("decision", shell_complete=_ids)
@person
@placed
@show.as_json
def undo(decision: str, as_json: bool, **given: Any) -> int:
    """Let go of a DECISION in force, or withdraw one that waits.

    What would end by itself needs no key. What only a named person may end, a killed
    algorithm (T5) or an isolation (T6, T7), needs the --key of one who may.
    """
    return _answered(_tell(Ask.UNDO, decision, given), as_json=as_json)


@click.command(
    epilog=f"""\b
Example
  airnet freeze --reason "strange day"

\b
Also
  kill -USR1 PID                        of `airnet run` or its warden
  touch /var/lib/airnet/frozen          the file; removing it lifts the freeze
  echo LINE | nc -U airnet.sock         docs/governance has the lines

{STATUSES}
"""
)
@person
@placed
@show.as_json
def freeze(as_json: bool, **given: Any) -> int:
    """Let nothing above evidence leave from now on, until `airnet unfreeze`.

    Works while airnet hangs, and when it does not run: then the freeze file is made
    by this command, and airnet obeys it when it looks again, or starts. What stands
    goes on to its own end; `airnet undo` ends it now.
    """
    try:
        answer = _tell(Ask.FREEZE, "", given)
    except UnsupportedError:
        one = _given(given)
        what = frozen_by_hand(one.place.directory, one.sign(Ask.FREEZE).instruction)
        answer = Answer(ok=True, what=f"{what} (airnet does not answer)")
    return _answered(answer, as_json=as_json)


@click.command(
    epilog=f"""\b
Example
  airnet unfreeze --reason "it was a fail-over" --key jane.pem

{STATUSES}
"""
)
@person
@placed
@show.as_json
def unfreeze(as_json: bool, **given: Any) -> int:
    """Lift the freeze that stands; where approvers are listed, with --key.

    It lifts the freeze that this command found, and no other made meanwhile.
    """
    found = ask(_given(given).place.socket, Ask.ACTIONS)
    frozen: Any = found.body.get("frozen") or {}
    subject = str(frozen.get("id", ""))
    return _answered(_tell(Ask.UNFREEZE, subject, given), as_json=as_json)


def _given(options: dict[str, Any]) -> Given:
    """Return the options of a command as one value."""
    rest = dict(options)
    place = _place(rest.pop("file"), rest.pop("path"))
    return Given(place=place, **rest)


def _tell(what: Ask, subject: str, options: dict[str, Any]) -> Answer:
    """Say something to airnet, and return its answer.

    Raises:
        AirnetError: it could not be said.
    """
    one = _given(options)
    return ask(one.place.socket, what, one.sign(what, subject))
