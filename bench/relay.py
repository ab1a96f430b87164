"""Bench of ext/relay.pyx: frames through shared memory, written and read."""

import os

import numpy as np

from airnet._ext import relay
from airnet.domain.frame import FRAME, FRAMES_MAX

memory = np.zeros(relay.SHARED_BYTES + (1 << 22), np.uint8)
wake = os.eventfd(0, os.EFD_NONBLOCK)
writer, reader = relay.Writer(memory, wake), relay.Reader(memory, wake, -1)
frame, rows = np.zeros(314, np.uint8), np.zeros(FRAMES_MAX, FRAME)
count = 0
for _ in range(20):
    for number in range(4096):
        writer.write(frame, number, 0)
    writer.publish()
    count += reader.poll(rows, 0)
print(count)
