"""Bench of ext/gather.pyx: windows laid by as they close, sixteen at a time."""

import numpy as np

from airnet._ext.gather import Gather
from airnet.domain.session import SESSION
from airnet.domain.window import WINDOW, WINDOW_SESSION

sessions = np.zeros(16, SESSION)
sessions["number"] = np.arange(1, 17)
windows = np.zeros(16, WINDOW)
windows["kind"], windows["subject"] = WINDOW_SESSION, np.arange(16)
rows = np.zeros((16, 64), np.float32)
gather = Gather(sessions)
for _ in range(1000):
    gather.take(windows, rows)
print(len(gather.gathered()[1]))
