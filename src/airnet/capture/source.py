"""Source, the role that brings frames in: a network interface or a capture file."""

from typing import TYPE_CHECKING, Protocol, runtime_checkable

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from airnet.capture.selection import Ignored


class Source(Protocol):
    """Brings Frames. One poll at a time; nothing is kept for a slow caller.

    `name` says what it is for people ("xdp native eth1", "day.pcapng"). `buffer` is
    where rows' `offset` points: uint8[n]; the array object may change at any poll, so
    it is read after each one. Rows and buffer stay valid until the next poll or close.
    `is_exhausted` turns true when a file has ended; an interface never ends.
    """

    name: str

    @property
    def is_exhausted(self) -> bool:
        """Whether a file has ended; an interface never does."""
        ...

    @property
    def buffer(self) -> "NDArray[np.uint8] | memoryview":
        """Where rows' `offset` points, until the next poll."""
        ...

    def poll(self, rows: "NDArray[np.void] | memoryview", wait_ms: int) -> int:
        """Fill FRAME[n] rows and return how many; 0 when nothing came in time.

        Raises:
            CaptureError: the interface went away, or the file is no capture. A file
                that ends inside a record is not an error: it is counted.
        """
        ...

    def counters(self) -> dict[str, int]:
        """Return counts since opening.

        `seen` is every frame the mirror showed us; `delivered` those given to poll's
        caller; every other key is a named reason, and
        seen == delivered + the sum of the reasons, exactly, once idle.
        """
        ...

    def close(self) -> None:
        """Detach and free; closing twice is harmless."""
        ...


@runtime_checkable
class Selective(Protocol):
    """A Source that takes order traffic only, and tells of the rest."""

    def ignored(self) -> "list[Ignored]":
        """Return the frames that were not taken, by kind."""
        ...

    def floods(self) -> dict[str, tuple[int, int, int]]:
        """Return about how many SYN, UDP and ICMP frames each watched address got."""
        ...


class Tape(Protocol):
    """Keeps frames as they were captured."""

    def write(
        self,
        rows: "NDArray[np.void] | memoryview",
        count: int,
        buffer: "NDArray[np.uint8] | memoryview",
    ) -> None:
        """Keep FRAME[count] rows and their bytes."""
        ...

    def mark(self, lost: int, seen: int) -> None:
        """Keep that `lost` of `seen` frames were lost since the last mark, up to here.

        It is called between the batches that `write` is called with.
        """
        ...
