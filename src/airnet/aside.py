"""Aside: what is said beside the work, on standard error, and may be lost.

A disk without room, a reader that is gone, a stream that was closed: nobody stops
watching, holding or switching because of it, and no exit status changes.
"""

import contextlib
import sys


def tell(text: str) -> None:
    """Write one line on standard error, as far as anybody takes it."""
    # A closed stream is a ValueError, and None where there was none from the start.
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
