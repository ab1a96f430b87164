from collections.abc import Sequence
from typing import Final, Self, final

COOKIE: Final[int]
SECONDS: Final[int]
XID: Final[int]
SOURCE: Final[int]
SWITCHES_MAX: Final[int]
FOR_THE_LANE: Final[int]
FIRED: Final[int]
UNTOLD: Final[int]

@final
class Plan:
    def __new__(
        cls,
        data: bytes,
        end: bytes,
        holes: list[tuple[int, int]],
        mark: int,
        seconds_max: int,
        address_bytes: int = 0,
    ) -> Self: ...
    def filled(
        self, decision: int, seconds: int, xid: int, sources: Sequence[bytes] = ()
    ) -> bytes: ...

@final
class Loan:
    def __new__(cls, number: int = 0, descriptors: Sequence[int] = ()) -> Self: ...
    @property
    def number(self) -> int: ...
    @property
    def turn(self) -> int: ...
    def write(self, data: bytes | bytearray) -> bool: ...
    def fire(
        self,
        plan: Plan,
        slot: int,
        decision: int,
        seconds: int,
        xid: int,
        lane: int,
    ) -> int: ...
    def close(self) -> None: ...
