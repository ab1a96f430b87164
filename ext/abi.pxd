# Everything bpf/airnet.h declares, for the Cython kernels; that file explains it.
# Use it with `from abi cimport ...`. The constants are C macros; as a nameless
# enum Cython lets them size arrays.

from libc.stdint cimport int64_t, uint8_t, uint16_t, uint32_t, uint64_t


cdef extern from "airnet.h" nogil:
    const uint32_t AIRNET_NONE
    enum:
        AIRNET_CLOCK_FILE
        AIRNET_CLOCK_KERNEL
        AIRNET_CLOCK_USER
        AIRNET_CLOCK_NIC
        AIRNET_LINK_ETHERNET
        AIRNET_LINK_RAW
        AIRNET_LINK_SLL
        AIRNET_LINK_SLL2
        AIRNET_FRAME_OK
        AIRNET_FRAME_SHORT
        AIRNET_FRAME_NOT_IP
        AIRNET_FRAME_BAD_IP
        AIRNET_FRAME_FRAGMENT
        AIRNET_FRAME_BAD_TCP
        AIRNET_FRAME_BAD_UDP
        AIRNET_FRAME_LINK
        AIRNET_FRAME_DEPTH
        AIRNET_FRAME_REASONS
        AIRNET_DIRECTION_UP
        AIRNET_DIRECTION_DOWN
        AIRNET_TCP_FIN
        AIRNET_TCP_SYN
        AIRNET_TCP_RST
        AIRNET_TCP_PSH
        AIRNET_TCP_ACK
        AIRNET_TCP_URG
        AIRNET_STREAM_RETRANSMIT
        AIRNET_STREAM_OUT_OF_ORDER
        AIRNET_STREAM_GAP
        AIRNET_STREAM_CONFLICT
        AIRNET_STREAM_MIDSTREAM
        AIRNET_STREAM_OPENED
        AIRNET_STREAM_CLOSED
        AIRNET_STREAM_TWICE
        AIRNET_STREAM_UNSEEN
        AIRNET_STREAM_LOST
        AIRNET_STREAM_AGREED
        AIRNET_KIND_OTHER
        AIRNET_KIND_NEW
        AIRNET_KIND_CANCEL
        AIRNET_KIND_REPLACE
        AIRNET_KIND_QUOTE
        AIRNET_KIND_REPORT
        AIRNET_KIND_CANCEL_REJECT
        AIRNET_KIND_REJECT
        AIRNET_KIND_LOGON
        AIRNET_KIND_LOGOUT
        AIRNET_KIND_HEARTBEAT
        AIRNET_KIND_TEST_REQUEST
        AIRNET_KIND_RESEND_REQUEST
        AIRNET_KIND_SEQUENCE_RESET
        AIRNET_KIND_MARKET_DATA
        AIRNET_KINDS
        AIRNET_MALFORMED_NO
        AIRNET_MALFORMED_GARBAGE
        AIRNET_MALFORMED_BODY_LENGTH
        AIRNET_MALFORMED_CHECKSUM
        AIRNET_MALFORMED_TOO_LONG
        AIRNET_MALFORMED_FIELD
        AIRNET_MALFORMED_TYPE
        AIRNET_MALFORMED_DUPLICATE
        AIRNET_MALFORMED_VALUE
        AIRNET_MALFORMED_REASONS
        AIRNET_MESSAGE_POSS_DUP
        AIRNET_MESSAGE_POSS_RESEND
        AIRNET_MESSAGE_HAS_PRICE
        AIRNET_MESSAGE_HAS_QUANTITY
        AIRNET_MESSAGE_SPLIT
        AIRNET_MESSAGE_LIMIT
        AIRNET_COMP_BYTES
        AIRNET_SESSION_OPEN
        AIRNET_SESSION_LOGGED_ON
        AIRNET_SESSION_CLOSED
        AIRNET_WINDOW_SESSION
        AIRNET_WINDOW_GATEWAY
        AIRNET_WINDOW_SOURCE
        AIRNET_WINDOW_VENUE
        AIRNET_WINDOW_HOST
        AIRNET_WINDOW_FEED
        AIRNET_WINDOW_SENSOR
        AIRNET_WINDOW_ORDER
        AIRNET_SESSIONS_MAX
        AIRNET_FIX_BYTES_MAX
        AIRNET_FRAMES_MAX
        AIRNET_MESSAGES_MAX
        AIRNET_TAP_SEEN
        AIRNET_TAP_REDIRECTED
        AIRNET_TAP_NO_SOCKET
        AIRNET_TAP_NO_META
        AIRNET_TAP_IGNORED
        AIRNET_TAP_ABORTED
        AIRNET_TAP_COUNTERS

    struct airnet_frame:
        uint64_t time_ns
        uint64_t offset
        uint32_t captured_bytes
        uint32_t wire_bytes
        uint16_t queue
        uint16_t link
        uint8_t clock
        uint8_t pad[3]

    struct airnet_header:
        uint64_t time_ns
        uint64_t frame_count
        uint8_t source[16]
        uint8_t target[16]
        uint16_t source_port
        uint16_t target_port
        uint32_t payload_bytes
        uint32_t session
        uint32_t message_index
        uint16_t message_count
        uint16_t stream_flags
        uint8_t protocol
        uint8_t tcp_flags
        uint8_t direction
        uint8_t reason
        uint64_t feed_sequence
        uint32_t lost_bytes
        uint16_t feed_messages
        uint8_t feed
        uint8_t ttl
        uint32_t sequence
        uint32_t link_source
        uint32_t name_key
        uint32_t domain_key
        uint8_t tcp_words
        uint8_t name_bytes
        uint8_t name_letters
        uint8_t code
        uint8_t pad[4]

    struct airnet_message:
        uint64_t time_ns
        uint64_t frame_count
        uint64_t sequence
        uint64_t order_key
        uint64_t original_key
        uint64_t symbol_key
        int64_t price
        int64_t quantity
        uint64_t sending_ns
        uint32_t session
        uint32_t bytes
        uint32_t type
        uint8_t flags
        uint8_t layout
        uint8_t kind
        uint8_t direction
        uint8_t malformed
        uint8_t side
        uint8_t exec_type
        uint8_t order_status
        uint32_t comp_key

    struct airnet_session:
        uint64_t opened_ns
        uint64_t last_ns
        uint64_t syn_ns
        uint64_t syn_ack_ns
        uint64_t messages[2]
        uint64_t malformed
        uint64_t gap_bytes
        uint64_t retransmits
        uint8_t client[16]
        uint8_t gateway[16]
        uint16_t client_port
        uint16_t gateway_port
        uint8_t state
        uint8_t midstream
        uint8_t version
        uint8_t pad
        uint8_t client_comp[AIRNET_COMP_BYTES]
        uint8_t gateway_comp[AIRNET_COMP_BYTES]
        uint32_t number
        uint32_t spare

    struct airnet_window:
        uint64_t open_ns
        uint64_t close_ns
        uint64_t frame_count
        uint64_t first_ns
        uint64_t accepted_ns
        uint8_t address[16]
        uint32_t subject
        uint16_t port
        uint8_t kind
        uint8_t known

    struct airnet_tap_meta:
        uint64_t mono_ns
        uint32_t queue
        uint32_t wire_bytes
