"""Channel, how a lab process talks to the one that started it: JSON lines on pipes.

Commands come on standard input, answers and counts go to standard output. When the
starter is gone its end of the pipe closes, and the process ends.
"""

import os
import select
import sys
from collections.abc import Mapping

import msgspec

READ_BYTES = 65_536
Json = dict[str, object]


class Lines:
    """Cuts a stream of bytes into JSON objects, one a line."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[Json]:
        """Return the objects completed by `data`; a line that is none is dropped."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        found = []
        for line in whole:
            try:
                found.append(msgspec.json.decode(line, type=Json))
            except msgspec.DecodeError:
                continue
        return found


class Channel:
    """The started end."""

    def __init__(self) -> None:
        self._lines = Lines()
        #: True when the starter has closed its end: it is time to go.
        self.is_closed = False
        self._input, self._output = sys.stdin.fileno(), sys.stdout.fileno()

    def poll(self, wait_s: float) -> list[Json]:
        """Return the commands that came within `wait_s`, as soon as there is one."""
        ready, _, _ = select.select([self._input], [], [], max(0.0, wait_s))
        if not ready:
            return []
        data = os.read(self._input, READ_BYTES)
        if not data:
            self.is_closed = True
        return self._lines.feed(data)

    def tell(self, kind: str, body: Mapping[str, object]) -> None:
        """Send one object; a starter that is gone will be noticed by `poll`."""
        line = msgspec.json.encode({"kind": kind, **body}) + b"\n"
        try:
            while line:
                line = line[os.write(self._output, line) :]
        except BrokenPipeError:
            self.is_closed = True
