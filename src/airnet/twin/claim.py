"""Claim: a directory of results that only one thing may be written into, by one.

What it is about is written down in it first; who comes with something else is refused,
and so is whoever comes while another writes. What a writer died over is cleared away.
"""

import contextlib
import fcntl
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from airnet import durable
from airnet.errors import UnsupportedError, UsageError


class Claim:
    """A directory that is this one's to write.

    Args:
        directory: made where it is missing.
        identity: the file's name that says what it holds.
        text: what that is.
        parts: the folder in it where finished work goes.
        told: says in a few words what another text is about.
    """

    def __init__(
        self,
        directory: Path,
        identity: str,
        text: bytes,
        parts: str,
        told: Callable[[bytes], str],
    ) -> None:
        self.directory = directory
        self._path = directory / identity
        self._text = text
        self._parts = directory / parts
        self._told = told

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        """Hold the directory.

        Raises:
            UsageError: it holds something else, or somebody writes there right now.
            UnsupportedError: it cannot be written.
        """
        try:
            self._parts.mkdir(parents=True, exist_ok=True)
            held = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY)
        except OSError as error:
            raise UnsupportedError(
                f"{self.directory}: cannot be made: {error.strerror}",
                "name another --output",
            ) from error
        try:
            self._lock(held)
            self._write()
            for left in self._parts.glob(".*.part"):
                left.unlink()  # a writer died over it
            yield
        finally:
            os.close(held)

    def _lock(self, held: int) -> None:
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise UsageError(
                f"{self.directory}: another sweep writes there",
                "wait for it, or name another --output",
            ) from error

    def _write(self) -> None:
        """Write down what it holds, or see that it is the same."""
        if not self._path.exists():
            durable.put(self._path, self._text)
            return
        found = self._path.read_bytes()
        if found != self._text:
            raise UsageError(
                f"{self.directory}: holds a sweep of something else: "
                f"{self._told(found)}",
                "name another --output, or give what it was begun with",
            )
