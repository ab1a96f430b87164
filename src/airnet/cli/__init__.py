"""The command line: other people's scripts call it, so it is a contract.

Every command has `--json` (one document on standard output, nothing else there), logs
on standard error, and the exit statuses of airnet.errors: 0 done, 1 the answer is no,
64 usage, 65 bad input data, 69 the host lacks something, 70 our bug, 78 bad
configuration; 128 and the number of the signal that ended it.
"""

import gc
import importlib
import os
import sys
from collections.abc import Sequence

import click

from airnet import __version__
from airnet.cli import output
from airnet.cli.ending import Interrupted
from airnet.errors import EXIT_BUG, EXIT_DONE, EXIT_UNAVAILABLE, EXIT_USAGE, AirnetError

#: 128 and the number of SIGINT, as shells have it.
EXIT_INTERRUPTED = 130
CONTEXT = {"help_option_names": ["-h", "--help"], "max_content_width": 88}

EPILOG = """\b
Exit statuses
  0  done                          69  this host lacks something
  1  the answer is no              70  a bug of ours
 64  wrong usage                   78  bad configuration
 65  bad input data                130, 143  ended by SIGINT, SIGTERM

Shell completion: eval "$(_AIRNET_COMPLETE=bash_source airnet)" (or zsh_source,
fish_source) in your shell's start-up file.
"""

#: Where each command is; its module is loaded when it is called.
MODULES = {
    "bench": "trial",
    "controller": "live",
    "demo": "trial",
    "doctor": "inspect",
    "explain": "record",
    "incidents": "record",
    "lint": "inspect",
    "replay": "replay",
    "run": "live",
    "verify": "record",
}


class Commands(click.Group):
    """Loads one command at a time: a replay need not wait for rich and os-ken."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return every command's name."""
        del ctx
        return sorted(MODULES)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Return one command, loaded."""
        del ctx
        if cmd_name not in MODULES:
            return None
        # What modules leave is never garbage; looking for it takes longer than they do.
        gc.disable()
        module = importlib.import_module(f"airnet.cli.{MODULES[cmd_name]}")
        gc.freeze()
        gc.enable()
        found: click.Command = getattr(module, cmd_name)
        return found


@click.group(cls=Commands, context_settings=CONTEXT, epilog=EPILOG)
@click.version_option(__version__, prog_name="airnet")
def airnet() -> None:
    """Autonomous incident response for high-frequency-trading networks.

    airnet reads a mirror of a trading network, decodes its orders, tells a flood or a
    runaway algorithm from a busy market, and contains the first two: proportionally,
    for a stated time, on the record. It never stands in an order's path.
    """


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; never shows a traceback for data.

    Args:
        arguments: the command line without the program's name; sys.argv by default.
    """
    # We do no linear algebra: numpy's threads for it would only take CPU to start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        status = airnet.main(args=arguments, prog_name="airnet", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except click.Abort:
        output.say("interrupted")
        return EXIT_INTERRUPTED
    except Interrupted as error:
        output.say(f"interrupted by {error}: no output was kept")
        return error.exit_status
    except AirnetError as error:
        output.say(f"error: {error}")
        return error.exit_status
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_DONE
    except output.OutputError as error:
        output.say(f"error: standard output: {error}")
        # What is still buffered would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_UNAVAILABLE
    except Exception:  # noqa: BLE001 -- the last boundary: our bug, said as such
        import traceback  # noqa: PLC0415 -- nobody should need it

        traceback.print_exc()
        output.say(
            "error: this is a bug of airnet; please report it with the lines above"
        )
        return EXIT_BUG
    return status if isinstance(status, int) else EXIT_DONE


__all__ = ["MODULES", "airnet", "main"]
