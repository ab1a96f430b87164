"""Mass, what the lab's order gateway answers to requests about many orders at once.

OrderMassCancelRequest (35=q) and OrderMassStatusRequest (35=AF), for one's own orders
or, by the risk session, on behalf of (115) another. A repeated ClOrdID(11) of a mass
cancel changes nothing: the same answer is given again. Source: FIX 4.4, volume 4; what
it leaves open, an answer when no order is open, is one report with
TotNumReports(911)=0.
"""

from collections.abc import Callable, Collection, Sequence
from typing import Protocol

from airnet.clock import Clock
from airnet.lab import fix
from airnet.lab.fix import Fields
from airnet.lab.throttle import COMMANDS_MAX

#: MassCancelRequestType(530) and MassStatusReqType(585), all orders; and what
#: MassCancelResponse(531) says of a request that is refused.
CANCEL_ALL, STATUS_ALL, REFUSED = "7", "7", "0"

Answers = list[tuple[str, dict[str, str]]]


class Floor(Protocol):
    """What it needs of the venue."""

    def cancel_all(self, comp_id: str) -> int:
        """Cancel every open order of a session and return how many there were."""
        ...

    def reports(self, comp_id: str) -> Sequence[dict[str, str]]:
        """Return an ExecutionReport's fields for each open order of a session."""
        ...


class Mass:
    """Answers for the orders of sessions.

    Args:
        floor: the venue.
        clock: for TransactTime.
        risk: the CompID that may ask for others, or "".
        does: whether anything is cancelled at all, asked each time.
    """

    def __init__(
        self, floor: Floor, clock: Clock, risk: str, does: Callable[[], bool]
    ) -> None:
        self._floor = floor
        self._clock = clock
        self._risk = risk
        self._does = does
        self._given: dict[tuple[str, str], dict[str, str]] = {}

    def answers(
        self, comp_id: str, fields: Fields, sessions: Collection[str]
    ) -> Answers:
        """Return what one session is answered, MsgType and fields each."""
        whose = fields.get("115", comp_id)
        why = "" if comp_id in {whose, self._risk} else "not for others"
        if whose not in sessions:
            why = "not a session of this gateway"
        if fields["35"] == fix.MASS_STATUS:
            return self._status(fields, whose, why)
        return [(fix.MASS_REPORT, self._cancel(comp_id, fields, whose, why))]

    def _cancel(
        self, comp_id: str, fields: Fields, whose: str, why: str
    ) -> dict[str, str]:
        key = (comp_id, fields["11"])
        if key in self._given:
            return self._given[key]
        report = {
            "37": f"M{len(self._given):08d}",
            "11": fields["11"],
            "530": fields["530"],
            "60": fix.transact_time(self._clock.now_ns()),
        }
        if fields["530"] != CANCEL_ALL:
            why = why or "only all orders"
        if why:
            return report | {"531": REFUSED, "532": "99", "58": why}
        count = self._floor.cancel_all(whose) if self._does() else 0
        report |= {"531": CANCEL_ALL, "533": str(count)}
        if len(self._given) >= COMMANDS_MAX:
            del self._given[next(iter(self._given))]
        self._given[key] = report
        return report

    def _status(self, fields: Fields, whose: str, why: str) -> Answers:
        if not why and fields.get("585") != STATUS_ALL:
            why = "only all orders"
        if why:
            about = {"45": fields["34"], "372": fields["35"], "380": "0", "58": why}
            return [(fix.BUSINESS_REJECT, about)]
        reports = list(self._floor.reports(whose))
        count = {"584": fields["584"], "911": str(len(reports))}
        if not reports:
            nothing = {
                "37": "NONE",
                "17": "0",
                "150": fix.IS_STATUS,
                "39": fix.IS_REJECTED,
                "55": "NONE",
                "54": fix.BUY,
                "151": "0",
                "14": "0",
                "6": "0",
                "58": "no order is open",
            }
            return [(fix.REPORT, nothing | count | {"912": "Y"})]
        last = len(reports) - 1
        return [
            (fix.REPORT, one | count | {"912": "Y" if number == last else "N"})
            for number, one in enumerate(reports)
        ]
