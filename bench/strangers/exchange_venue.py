"""An exchange as its sessions know it: symbols, FIX as it is written, numbers."""

import time
from collections.abc import Callable
from typing import Any

from strangers.exchange_mirror import Mirror
from strangers.exchange_wire import MS, S


class Symbol:
    """What is traded: its price, and how often it is."""

    def __init__(self, name: str, price: float, weight: float) -> None:
        self.name, self.mid, self.weight = name, price, weight
        self.tick = 0.01


class Venue(Mirror):
    """The mirror of one exchange."""

    def __init__(self, name: str, seed: int, dur_ns: int = 0) -> None:
        super().__init__(name, seed, dur_ns)
        r = self.rng
        self.exec_n, self.order_n = r.randrange(10**6), r.randrange(10**7, 9 * 10**7)
        self.order_lead = r.choice(["", "X", "EX"])
        self.venue = r.choice(["XVENUE", "MTFONE", "EXCH1", "NORDEX", "ORDGW"])
        self.form = r.choice(["%s%02d", "%s_%s", "%s.%d", "%s-%02d"])
        self.p_rej = r.uniform(0.001, 0.012)
        self.has_micros = r.random() < 0.5
        self.syms: list[Symbol] = []
        self.endpoints: dict[str, str] = {}
        self.on_rej: Callable[[Any, Any], None] | None = None
        self._passwords: dict[str, str] = {}
        self._second = (-1, "")

    def run_agent(self, one: Any) -> None:
        """Have a session trade as it does."""
        raise NotImplementedError

    def password(self, comp: str) -> str:
        """Return the password of a CompID."""
        draw = self.rng.getrandbits
        return self.keep(self._passwords, comp, lambda: f"{draw(32):08x}")

    def stamp(self, t: int) -> str:
        """Return UTCTimestamp (FIX 4.4 volume 1)."""
        second, rest = divmod(t + self.base, S)
        if second != self._second[0]:
            text = time.strftime("%Y%m%d-%H:%M:%S.", time.gmtime(second))
            self._second = (second, text)
        part = f"{rest // 1000:06d}" if self.has_micros else f"{rest // MS:03d}"
        return self._second[1] + part

    def fix(
        self, kind: str, who: tuple[str, str], seq: int, t: int, body: str
    ) -> bytes:
        """Return a FIX message from one CompID to another."""
        head = f"35={kind}\x0149={who[0]}\x0156={who[1]}\x0134={seq}\x01"
        inner = f"{head}52={self.stamp(t)}\x01{body}"
        whole = f"8=FIX.4.4\x019={len(inner)}\x01{inner}".encode()
        return whole + b"10=%03d\x01" % (sum(whole) & 255)

    def pick_syms(self, count: int) -> list[Symbol]:
        """Return different symbols, what is traded often sooner."""
        found: list[Symbol] = []
        weights = [one.weight for one in self.syms]
        while len(found) < min(count, len(self.syms)):
            one = self.rng.choices(self.syms, weights)[0]
            if one not in found:
                found.append(one)
        return found

    def bad_logon(self, comp: str, seq: int, password: str, t: int) -> bytes:
        """Return the Logon of somebody who is not let in."""
        names = f"553={comp.lower()}\x01554={password}\x01"
        body = f"98=0\x01108=30\x01141=Y\x01{names}"
        return self.fix("A", (comp, self.venue), seq, t, body)

    def refusal(self, comp: str, t: int, text: str) -> bytes:
        """Return the Logout of somebody who is not let in."""
        return self.fix("5", (self.venue, comp), 1, t, f"58={text}\x01")
