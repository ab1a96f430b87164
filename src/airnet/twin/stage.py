"""Stage: what a play needs of a scenario, and of the world it sets up.

The loop knows nothing of books, lines and attackers: it is handed frames, and it may
contain. Whatever behaves so can be played.
"""

import enum
from typing import TYPE_CHECKING, Protocol

import msgspec

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from airnet._ext.stream import Stream
    from airnet.config import Site
    from airnet.twin.scenario import Expectation, Label


class Kind(enum.StrEnum):
    """Which twin of a scenario: as it is, or without its incident."""

    WHOLE = "whole"
    CALM = "calm"


class Place(msgspec.Struct, frozen=True, kw_only=True):
    """One line of the world as the mirror shows it: who speaks with which gateway.

    `port` is the client's of the first connection; it may change with the next one.
    """

    client: str
    port: int
    comp: str
    gateway: str
    gateway_port: int
    kind: str = "other"


class Account(msgspec.Struct, frozen=True, kw_only=True):
    """What one line did and got, from the world's start until now.

    `pnl_cents` is marked to the last price. `excess` counts messages a failing
    algorithm added, `fault_orders` those of its orders that reached the venue and
    `exposure_cents` what they traded. `refused` counts its legitimate new orders
    that a containment stopped; `late` those answered later than the venue promises,
    `late_ns` by how much in all; `unanswered` those that never were.
    """

    pnl_cents: int = 0
    messages: int = 0
    orders: int = 0
    excess: int = 0
    fault_orders: int = 0
    exposure_cents: int = 0
    refused: int = 0
    late: int = 0
    late_ns: int = 0
    unanswered: int = 0


class Book(msgspec.Struct, frozen=True, kw_only=True):
    """How dear a symbol was to trade: bid to ask in cents, summed over `widths` looks.

    `taken` is in shares, by orders that took what lay there.
    """

    width: int = 0
    widths: int = 0
    taken: int = 0


class World(Protocol):
    """A world in virtual time, as airnet._ext.twin.World is.

    `frames` is FRAME[FRAMES_MAX], where each run puts what the mirror showed, `buffer`
    where their `offset` points. `ended` says why the last run came back.
    """

    @property
    def frames(self) -> "NDArray[np.void]":
        """Where the mirror's frames are put."""
        ...

    @property
    def buffer(self) -> "NDArray[np.uint8]":
        """Where their bytes are."""
        ...

    @property
    def marks(self) -> "NDArray[np.uint32]":
        """Of each frame its incident, 0 where it is benign; in worlds of wire bytes."""
        ...

    @property
    def ended(self) -> int:
        """REACHED, FULL (read, and run again) or VOID (nothing counts)."""
        ...

    @property
    def now_ns(self) -> int:
        """Virtual time reached, ns since the epoch."""
        ...

    @property
    def events(self) -> int:
        """How many events of the kernel were taken."""
        ...

    @property
    def message_count(self) -> int:
        """How many messages the last run decoded, where it decodes."""
        ...

    @property
    def wire_bytes(self) -> int:
        """Bytes that have passed the switch."""
        ...

    @property
    def engine(self) -> tuple[int, int, int] | None:
        """What a Step runs this world by; None: `run` must be called next."""
        ...

    def attach(
        self,
        stream: "Stream",
        headers: "NDArray[np.void] | memoryview",
        messages: "NDArray[np.void] | memoryview",
    ) -> None:
        """Write the rows that `stream` would make of the frames, not the frames."""
        ...

    def run(self, until_ns: int) -> int:
        """Go on to `until_ns`, or until the output is full; return frames put."""
        ...

    def throttle(self, line: int, per_second: int, burst: int, until_ns: int) -> None:
        """Have the gateway refuse a line's new orders beyond a rate; cancels pass."""
        ...

    def block(self, line: int, form: int, directions: int, until_ns: int) -> None:
        """Cut a line: DROP, RESET or LOGOUT; directions 1 up, 2 down, 3 both."""
        ...

    def delay(self, line: int, extra_ns: int, until_ns: int) -> None:
        """Lead a line another way, so much longer in each direction."""
        ...

    def drop_source(
        self, address: bytes, bits: int, port: int, until_ns: int, target: bytes
    ) -> None:
        """Have the switch drop what a prefix sends to a port (0: any) of a host.

        `target` of zeros means any host.
        """
        ...

    def limit_strangers(
        self,
        gateway: bytes,
        port: int,
        known: bytes,
        per_second: int,
        burst: int,
        until_ns: int,
    ) -> None:
        """Have the switch police who is not known, at a gateway's port (0: any)."""
        ...

    def cancel_all(self, line: int) -> None:
        """Have the venue cancel all of a line's resting orders."""
        ...

    def disable(self, line: int) -> None:
        """Have the venue refuse a line everything, until it is released."""
        ...

    def release(self, line: int) -> None:
        """End what was done to a line."""
        ...

    def harm(self) -> list[dict[str, int]]:
        """Return what each line did and got, by line."""
        ...

    def books(self) -> list[dict[str, int]]:
        """Return how dear each symbol was to trade."""
        ...


#: Forms of cutting a line, and both directions of it, as the kernel has them.
DROP, RESET, LOGOUT = 1, 2, 3
UP, BOTH = 1, 3
REACHED, FULL, VOID = 0, 1, 2


def accounts_of(world: World) -> tuple[Account, ...]:
    """Return the Accounts of all lines."""
    return tuple(account_of(figures) for figures in world.harm())


def books_of(world: World) -> tuple[Book, ...]:
    """Return the Books of all symbols."""
    names = Book.__struct_fields__
    return tuple(
        Book(**{name: figures[name] for name in names}) for figures in world.books()
    )


def account_of(figures: dict[str, int]) -> Account:
    """Return the Account of a line's figures, as the kernel names them."""
    sums = {
        name: sum(figures.get(part, 0) for part in parts)
        for name, parts in _PARTS.items()
    }
    refused = figures.get("contained", 0) - figures.get("fault_contained", 0)
    return Account(**sums, refused=refused)


#: What is summed of the kernel's figures.
_PARTS = {
    "pnl_cents": ("profit",),
    "messages": ("orders", "replaces", "cancels"),
    "orders": ("orders",),
    "excess": ("fault_orders", "fault_replaces", "fault_cancels"),
    "fault_orders": ("fault_orders",),
    "exposure_cents": ("fault_traded",),
    "late": ("late",),
    "late_ns": ("late_ns",),
    "unanswered": ("unanswered",),
}


class Stage(Protocol):
    """A scenario under one seed and difficulty: everything but the run itself."""

    @property
    def scenario(self) -> str:
        """Its name."""
        ...

    @property
    def seed(self) -> int:
        """What it was drawn with."""
        ...

    @property
    def origin(self) -> dict[str, str]:
        """What, beside scenario and seed, it can be had again from."""
        ...

    @property
    def difficulty(self) -> float:
        """How hard: the scenario's own axis."""
        ...

    @property
    def severity(self) -> str:
        """`benign`, `mild`, `moderate` or `severe`: what the harm model scales by."""
        ...

    @property
    def span_ns(self) -> tuple[int, int]:
        """Virtual start and end, ns since the epoch."""
        ...

    @property
    def site(self) -> "Site":
        """The network as its engineers know it."""
        ...

    @property
    def labels(self) -> "tuple[Label, ...]":
        """What happens, in the order it begins."""
        ...

    @property
    def bystanders(self) -> frozenset[str]:
        """The addresses of everybody who does nothing wrong."""
        ...

    @property
    def expectation(self) -> "Expectation":
        """What must be made of it."""
        ...

    @property
    def lines(self) -> tuple[Place, ...]:
        """Who speaks on each line."""
        ...

    def world(self, kind: Kind, *, is_seen: bool, is_decoded: bool = False) -> World:
        """Return a fresh world; `is_seen`: with the mirror's frames.

        `is_decoded`: with their rows instead, once it is attached to a decoder.
        """
        ...
