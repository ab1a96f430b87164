"""Command agent: hold algorithms' processes back on the host they run on."""

from pathlib import Path

import click

from airnet import log
from airnet.config import load
from airnet.errors import EXIT_DONE


@click.command(
    epilog="""\b
Examples
  airnet agent --config /etc/airnet/agent.toml
  airnet agent --thaw                   let go of what a killed agent may have held

\b
Exit statuses
   0  told to end by SIGTERM or SIGINT: nothing is held any more
   1  its keeper is gone: start it again
  69  it cannot listen there, or a cgroup is missing
  78  the configuration is wrong, or its identity cannot be used
"""
)
@click.option(
    "--config",
    "file",
    type=click.Path(path_type=Path),
    default=Path("/etc/airnet/agent.toml"),
    envvar="AIRNET_AGENT_CONFIG",
    show_default=True,
    help="This host's algorithms, and who may ask.",
)
@click.option(
    "--thaw", "is_thaw", is_flag=True, help="Hold nothing any more, and end at once."
)
def agent(file: Path, is_thaw: bool) -> int:
    """Throttle or freeze one algorithm's process when the sensor asks, by lease.

    Runs on a trading host, as root without most of its capabilities. It touches the
    cgroups that its configuration names and no other. Every lease ends here by itself;
    when this process dies, everything it held goes on.
    """
    from airnet.agent.server import run, thaw
    from airnet.agent.settings import Settings

    log.configure()
    settings = load(file, Settings)
    if is_thaw:
        thaw(settings)
        return EXIT_DONE
    return run(settings, file.parent)
