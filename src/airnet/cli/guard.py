"""Command guard: look at the guard on this host's port, switch it off, take it away."""

import ipaddress
import sys
from pathlib import Path
from typing import Any

import click

from airnet.cli import show
from airnet.clock import SystemClock
from airnet.config import Config, load
from airnet.domain.address import address_text
from airnet.errors import EXIT_DONE, ConfigError
from airnet.kernel.guard import PINS, KernelGuard, adopt, remove

NS_PER_MS = 1_000_000


@click.command(
    epilog="""\b
Examples
  airnet guard status
  airnet guard off             everything passes, whatever stands, at once
  airnet guard on              rules that have not ended hold again
  airnet guard remove          detach it; stop airnet first, or it stays attached

\b
Exit statuses
   0  done
  69  there is no guard on that port, or this process may not
  78  the configuration names no guarded port
"""
)
@click.argument("what", type=click.Choice(["status", "off", "on", "remove"]))
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    default=Path("/etc/airnet/airnet.toml"),
    envvar="AIRNET_CONFIG",
    show_default=True,
    help="This host's configuration, whose guard.interface is meant.",
)
@show.as_json
def guard(what: str, file: Path, as_json: bool) -> int:
    """See or change the guard on this host's port, whether airnet runs or not.

    Works beside a running airnet, and when it hangs: it only writes what the program
    in the kernel reads.
    """
    interface = load(file, Config).guard.interface
    if not interface:
        raise ConfigError(f"{file}: guard.interface: none is named", "name the port")
    if what == "remove":
        remove(interface)
        if as_json:
            show.document({"interface": interface, "is_attached": False})
        return EXIT_DONE
    with adopt(interface, PINS) as found:
        if what != "status":
            found.switch(is_on=what == "on")
        told = _told(found)
    if as_json:
        show.document(told)
    else:
        _print(told)
    return EXIT_DONE


def _told(found: KernelGuard) -> dict[str, Any]:
    """Return what the guard holds now, as plain values."""
    now_ns = SystemClock().mono_ns()
    tables = {
        "session": found.sessions,
        "source": found.sources,
        "gateway": found.gateways,
        "unread": found.unread,
        "confined": found.confined,
    }
    rules = [
        {
            "of": kind,
            "what": _words(kind, key),
            "decision": f"{rule.decision:016x}",
            "frames_per_second": 10**9 // rule.interval_ns if rule.interval_ns else 0,
            "ends_in_ms": (rule.until_ns - now_ns) // NS_PER_MS,
            "passed": rule.passed,
            "refused": rule.refused,
        }
        for kind, table in tables.items()
        for key, rule in found.rules(table)
        if rule.until_ns > now_ns
    ]
    return {
        "interface": found.interface,
        "is_on": found.is_on,
        "is_attached": found.is_attached,
        "known": len(list(found.known.keys())),
        "frames": found.counts(),
        "rules": rules,
    }


def _words(kind: str, key: bytes) -> str:
    """Return a rule's key in words."""
    if kind == "session":
        ports = [int.from_bytes(key[at : at + 2], sys.byteorder) for at in (32, 34)]
        ends = zip((key[:16], key[16:32]), ports, strict=True)
        return " to ".join(f"{address_text(one)} port {port}" for one, port in ends)
    if kind == "unread":  # frames that hide their ports
        source = address_text(key[:16]) if any(key[:16]) else "anybody"
        return f"{source} to {address_text(key[16:])}"
    if kind == "confined":
        peer = address_text(key[16:]) if any(key[16:]) else "new connections"
        return f"{address_text(key[:16])} from {peer}"
    if kind == "gateway":
        port = int.from_bytes(key[16:18], sys.byteorder)
        return f"{address_text(key[:16])} port {port or 'any'}"
    address = ipaddress.ip_address(address_text(key[4:20]))
    mapped = 96 if address.version == 4 else 0
    return f"{address}/{int.from_bytes(key[:4], sys.byteorder) - mapped}"


def _print(told: dict[str, Any]) -> None:
    out = show.console()
    state = "on" if told["is_on"] else "[red]OFF: everything passes[/red]"
    if not told["is_attached"]:
        state = "[red]not attached: everything passes[/red]"
    out.print(f"guard on {told['interface']}: {state}; {told['known']} known sessions")
    ends = ", ".join(f"{name} {count}" for name, count in told["frames"].items())
    out.print(f"frames: {ends}")
    columns = ("of", "what", "decision", "frames/s", "ends in ms", "passed", "refused")
    rows = [[str(value) for value in rule.values()] for rule in told["rules"]]
    out.print(show.table("Rules", columns, rows))
