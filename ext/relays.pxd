# What ext/relay.h declares, for relay.pyx and dpdk.pyx; that file explains it.

from libc.stdint cimport uint8_t, uint32_t, uint64_t

from abi cimport airnet_frame


cdef extern from "relay.h" nogil:
    enum:
        RELAY_SHARED_BYTES
        RELAY_DATA_BYTES_MIN
        RELAY_FRAME_BYTES_MAX
        RELAY_TEXT_BYTES
        RELAY_COUNTS
        RELAY_STARTING
        RELAY_RUNNING
        RELAY_ENDED
        RELAY_FAILED

    struct relay_shared:
        uint64_t counts[RELAY_COUNTS]
        uint32_t state
        uint32_t answered
        char text[RELAY_TEXT_BYTES]
        uint32_t asked

    struct relay:
        relay_shared *shared
        uint64_t delivered
        int wake_fd
        int peer_fd

    void relay_map(relay *side, uint8_t *memory, uint64_t size) noexcept
    uint8_t *relay_write(relay *side, const airnet_frame *row) noexcept
    void relay_wake(relay *side) noexcept
    void relay_publish(relay *side) noexcept
    int relay_poll(
        relay *side, airnet_frame *rows, int limit, int wait_ms
    ) noexcept
