"""Fixtext: FIX 4.4 messages as templates whose fields have fixed widths.

Source: FIX 4.4 volume 4 (single orders), volume 2 (session), volume 1 (BodyLength,
CheckSum).
"""

import re
from typing import Final

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
Column = NDArray[np.int64]

SOH: Final = "\x01"
HEAD = "35={kind}|49={from}|56={to}|34=<sequence:6>|52=20261102-<clock:12>|"
PARTIES = "453=2|448=TRADER<firm:2>|447=D|452=11|448=DESK<firm:2>|447=D|452=13|"
ORDER = (
    "1=ACCOUNT-<firm:2>|21=1|55=<symbol:4>|54=<side:1>|38=<quantity:3>|40=2|"
    "44=<units:3>.<cents:2>|59=0|"
)
NEW_ID, OLD_ID = "11=F<firm:2>-20261102-<order:7>|", "41=F<firm:2>-20261102-<old:7>|"
REPORT = (
    "37=ORD-<firm:2>-<order:7>|11=F<firm:2>-20261102-<order:7>|"
    "17=EX-<firm:2>-<execution:8>|150={exec}|39={status}|1=ACCOUNT-<firm:2>|"
    "55=<symbol:4>|54=<side:1>|38=<quantity:3>|40=2|44=<units:3>.<cents:2>|59=0|"
    "32={last}|31=<units:3>.<cents:2>|151=<quantity:3>|14=0|6=0|"
    "60=20261102-<clock:12>|"
)
TIME = "60=20261102-<clock:12>|"
BODIES: Final = {
    "logon": ("A", "98=0|108=30|553=FIRM<firm:2>|554=secret|"),
    "heartbeat": ("0", ""),
    "new": ("D", NEW_ID + PARTIES + ORDER + TIME),
    "cancel": (
        "F",
        OLD_ID + NEW_ID + "1=ACCOUNT-<firm:2>|55=<symbol:4>|"
        "54=<side:1>|38=<quantity:3>|" + TIME,
    ),
    "replace": ("G", OLD_ID + NEW_ID + ORDER + TIME),
    "accepted": ("8", REPORT.format(exec=0, status=0, last=0)),
    "filled": ("8", REPORT.format(exec="F", status=1, last=100) + PARTIES),
    "cancelled": ("8", OLD_ID + REPORT.format(exec=4, status=4, last=0)),
    "replaced": ("8", OLD_ID + REPORT.format(exec=5, status=5, last=0)),
}


class Text:
    """One kind of message: its bytes, and where each field of it lies."""

    def __init__(self, name: str, *, is_up: bool) -> None:
        """Lay out a message from the client, or from the gateway."""
        kind, body = BODIES[name]
        firm, venue = "FIRM<firm:2>", "VENUE"
        head = HEAD.replace("{kind}", kind)
        head = head.replace("{from}", firm if is_up else venue)
        head = head.replace("{to}", venue if is_up else firm)
        text = (head + body).replace("|", SOH)
        self.fields: dict[str, list[tuple[int, int]]] = {}
        plain = re.sub(r"<\w+:(\d+)>", lambda found: "0" * int(found[1]), text)
        start = f"8=FIX.4.4{SOH}9={len(plain)}{SOH}"
        done = len(start)
        last = 0
        for found in re.finditer(r"<(\w+):(\d+)>", text):
            done += found.start() - last
            self.fields.setdefault(found[1], []).append((done, int(found[2])))
            done += int(found[2])
            last = found.end()
        self.bytes = f"{start}{plain}10=000{SOH}".encode()

    def fill(self, rows: Bytes, columns: dict[str, Column], times_ns: Column) -> None:
        """Write the message into every row, its numbers from `columns`."""
        rows[:] = np.frombuffer(self.bytes, np.uint8)
        for name, places in self.fields.items():
            for at, width in places:
                part = rows[:, at : at + width]
                if name == "clock":
                    put_clock(part, times_ns)
                elif name == "symbol":
                    part[:] = SYMBOLS[columns["symbol"]]
                else:
                    put_number(part, columns[name])
        put_number(rows[:, -4:-1], rows[:, :-7].sum(axis=1, dtype=np.int64) % 256)


SYMBOLS: Final = np.frombuffer(
    b"ABCDBRNTCUREDAXIESTXFGBLGOLDHOILISTRJPYUKOSPLSEGMIBXNGASOMXSPALL", np.uint8
).reshape(-1, 4)


def put_number(part: Bytes, values: Column) -> None:
    """Write decimal digits, as many as there are columns."""
    rest = values
    for place in reversed(range(part.shape[1])):
        rest, digit = np.divmod(rest, 10)
        part[:, place] = digit + ord("0")


def put_clock(part: Bytes, times_ns: Column) -> None:
    """Write HH:MM:SS.mmm of the day."""
    part[:] = np.frombuffer(b"00:00:00.000", np.uint8)
    milli = times_ns // 1_000_000
    put_number(part[:, 0:2], milli // 3_600_000 % 24)
    put_number(part[:, 3:5], milli // 60_000 % 60)
    put_number(part[:, 6:8], milli // 1000 % 60)
    put_number(part[:, 9:12], milli % 1000)


#: What a client says and what the gateway answers, and how many of 256 are so.
KINDS: Final = (
    (Text("new", is_up=True), Text("accepted", is_up=False), 112),
    (Text("new", is_up=True), Text("filled", is_up=False), 38),
    (Text("cancel", is_up=True), Text("cancelled", is_up=False), 58),
    (Text("replace", is_up=True), Text("replaced", is_up=False), 40),
    (Text("heartbeat", is_up=True), Text("heartbeat", is_up=False), 8),
)
LOGON: Final = (Text("logon", is_up=True), Text("logon", is_up=False))
