"""A shot of the fast lane, slow and obvious: a hole after the other, by slices.

Reference of ext/shot.pyx.
"""

from collections.abc import Sequence

WIDTHS = {"cookie": 8, "seconds": 2, "xid": 4}


def filled(
    data: bytes,
    end: bytes,
    holes: Sequence[tuple[int, str]],
    told: dict[str, int],
    sources: Sequence[bytes],
    width: int,
) -> bytes:
    """Return data for each source, the holes filled, and the end with the xid."""
    made = b""
    for source in sources or [None]:
        one = data
        for at, name in holes:
            if name != "source":
                value = told[name].to_bytes(WIDTHS[name], "big")
            elif source is None:
                continue
            else:
                value = source[16 - width :]
            one = one[:at] + value + one[at + len(value) :]
        made += one
    return made + end[:4] + told["xid"].to_bytes(4, "big") + end[8:]
