"""structlog set-up, called by entry points only; the core returns facts instead."""

import contextlib
import logging
import sys
from typing import TextIO, cast

import structlog


class _StandardError:
    """What standard error is when a line is written, not when logging was set up.

    Loggers are cached for good: one that outlives a stream would raise in the thread
    that has something to say. And a line that cannot be written, for want of room or
    of a reader, is lost: nobody stops watching, or holding, because of it.
    """

    def write(self, text: str) -> int:
        try:
            return sys.stderr.write(text)
        except OSError:
            return 0

    def flush(self) -> None:
        with contextlib.suppress(OSError):
            sys.stderr.flush()


def configure(*, json: bool | None = None, level: int = logging.INFO) -> None:
    """Send log lines to standard error: JSON under systemd, colour on a terminal.

    Args:
        json: force JSON on or off; by default JSON unless standard error is a
            terminal.
        level: the lowest level that is written.
    """
    as_json = not sys.stderr.isatty() if json is None else json
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer(sort_keys=True)
        if as_json
        else structlog.dev.ConsoleRenderer()
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(
            file=cast("TextIO", _StandardError())
        ),
        cache_logger_on_first_use=True,
    )
