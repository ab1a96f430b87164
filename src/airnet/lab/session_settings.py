"""The FIX engine's files: its data dictionary, and the settings of each end.

QuickFIX itself is loaded only by the processes that trade. Source of the settings:
QuickFIX 1.15, its configuration page.
"""

import importlib.metadata
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from airnet.clock import SystemClock
from airnet.errors import UnsupportedError

BEGIN_STRING = "FIX.4.4"
DICTIONARY = "FIX44.xml"
HEARTBEAT_S = 5
HALF_DAY_S, DAY_S, NS_PER_S = 43_200, 86_400, 1_000_000_000


def dictionary() -> Path:
    """Return the FIX 4.4 data dictionary that QuickFIX brought with it.

    Raises:
        UnsupportedError: it brought none.
    """
    for name in ("quickfix-ssl", "quickfix"):
        try:
            files = importlib.metadata.files(name) or []
        except importlib.metadata.PackageNotFoundError:
            continue
        for file in files:
            path = Path(str(file.locate())).resolve()
            if path.name == DICTIONARY and path.exists():
                return path
    path = Path(sys.prefix) / "share" / "quickfix" / DICTIONARY
    if path.exists():
        return path
    raise UnsupportedError(
        f"QuickFIX came without {DICTIONARY}", "pip install quickfix-ssl"
    )


def settings_text(
    common: Mapping[str, str], sessions: Sequence[Mapping[str, str]], clock: SystemClock
) -> str:
    """Return a QuickFIX settings file.

    The session's day begins half a day from now, so that no run meets its reset.
    """
    day_s = (clock.now_ns() // NS_PER_S + HALF_DAY_S) % DAY_S
    turn = f"{day_s // 3600:02d}:{day_s // 60 % 60:02d}:{day_s % 60:02d}"
    settings = {
        "BeginString": BEGIN_STRING,
        "StartTime": turn,
        "EndTime": turn,
        "HeartBtInt": str(HEARTBEAT_S),
        "ReconnectInterval": "1",
        "ResetOnLogon": "Y",
        "SocketNodelay": "Y",
        "UseDataDictionary": "Y",
        "DataDictionary": str(dictionary()),
        "TimestampPrecision": "6",
        **common,
    }
    parts = [("DEFAULT", settings), *(("SESSION", session) for session in sessions)]
    lines = []
    for title, values in parts:
        lines.append(f"[{title}]")
        lines += [f"{key}={value}" for key, value in values.items()]
    return "\n".join(lines) + "\n"
