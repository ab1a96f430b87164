/* SPDX-License-Identifier: Apache-2.0 */
/* What market data and background remember. */
#ifndef AIRNET_FEED_STATE_H
#define AIRNET_FEED_STATE_H

#include "wire_state.h"

#define FEED_PACKET_BYTES 1400 /* MoldUDP64 header and messages */
#define FEED_LATE 32 /* packets that group B still has to send */

struct feed_packet {
	an_s64 due_ns;
	an_u32 bytes;
	an_u32 pad;
	an_u8 payload[FEED_PACKET_BYTES];
};

struct feed {
	struct wire_path paths[2]; /* group A, group B */
	struct airnet_header headers[2]; /* WORLD_ROWS: what stays the same in theirs */
	struct feed_packet packet; /* being gathered */
	struct feed_packet *late; /* a ring of FEED_LATE, for group B */
	an_u64 number; /* of the packet's first message */
	an_s64 sent_ns;
	an_u32 count; /* messages in the packet */
	an_u32 gaps; /* packets that still go missing */
	an_u32 first; /* of the ring */
	an_u32 waiting;
	an_u32 is_flushing;
	an_u32 is_gapped;
};

/* An ssh connection of the background (ext/shell.h). */
struct shell {
	an_u32 sequence[2];
	an_u32 stamp[2];
	an_u16 port;
	an_u8 is_busy;
	an_u8 pad[5];
};

#endif
