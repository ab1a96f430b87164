"""Bench of ext/pcap.pyx with ext/pcapng.pyx: a pcapng file into FRAME rows."""

import numpy as np
from inputs import Input

from airnet.capture.pcap import PcapSource
from airnet.domain.frame import FRAME, FRAMES_MAX

source = PcapSource([Input().directory / "capture.pcapng"])
rows = np.zeros(FRAMES_MAX, FRAME)
count = 0
while not source.is_exhausted:
    count += source.poll(rows, 0)
print(count)
