"""Commands about policies: prove, and policy sign, show and calendar."""

from datetime import UTC, datetime
from pathlib import Path

import click
from rich.markup import escape

from airnet.cli import show
from airnet.clock import SystemClock
from airnet.config import Site, parse
from airnet.decide.reading import policy_of, read_policy
from airnet.domain.instruction import NS_PER_S
from airnet.errors import EXIT_DONE, EXIT_NO, LedgerError, UsageError
from airnet.toml import read_bytes, text_of

FILE = click.Path(path_type=Path)
DAY = click.DateTime(["%Y-%m-%d"])


@click.command(
    epilog="""\b
Examples
  airnet prove policy.toml --site site.toml
  airnet twin run policy.blind.incident.json      play a counterexample again

\b
Exit statuses
   0  every claim holds; POLICY.proof says so for `airnet run`
   1  one does not: what happens is printed, and kept beside the policy
  69  z3 is not installed: pip install 'airnet[policy]'
  78  policy or site is wrong
"""
)
@click.argument("policy", type=FILE)
@click.option(
    "--site",
    type=FILE,
    help="Whom it is for; without, every site, which `airnet run` takes for no proof.",
)
@show.as_json
def prove(policy: Path, site: Path | None, as_json: bool) -> int:
    """Prove of POLICY that no Decision whatever breaks a claim of docs/policy.md.

    Whatever was seen, whoever sent it, whatever stands already: the guardrails that
    run are given to a solver, which looks for one Decision that they let through and
    that breaks a claim.
    """
    from airnet.prove import certificate, incident, prover

    # Proved and certified are the same bytes, whatever becomes of the files meanwhile.
    text, where, place = read_bytes(policy), None, None
    read = policy_of(text, policy)
    if site is not None:
        where = read_bytes(site)
        place = parse(text_of(where, site), site, Site)
    proof = prover.prove(read, place)
    files = {}
    for result in proof.results:
        file = prover.incident_file(policy, result.claim, incident.SUFFIX)
        if result.incident is not None:
            incident.save(result.incident, file)
            files[result.claim] = str(file)
        else:
            file.unlink(missing_ok=True)
    path = certificate.beside(policy, certificate.PROOF)
    if proof.holds:
        made = certificate.certificate_of(text, where, proof.solver)
        certificate.write(policy, made)
    else:
        path.unlink(missing_ok=True)
    if as_json:
        claims = [{"claim": one.claim, "holds": one.holds} for one in proof.results]
        show.document(
            {
                "holds": proof.holds,
                "claims": claims,
                "incidents": files,
                "proof": str(path) if proof.holds else "",
                "solver": proof.solver,
            }
        )
        return EXIT_DONE if proof.holds else EXIT_NO
    out = show.console()
    for result in proof.results:
        word = "[green]proved[/]" if result.holds else "[red]broken[/]"
        out.print(f"{word}  {result.claim}: {result.promise}", soft_wrap=True)
        if result.incident is None:
            continue
        for line in incident.story(result.incident):
            out.print(f"          {escape(line)}", soft_wrap=True)
        out.print(f"          kept in {escape(files[result.claim])}", soft_wrap=True)
    if proof.holds:
        out.print(f"written {escape(str(path))}", soft_wrap=True)
    return EXIT_DONE if proof.holds else EXIT_NO


def play_incident(path: Path, *, as_json: bool) -> int:
    """Play a counterexample again; status 1 while the guardrails let it through.

    Raises:
        UsageError: it is none.
    """
    from airnet.prove import incident, lift

    found = incident.read(path)
    played = incident.play(found)
    is_broken = found.claim in played.broken
    judged = lift.lifted(found) if is_broken else None
    if as_json:
        show.document(
            {
                "claim": found.claim,
                "refused": played.refused,
                "broken": list(played.broken),
                "judged": judged,
            }
        )
        return EXIT_NO if is_broken else EXIT_DONE
    out = show.console()
    for line in incident.story(found):
        out.print(escape(line), soft_wrap=True)
    if played.refused is not None:
        out.print(f"[green]refused[/]: {escape(played.refused.why)}", soft_wrap=True)
    else:
        out.print(f"[red]let through[/]: breaks {', '.join(played.broken)}")
    if judged is not None:
        out.print(f"the judge comes to it by itself: {escape(judged.why)}")
    return EXIT_NO if is_broken else EXIT_DONE


@click.group()
def policy() -> None:
    """Sign a policy, show what is known of one, write a market's calendar."""


@policy.command(
    epilog="""\b
Example
  airnet policy sign policy.toml --key risk.pem

\b
Exit statuses
   0  signed; the public key is printed, for `policy_keys` in airnet.toml
  64  no Ed25519 key in that file
  78  the policy is wrong
"""
)
@click.argument("file", type=FILE, metavar="POLICY")
@click.option("--key", required=True, type=FILE, help="Ed25519 private key, PEM.")
@show.as_json
def sign(file: Path, key: Path, as_json: bool) -> int:
    """Sign POLICY, and its proof, as they are, after somebody has reviewed both."""
    from airnet.keys import private_key
    from airnet.prove import certificate

    public = certificate.sign(file, private_key(key))
    if as_json:
        show.document({"key": public})
    else:
        show.console().print(f"signed by {public}", soft_wrap=True)
    return EXIT_DONE


@policy.command(
    epilog="""\b
Examples
  airnet policy resign policy.toml --ledger /var/lib/airnet/ledger
  airnet policy resign policy.toml FIRM2@10.1.2.3 --by "B. Person" \\
                --ledger /var/lib/airnet/ledger

\b
Exit statuses
   0  without SCOPE: nothing is in doubt; with: it is written, with what is next
   1  without SCOPE: these are in doubt; with: the ledger knows no such doubt; or the
      ledger does not verify
  64  wrong usage, or there is no ledger
  78  the policy is wrong
"""
)
@click.argument("file", type=FILE, metavar="POLICY")
@click.argument("scope", required=False, default="")
@click.option(
    "--by", default="", metavar="NAME", help="Who looked, and answers for it."
)
@click.option(
    "--at",
    type=click.DateTime(["%Y-%m-%dT%H:%M:%S", "%Y-%m-%dT%H:%M:%SZ"]),
    help="When, UTC; now, if it is not given.",
)
@click.option("--ledger", type=FILE, help="Whose doubts they are.")
@show.as_json
def resign(
    file: Path,
    scope: str,
    by: str,
    at: datetime | None,
    ledger: Path | None,
    as_json: bool,
) -> int:
    """Sign a SCOPE again that had drifted: write into POLICY who looked, and when.

    Without SCOPE, list what is in doubt by LEDGER. A doubt ends when airnet starts
    with the policy that says so; prove and sign it first, as after every change. The
    ledger's next `start` entry then says who ended which doubt.
    """
    from airnet.service import resigning

    if (not scope and ledger is None) or (scope and not by.strip()):
        raise UsageError(
            "SCOPE needs --by; without SCOPE, --ledger is needed",
            "say who looked, or whose doubts to list",
        )
    doubts = [] if ledger is None else _doubts(file, ledger)
    if not scope:
        return _list_doubts(doubts, as_json=as_json)
    named = {str(one["scope"]) for one in doubts}
    named |= {name.partition("@")[0] for name in named}
    if ledger is not None and scope not in named:
        show.say(f"{ledger}: {scope} is not in doubt")
        if as_json:
            show.document({"doubts": doubts})
        return EXIT_NO
    now = datetime.fromtimestamp(SystemClock().now_ns() // NS_PER_S, UTC)
    written = resigning.resign(file, scope, by, at or now)
    if as_json:
        show.document(written)
        return EXIT_DONE
    out = show.console()
    out.print(escape(f"{written.scope} signed again by {written.by}"), soft_wrap=True)
    out.print("next: airnet prove, airnet policy sign, and a restart", soft_wrap=True)
    return EXIT_DONE


def _doubts(file: Path, ledger: Path) -> list[dict[str, object]]:
    """Return what is in doubt by a ledger.

    Raises:
        LedgerError: it does not verify: a doubt may be missing in what can be read.
        UsageError: there is no ledger.
    """
    from airnet.cli.record import as_written, require_ledger
    from airnet.record.file import verify
    from airnet.service import resigning

    require_ledger(ledger)
    problems = verify(ledger).problems
    if problems:
        raise LedgerError(
            f"{ledger}: does not verify: {problems[0]}",
            "do not rely on what it says is in doubt; run airnet verify",
        )
    with as_written(ledger):
        return resigning.doubts_of(file, ledger)


def _list_doubts(doubts: list[dict[str, object]], *, as_json: bool) -> int:
    """Print what is in doubt; status 1 where something is."""
    status = EXIT_NO if doubts else EXIT_DONE
    if as_json:
        show.document({"doubts": doubts})
        return status
    out = show.console()
    if not doubts:
        out.print("nothing is in doubt")
        return status
    names = ("scope", "kind", "since")
    rows = [[show.plain(str(one[name])) for name in names] for one in doubts]
    out.print(show.table("In doubt", names, rows))
    return status


@policy.command(
    name="show",
    epilog="""\b
Example
  airnet policy show policy.toml --site site.toml

\b
Exit statuses
   0  shown, also when nobody signed it and nothing is proved
  78  the policy is wrong
""",
)
@click.argument("file", type=FILE, metavar="POLICY")
@click.option("--site", type=FILE, help="The site it is meant for.")
@show.as_json
def show_(file: Path, site: Path | None, as_json: bool) -> int:
    """Say what POLICY enforces, its hash in the ledger, who signed, if it is proved."""
    from airnet.prove import certificate, claims
    from airnet.replay import digest

    read = read_policy(file)
    found = {
        "name": read.name,
        "sha256": digest(file),
        "enforces": list(claims.enforces(read)),
        "signed_by": list(certificate.signers(file)),
        "proof": certificate.fault(file, site) or "holds",
    }
    if as_json:
        show.document(found)
        return EXIT_DONE
    rows = [
        [name, show.plain(value if isinstance(value, str) else ", ".join(value))]
        for name, value in found.items()
    ]
    show.console().print(show.table(show.plain(str(file)), ("", ""), rows))
    return EXIT_DONE


@policy.command(
    epilog="""\b
Example
  airnet policy calendar XETR --from 2026-01-01 --to 2026-12-31 --output xetr.toml

\b
Exit statuses
   0  written; what the policy must say of it is printed
  64  no such exchange, or not on those days
  69  exchange_calendars is not installed, or the file cannot be written
"""
)
@click.argument("exchange")
@click.option("--from", "start", required=True, type=DAY, help="The first day.")
@click.option("--to", "end", required=True, type=DAY, help="The last day, in it too.")
@click.option(
    "--auctions",
    nargs=2,
    type=click.IntRange(0, 240),
    default=(10, 5),
    show_default=True,
    metavar="BEFORE AFTER",
    help="Minutes of auction before the open and after the close.",
)
@click.option("--output", required=True, type=FILE, help="The calendar file.")
@show.as_json
def calendar(
    exchange: str,
    start: datetime,
    end: datetime,
    auctions: tuple[int, int],
    output: Path,
    as_json: bool,
) -> int:
    """Write EXCHANGE's hours as plain intervals, half days and holidays included.

    EXCHANGE is a market identifier code (ISO 10383), as exchange_calendars knows it.
    Nothing asks that package afterwards: deciding reads the file.
    """
    from airnet.prove import hours

    days = start.date(), end.date()
    digest = hours.write(exchange, days, auctions, output)
    if as_json:
        show.document({"calendar": str(output), "sha256": digest})
    else:
        out = show.console()
        out.print("[market]", markup=False)
        out.print(f'calendar = "{escape(output.name)}"', soft_wrap=True)
        out.print(f'sha256 = "{digest}"', soft_wrap=True)
    return EXIT_DONE
