"""An order as the firm that entered it knows it."""

import dataclasses

from strangers.bourse_market import Instrument


@dataclasses.dataclass(eq=False, slots=True)
class Ticket:
    """An order's identifiers, terms and state."""

    clid: str
    root: str
    inst: Instrument
    side: int
    price: int
    qty: int
    left: int
    tag: str
    #: When it was entered (ns).
    t: int
    #: new, live, replacing, leaving or done.
    state: str = "new"
    revisions: int = 0

    @property
    def is_live(self) -> bool:
        """Return whether it can be replaced or cancelled."""
        return self.state == "live"
