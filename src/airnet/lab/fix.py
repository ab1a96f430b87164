"""FIX 4.4 as the lab's ends speak it, through QuickFIX: messages and sending.

The engine does sessions, framing, sequence numbers and times. A message is made from
and read as a plain mapping of tags: one call into the engine instead of one a field.
Source of the fields: FIX 4.4, volumes 3 and 4.
"""

import datetime
from collections.abc import Mapping

import quickfix

from airnet.lab.session_settings import BEGIN_STRING, NS_PER_S

SOH = "\x01"

NEW, CANCEL, REPLACE, REPORT, CANCEL_REJECT = "D", "F", "G", "8", "9"
MASS_CANCEL, MASS_REPORT, MASS_STATUS, LOGON = "q", "r", "AF", "A"
BUSINESS_REJECT = "j"
BUY, SELL = "1", "2"
#: ExecType (150) and OrdStatus (39).
IS_NEW, IS_PARTIAL, IS_FILLED, IS_CANCELED = "0", "1", "2", "4"
IS_REPLACED, IS_REJECTED, IS_TRADE, IS_STATUS = "5", "8", "F", "I"

Fields = dict[str, str]


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
