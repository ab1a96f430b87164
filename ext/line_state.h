/* SPDX-License-Identifier: Apache-2.0 */
/* What the lines remember. Everything by side is by sender: AIRNET_DIRECTION_UP is the
 * client. */
#ifndef AIRNET_LINE_STATE_H
#define AIRNET_LINE_STATE_H

#include "feed_state.h"
#include "wire_fix.h"
#include "wire_state.h"

#define LINE_NOTES 512 /* messages of a side: on their way, then kept for a resend */
#define LINE_NOTES_SPARE 16 /* of those, for the session's own */
#define LINE_SPACING_NS 1500 /* between two writes of a client */
#define LINE_ARRIVING 32 /* segments on their way to a side */
#define LINE_HELD_BYTES 65536 /* unacknowledged or unsent bytes of a side */
#define LINE_TEXT_BYTES 32768 /* one write */
#define LINE_PLAIN_MAX 16 /* messages of a segment that is not made */
#define LINE_QUANTILES 64 /* of a latency */
#define LINE_RESENDS_MAX 128 /* reports that one ResendRequest brings back */

/* line.phase */
#define LINE_CLOSED 0
#define LINE_OPENING 1 /* a SYN is out */
#define LINE_OPENED 2 /* TCP is there, no Logon answered yet */
#define LINE_LOGGED_ON 3
#define LINE_LEAVING 4 /* Logout said */
#define LINE_CLOSING 5 /* FIN said */

/* A segment that will have reached a side, and been processed, at ready_ns. */
struct line_arrival {
	an_s64 ready_ns;
	an_u32 end;
	an_u32 stamp;
};

/* One side: what it sends, and what it knows of what it gets. */
struct line_side {
	/* TCP */
	an_u32 sequence; /* of its next new byte at the mirror */
	an_u32 acknowledged; /* what it has acknowledged of the other's bytes */
	an_u32 echo; /* TSecr */
	an_u32 arriving_count;
	struct line_arrival arriving[LINE_ARRIVING];
	an_s64 due_ns; /* when it must acknowledge at the latest */
	an_s64 timer_ns; /* when the next acknowledgement event fires */
	an_s64 reach_ns;
	/* bytes that wait to be acknowledged, or to be sent; none as a rule */
	an_u8 *held;
	an_u32 held_bytes;
	an_u32 sent_bytes; /* of those, what the mirror has seen */
	an_u32 missing_bytes; /* of those, what the other side lacks */
	an_u32 is_resending; /* a retransmission event waits */
	an_u32 is_unanswered; /* what acknowledges the bytes sent was lost */
	an_u32 window; /* segments that may be unacknowledged (RFC 5681: cwnd) */
	an_u32 threshold; /* of slow start, segments (ssthresh) */
	an_u32 duplicates; /* acknowledgements that said nothing new */
	an_u32 is_recovering; /* from a loss that the window was cut for */
	an_s64 resend_ns; /* nothing is sent again before */
	an_s64 rto_ns;
	/* FIX */
	an_u64 number; /* of its next message */
	an_u64 expected; /* of the other's next */
	an_u64 gap_until; /* a resend is asked for up to here; 0 = no gap */
	an_u64 resume; /* while a gap is open: of the other's next new message */
	an_s64 said_ns; /* the last time */
	an_s64 last_said_ns; /* the first of a write */
	an_s64 last_due_ns;
	an_s64 heard_ns;
	an_s64 tested_ns; /* TestRequest sent; 0 = none is open */
	struct note *notes; /* LINE_NOTES of them, by position modulo that */
	an_u32 said; /* positions */
	an_u32 passed; /* written into the stream */
	an_u32 flown; /* behind the mirror, on their way to the other side */
	an_u32 heard;
	an_u32 counted;
	an_u32 floor; /* older positions are another day's */
	an_u16 port;
	an_u8 is_alive; /* its socket */
	an_u8 is_in; /* logged on, as it knows */
	struct wire_path path;
	struct wire_voice voice;
	struct airnet_header header; /* WORLD_ROWS: what stays the same in it */
	an_u32 latency_ns[LINE_QUANTILES + 1];
};

struct line {
	struct line_side sides[2];
	struct chance chance;
	an_s64 block_until_ns;
	an_s64 extra_ns;
	an_s64 extra_until_ns;
	an_s64 meter_until_ns; /* a switch may count it among strangers until then */
	an_s64 retry_ns; /* present back-off */
	double loss;
	double logon_factor;
	an_u32 generation; /* of the connection; events of older ones are void */
	an_u32 turns; /* of a trouble */
	an_u32 tests;
	an_u32 gateway; /* HOST */
	an_u16 gateway_port;
	an_u16 pad_port;
	an_u32 session; /* WORLD_ROWS: of the decoder, and which one it is */
	an_u32 session_number;
	an_u32 is_forged; /* others send in its name */
	an_u32 low_number; /* at the next Logon the client starts this much too low */
	an_u8 phase;
	an_u8 block_form;
	an_u8 block_directions;
	an_u8 syns; /* sent for this connection */
	an_u8 is_silent; /* nothing reaches the mirror from the client, or it */
	an_u8 is_wanted; /* the client means to be logged on */
	an_u8 is_flushing; /* a gateway's write waits for company */
	an_u8 is_known; /* connected before */
	an_u8 leaver; /* LINE_LEAVING: who said Logout first */
	an_u8 resets; /* the Logon under way sets the numbers to 1 */
	an_u8 pad[6];
	an_u64 logon_number; /* of a Logon that told of a gap, 0 = none */
};

/* What strangers cost a host: packets that wait for its stack, as the time that this
 * takes, and connections that they opened half. */
struct intake {
	an_s64 busy_until_ns;
	an_s64 *half_open; /* a ring of syn_backlog: when each is given up */
	an_u32 first;
	an_u32 count;
	an_u32 brief; /* half-open ones that a reset will end */
	an_u32 pad;
};

struct host_state {
	struct intake intake;
	struct chance chance;
	an_u16 identification;
	an_u16 ports; /* handed out */
	an_u32 pad;
};

/* Counters, by name in line_figures. */
struct line_counts {
	an_u64 messages;
	an_u64 segments;
	an_u64 acknowledgements;
	an_u64 retransmissions;
	an_u64 lost;
	an_u64 connects;
	an_u64 logons;
	an_u64 logouts;
	an_u64 resets;
	an_u64 timeouts;
	an_u64 resend_requests;
	an_u64 resent;
	an_u64 gap_fills;
	an_u64 refused;
	an_u64 feed_messages;
	an_u64 feed_packets;
	an_u64 feed_gaps; /* packets left out */
	an_u64 murmurs;
	an_u64 held_over; /* messages that found the hold full */
	an_u64 crowded; /* segments of sessions dropped: strangers had filled a host */
	an_u64 crowded_syns; /* SYNs of sessions that found no room there */
	an_u64 overrun; /* packets of strangers that found none */
	an_u64 half_open; /* connections that strangers opened half */
	an_u64 cookies; /* SYNs answered though the backlog was full */
	an_u64 syns_refused; /* SYNs of strangers not answered: it was full */
};

struct lines {
	struct line *line;
	an_u32 count;
	an_u32 host_count;
	struct host_state *hosts;
	struct wire_plan *plans; /* WIRE_TYPE_COUNT for each dialect */
	struct note *notes;
	an_u8 *held;
	an_u8 (*names)[WIRE_NAME_BYTES];
	an_u64 (*truth)[2][WIRE_TYPE_COUNT]; /* messages past the mirror, by line */
	struct feed *feeds;
	struct feed_packet *late;
	struct shell *shells;
	an_u64 *name_keys; /* the decoder's, by symbol */
	an_u32 seen; /* the line whose rows are written */
	an_u32 pad;
	struct text_clock clock;
	struct chance chance;
	struct line_counts counts;
	an_u8 text[LINE_TEXT_BYTES + WIRE_MESSAGE_BYTES + TEXT_SPARE];
};

#endif
