# What ext/pcap.h declares: numbers of pcap and pcapng files.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "pcap.h" nogil:
    const uint32_t PCAPNG_SECTION
    const uint32_t PCAPNG_ORDER
    const uint32_t PCAPNG_ORDER_SWAPPED
    const uint32_t PCAPNG_INTERFACE
    const uint32_t PCAPNG_PACKET
    const uint32_t PCAPNG_SIMPLE
    const uint32_t PCAPNG_STATISTICS
    const uint32_t PCAPNG_ENHANCED
    enum:
        PCAP_RECORD_BYTES
        PCAP_FRAME_MAX
        PCAPNG_IF_TSRESOL
        PCAPNG_IF_TSOFFSET

    struct pcap_interface:
        int64_t offset_s
        uint32_t snap_bytes
        uint16_t link
        uint8_t resolution

    uint16_t pcap_u16(const uint8_t *bytes, int swapped) noexcept
    uint32_t pcap_u32(const uint8_t *bytes, int swapped) noexcept
    int64_t pcap_s64(const uint8_t *bytes, int swapped) noexcept
    uint64_t pcap_time_ns(uint64_t ticks, uint8_t resolution, int64_t offset_s) noexcept
    int pcap_write_all(
        int fd, const uint8_t *bytes, size_t count, size_t *done
    ) noexcept
