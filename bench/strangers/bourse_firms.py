"""The firms at a bourse: their networks, and the habits that all their hosts share."""

import dataclasses
from typing import TYPE_CHECKING

from strangers.bourse_fix import in_36
from strangers.bourse_wire import Host
from strangers.exchange_dice import Dice

if TYPE_CHECKING:
    from strangers.bourse_link import Link

_ROOTS = (
    "NRD AXQ HBK TLM VEGA PIKE OBR KST QNT DLT MRX SGR "
    "ELM CRB JMP WTN FJD BAS ORI ZPH LUX GTE IVY RHO"
)
ROOTS = _ROOTS.split()


@dataclasses.dataclass(eq=False)
class Firm:
    """One firm."""

    root: str
    #: The first three bytes of its network, with a dot, and its router's MAC.
    net: str
    router: bytes
    hops: int
    #: The layout of its orders (0 to 3), of its headers, and the style of its ids.
    layout: int
    head_layout: int
    id_style: int
    is_us: bool
    account: str
    says_secid: bool
    beat_s: int
    #: The ns from its hosts to the mirror, about.
    delay: int
    has_stamps: bool
    acks: str
    password: str
    says_sub: bool
    count: int = 0
    hosts: list[Host] = dataclasses.field(default_factory=list)
    links: list["Link"] = dataclasses.field(default_factory=list)


def network(r: Dice) -> str:
    """Return the first three bytes of some firm's network."""
    return r.choice(
        (
            f"10.{r.randrange(20, 190)}.{r.randrange(256)}.",
            f"10.{r.randrange(20, 190)}.{r.randrange(256)}.",
            f"172.{r.randrange(17, 31)}.{r.randrange(256)}.",
            f"192.168.{r.randrange(10, 99)}.",
        )
    )


def found(r: Dice, root: str, net: str, router: bytes) -> Firm:
    """Return a firm of some habits."""
    hops, layout, head_layout = r.randrange(0, 4), r.randrange(4), r.randrange(4)
    id_style, is_us = r.randrange(6), r.random() < 0.5
    long, short = f"{root}{r.randrange(100, 999)}", str(r.randrange(10**5, 10**7))
    return Firm(
        *(root, net, router, hops, layout, head_layout, id_style, is_us),
        account=r.choice(("", long, short)),
        says_secid=r.random() < 0.35,
        beat_s=r.choice((1, 5, 5, 10, 10, 15, 20, 30, 30, 60)),
        delay=r.choice((4000, 5500, 7000, 9000, 15000, 40000)),
        has_stamps=r.random() < 0.8,
        acks=r.choice(("quick", "delay", "delay", "lazy")),
        password="" if r.random() < 0.6 else in_36(r.randrange(36**8), 8),
        says_sub=r.random() < 0.4,
    )
