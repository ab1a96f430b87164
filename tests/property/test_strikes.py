"""Attackers send what their slow reference says: every packet, byte by byte."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings, strategies as st

from airnet._ext.twin import WIRE, World
from airnet.twin.rows_strike import STRIKE, Strike
from tests.reference import strikes as reference
from tests.twin import lines
from tests.twin.strikes import ICMP, kept, run

START_NS, SECOND_NS = lines.START_NS, lines.SECOND_NS
HOSTS = 6

row = st.fixed_dictionaries(
    {
        "onset_ns": st.integers(-SECOND_NS // 10, SECOND_NS // 2),
        "ramp_ns": st.sampled_from([0, 1, SECOND_NS // 3]),
        "period_ns": st.sampled_from([0, 40_000_000, 170_000_000]),
        "rate": st.sampled_from([3.0, 40.0, 300.0]),
        "duty": st.sampled_from([0.0, 0.3, 1.0]),
        "jitter": st.sampled_from([0.0, 0.5, 1.0]),
        "spoof": st.sampled_from([0.0, 0.4, 1.0]),
        "answers": st.sampled_from([0.0, 0.5, 1.0]),
        "source": st.integers(0, HOSTS - 3),
        "sources": st.integers(1, 3),
        "target": st.integers(0, HOSTS - 3),
        "targets": st.integers(1, 3),
        "bytes_min": st.sampled_from([0, 1, 60, 600, 1400]),
        "bytes_max": st.sampled_from([0, 180, 1472, 4000]),
        "port": st.integers(1, 65535),
        "service": st.integers(1, 3),
    }
)


def table(kind: int, fields: dict[str, Any]) -> Any:
    """Return one STRIKE row that lasts to the first second's end."""
    made = np.zeros(1, STRIKE)
    for name, value in fields.items():
        made[name] = value
    made["kind"], made["incident"] = kind, 1
    made["onset_ns"] += START_NS
    made["offset_ns"] = START_NS + SECOND_NS
    if kind == Strike.EXFILTRATE:
        made["rate"] *= 3000
    if kind == Strike.AMPLIFY:  # a value of memcached begins with its head
        made["bytes_min"] = max(int(made["bytes_min"][0]), 40)
    return made


@pytest.mark.parametrize("kind", [*reference.SHOTS, *reference.FLOWS])
@settings(max_examples=8)
@given(st.integers(0, 2**64 - 1), row)
def test_a_strike_is_its_reference(
    kind: int, seed: int, fields: dict[str, Any]
) -> None:
    """Ends, flags, numbers, bytes are the same; times, but for the mirror's queue."""
    hosts, made = lines.hosts(HOSTS, 0), table(kind, fields)
    end_ns = START_NS + 2 * SECOND_NS
    world = World(seed, START_NS, end_ns, WIRE, host=hosts, strike=made)
    found = kept(run(world, end_ns))

    wanted = reference.Attacker(seed, 0, made[0], hosts).packets(START_NS)

    wanted = sorted(one for one in wanted if one.time_ns < end_ns - 10_000)
    # A port says what kind of ICMP it is, and its payload begins behind a word.
    seen = [
        (
            one.source,
            one.target,
            *((0, 0) if one.protocol == ICMP else one[5:7]),
            one.protocol,
            one.flags,
            one.sequence,
            one.acknowledged,
            one.payload,
        )
        for one in found
        if one.time_ns < end_ns - 10_000
    ]
    assert sorted(seen) == sorted(one[1:] for one in wanted)
    late = [
        one.time_ns - time_ns
        for one, time_ns in zip(
            found, sorted(packet.time_ns for packet in wanted), strict=False
        )
    ]
    # A logarithm may differ in the last place, each gap by 1 ns; the mirror port
    # takes a frame of 1,500 bytes in 0.5 us, and at most eight come at once.
    assert all(-len(wanted) <= each < 10_000 for each in late)


@pytest.mark.parametrize("kind", reference.SHOTS)
def test_the_reference_is_not_silent(kind: int) -> None:
    """A plain row of each kind has its rate, and is answered where that is asked."""
    made = table(
        kind,
        {"rate": 300.0, "answers": 1.0, "sources": 1, "target": 2, "targets": 1}
        | {"bytes_min": 600, "service": 1, "port": 9},
    )
    found = reference.Attacker(1, 0, made[0], lines.hosts(HOSTS, 0)).packets(START_NS)

    assert len(found) >= 2 * 299
