"""Rows of attackers and of the mirror: numpy's side of ext/strike_rows.h.

Times are ns since the epoch; `source`, `target` and `line` are rows of HOST and LINE
(airnet.twin.rows_line). What each kind counts as its rate stands in the header.
"""

import enum

import numpy as np

NONE = 0xFFFFFFFF
BOTH = 0xFFFFFFFF


class Strike(enum.IntEnum):
    """What an attacker does, STRIKE_* of the header."""

    SYN = 1
    ACK = 2
    UDP = 3
    AMPLIFY = 4
    LOGON = 5
    DRIP = 6
    BRUTE = 7
    SCAN = 8
    EXFILTRATE = 9
    BEACON = 10
    TUNNEL = 11
    INJECT = 12
    REPLAY = 13
    FLAP = 14


class Service(enum.IntEnum):
    """Whose replies an amplification is made of."""

    DNS = 1
    NTP = 2
    MEMCACHED = 3


class Impairment(enum.IntEnum):
    """What is wrong with the mirror, SENSOR_* of the header."""

    LOSS = 1
    OVERFLOW = 2
    DUPLICATE = 3
    ONE_WAY = 4
    STEP = 5
    JITTER = 6
    REORDER = 7
    DRIFT = 8


STRIKE = np.dtype(
    [
        ("onset_ns", "<i8"),
        ("offset_ns", "<i8"),
        ("ramp_ns", "<i8"),
        ("period_ns", "<i8"),
        ("rate", "<f8"),
        ("duty", "<f8"),
        ("jitter", "<f8"),
        ("spoof", "<f8"),
        ("borrow", "<f8"),
        ("answers", "<f8"),
        ("kind", "<u4"),
        ("source", "<u4"),
        ("sources", "<u4"),
        ("target", "<u4"),
        ("targets", "<u4"),
        ("line", "<u4"),
        ("lines", "<u4"),
        ("incident", "<u4"),
        ("bytes_min", "<u4"),
        ("bytes_max", "<u4"),
        ("port", "<u2"),
        ("service", "u1"),
        ("pad", "u1", (5,)),
    ]
)

SENSOR = np.dtype(
    [
        ("onset_ns", "<i8"),
        ("offset_ns", "<i8"),
        ("ramp_ns", "<i8"),
        ("amount_ns", "<i8"),
        ("rate", "<f8"),
        ("run_frames", "<f8"),
        ("kind", "<u4"),
        ("direction", "<u4"),
        ("incident", "<u4"),
        ("pad", "<u4"),
    ]
)
