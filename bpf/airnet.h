/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * The layout shared by kernel programs, Cython kernels and numpy: every struct that
 * crosses a boundary, every limit, asserted here. A change here changes the dtype in
 * src/airnet/domain and tests/tidy in the same commit.
 *
 * Rules: explicit widths, explicit padding, no bool, no enum fields, no pointers.
 * Addresses are 16 bytes, network order; IPv4 is mapped (::ffff:a.b.c.d, RFC 4291
 * section 2.5.5.2). Ports and counts are host order. Time is ns since the epoch, UTC.
 */
#ifndef AIRNET_H
#define AIRNET_H

#ifdef __bpf__
#include "vmlinux.h"
typedef __u8 an_u8;
typedef __u16 an_u16;
typedef __u32 an_u32;
typedef __u64 an_u64;
typedef __s64 an_s64;
#else
#include <stddef.h>
#include <stdint.h>
typedef uint8_t an_u8;
typedef uint16_t an_u16;
typedef uint32_t an_u32;
typedef uint64_t an_u64;
typedef int64_t an_s64;
#endif

#define AIRNET_NONE 0xffffffffu /* no session, no index */

/* Which clock stamped a frame. Rows of different clocks are never mixed in one
 * difference. */
#define AIRNET_CLOCK_FILE 0 /* as written in the capture file */
#define AIRNET_CLOCK_KERNEL 1 /* bpf_ktime_get_ns at XDP, moved to the epoch once */
#define AIRNET_CLOCK_USER 2 /* read by us when the frame was taken from the ring */
#define AIRNET_CLOCK_NIC 3 /* hardware receive stamp */
#define AIRNET_CLOCK_TRAILER 4 /* written into the frame by the device that mirrors */

/* What a capture port's device writes into frames to tell their time. */
#define AIRNET_TRAILER_NONE 0
#define AIRNET_TRAILER_METAMAKO 1 /* Arista 7130, MetaWatch */
#define AIRNET_TRAILER_EXABLAZE 2 /* Cisco Nexus 3550-F HPT */
#define AIRNET_TRAILER_ERSPAN 3 /* ERSPAN III header, no trailer */

/* Link types, the numbers of the pcap LINKTYPE registry. */
#define AIRNET_LINK_ETHERNET 1
#define AIRNET_LINK_RAW 101
#define AIRNET_LINK_SLL 113
#define AIRNET_LINK_SLL2 276

/* One mirrored packet as captured. The bytes lie at `offset` in the Source's buffer
 * and stay valid until the next poll. */
struct airnet_frame {
	an_u64 time_ns;
	an_u64 offset;
	an_u32 captured_bytes;
	an_u32 wire_bytes;
	an_u16 queue;
	an_u16 link;
	an_u8 clock;
	an_u8 pad[3];
};

/* Why a frame was not processed further (header.reason), 0 = it was. */
#define AIRNET_FRAME_OK 0
#define AIRNET_FRAME_SHORT 1 /* shorter than its own headers say */
#define AIRNET_FRAME_NOT_IP 2 /* ARP, LLDP, ... */
#define AIRNET_FRAME_BAD_IP 3 /* version, header length or total length wrong */
#define AIRNET_FRAME_FRAGMENT 4 /* an IP fragment that completes no datagram */
#define AIRNET_FRAME_BAD_TCP 5 /* data offset wrong */
#define AIRNET_FRAME_BAD_UDP 6
#define AIRNET_FRAME_LINK 7 /* a link type we do not read */
#define AIRNET_FRAME_DEPTH 8 /* more encapsulation than we follow */
#define AIRNET_FRAME_REASONS 9

#define AIRNET_DIRECTION_UP 0 /* client to gateway */
#define AIRNET_DIRECTION_DOWN 1 /* gateway to client */

#define AIRNET_TCP_FIN 0x01
#define AIRNET_TCP_SYN 0x02
#define AIRNET_TCP_RST 0x04
#define AIRNET_TCP_PSH 0x08
#define AIRNET_TCP_ACK 0x10
#define AIRNET_TCP_URG 0x20

/* What decode read in one frame's headers; exactly one per frame, in frame order. */
struct airnet_header {
	an_u64 time_ns;
	an_u64 frame_count; /* number of this frame since the start, from 0 */
	an_u8 source[16];
	an_u8 target[16];
	an_u16 source_port;
	an_u16 target_port;
	an_u32 payload_bytes; /* from the IP header, never from the frame */
	an_u32 session; /* index in the session table, or AIRNET_NONE */
	an_u32 message_index; /* of this frame's first message in the batch */
	an_u16 message_count;
	an_u16 stream_flags; /* AIRNET_STREAM_* */
	an_u8 protocol; /* IP protocol number */
	an_u8 tcp_flags;
	an_u8 direction;
	an_u8 reason; /* AIRNET_FRAME_* */
	an_u64 feed_sequence; /* of its first message; of AIRNET_FEED_RAW 8 bytes */
	an_u32 lost_bytes; /* that their receiver has and the mirror never showed */
	an_u16 feed_messages;
	an_u8 feed; /* AIRNET_FEED_* */
	an_u8 ttl; /* of the innermost IP header, or its hop limit */
	an_u32 sequence; /* TCP's */
	an_u32 link_source; /* last four bytes of the Ethernet source, 0 = none */
	an_u32 name_key; /* hash of the name that a DNS message is about, 0 = none */
	an_u32 domain_key; /* of its last two labels */
	an_u8 tcp_words; /* length of the TCP header, in 32-bit words */
	an_u8 name_bytes; /* of the name in front of its last two labels */
	an_u8 name_letters; /* different ones among those, at most 64 */
	an_u8 code; /* DNS: 0x80 = a response, and RCODE; ICMP: its type */
	an_u8 pad[4];
};

/* What begins the payload of a datagram to a group (header.feed), 0 = none. */
#define AIRNET_FEED_RAW 1 /* at least 8 bytes that are not known to be anything */
#define AIRNET_FEED_MOLD 2 /* MoldUDP64 1.00 */

/* What reassembly saw in this segment (header.stream_flags). */
#define AIRNET_STREAM_RETRANSMIT 0x0001 /* nothing new in it */
#define AIRNET_STREAM_OUT_OF_ORDER 0x0002
#define AIRNET_STREAM_GAP 0x0004 /* a hole was given up before this segment */
#define AIRNET_STREAM_CONFLICT 0x0008 /* overlap with different bytes */
#define AIRNET_STREAM_MIDSTREAM 0x0010 /* the session was picked up without a SYN */
#define AIRNET_STREAM_OPENED 0x0020 /* this frame opened the session row */
#define AIRNET_STREAM_CLOSED 0x0040 /* FIN or RST ended it */
#define AIRNET_STREAM_DATAGRAM 0x0080 /* payload of fragments, whose rows came before */
#define AIRNET_STREAM_TWICE 0x0100 /* the very same segment was mirrored just before */
#define AIRNET_STREAM_UNSEEN 0x0200 /* acknowledges bytes that were not seen so far */
#define AIRNET_STREAM_LOST 0x0400 /* a hole turned out to be the mirror's, or ours */
#define AIRNET_STREAM_TAKEN 0x0800 /* nothing new, and the receiver has said so */
#define AIRNET_STREAM_AGREED 0x1000 /* its handshake is complete: nobody forged it */

/* FIX message kinds (message.kind): MsgType(35) folded to what features count. */
#define AIRNET_KIND_OTHER 0
#define AIRNET_KIND_NEW 1 /* D NewOrderSingle, AB multileg, E list */
#define AIRNET_KIND_CANCEL 2 /* F OrderCancelRequest, q mass cancel */
#define AIRNET_KIND_REPLACE 3 /* G, AC */
#define AIRNET_KIND_QUOTE 4 /* S, i */
#define AIRNET_KIND_REPORT 5 /* 8 ExecutionReport */
#define AIRNET_KIND_CANCEL_REJECT 6 /* 9 */
#define AIRNET_KIND_REJECT 7 /* 3 session, j business */
#define AIRNET_KIND_LOGON 8 /* A */
#define AIRNET_KIND_LOGOUT 9 /* 5 */
#define AIRNET_KIND_HEARTBEAT 10 /* 0 */
#define AIRNET_KIND_TEST_REQUEST 11 /* 1 */
#define AIRNET_KIND_RESEND_REQUEST 12 /* 2 */
#define AIRNET_KIND_SEQUENCE_RESET 13 /* 4 */
#define AIRNET_KIND_MARKET_DATA 14 /* V W X Y */
#define AIRNET_KINDS 15

/* Why a message is malformed (message.malformed), 0 = it is not. */
#define AIRNET_MALFORMED_NO 0
#define AIRNET_MALFORMED_GARBAGE 1 /* bytes that are no message, skipped to resync */
#define AIRNET_MALFORMED_BODY_LENGTH 2 /* tag 9 missing, not a number, or wrong */
#define AIRNET_MALFORMED_CHECKSUM 3 /* tag 10 differs from the sum */
#define AIRNET_MALFORMED_TOO_LONG 4 /* body longer than AIRNET_FIX_BYTES_MAX */
#define AIRNET_MALFORMED_FIELD 5 /* a field is not tag=value<SOH> */
#define AIRNET_MALFORMED_TYPE 6 /* tag 35 missing or not third */
#define AIRNET_MALFORMED_DUPLICATE 7 /* a header or order tag appears twice */
#define AIRNET_MALFORMED_VALUE 8 /* a number or time we read does not parse */
#define AIRNET_MALFORMED_REASONS 9

#define AIRNET_MESSAGE_POSS_DUP 0x01 /* 43=Y */
#define AIRNET_MESSAGE_POSS_RESEND 0x02 /* 97=Y */
#define AIRNET_MESSAGE_HAS_PRICE 0x04
#define AIRNET_MESSAGE_HAS_QUANTITY 0x08
#define AIRNET_MESSAGE_SPLIT 0x10 /* over more than one segment */
#define AIRNET_MESSAGE_LIMIT 0x20 /* 40=2 OrdType limit; never of a report */

/* One decoded application message. Prices and quantities are integers: value * 1e8.
 * Keys are 64-bit hashes of the identifier's bytes (0 = absent). */
struct airnet_message {
	an_u64 time_ns; /* of the frame that completed it */
	an_u64 frame_count;
	an_u64 sequence; /* 34 MsgSeqNum */
	an_u64 order_key; /* 11 ClOrdID */
	an_u64 original_key; /* 41 OrigClOrdID; of a Logon, which has none: its
	                      * ApplicationSystemVersion, 1604 */
	an_u64 symbol_key; /* 55 Symbol */
	an_s64 price; /* 44 Price; for reports 31 LastPx */
	an_s64 quantity; /* 38 OrderQty; for reports 32 LastQty */
	an_u64 sending_ns; /* 52 SendingTime, 0 = absent or unreadable */
	an_u32 session;
	an_u32 bytes; /* whole message, or the garbage skipped */
	an_u32 type; /* MsgType's bytes, first in the low byte, up to four */
	an_u8 flags; /* AIRNET_MESSAGE_* */
	an_u8 layout; /* of an order: which tags it has, in which order; 0 = no
	               * order, 1..AIRNET_LAYOUTS a hash */
	an_u8 kind; /* AIRNET_KIND_* */
	an_u8 direction;
	an_u8 malformed; /* AIRNET_MALFORMED_* */
	an_u8 side; /* 54, its byte, 0 = absent */
	an_u8 exec_type; /* 150 */
	an_u8 order_status; /* 39 */
	an_u32 comp_key; /* hash of the client's CompID: of a Logon, and of the message
	                  * that named the session; else 0 */
};

#define AIRNET_LAYOUTS 128 /* that are told apart */
#define AIRNET_COMP_BYTES 24 /* of a CompID that we keep; longer ones are cut */

#define AIRNET_SESSION_OPEN 1 /* TCP seen */
#define AIRNET_SESSION_LOGGED_ON 2 /* Logon answered by Logon, or orders flow */
#define AIRNET_SESSION_CLOSED 3

/* One conversation. Its row's index is stable for a run; rows are not dense, those in
 * use have a state. CompIDs as the client sends them (49, 56). */
struct airnet_session {
	an_u64 opened_ns;
	an_u64 last_ns;
	an_u64 syn_ns; /* 0 = not seen */
	an_u64 syn_ack_ns;
	an_u64 messages[2]; /* by direction */
	an_u64 malformed;
	an_u64 gap_bytes;
	an_u64 retransmits;
	an_u8 client[16];
	an_u8 gateway[16];
	an_u16 client_port;
	an_u16 gateway_port;
	an_u8 state;
	an_u8 midstream;
	an_u8 version; /* BeginString: 40..44, 50 = FIXT.1.1, 0 = unknown */
	an_u8 pad;
	an_u8 client_comp[AIRNET_COMP_BYTES]; /* 49 from the client, NUL padded */
	an_u8 gateway_comp[AIRNET_COMP_BYTES];
	an_u32 number; /* from 1, in the order sessions first appear */
	an_u32 spare;
};

#define AIRNET_WINDOW_SESSION 1 /* subject = session index */
#define AIRNET_WINDOW_GATEWAY 2 /* subject = row of the target table */
#define AIRNET_WINDOW_SOURCE 3 /* one of a gateway window's top sources; follows it */
#define AIRNET_WINDOW_VENUE 4 /* an order gateway's answers; row of the venue table */
#define AIRNET_WINDOW_HOST 5 /* what a host of the trading network does */
#define AIRNET_WINDOW_FEED 6 /* a channel of market data */
#define AIRNET_WINDOW_SENSOR 7 /* the mirror itself */
#define AIRNET_WINDOW_ORDER 8 /* an order that is far off; session index */

/* Key of one closed window; the float32 features lie in a parallel array. */
struct airnet_window {
	an_u64 open_ns;
	an_u64 close_ns; /* capture time of the frame that closed it */
	an_u64 frame_count; /* number of that frame */
	an_u64 first_ns; /* first suspicious frame of the present streak, 0 = none */
	an_u64 accepted_ns; /* session: last NEW order the gateway acknowledged;
	                     * gateway and source: last flood-like frame; 0 = none */
	an_u8 address[16]; /* gateway or source address; of a session, which layouts
	                    * its orders had: bit n - 1 for layout n */
	an_u32 subject;
	an_u16 port; /* gateway's busiest attacked port; of a session, a hash of the
	              * version that its Logon named, 0 = none */
	an_u8 kind;
	an_u8 known; /* source: 1 = it holds an established session */
};

#define AIRNET_SESSIONS_MAX 8192
#define AIRNET_FIX_BYTES_MAX 65536
#define AIRNET_FRAMES_MAX 4096 /* in one poll */
#define AIRNET_MESSAGES_MAX 16384 /* from one decode call */

/* What tap.bpf.c writes in front of each redirected frame. */
struct airnet_tap_meta {
	an_u64 mono_ns;
	an_u32 queue;
	an_u32 wire_bytes;
};

/* Indices of tap.bpf.c's counters. */
#define AIRNET_TAP_SEEN 0
#define AIRNET_TAP_REDIRECTED 1
#define AIRNET_TAP_NO_SOCKET 2 /* no AF_XDP socket on this queue */
#define AIRNET_TAP_NO_META 3 /* no room in front of the frame */
#define AIRNET_TAP_IGNORED 4 /* not selected: counted, not copied */
#define AIRNET_TAP_ABORTED 5 /* cannot happen */
#define AIRNET_TAP_COUNTERS 6

/* One CPU's counters, in cache lines of its own. An array map with one entry a CPU,
 * not a per-CPU map: this one can be read through mmap(2), without bpf(2). */
struct airnet_tap_counts {
	an_u64 of[16]; /* AIRNET_TAP_* */
};

/* One CPU's count of redirects that failed after tap.bpf.c was done, by errno; those
 * without a place of their own are at 0. */
#define AIRNET_TAP_ERRNOS 128
struct airnet_redirect_counts {
	an_u64 of[AIRNET_TAP_ERRNOS];
};

#define AIRNET_ASSERT_SIZE(name, bytes) \
	_Static_assert(sizeof(struct name) == (bytes), #name " changed size")

AIRNET_ASSERT_SIZE(airnet_frame, 32);
AIRNET_ASSERT_SIZE(airnet_header, 112);
AIRNET_ASSERT_SIZE(airnet_message, 96);
AIRNET_ASSERT_SIZE(airnet_session, 168);
AIRNET_ASSERT_SIZE(airnet_window, 64);
AIRNET_ASSERT_SIZE(airnet_tap_meta, 16);
AIRNET_ASSERT_SIZE(airnet_tap_counts, 128);
AIRNET_ASSERT_SIZE(airnet_redirect_counts, 1024);

#endif
