"""The commands as click knows them: options, help, completion."""

import gc
import importlib
import sys
from collections.abc import Mapping, Sequence
from typing import ClassVar

import click

from airnet import __version__
from airnet.errors import EXIT_DONE, EXIT_INTERRUPTED, EXIT_USAGE, Stopped, UsageError

CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 88}

EPILOG = """\b
Exit statuses
  0  done                          69  this host lacks something
  1  the answer is no              70  a bug of ours
 64  wrong usage                   78  bad configuration
 65  bad input data                130, 143  ended by SIGINT, SIGTERM
                                  141  nobody read the answer to its end

Shell completion: eval "$(_AIRNET_COMPLETE=bash_source airnet)" (or zsh_source,
fish_source) in your shell's start-up file.
"""

#: Where each command is, "module" or "module:name"; loaded when it is called.
MODULES = {
    "actions": "govern",
    "approve": "govern",
    "agent": "agent",
    "bench": "trial",
    "controller": "live",
    "demo": "trial",
    "doctor": "inspect",
    "explain": "record",
    "guard": "guard",
    "freeze": "govern",
    "incidents": "record",
    "lint": "inspect",
    "models": "models",
    "policy": "policies",
    "prove": "policies",
    "replay": "replay",
    "run": "live",
    "twin": "twin",
    "undo": "govern",
    "unfreeze": "govern",
    "verify": "record",
}


class Commands(click.Group):
    """Loads one command at a time: a replay need not wait for rich and os-ken."""

    modules: ClassVar[Mapping[str, str]] = MODULES

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name."""
        del ctx
        return sorted(self.modules)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command, loaded."""
        del ctx
        if cmd_name not in self.modules:
            return None
        module_name, _, name = self.modules[cmd_name].partition(":")
        # What modules leave is never garbage; looking for it takes longer than they do.
        gc.disable()
        module = importlib.import_module(f"airnet.cli.{module_name}")
        gc.freeze()
        gc.enable()
        found: click.Command = getattr(module, name or cmd_name)
        return found


@click.group(cls=Commands, context_settings=CONTEXT, epilog=EPILOG)
@click.version_option(__version__, prog_name="airnet")
def airnet() -> None:
    """Autonomous incident response for high-frequency-trading networks.

    airnet reads a mirror of a trading network, decodes its orders, tells a flood or a
    runaway algorithm from a busy market, and contains the first two: proportionally,
    for a stated time, on the record. It never stands in an order's path.
    """


def run(arguments: Sequence[str], *, is_document: bool = False) -> int:
    """Run one command and return its exit status; what is raised is not click's.

    `is_document`: with --json; wrong usage is told as every other error then.

    Raises:
        UsageError: the command line is wrong, and a document is wanted.
    """
    before = sys.stdout
    try:
        status = airnet.main(args=arguments, prog_name="airnet", standalone_mode=False)
    except click.ClickException as error:
        if is_document:
            path = (
                error.ctx.command_path
                if isinstance(error, click.UsageError) and (error.ctx)
                else "airnet"
            )
            raise UsageError(error.format_message(), f"see {path} --help") from error
        error.show()
        return EXIT_USAGE
    except click.Abort as error:
        stopped = Stopped("interrupted", "nothing was done")
        stopped.exit_status = EXIT_INTERRUPTED
        raise stopped from error
    except SystemExit as error:
        # When nobody reads, click puts something else in place of the stream and ends
        # so; rich ends so while it is told.
        if sys.stdout is not before or isinstance(error.__context__, BrokenPipeError):
            sys.stdout = before
            raise BrokenPipeError from error
        raise
    return status if isinstance(status, int) else EXIT_DONE
