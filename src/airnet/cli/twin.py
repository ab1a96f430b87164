"""The command group of the digital twin; each of its commands in a module of its own.

Whoever adds a command adds a line to COMMANDS; it is loaded when it is called.
"""

import click

from airnet.cli.group import CONTEXT, Commands

#: Where each command is: "module:name".
COMMANDS = {
    "curve": "tuning:curve",
    "diff": "study:diff",
    "evade": "evading:evade",
    "fit": "realism:fit",
    "keep": "keeping:keep",
    "lab": "twinlab:lab",
    "list": "twinplay:list_",
    "realism": "realism:realism",
    "rejudge": "keeping:rejudge",
    "run": "twinplay:run",
    "sweep": "days:sweep",
    "tune": "tuning:tune",
    "whatif": "twinwhatif:whatif",
    "write": "twinwrite:write",
}


class TwinCommands(Commands):
    """The twin's own commands."""

    modules = COMMANDS


@click.group(cls=TwinCommands, context_settings=CONTEXT)
def twin() -> None:
    """Play a market, a network and attackers in virtual time, with airnet watching.

    One seeded world makes the frames that the product's own pipeline reads; what it
    decides changes that world. So judgement and harm can be measured, a policy tried
    before it is trusted, and an incident played again as it would have been.
    """
