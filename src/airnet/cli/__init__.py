"""The command line: other people's scripts call it, so it is a contract.

Every command has `--json` (one document on standard output, nothing else there), logs
on standard error, and the exit statuses of airnet.errors: 0 done, 1 the answer is no,
64 usage, 65 bad input data, 69 the host lacks something, 70 our bug, 78 bad
configuration; 128 and the number of the signal that ended it.
"""

import os
import sys
import traceback
from collections.abc import Sequence

import click

from airnet import __version__, log
from airnet.cli import inspect, live, record, show, trial
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


@click.group(context_settings=CONTEXT, epilog=EPILOG)
@click.version_option(__version__, prog_name="airnet")
def airnet() -> None:
    """Autonomous incident response for high-frequency-trading networks.

    airnet reads a mirror of a trading network, decodes its orders, tells a flood or a
    runaway algorithm from a busy market, and contains the first two: proportionally,
    for a stated time, on the record. It never stands in an order's path.
    """


for command in (
    trial.demo,
    live.run,
    record.replay,
    trial.bench,
    live.controller,
    inspect.doctor,
    inspect.lint,
    record.verify,
    record.explain,
    record.incidents,
):
    airnet.add_command(command)


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; never shows a traceback for data.

    Args:
        arguments: the command line without the program's name; sys.argv by default.
    """
    log.configure()
    try:
        status = airnet.main(args=arguments, prog_name="airnet", standalone_mode=False)
    except click.ClickException as error:
        error.show()
        return EXIT_USAGE
    except click.Abort:
        show.say("interrupted")
        return EXIT_INTERRUPTED
    except record.Interrupted as error:
        show.say(f"interrupted by {error}: no output was kept")
        return error.exit_status
    except AirnetError as error:
        show.say(f"error: {error}")
        return error.exit_status
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_DONE
    except show.OutputError as error:
        show.say(f"error: standard output: {error}")
        # What is still buffered would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_UNAVAILABLE
    except Exception:  # noqa: BLE001 -- the last boundary: our bug, said as such
        traceback.print_exc()
        show.say(
            "error: this is a bug of airnet; please report it with the lines above"
        )
        return EXIT_BUG
    return status if isinstance(status, int) else EXIT_DONE


__all__ = ["airnet", "main"]
