"""Commands that run until told to stop: run and controller."""

from pathlib import Path

import click

from airnet import log
from airnet.cli import show
from airnet.errors import EXIT_DONE, UsageError


@click.command(
    epilog="""\b
Examples
  airnet run --config /etc/airnet/airnet.toml
  airnet run --check && systemctl restart airnet

\b
Signals
  SIGTERM, SIGINT  drain the ring, write the last records, end with status 0
  SIGHUP           refused with a log line: a reload is a restart
  SIGUSR1          freeze: nothing above evidence until airnet unfreeze

\b
Exit statuses
   0  told to end, and everything was written
   1  the ledger cannot be written or does not verify: nothing more was done
  65  the interface cannot be read, or a model cannot be used
  69  this host lacks something: privileges, a port, room
  78  configuration, site or policy is wrong; or the policy enforces something and is
      not proved for this site (airnet prove), or not signed by a key of policy_keys
"""
)
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    default=Path("/etc/airnet/airnet.toml"),
    envvar="AIRNET_CONFIG",
    show_default=True,
    help="This host's configuration.",
)
@click.option(
    "--unproved",
    is_flag=True,
    help="Enforce a policy nobody proved or signed: in a laboratory.",
)
@click.option(
    "--check",
    "is_check",
    is_flag=True,
    help="End with status 0 where its policy may be enforced, else say why not.",
)
@click.option("--attached", hidden=True, help="What the half with privileges left.")
@click.option("--guarded", hidden=True, default="", help="The same, of the guard.")
@show.as_json
def run(
    file: Path,
    unproved: bool,
    is_check: bool,
    attached: str | None,
    guarded: str,
    as_json: bool,
) -> int:
    """Watch a mirror port and contain what policy says, until SIGTERM.

    Reads the interface that the configuration names and never sends on it. Decisions
    are in shadow unless the policy says otherwise. Containments in force end by
    themselves where they are enforced, whatever becomes of this process.

    It attaches with the privileges it is started with, then gives all of them up, and
    root's account where service.user names another, before it reads a frame.
    """
    from airnet.prove import certificate
    from airnet.service import configured, sensor
    from airnet.service.guardpost import guarded_from
    from airnet.service.watch import Service
    from airnet.shipped import policy_path

    log.configure()
    read = configured.read(file)
    config = read.config
    policy = file.parent / config.policy if config.policy else policy_path()
    site = file.parent / config.site if config.site else None
    if unproved:
        papers = certificate.read(policy, site)
    else:
        papers = certificate.permit(policy, site, config.policy_keys)
    if is_check:
        if as_json:
            show.document({"may_run": True})
        return EXIT_DONE
    if attached is None:
        sensor.begin(config, file.parent)
    handed = sensor.handed_over(attached)
    service = Service(read, papers, handed, guarded_from(guarded))
    service.run()
    if as_json:
        show.document(dict(vars(service.totals())))
    return EXIT_DONE


def _endpoint(value: str) -> tuple[str, int]:
    """Return HOST:PORT as a pair."""
    host, colon, port = value.rpartition(":")
    if not colon or not port.isdigit() or not 0 < int(port) < 65536:
        raise UsageError(
            f"--listen {value}: not HOST:PORT", "for example 127.0.0.1:6653"
        )
    return host.strip("[]"), int(port)


@click.command(
    epilog="""\b
Example
  airnet controller --listen 10.20.9.2:6653 --protected 10.20.0.10

\b
Exit statuses
   0  told to end by SIGTERM or SIGINT
  64  wrong usage
  69  it cannot listen there, or something it needs is missing
"""
)
@click.option(
    "--listen",
    default="127.0.0.1:6653",
    show_default=True,
    metavar="HOST:PORT",
    help="Where switches connect.",
)
@click.option(
    "--socket",
    "socket_path",
    default="/run/airnet/controller.sock",
    show_default=True,
    metavar="PATH",
    help="Unix socket on which `airnet run` asks for containments.",
)
@click.option(
    "--protected",
    multiple=True,
    metavar="ADDRESS",
    help="An address or prefix that no containment may match; repeat it.",
)
@click.option(
    "--path",
    "paths",
    multiple=True,
    metavar="GATEWAY=PORT[@MAC]",
    help="Where a reroute of GATEWAY may lead; with any, nowhere else. Repeat it.",
)
@click.option(
    "--tls",
    nargs=3,
    metavar="KEY CERTIFICATE CA",
    help="Speak TLS with switches that CA has signed; PEM files.",
)
@click.option("--standby", is_flag=True, help="Lead only when a client asks for it.")
@click.option(
    "--lane",
    metavar="HOST:PORT",
    help="Run the fast lane beside it; switches connect there as well.",
)
def controller(
    listen: str,
    socket_path: str,
    tls: tuple[str, str, str] | None,
    standby: bool,
    lane: str | None,
    **bounds: tuple[str, ...],
) -> int:
    """Serve OpenFlow 1.3 switches: put containments in force, leased by timeout.

    The same application runs in Ryu: see docs/operating.
    """
    from airnet.controller.framework import run as serve
    from airnet.controller.launch import Bounds, Tls

    log.configure()
    return serve(
        _endpoint(listen),
        socket_path,
        Bounds(**bounds),
        tls=Tls(*tls) if tls else None,
        standby=standby,
        lane=_endpoint(lane) if lane else None,
    )
