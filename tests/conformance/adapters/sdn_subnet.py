"""A subnet's quarantine at the switch under the kit: frames of many hosts, both ways.

That its orders are gone first is airnet.act.isolation's, whose adapters are beside.
"""

import contextlib
from collections.abc import Iterator

from airnet.domain.decision import Action, Decision, TargetType, Tier
from tests.conformance.adapters import sdn
from tests.conformance.ground import Ground
from tests.fakes.verdicts import MS, T0, drop

MARKS = sdn.MARKS
ground = sdn.ground
#: The first, one in the midst and the last host of it.
HOSTS = (1, 100, 254)


class SubnetRig(sdn.SdnRig):
    """A Decision cuts every host of a subnet off, whoever sends."""

    def decision(self, number: int) -> Decision:
        return drop(
            f"10.{10 + number}.7.0/24",
            action=Action.ISOLATE_SUBNET,
            tier=Tier.ISOLATE_SUBNET,
            target_type=TargetType.SUBNET,
            gateway="",
            port=0,
            until_ns=T0 + 60_000 * MS,
            why=self._why(number),
        )

    def holds(self, decision: Decision) -> bool:
        frames = _frames(decision)
        return sdn.soon(
            lambda: (
                not any(self._crosses(one) for one in frames)
                and not any(self._comes_back(one.back()) for one in frames)
            )
        )

    def is_free(self, decision: Decision) -> bool:
        return all(
            self._crosses(one) and self._comes_back(one.back())
            for one in _frames(decision)
        )

    def _hosts(self) -> list[str]:
        return [f"10.{10 + number}.7.1" for number in range(sdn.COUNT)]


def _frames(decision: Decision) -> list[sdn.Frame]:
    base = decision.target[0].removesuffix("0/24")
    return [sdn.Frame(f"{base}{host}") for host in HOSTS]


@contextlib.contextmanager
def rig(ground: Ground) -> Iterator[sdn.SdnRig]:
    """Give a switch with a controller, and a liar in between."""
    with sdn.rig(ground, SubnetRig) as found:
        yield found
