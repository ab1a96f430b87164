"""What the drivers of this host's interfaces can do with XDP, without touching them.

Generic netlink's family `netdev`, Linux 6.3: include/uapi/linux/netdev.h, written by
hand because it is one request.
"""

import socket
import struct
from collections.abc import Iterator

NETLINK_GENERIC, NLMSG_DONE, NLMSG_ERROR = 16, 3, 2
NLM_F_REQUEST, NLM_F_DUMP = 0x1, 0x300
GENL_ID_CTRL, CTRL_CMD_GETFAMILY = 16, 3
CTRL_ATTR_FAMILY_ID, CTRL_ATTR_FAMILY_NAME = 1, 2
NETDEV_CMD_DEV_GET, NETDEV_A_DEV_IFINDEX, NETDEV_A_DEV_XDP_FEATURES = 1, 1, 3
#: Bits of the features.
ZERO_COPY = 1 << 3
REPLY_BYTES_MAX = 65536


def xdp_features() -> dict[str, int]:
    """Return the feature bits of each interface here; empty before Linux 6.3."""
    try:
        with socket.socket(
            socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_GENERIC
        ) as channel:
            channel.settimeout(1.0)
            return _ask(channel)
    except OSError:
        return {}


def _ask(channel: socket.socket) -> dict[str, int]:
    name = b"netdev\0"
    wanted = struct.pack("=HH", 4 + len(name), CTRL_ATTR_FAMILY_NAME) + name + b"\0"
    _send(channel, GENL_ID_CTRL, NLM_F_REQUEST, CTRL_CMD_GETFAMILY, wanted)
    family = b""
    for attributes in _messages(channel.recv(REPLY_BYTES_MAX)):
        family = attributes.get(CTRL_ATTR_FAMILY_ID, family)
    if not family:
        return {}
    number = struct.unpack("=H", family)[0]
    _send(channel, number, NLM_F_REQUEST | NLM_F_DUMP, NETDEV_CMD_DEV_GET, b"")
    found = {}
    is_done = False
    while not is_done:
        reply = channel.recv(REPLY_BYTES_MAX)
        for attributes in _messages(reply):
            index = struct.unpack("=I", attributes[NETDEV_A_DEV_IFINDEX])[0]
            bits = struct.unpack("=Q", attributes[NETDEV_A_DEV_XDP_FEATURES])[0]
            found[socket.if_indextoname(index)] = bits
        is_done = _is_last(reply)
    return found


def _send(
    channel: socket.socket, family: int, flags: int, command: int, body: bytes
) -> None:
    """Send one request: struct nlmsghdr, struct genlmsghdr, attributes."""
    size = 16 + 4 + len(body)
    head = struct.pack("=IHHIIBBH", size, family, flags, 1, 0, command, 1, 0)
    channel.send(head + body)


def _messages(reply: bytes) -> Iterator[dict[int, bytes]]:
    """Yield the attributes of each message of a reply."""
    at = 0
    while at + 20 <= len(reply):
        size, kind = struct.unpack_from("=IH", reply, at)
        if size < 20 or kind in (NLMSG_DONE, NLMSG_ERROR):
            return
        attributes, inner = {}, at + 20
        while inner + 4 <= at + size:
            length, number = struct.unpack_from("=HH", reply, inner)
            if length < 4:
                break
            attributes[number] = reply[inner + 4 : inner + length]
            inner += -(-length // 4) * 4
        yield attributes
        at += -(-size // 4) * 4


def _is_last(reply: bytes) -> bool:
    """Return whether a reply holds the end of a dump, or an error."""
    at = 0
    while at + 16 <= len(reply):
        size, kind = struct.unpack_from("=IH", reply, at)
        if kind in (NLMSG_DONE, NLMSG_ERROR) or size < 16:
            return True
        at += -(-size // 4) * 4
    return False
