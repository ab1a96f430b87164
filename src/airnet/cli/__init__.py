"""The command line: other people's scripts call it, so it is a contract.

Every command has `--json` (one document on standard output, nothing else there; also
of an error: {"error": {what, where, fault_of, remedy, exit_status}}), logs on standard
error, and the exit statuses of airnet.errors: 0 done, 1 the answer is no,
64 usage, 65 bad input data, 69 the host lacks something, 70 our bug, 78 bad
configuration; 128 and the number of the signal that ended it, SIGPIPE where nobody
read what was told to its end.
"""

import errno
import os
import sys

from airnet.cli import output, quick
from airnet.cli.ending import Interrupted
from airnet.errors import (
    EXIT_INTERRUPTED,
    EXIT_PIPE,
    EXIT_UNAVAILABLE,
    AirnetError,
    Stopped,
    UnsupportedError,
)

#: What a host lacks when a call fails so, whatever file it was about.
ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EMFILE, errno.ENFILE})
REMEDY = "check that path, its room and its rights"
#: What is compiled: of a tree that was pulled and not built, some of it is missing.
COMPILED = "airnet._ext"

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
    output.stand_in()
    words = sys.argv[1:] if arguments is None else list(arguments)
    is_document = "--json" in words
    try:
        return _run(words, is_document=is_document)
    except BrokenPipeError:
        output.drop()
        return EXIT_PIPE
    except output.OutputError as error:
        output.say(f"error: standard output: {error}")
        output.drop()
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
    except OSError as error:
        output.flush()  # click's own writing does not say that it was that
        if error.filename is None and error.errno not in ROOM:
            return _bug(is_document=is_document)
        name = os.fsdecode(error.filename or "this host")
        refused = UnsupportedError(f"{name}: {error.strerror}", REMEDY)
        return output.failure(refused, is_document=is_document)
    except ImportError as error:
        name = error.name or ""
        if not name.startswith(COMPILED):
            return _bug(is_document=is_document)
        stale = UnsupportedError(f"{name}: not built, or not all of it", "make build")
        return output.failure(stale, is_document=is_document)
    except MemoryError:
        refused = UnsupportedError("memory: there is no more", "give it more, or less")
        return output.failure(refused, is_document=is_document)
    except KeyboardInterrupt:
        stopped = Stopped("interrupted", "nothing was done")
        stopped.exit_status = EXIT_INTERRUPTED
        return output.failure(stopped, is_document=is_document)
    except Exception:  # noqa: BLE001 -- the last boundary: our bug, said as such
        return _bug(is_document=is_document)


def _bug(*, is_document: bool) -> int:
    """Tell what nobody foresaw; return its exit status."""
    import traceback

    traceback.print_exc()
    bug = AirnetError(
        "this is a bug of airnet", "please report it with the lines above"
    )
    return output.failure(bug, is_document=is_document)


__all__ = ["main"]
