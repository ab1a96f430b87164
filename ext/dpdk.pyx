"""DPDK's only port -> a relay, in a process of its own.

The environment is global to a process and starts once in it; so does this module.
ext/dpdk_shim.h is DPDK as plain C, ext/dpdk_loop.h the loop. Cost: one copy a frame
and one clock reading a burst of 64. Built only where pkg-config finds libdpdk.
"""

cimport cython
from libc.stdint cimport int64_t, uint8_t, uint32_t, uint64_t
from libc.stdlib cimport calloc
from libc.string cimport memcpy

from abi cimport AIRNET_CLOCK_USER
from relays cimport relay, relay_map

import os


cdef extern from "dpdk_shim.h" nogil:
    enum:
        DPDK_TEXT_BYTES

    struct dpdk_port:
        char driver[32]
        char problem[DPDK_TEXT_BYTES]

    const char *dpdk_version() noexcept
    int dpdk_init(int count, char **arguments) noexcept
    int dpdk_open(dpdk_port *port, unsigned int queues) noexcept
    int dpdk_start(dpdk_port *port, int is_promiscuous) noexcept
    void dpdk_stop(dpdk_port *port) noexcept


cdef extern from "dpdk_loop.h" nogil:
    struct dpdk_loop:
        dpdk_port port
        relay relay
        int64_t epoch_ns
        uint64_t stamp_ns
        uint32_t nap_us
        uint8_t stamp_clock
        int life_fd

    int dpdk_settle() noexcept
    void dpdk_run(dpdk_loop *loop) noexcept


def version():
    """Return the name and number of the libdpdk in use."""
    return dpdk_version().decode()


def settle():
    """Leave the group's signals to the reader, and let short naps be short."""
    _check(dpdk_settle(), "setting the timer slack")


cdef int _check(int status, str what) except -1:
    if status < 0:
        raise OSError(-status, f"{what}: {os.strerror(-status)}")
    return 0


@cython.final
cdef class Port:
    """DPDK's port and the loop that empties it; one a process, once."""

    cdef dpdk_loop loop
    cdef uint8_t[::1] memory
    cdef char **arguments  # the environment keeps pointing into them
    cdef char *text

    def __cinit__(self, uint8_t[::1] memory not None, int wake, int64_t epoch_ns):
        self.memory = memory
        relay_map(&self.loop.relay, &memory[0], memory.shape[0])
        self.loop.relay.wake_fd = wake
        self.loop.epoch_ns = epoch_ns
        self.loop.stamp_clock = AIRNET_CLOCK_USER

    def init(self, list arguments not None):
        """Start the environment with these arguments; OSError when it refuses."""
        cdef int i, status, count = len(arguments)
        cdef size_t at = 0
        encoded = [os.fsencode(one) + b"\0" for one in arguments]
        # Not freed: the environment lives as long as the process.
        self.text = <char *>calloc(1, sum(len(one) for one in encoded))
        self.arguments = <char **>calloc(count + 1, sizeof(char *))
        if self.text == NULL or self.arguments == NULL:
            raise MemoryError
        for i in range(count):
            self.arguments[i] = self.text + at
            memcpy(self.arguments[i], <char *>encoded[i], len(encoded[i]))
            at += len(encoded[i])
        with nogil:
            status = dpdk_init(count, self.arguments)
        _check(status, "starting DPDK's environment")

    def open(self, unsigned int queues, bint is_promiscuous):
        """Configure and start the port; return its driver's name, or raise OSError."""
        cdef int status
        with nogil:
            status = dpdk_open(&self.loop.port, queues)
            if not status:
                status = dpdk_start(&self.loop.port, is_promiscuous)
        if status < 0:
            raise OSError(-status, self.loop.port.problem.decode())
        return self.loop.port.driver.decode()

    def run(self, int life, int stamp_clock, uint64_t stamp_ns, uint32_t nap_us):
        """Move frames until the other end of the pipe `life` is open nowhere.

        `stamp_clock` (CLOCK_*) and `stamp_ns` (one unit) say what the driver's
        stamps are; `nap_us` is the rest between empty bursts, 0 for none.
        """
        self.loop.life_fd = life
        self.loop.stamp_clock = <uint8_t>stamp_clock
        self.loop.stamp_ns = stamp_ns
        self.loop.nap_us = nap_us
        with nogil:
            dpdk_run(&self.loop)
            dpdk_stop(&self.loop.port)
