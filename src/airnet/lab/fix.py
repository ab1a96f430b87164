"""FIX 4.4 as the lab's ends speak it, through QuickFIX: settings, messages, sending.

The engine does sessions, framing, sequence numbers and times. A message is made from
and read as a plain mapping of tags: one call into the engine instead of one a field.
Source of the fields: FIX 4.4, volumes 3 and 4. Of the settings: QuickFIX 1.15.
"""

import datetime
import importlib.metadata
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import quickfix

from airnet.clock import SystemClock
from airnet.errors import UnsupportedError

BEGIN_STRING = "FIX.4.4"
SOH = "\x01"
DICTIONARY = "FIX44.xml"
HEARTBEAT_S = 5
HALF_DAY_S, DAY_S, NS_PER_S = 43_200, 86_400, 1_000_000_000

NEW, CANCEL, REPLACE, REPORT, CANCEL_REJECT = "D", "F", "G", "8", "9"
BUY, SELL = "1", "2"
#: ExecType (150) and OrdStatus (39).
IS_NEW, IS_PARTIAL, IS_FILLED, IS_CANCELED = "0", "1", "2", "4"
IS_REPLACED, IS_REJECTED, IS_TRADE = "5", "8", "F"

Fields = dict[str, str]


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


def read(message: quickfix.Message) -> Fields:
    """Return a message's fields by tag; the last of a repeated tag counts."""
    pairs = (part.partition("=") for part in message.toString().split(SOH))
    return {tag: value for tag, _, value in pairs}


def send(kind: str, fields: Mapping[str, str], session: quickfix.SessionID) -> bool:
    """Send a message; return False when the session is not logged on."""
    body = SOH.join(f"{tag}={value}" for tag, value in fields.items())
    text = f"8={BEGIN_STRING}{SOH}9=0{SOH}35={kind}{SOH}{body}{SOH}10=000{SOH}"
    # Not validated here: the engine fills in header, length and checksum.
    return bool(quickfix.Session.sendToTarget(quickfix.Message(text, False), session))


def transact_time(now_ns: int) -> str:
    """Return a UTCTimestamp with microseconds: 20240131-09:30:00.000123."""
    seconds, rest_ns = divmod(now_ns, NS_PER_S)
    moment = datetime.datetime.fromtimestamp(seconds, datetime.UTC)
    return f"{moment:%Y%m%d-%H:%M:%S}.{rest_ns // 1000:06d}"
