"""Network interfaces: what one is, making a mirror port quiet, what it sent."""

import ctypes
import errno
import fcntl
import os
import socket
import struct
from pathlib import Path

import msgspec
from pyroute2 import IPRoute
from pyroute2.netlink.exceptions import NetlinkError

from airnet.errors import CaptureError, UnsupportedError

#: Source: include/uapi/linux/if.h, if_arp.h, if_packet.h, sockios.h, ethtool.h.
IFF_UP, IFF_NOARP, IFF_MULTICAST = 0x1, 0x80, 0x1000
ARPHRD_ETHERNET, ARPHRD_LOOPBACK = 1, 772
SOL_PACKET, PACKET_ADD_MEMBERSHIP, PACKET_MR_PROMISC = 263, 1, 1
SIOCETHTOOL = 0x8946
ETHTOOL_SET_TSO, ETHTOOL_SET_GRO, ETHTOOL_SET_GSO = 0x1F, 0x2C, 0x24
ETHTOOL_GET_FLAGS, ETHTOOL_SET_FLAGS, ETH_FLAG_LRO = 0x25, 0x26, 1 << 15
SCOPE_LINK, SCOPE_HOST = 253, 254
#: Source: include/uapi/linux/rtnetlink.h; place in struct rtnl_link_stats64.
RTM_NEWSTATS, RTM_GETSTATS = 92, 94
RX_MISSED_ERRORS = 15
#: Family and padding of struct if_stats_msg.
HEAD = (0, 0, 0)


class Interface(msgspec.Struct, frozen=True, kw_only=True):
    """An interface as the kernel describes it now."""

    name: str
    index: int
    is_up: bool
    is_ethernet: bool
    mtu: int
    rx_queue_count: int
    tx_frames: int
    tx_dropped: int
    missed_frames: int
    addresses: tuple[str, ...]


def describe(name: str) -> Interface:
    """Return what the kernel says of an interface.

    `addresses` are those that others can reach: link-local ones are left out.

    Raises:
        CaptureError: there is no such interface in this network namespace.
    """
    with IPRoute() as netlink:
        found = netlink.link_lookup(ifname=name)
        if not found:
            raise CaptureError(
                f"{name}: no such interface",
                "see `ip link`; name the interface the mirror feeds",
            )
        link = netlink.get_links(found[0])[0]
        reachable = [
            str(address.get_attr("IFA_ADDRESS"))
            for address in netlink.get_addr(index=found[0])
            if address["scope"] not in (SCOPE_LINK, SCOPE_HOST)
        ]
    counters = link.get_attr("IFLA_STATS64")
    return Interface(
        name=name,
        index=link["index"],
        is_up=bool(link["flags"] & IFF_UP),
        is_ethernet=link["ifi_type"] in (ARPHRD_ETHERNET, ARPHRD_LOOPBACK),
        mtu=link.get_attr("IFLA_MTU"),
        rx_queue_count=link.get_attr("IFLA_NUM_RX_QUEUES") or 1,
        tx_frames=counters["tx_packets"],
        tx_dropped=counters["tx_dropped"],
        missed_frames=counters["rx_missed_errors"],
        addresses=tuple(reachable),
    )


def tx_frames(name: str) -> int:
    """Return how many frames the interface has sent: a mirror port must say 0."""
    return describe(name).tx_frames


def missed_frames(name: str) -> int:
    """Return how many frames the card had no room for, since the interface exists.

    One request by hand, because it is asked while frames are read: a hundredth of
    what `describe` takes.

    Raises:
        CaptureError: the interface is gone.
    """
    try:
        index = socket.if_nametoindex(name)
        with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as channel:
            channel.settimeout(1.0)
            # struct nlmsghdr, struct if_stats_msg asking for IFLA_STATS_LINK_64.
            request = struct.pack(
                "=IHHIIBBHII", 28, RTM_GETSTATS, 1, 1, 0, *HEAD, index, 1
            )
            channel.send(request)
            reply = channel.recv(65536)
    except OSError as error:
        raise CaptureError(f"{name}: {error.strerror}", "see `ip link`") from error
    kind = struct.unpack_from("=IH", reply)[1]
    if kind != RTM_NEWSTATS:
        raise CaptureError(f"{name}: no statistics", "see `ip -s link`")
    counts: tuple[int, ...] = struct.unpack_from("=16Q", reply, 16 + 12 + 4)
    return counts[RX_MISSED_ERRORS]


def bring_up(name: str, *, quiet: bool) -> Interface:
    """Set an interface up, with offloads off; `quiet` so that it never sends.

    An interface that comes up announces itself (IPv6 duplicate address detection,
    multicast reports); a quiet one has no IPv6, no ARP and no multicast, so that the
    host stays invisible on the network it watches.

    Raises:
        CaptureError: there is no such interface.
        UnsupportedError: this process may not change interfaces.
    """
    found = describe(name)
    if quiet:
        disable = Path(f"/proc/sys/net/ipv6/conf/{name}/disable_ipv6")
        try:
            disable.write_text("1")
        except FileNotFoundError:
            pass  # no IPv6 in this kernel: nothing to silence
        except OSError as error:
            raise _refused(name, "IPv6 off", error.errno or errno.EPERM) from error
    silent = IFF_NOARP if quiet else 0
    mask = IFF_UP | ((IFF_NOARP | IFF_MULTICAST) if quiet else 0)
    try:
        with IPRoute() as netlink:
            netlink.link("set", index=found.index, flags=IFF_UP | silent, change=mask)
    except NetlinkError as error:
        raise _refused(name, "up", error.code) from error
    offloads_off(name)
    return describe(name)


def offloads_off(name: str) -> None:
    """Switch off what merges received frames; what a driver lacks is left alone.

    A merged frame is longer than any on the wire and carries no valid checksum.
    """
    for command in (ETHTOOL_SET_GRO, ETHTOOL_SET_GSO, ETHTOOL_SET_TSO):
        _ethtool(name, command, 0)
    flags = _ethtool(name, ETHTOOL_GET_FLAGS, 0)
    if flags & ETH_FLAG_LRO:
        _ethtool(name, ETHTOOL_SET_FLAGS, flags & ~ETH_FLAG_LRO)


def promiscuous(interface: Interface) -> socket.socket:
    """Return a socket that keeps the interface promiscuous until it is closed.

    The kernel forgets the membership when the socket goes, so a killed process
    leaves nothing behind. The socket receives nothing: it has no protocol.

    Raises:
        UnsupportedError: this process may not open packet sockets.
    """
    try:
        holder = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, 0)
    except PermissionError as error:
        raise _refused(interface.name, "promiscuous mode", errno.EPERM) from error
    join_promiscuous(holder, interface)
    return holder


def join_promiscuous(holder: socket.socket, interface: Interface) -> None:
    """Make the interface promiscuous for as long as `holder`, AF_PACKET, is open."""
    request = struct.pack("=iHH8s", interface.index, PACKET_MR_PROMISC, 0, b"")
    holder.setsockopt(SOL_PACKET, PACKET_ADD_MEMBERSHIP, request)


def _ethtool(name: str, command: int, value: int) -> int:
    """Send one `struct ethtool_value`; return its value afterwards."""
    data = (ctypes.c_uint32 * 2)(command, value)
    request = struct.pack("16sQ16x", name.encode(), ctypes.addressof(data))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        try:
            fcntl.ioctl(control, SIOCETHTOOL, request)
        except OSError:
            return 0  # the driver has no such offload
    return data[1]


def _refused(name: str, what: str, number: int) -> UnsupportedError:
    return UnsupportedError(
        f"{name}: {what}: {os.strerror(number)}",
        "run as root or with CAP_NET_ADMIN and CAP_NET_RAW",
    )


def xdp_program(name: str) -> int:
    """Return the id of the XDP program attached to an interface, 0 for none."""
    with IPRoute() as netlink:
        found = netlink.link_lookup(ifname=name)
        links = netlink.get_links(found[0]) if found else []
    attached = links[0].get_attr("IFLA_XDP") if links else None
    return (attached and attached.get_attr("IFLA_XDP_PROG_ID")) or 0


def detach_xdp(name: str) -> None:
    """Take the XDP program off an interface that a killed process left it on.

    Programs attached by netlink, as libxdp does it, outlive who attached them.

    Raises:
        UnsupportedError: this process may not change interfaces.
    """
    found = describe(name)
    try:
        with IPRoute() as netlink:
            netlink.link("set", index=found.index, xdp={"attrs": [("IFLA_XDP_FD", -1)]})
    except NetlinkError as error:
        raise _refused(name, "XDP off", error.code) from error
