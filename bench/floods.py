"""Bench of ext/window.pyx: HEADER rows of SYN packets, each from another address."""

import numpy as np

from airnet.domain.frame import HEADER, NONE
from airnet.domain.message import MESSAGE
from airnet.features import Windows

COUNT, BATCH = 60_000, 4096
MAPPED = np.frombuffer(bytes(10) + b"\xff\xff", "u1")

headers = np.zeros(COUNT, HEADER)
headers["time_ns"] = 1_700_000_000_000_000_000 + np.arange(COUNT) * 1000
headers["frame_count"] = np.arange(COUNT)
numbers = np.arange(COUNT, dtype=np.uint32) * np.uint32(0x9E3779B1)
headers["source"][:, :12] = headers["target"][:, :12] = MAPPED
headers["source"][:, 12:] = numbers.astype(">u4").view("u1").reshape(-1, 4)
headers["target"][:, 12:] = (10, 9, 0, 1)
headers["target_port"], headers["session"] = 9878, NONE
headers["protocol"], headers["tcp_flags"] = 6, 0x02
stage, none = Windows([("10.9.0.1", 9878)], []), np.zeros(0, MESSAGE)
at = 0
while at < COUNT:
    at += stage.update(headers[at : at + BATCH], none)
print(COUNT)
