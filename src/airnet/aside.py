"""Aside: what is said beside the work, on standard error, and may be lost.

A disk without room, a reader that is gone, a stream that was closed: nobody stops
watching, holding or switching because of it, and no exit status changes.
"""

import atexit
import contextlib
import os
import sys


def tell(text: str) -> None:
    """Write one line on standard error, as far as anybody takes it."""
    # A closed stream is a ValueError, and None where there was none from the start.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()


def forget() -> None:
    """Drop what standard error did not take: Python ends with 120 where any is left."""
    try:
        sys.stderr.flush()
    except OSError:
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, sys.stderr.fileno())
        os.close(nowhere)
        sys.stderr.flush()
    except (ValueError, AttributeError):  # as above
        return


# Of every process that has something to say here, however it ends.
atexit.register(forget)
