"""NZX 2020: volumetric floods on the shared uplink; order entry itself is healthy.

From 2020-08-25 to 28 the New Zealand exchange halted on four days: its website and
the platform of the announcements it must publish were flooded from abroad, through
its network provider. What the floods were made of was not published: SYN, UDP and DNS
replies are ours.
Source: NZX, memorandum to participants (2020-08-26); Financial Markets Authority (New
Zealand), Market Operator Obligations Targeted Review - NZX (2021-01).
"""

from typing import Any

from airnet.twin.disturb import flood
from airnet.twin.plan import Plan
from airnet.twin.rows_strike import Service, Strike
from airnet.twin.spec import flooding

SPEC = flooding("packets a second: 30000 to 200 in four waves", "severe", spoofed=True)


def prepare(plan: Plan) -> None:
    """Flood with SYN, UDP and replies of resolvers, in waves."""
    rate = plan.easy(hardest=200.0, easiest=30_000.0)
    span = plan.span(0.4, 0.48)
    quarter = (span[1] - span[0]) // 4
    shares: dict[str, Any] = {"spoof": 1.0, "answers": 0.3}
    waves: tuple[tuple[Strike, dict[str, Any]], ...] = (
        (Strike.SYN, shares),
        (Strike.UDP, shares | {"bytes_min": 200, "bytes_max": 1400, "answers": 0.02}),
        (Strike.AMPLIFY, {"service": int(Service.DNS), "sources": 24}),
        (Strike.SYN, shares),
    )
    for number, (kind, how) in enumerate(waves):
        start_ns = span[0] + number * quarter
        wave = (start_ns, start_ns + int(quarter * 0.8))
        sizes = {"bytes_min": 900, "bytes_max": 1400} if kind is Strike.AMPLIFY else {}
        flood(plan, kind, wave, rate, **(sizes | how))
