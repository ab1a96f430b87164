"""A session's quarantine at the switch under the kit: one connection, and no other."""

import contextlib
from collections.abc import Iterator

import msgspec

from airnet.domain.decision import Action, Decision, Tier, with_id
from tests.conformance.adapters import sdn
from tests.conformance.ground import Ground
from tests.fakes.verdicts import MS, throttle

MARKS = sdn.MARKS
ground = sdn.ground
CLIENT, PORT = "10.9.1.1", 9878
#: Of the same client, and never cut.
OTHER = sdn.Frame(CLIENT, protocol=sdn.TCP, source_port=39_999, port=PORT)


class SessionRig(sdn.SdnRig):
    """A Decision cuts one TCP connection of a client off, both ways."""

    def decision(self, number: int) -> Decision:
        plain = throttle(number, action=Action.ISOLATE_SESSION, tier=Tier.ISOLATE_HOST)
        assert plain.session is not None
        ends = {"client": CLIENT, "gateway": sdn.GATEWAY}
        return with_id(
            msgspec.structs.replace(
                plain,
                session=msgspec.structs.replace(plain.session, **ends),
                gateway=sdn.GATEWAY,
                until_ns=plain.t_ns + 60_000 * MS,
                why=self._why(number),
            )
        )

    def holds(self, decision: Decision) -> bool:
        one = _frame(decision)
        is_cut = sdn.soon(
            lambda: not self._crosses(one) and not self._comes_back(one.back())
        )
        return is_cut and bool(self._crosses(OTHER))

    def is_free(self, decision: Decision) -> bool:
        one = _frame(decision)
        return bool(self._crosses(one) and self._comes_back(one.back()))

    def _hosts(self) -> list[str]:
        return [CLIENT]


def _frame(decision: Decision) -> sdn.Frame:
    assert decision.session is not None
    port = decision.session.client_port
    return sdn.Frame(CLIENT, protocol=sdn.TCP, source_port=port, port=PORT)


@contextlib.contextmanager
def rig(ground: Ground) -> Iterator[sdn.SdnRig]:
    """Give a switch with a controller, and a liar in between."""
    with sdn.rig(ground, SessionRig) as found:
        yield found
