"""The command line: other people's scripts call it, so it is a contract.

Every command has `--json` (one document on standard output, nothing else there; also
of an error: {"error": {what, where, fault_of, remedy, exit_status}}), logs on standard
error, and the exit statuses of airnet.errors: 0 done, 1 the answer is no,
64 usage, 65 bad input data, 69 the host lacks something, 70 our bug, 78 bad
configuration; 128 and the number of the signal that ended it.
"""

import os
import sys

from airnet.cli import output, quick
from airnet.cli.ending import Interrupted
from airnet.errors import EXIT_DONE, EXIT_UNAVAILABLE, AirnetError, Stopped

TYPE_CHECKING = False  # as in airnet.front
if TYPE_CHECKING:
    from collections.abc import Sequence


def main(arguments: "Sequence[str] | None" = None) -> int:
    """Run one command and return its exit status; never shows a traceback for data.

    Args:
        arguments: the command line without the program's name; sys.argv by default.
    """
    # We do no linear algebra: numpy's threads for it would only take CPU to start.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    words = sys.argv[1:] if arguments is None else list(arguments)
    is_document = "--json" in words
    try:
        return _run(words, is_document=is_document)
    except BrokenPipeError:
        sys.stderr.close()
        return EXIT_DONE
    except output.OutputError as error:
        output.say(f"error: standard output: {error}")
        # What is still buffered would fail once more when the interpreter ends.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return EXIT_UNAVAILABLE


def _run(words: "list[str]", *, is_document: bool) -> int:
    """Run one command; whatever fails it is told, and its exit status returned.

    Raises:
        OutputError, BrokenPipeError: standard output takes no more.
    """
    try:
        files = quick.files_of(words)
        if files:
            return quick.run(files)
        from airnet.cli import group

        return group.run(words, is_document=is_document)
    except Interrupted as error:
        stopped = Stopped(f"interrupted by {error}", error.kept)
        stopped.exit_status = error.exit_status
        return output.failure(stopped, is_document=is_document)
    except AirnetError as error:
        return output.failure(error, is_document=is_document)
    except (BrokenPipeError, output.OutputError):
        raise
    except Exception:  # noqa: BLE001 -- the last boundary: our bug, said as such
        import traceback

        traceback.print_exc()
        bug = AirnetError(
            "this is a bug of airnet", "please report it with the lines above"
        )
        return output.failure(bug, is_document=is_document)


__all__ = ["main"]
