from typing import Any, Protocol, Self, TypeAlias, final

import numpy as np
from numpy.typing import NDArray

ARMS: int
TARGETS: int
RULES: int
RANGES: int
SPARED_MAX: int
TEXT_BYTES: int
LIMIT: int
DROP: int
SHOT_BYTES: int
WHY: tuple[str, ...]

#: Number, close_ns, begun_ns, done_ns, until_ns, ttl_ns, action, rule, port, gateway,
#: sources: the fields of airnet.act.shot.Shot.
_Shot: TypeAlias = tuple[
    int, int, int, int, int, int, int, int, int, bytes, tuple[bytes, ...]
]

class _Placed(Protocol):
    @property
    def place(self) -> tuple[int, int]: ...

def shot_of(text: bytes) -> tuple[bytes, _Shot] | None:
    """Return an order's text and the shot in an intent's bytes; None: none there."""

@final
class Arms:
    """What is foreseen of gateways, and what is done of it.

    `screen` is a Screen, of whose state it takes a copy; RULE[n] and LIMIT[m] are the
    hard rules of gateways in order. `terms` are the columns of sources, packets,
    registered and top_share, the flood model's class of a flood, and a bit for each
    class of which a second opinion is asked. Nothing is carried out until `load`.
    """

    def __new__(
        cls,
        screen: _Placed,
        rules: NDArray[np.void],
        limits: NDArray[np.void],
        terms: tuple[int, ...],
    ) -> Self: ...
    @property
    def place(self) -> tuple[int, int]: ...
    def load(
        self,
        sources_fd: int,
        gateways_fd: int,
        room: NDArray[np.uint8],
        control: NDArray[np.uint64],
        frozen: bytes,
    ) -> None: ...
    def hold(self) -> None: ...
    def spare(self, addresses: bytes) -> bool: ...
    def spare_ranges(self, ranges: bytes) -> None: ...
    def unspare(self) -> None: ...
    def arm(self, given: tuple[Any, ...]) -> bool: ...
    def disarm(self, gateway: bytes = ...) -> None: ...
    @property
    def count(self) -> int: ...
    @property
    def gateways_left(self) -> int: ...
    @gateways_left.setter
    def gateways_left(self, count: int) -> None: ...
    @property
    def shot(self) -> _Shot | None: ...
    def forget(self) -> None: ...
    @property
    def counts(self) -> tuple[int, int]: ...
    @property
    def declined(self) -> tuple[int, ...]: ...
    @property
    def left(self) -> tuple[int, int, int]: ...
    def aim(
        self, windows: NDArray[np.void], rows: NDArray[np.float32]
    ) -> _Shot | None: ...
    def fire(self, windows: NDArray[np.void], rows: NDArray[np.float32]) -> None: ...
