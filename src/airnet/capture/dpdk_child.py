"""The process that owns DPDK: it receives, copies into the relay, and ends.

Started by `attach_dpdk` with an Order as its only argument. Where DPDK attaches an XDP
program to an interface there are two processes: one receives, the other waits for its
end, because a receiver that is killed leaves its program behind.
"""

import mmap
import os
import sys

import msgspec
import numpy as np

from airnet._ext import dpdk, relay
from airnet.aside import tell
from airnet.capture.dpdk_order import Order
from airnet.errors import EXIT_DONE, EXIT_UNAVAILABLE, AirnetError


def main() -> int:
    """Do as the order says until nobody reads any more."""
    order = msgspec.json.decode(sys.argv[1], type=Order)
    dpdk.settle()
    if not order.port:
        return receive(order)
    receiver = os.fork()
    if receiver == 0:
        return receive(order)
    _, status = os.waitpid(receiver, 0)
    if os.WIFSIGNALED(status):
        clean(order.port)
        # Whoever started us learns how it ended.
        return 128 + os.WTERMSIG(status)
    return os.waitstatus_to_exitcode(status)


def receive(order: Order) -> int:
    """Own DPDK and bring frames; its words when it refuses are in the relay."""
    memory = np.frombuffer(mmap.mmap(order.memory, 0), np.uint8)
    try:
        port = dpdk.Port(memory, order.wake, order.epoch_ns)
        port.init(order.arguments)
        port.open(order.queues, order.is_promiscuous)
    except OSError as error:
        writer = relay.Writer(memory, order.wake)
        writer.tell(relay.FAILED, str(error.strerror).encode())
        return EXIT_UNAVAILABLE
    port.run(order.life, order.stamp_clock, order.stamp_ns, order.nap_us)
    return EXIT_DONE


def clean(port: str) -> None:
    """Take away what a killed receiver left; there was nothing when it started."""
    from airnet.kernel import link  # noqa: PLC0415 -- netlink, 0.1 s: after accidents

    try:
        link.detach_xdp(port)
    except AirnetError as error:
        tell(str(error))  # the reader quotes our last words


if __name__ == "__main__":
    sys.exit(main())
