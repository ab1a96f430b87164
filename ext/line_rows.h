/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is on the network and how they talk, as rows: the same layout as the numpy dtypes
 * of src/airnet/twin/rows_line.py (tests/twin holds them equal). Times are ns since
 * the epoch; a host, a line or a dialect is the index of its row. Shares are 0..1.
 */
#ifndef AIRNET_LINE_ROWS_H
#define AIRNET_LINE_ROWS_H

#include "airnet.h"

/* host_row.flags */
#define HOST_STAMPS 0x01 /* TCP timestamps (RFC 7323) */
#define HOST_PADDED 0x02 /* short frames are seen with Ethernet's padding */
#define HOST_SACK 0x04 /* offers selective acknowledgement (RFC 2018) */
#define HOST_COOKIES 0x08 /* answers SYNs from a cookie when its backlog is full */

/* host_row.identify: the IPv4 identification field. */
#define HOST_COUNTS 0 /* one counter a host */
#define HOST_ZERO 1 /* atomic datagrams carry none (RFC 6864) */
#define HOST_SCATTERS 2 /* drawn */

/* A machine: its addresses and the header trivia of its kernel. Everybody's frames
 * take them from here, an attacker's as a trader's. */
struct host_row {
	an_u8 address[16];
	an_u8 mac[6];
	an_u16 vlan; /* 802.1Q, 0 = untagged */
	an_u32 reach_ns; /* from the mirror to the host and back, least */
	an_u32 window_bytes; /* of the receive window, before scaling down */
	an_u32 stamp_start; /* of the timestamp clock, 1 ms a tick */
	an_u16 mss_bytes;
	an_u16 identification; /* first */
	an_u16 port_first; /* of ephemeral ports */
	an_u16 port_count;
	an_u8 ttl;
	an_u8 window_shift;
	an_u8 flags; /* HOST_* */
	an_u8 identify; /* HOST_COUNTS, ... */
	an_u8 is_gateway;
	an_u8 pad[3];
	an_u32 packet_ns; /* its stack's time for a stranger's packet, 0 = none */
	an_u32 queue_packets; /* that wait for it; what comes then is dropped */
	an_u32 syn_backlog; /* half-open connections, 0 = any number */
	an_u32 syn_wait_ms; /* until one is given up */
	an_u32 logon_ns; /* the gateway's time to refuse a stranger's Logon */
};

/* dialect_row.version */
#define DIALECT_42 42
#define DIALECT_44 44
#define DIALECT_50 50 /* FIX 5.0 SP2 over FIXT.1.1 */

/* dialect_row.price and .id: how prices and ClOrdIDs are written. */
#define DIALECT_FIXED2 0
#define DIALECT_FIXED4 1
#define DIALECT_SHORT 2 /* no trailing zeros */
#define DIALECT_PRICES 3
#define DIALECT_PLAIN 0
#define DIALECT_DATED 1 /* YYYYMMDD-number */
#define DIALECT_BASE36 2
#define DIALECT_HEX 3
#define DIALECT_FIRM 4 /* CompID.number */
#define DIALECT_IDS 5

/* dialect_row.order: of a body's tags. */
#define DIALECT_BY_PAGE 0 /* as the specification lists them */
#define DIALECT_BY_NUMBER 1
#define DIALECT_SHUFFLED 2 /* by `shuffle` */

/* dialect_row.optional: bit n = the n-th optional tag of ext/wire_dialect.h. */

/* One counterparty's way of writing FIX. */
struct dialect_row {
	an_u64 shuffle;
	an_u32 optional;
	an_u32 account; /* 1 Account is ACC and this */
	an_u16 custom; /* a user-defined tag in orders (5000..9999), 0 = none */
	an_u8 version;
	an_u8 order;
	an_u8 header[6]; /* order of 34, 49, 52, 56, 50, 57; 0 = left out */
	an_u8 time_digits; /* of SendingTime's fraction: 0, 3, 6 or 9 */
	an_u8 price;
	an_u8 id;
	an_u8 pad[11];
};

/* line_row.ending: what becomes of the connection at close_ns. */
#define LINE_STAYS 0 /* the capture ends first */
#define LINE_LOGS_OUT 1
#define LINE_RESETS 2 /* RST from the client */
#define LINE_FALLS_SILENT 3
#define LINE_ENDINGS 4

/* line_row.flags */
#define LINE_RESET_NUMBERS 0x01 /* every Logon carries ResetSeqNumFlag(141)=Y */
#define LINE_BATCHES 0x02 /* what the client says at once is one write */
#define LINE_NEVER_RETURNS 0x04 /* no reconnection */
#define LINE_DROP_COPY 0x08 /* the client says nothing of its own */
#define LINE_NO_RESEND 0x10 /* the gateway gap-fills reports too */

#define LINE_COMP_BYTES 16

/* One FIX session and the connections it has. */
struct line_row {
	an_s64 open_ns;
	an_s64 close_ns; /* INT64_MAX = never */
	double split; /* share of writes that become two segments */
	double loss; /* share of data segments lost after the mirror */
	double up_sigma; /* of the lognormal latency client to mirror */
	double down_sigma;
	an_u32 client; /* HOST */
	an_u32 gateway; /* HOST */
	an_u32 dialect; /* DIALECT */
	an_u32 up_ns; /* median latency client to mirror */
	an_u32 down_ns; /* mirror to client */
	an_u32 coalesce_ns; /* how long the gateway gathers into one segment */
	an_u32 heartbeat_ms;
	an_u32 logon_ns; /* median time the gateway takes to answer a Logon */
	an_u32 retry_first_ms; /* reconnection: first wait, doubled up to the last */
	an_u32 retry_last_ms;
	an_u32 number_up; /* MsgSeqNum the client goes on from, 0 = a new day */
	an_u32 number_down;
	an_u16 client_port; /* first connection's; 0 = the host's next */
	an_u16 gateway_port;
	an_u8 ending;
	an_u8 flags;
	an_u8 pad[2];
	an_u8 client_comp[LINE_COMP_BYTES]; /* NUL padded */
	an_u8 gateway_comp[LINE_COMP_BYTES];
};

/* trouble_row.kind: what goes wrong with lines `line` .. `line + lines - 1`. */
#define TROUBLE_RESEND_LOOP 1 /* both sides gap-fill without end; amount: turns/s */
#define TROUBLE_PING_PONG 2 /* the client skips numbers; amount: gaps a second */
#define TROUBLE_DELAY 3 /* the path gains `amount` ns each way */
#define TROUBLE_CUT 4 /* a link blip: both ends reset, then reconnect */
#define TROUBLE_SILENCE 5 /* nothing passes, either way: heartbeats go missing */
#define TROUBLE_LOSS 6 /* amount: share of data segments lost after the mirror */
#define TROUBLE_LATE_LOGON 7 /* amount: factor on the gateway's Logon answer */
#define TROUBLE_LOW_NUMBER 8 /* at the next Logon the client's numbers start low */
#define TROUBLE_LOGOUT 9 /* the gateway logs the lines out in order */
#define TROUBLE_MOVE 10 /* fail-over: reconnect to HOST `amount` */
#define TROUBLE_KINDS 11

struct trouble_row {
	an_s64 onset_ns;
	an_s64 offset_ns;
	double amount;
	an_u32 kind;
	an_u32 line;
	an_u32 lines;
	an_u32 incident; /* the label it belongs to, from 1; 0 = benign */
};

/* One multicast market data feed, on two groups A and B (MoldUDP64 1.00). */
struct feed_row {
	an_s64 gap_ns; /* when packets begin to be missing, 0 = never */
	an_s64 stale_ns; /* when only heartbeats go out, 0 = never */
	an_s64 stale_until_ns;
	an_u64 number; /* first sequence number */
	an_u32 host; /* HOST that sends */
	an_u32 b_delay_ns; /* group B after group A */
	an_u32 gather_ns; /* how long messages wait for company */
	an_u32 heartbeat_ms; /* MoldUDP64 heartbeat when idle */
	an_u32 gap_packets; /* how many are missing, on both groups */
	an_u16 symbol; /* first */
	an_u16 symbols; /* count, 0 = all that follow */
	an_u16 port_a;
	an_u16 port_b;
	an_u8 group_a[16];
	an_u8 group_b[16];
	an_u8 session[10]; /* MoldUDP64 */
	an_u8 messages_max; /* in a packet, 0 = as many as fit */
	an_u8 pad;
};

/* murmur_row.kind: background traffic between two hosts. */
#define MURMUR_NTP 1
#define MURMUR_PTP 2 /* Sync, Follow_Up from `a`; Delay_Req from `b` */
#define MURMUR_ICMP 3
#define MURMUR_SNMP 4
#define MURMUR_DNS 5
#define MURMUR_SSH 6
#define MURMUR_KINDS 7

struct murmur_row {
	double rate; /* exchanges a second */
	double jitter; /* of gaps: 0 = clockwork, 1 = Poisson */
	an_u32 kind;
	an_u32 a; /* HOST that asks */
	an_u32 b; /* HOST that answers */
	an_u32 pad;
};

_Static_assert(sizeof(struct host_row) == 72, "host_row changed size");
_Static_assert(sizeof(struct dialect_row) == 40, "dialect_row changed size");
_Static_assert(sizeof(struct line_row) == 136, "line_row changed size");
_Static_assert(sizeof(struct trouble_row) == 40, "trouble_row changed size");
_Static_assert(sizeof(struct feed_row) == 104, "feed_row changed size");
_Static_assert(sizeof(struct murmur_row) == 32, "murmur_row changed size");

#endif
