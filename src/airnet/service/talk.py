"""Talk: the lines that pass between people, the warden and the hands. JSON, one each.

A person's command connects to the warden's socket, sends one Request and gets one
Answer. The warden passes on what only the hands can do, and the hands answer it.
docs/governance.md has the protocol.
"""

from pathlib import Path

import msgspec

from airnet.config import Config
from airnet.domain.instruction import Ask, Peer, Signed
from airnet.errors import AirnetError

#: A longer line is none of ours.
LINE_BYTES_MAX = 65_536
#: An answer may list a thousand containments.
ANSWER_BYTES_MAX = 8 << 20

SOCKET = "airnet.sock"

NS_PER_S = 1_000_000_000
#: How long the hands may take to answer, before they are said to hang.
PATIENCE_NS = 5 * NS_PER_S
#: The last approval carries out: isolation alone may wait 5 s for orders to be gone,
#: and each gateway and switch has a timeout of its own.
CARRYING_NS = 20 * NS_PER_S

Json = dict[str, object]


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """Where a running airnet is talked to, and where its freeze is."""

    socket: Path
    directory: Path


def patience_ns(what: Ask) -> int:
    """Return how long the hands may take to answer that."""
    return CARRYING_NS if what is Ask.APPROVE else PATIENCE_NS


def place_of(config: Config, base: Path) -> Place:
    """Return where an airnet of this configuration is talked to.

    Relative paths of the configuration are under `base`.
    """
    directory = (base / config.service.ledger).parent
    own = config.service.socket
    return Place(socket=base / own if own else directory / SOCKET, directory=directory)


class Request(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a command asks; `signed` for everything but `actions`."""

    ask: Ask
    signed: Signed | None = None


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """What comes of it: `ok` and `what` was done, or why not and the `remedy`."""

    ok: bool
    what: str
    remedy: str = ""
    body: Json = {}


class Passed(msgspec.Struct, frozen=True, kw_only=True):
    """What the warden passes on to the hands; serial 0 wants no answer.

    `hold` is a freeze that the disk would not take.
    """

    serial: int = 0
    request: Request | None = None
    peer: Peer | None = None
    hold: str = ""


class Returned(msgspec.Struct, frozen=True, kw_only=True):
    """What the hands answer."""

    serial: int
    answer: Answer


def refused(error: AirnetError) -> Answer:
    """Return an error as an Answer."""
    return Answer(ok=False, what=error.what, remedy=error.remedy)


class Lines:
    """Cuts a stream of bytes into lines of bounded length."""

    def __init__(self, bytes_max: int) -> None:
        self._max = bytes_max
        self._rest = b""

    def feed(self, data: bytes) -> list[bytes]:
        """Return the lines that `data` completes.

        Raises:
            ValueError: one is too long.
        """
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > self._max or any(len(one) > self._max for one in whole):
            self._rest = b""
            raise ValueError(f"a line of more than {self._max} bytes")
        return whole
