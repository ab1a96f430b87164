"""What the live bench says: orders and their reports, all equally long."""

from airnet.twin.wire import ACK, PSH, Host, Path

CLIENT = Host(ip="10.9.0.1", mac=b"\x02\0\0\0\0\x01")
GATEWAY = Host(ip="10.9.0.2", mac=b"\x02\0\0\0\0\x02")
#: The low byte of the client's port is the flow's number.
CLIENT_PORT, GATEWAY_PORT = 0x9C00, 9878
TEMPLATES = 8
ORDER = (
    "35=D|49=FIRM1|56=VENUE|34={n:06}|52=20260105-09:30:00.{n:03}|11=O{n:010}|1=ACC7|"
    "21=1|55=ACME|54={side}|60=20260105-09:30:00.{n:03}|38={n:04}00|40=2|44=101.{n:02}|"
    "59=0|100=XDUB|"
)
REPORT = (
    "35=8|49=VENUE|56=FIRM1|34={n:06}|52=20260105-09:30:00.{n:03}|37=V{n:010}|"
    "11=O{n:010}|17=E{n:010}|150=0|39=0|1=ACC7|55=ACME|54={side}|38={n:04}00|40=2|"
    "44=101.{n:02}|32=0|31=0|151={n:04}00|14=0|6=0|60=20260105-09:30:00.{n:03}|"
)


def framed(body: str) -> bytes:
    """Return a FIX 4.4 message around a body; | stands for <SOH>."""
    text = body.replace("|", "\x01").encode()
    text = b"8=FIX.4.4\x019=%d\x01" % len(text) + text
    return text + b"10=%03d\x01" % (sum(text) % 256)


def padded(bodies: list[str]) -> list[bytes]:
    """Return messages around bodies, made equally long by their Text(58)."""
    bare = [f"{body}58=" for body in bodies]
    longest = max(len(body) for body in bare) + 1
    return [framed(body.ljust(longest, "x") + "|") for body in bare]


def frames() -> tuple[bytes, ...]:
    """Return frames with one message each: an order, its report, and so on."""
    up = Path(CLIENT, GATEWAY, (CLIENT_PORT, GATEWAY_PORT))
    down = Path(GATEWAY, CLIENT, (GATEWAY_PORT, CLIENT_PORT))
    bodies = [
        text.format(n=number, side=1 + number % 2)
        for number in range(1, TEMPLATES // 2 + 1)
        for text in (ORDER, REPORT)
    ]
    return tuple(
        (down if place % 2 else up).tcp(0, 0, PSH | ACK, payload, 0)
        for place, payload in enumerate(padded(bodies))
    )
