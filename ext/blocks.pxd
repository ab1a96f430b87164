# What ext/pcap.h and ext/pcapng.h declare: pcap and pcapng files.

from libc.stdint cimport uint8_t, uint16_t, uint32_t, uint64_t

from abi cimport airnet_frame


cdef extern from "pcapng.h" nogil:
    const uint32_t PCAPNG_SECTION
    const uint32_t PCAPNG_ORDER
    const uint32_t PCAPNG_INTERFACE
    const uint32_t PCAPNG_STATISTICS
    const uint32_t PCAPNG_ENHANCED
    enum:
        PCAP_FRAME_MAX
        PCAP_REASONS
        PCAPNG_IF_TSRESOL

    struct pcap_reader:
        const uint8_t *bytes
        size_t start
        size_t end
        uint64_t skip
        uint64_t delivered
        uint64_t reasons[PCAP_REASONS]
        uint64_t lost
        uint64_t seen
        uint8_t is_stopped
        uint8_t is_held
        uint8_t is_marked

    void pcap_begin(
        pcap_reader *reader, int is_swapped, uint16_t link, int is_ns
    ) noexcept
    void pcapng_begin(pcap_reader *reader) noexcept
    int pcap_next(pcap_reader *reader, airnet_frame *rows, int limit) noexcept
    int pcap_write_all(
        int fd, const uint8_t *bytes, size_t count, size_t *done
    ) noexcept
