/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Everything stream reassembly remembers, in fixed memory, and how it is found:
 * gateways, recent handshakes, flows. No pool grows; when one is full that is counted.
 *
 * Flows are divided among SHARDS states by their hash, both directions of one to the
 * same; a shard never reads another's, so that lanes can run them side by side.
 */
#ifndef AIRNET_FLOW_H
#define AIRNET_FLOW_H

#include "ends.h"
#include "fixread.h"
#include "transport.h"

#define SHARDS 4
#define FLOW_SHARD(hash) ((hash) % SHARDS)
#define FLOW_PLACE(hash) ((hash) / SHARDS) /* bits that differ within a shard */
/* Of each shard, as are the pools below. */
#define FLOW_SESSIONS (AIRNET_SESSIONS_MAX / SHARDS)
#define FLOW_SLOTS (2 * FLOW_SESSIONS) /* at most half full: one key a session */
#define FLOW_MIDSTREAM_MAX (FLOW_SESSIONS / 2) /* sessions without a handshake */
#define FLOW_RETIRED 512 /* rows given up and not used again yet */
#define FLOW_HANDSHAKES 4096
#define FLOW_PRELUDES 256
#define FLOW_WAYS 4 /* handshakes, or preludes, that share a place */
#define FLOW_WINDOW (1 << 20) /* sequence numbers further off are another flow's */
#define FLOW_HOLE_NS 200000000ULL /* or two round trips, a hole is waited for */
/* A hole that the receiver asks for: no sender waits longer (RFC 6298 section 2.5). */
#define FLOW_WANTED_NS 60000000000ULL
/* A mirror may show an acknowledgement before its bytes: a switch copies each
 * direction through its own queue. An acknowledged hole is waited for so long. */
#define FLOW_LATE_NS 5000000ULL
#define NO_SHIFT 0xff /* a window scale that was not said, or not seen */
#define SYN_DATA_BYTES 1500
#define FLOW_SYN_DATA 32 /* SYNs whose data is kept */
#define FLOW_STARTS 8 /* segment starts remembered in held bytes */

#define SMALL_BYTES 2048 /* carries nearly every partial message */
#define SMALL_COUNT 512
#define LARGE_BYTES ((FIX_MESSAGE_BYTES + 63) / 64 * 64)
#define LARGE_COUNT 16
#define HELD_BYTES 2048 /* one out-of-order piece */
#define RECENT_BYTES 2048 /* delivered last, by direction; a power of two */
#define HELD_COUNT 256
#define HELD_PER_SIDE 64

#define TYPE_SLOTS 512
#define ROWS_PER_FRAME 4096

struct handshake {
	struct flow_key key;
	an_u64 syn_ns;
	an_u64 syn_ack_ns; /* 0 = not seen */
	an_u64 order; /* of the SYN; the oldest gives way */
	an_u64 cross_ns; /* the other end's SYN, when it sent one too */
	an_u32 cross_isn;
	an_u32 isn;
	an_u32 answer_isn;
	an_u32 data_bytes; /* that the SYN carried */
	an_u32 taken_bytes; /* of them, by the SYN-ACK */
	an_u8 is_used;
	an_u8 is_from_low; /* which end sent the SYN */
	an_u8 has_cross;
	an_u8 shift; /* of windows, or NO_SHIFT */
	an_u8 answer_shift;
	an_u8 cross_shift;
	an_u8 pad[6];
};

/* The data of a SYN; see fastopen.h. */
struct syn_data {
	struct flow_key key;
	an_u64 order; /* the oldest gives way */
	an_u32 isn;
	an_u16 bytes; /* 0 = not in use */
	an_u8 is_from_low;
	an_u8 pad;
	an_u8 data[SYN_DATA_BYTES];
};

/* A segment of fewer bytes than "8=FIX" that may begin a stream; see prelude.h. */
struct prelude {
	struct flow_key key;
	an_u64 time_ns;
	an_u32 sequence;
	an_u8 bytes; /* of "8=FIX", 0 = not in use */
	an_u8 is_from_low;
	an_u8 pad[2];
};

/* An out-of-order piece. */
struct held {
	an_u32 next; /* later in the stream, or on the free list */
	an_u32 sequence;
	an_u16 bytes;
	an_u8 is_segment_start;
	an_u8 pad;
};

/* One direction of a session. */
struct side {
	an_u32 next; /* sequence number expected */
	an_u32 acknowledged; /* beyond `next` */
	an_u32 taken; /* the most that was acknowledged of what lies before `next` */
	an_u32 fin_sequence;
	an_u32 held; /* first out-of-order piece */
	an_u32 held_count;
	an_u64 hole_ns; /* when the first piece was held */
	an_u32 carry; /* buffer of the partial message; see carry_at */
	an_u32 carry_bytes;
	an_u32 need_bytes; /* of the whole message carried, 0 = not known yet */
	an_u32 region_row; /* this frame's row of what is being skipped */
	an_u32 starts[FLOW_STARTS];
	/* Of missing bytes and messages; see holes.h. */
	an_u32 wanted_until; /* what the receiver asked for lies before it */
	an_u32 unproved; /* holes given up, not acknowledged so far */
	an_u32 unproved_end;
	an_u64 unproved_bytes;
	an_u64 number; /* expected next as MsgSeqNum, 0 = any */
	an_u8 asks;
	an_u8 has_wanted;
	an_u8 start_count;
	an_u8 is_known; /* `next` is */
	an_u8 has_acknowledged;
	an_u8 has_fin;
	an_u8 is_done; /* FIN consumed, or RST */
	an_u8 is_lost; /* looking for a message start */
	an_u8 follows_soh;
	an_u8 checked; /* good payloads so far; see sums.h */
	an_u8 has_bad; /* a segment was left out that ends at `bad_end` */
	an_u8 has_window;
	an_u8 shift; /* of `window`, or NO_SHIFT */
	an_u8 has_taken;
	an_u8 pad[2];
	an_u16 window; /* that the receiver last advertised */
	an_u16 recent_bytes; /* known of what came before `next` */
	an_u32 bad_end;
};

/* What a session is worth keeping for, least first; see table.h. */
#define RANK_CLOSED 0
#define RANK_NEW 1 /* one message, and no handshake */
#define RANK_ALONE 2 /* one end at most has said anything */
#define RANK_HEARD 3 /* both have, and are not logged on */
#define RANK_USED 4 /* both are */
#define FLOW_RANKS 5

/* The sessions of a rank, by their last segment. */
struct rank {
	an_u32 oldest;
	an_u32 newest;
};

struct flow {
	struct flow_key key;
	an_u32 older; /* in its rank */
	an_u32 newer;
	an_u32 home; /* the slot where its key belongs */
	struct side sides[2];
	an_u32 isn; /* of the SYN, if has_isn */
	an_u8 has_isn;
	an_u8 is_client_low;
	an_u8 has_new_syn; /* another handshake may be under way */
	an_u8 logons; /* bit per direction */
	an_u8 named; /* bit per direction */
	an_u8 rank;
	an_u8 pad[2];
};

struct type_count {
	an_u32 type;
	an_u32 is_used;
	an_u64 count[2];
};

/* What happened, other than rows; names in stream.pyx. */
struct stream_counts {
	an_u64 bytes_skipped;
	an_u64 partials_dropped;
	an_u64 gaps;
	an_u64 gap_bytes;
	an_u64 capture_losses; /* of the gaps; see holes.h */
	an_u64 capture_loss_bytes;
	an_u64 network_losses; /* holes that were filled */
	an_u64 network_loss_bytes;
	an_u64 application_gaps;
	an_u64 application_gap_messages;
	an_u64 retransmits;
	an_u64 out_of_order;
	an_u64 conflicts;
	an_u64 keep_alives;
	an_u64 after_close;
	an_u64 out_of_window;
	an_u64 syn_data; /* SYNs that carry any */
	an_u64 syn_data_bytes; /* of them, given to streams */
	an_u64 syn_data_evicted;
	an_u64 syn_acks_wrong;
	an_u64 syns_on_sessions;
	an_u64 resets_ignored;
	an_u64 resets_with_data;
	an_u64 bad_checksums; /* segments left out for it */
	an_u64 urgent; /* segments that say so */
	an_u64 sessions_full;
	an_u64 sessions_reclaimed; /* rows of closed ones, used again */
	an_u64 sessions_evicted; /* rows of others */
	an_u64 handshakes_evicted;
	an_u64 midstream_full;
	an_u64 carry_full;
	an_u64 held_full;
	an_u64 rows_full;
	an_u64 types_full;
};

/* One shard. */
struct stream {
	struct airnet_session *sessions; /* FLOW_SESSIONS rows of the caller's */
	const struct gateways *gateways;
	an_u32 session_base; /* index of the first of them in the whole table */
	/* Of this decode call and this frame. */
	an_u32 row_count;
	an_u32 row_limit;
	an_u32 pad;
	struct airnet_message *rows;
	an_u64 hash; /* of the frame's flow */
	an_u64 time_ns;
	an_u64 now_ns; /* the latest time of any frame up to this one */
	struct airnet_header *header;
	const an_u8 *segment_start; /* first byte of the segment being delivered */
	/* Since the start. */
	an_u64 malformed[AIRNET_MALFORMED_REASONS];
	struct type_count types[TYPE_SLOTS];
	struct stream_counts counts;
	an_u64 handshake_order;
	an_u32 session_count;
	an_u32 midstream_count;
	an_u32 free_small;
	an_u32 free_large;
	an_u32 free_held;
	an_u32 free_row; /* taken before, and not in use */
	an_u32 retired_first;
	an_u32 retired_count;
	an_u32 retired[FLOW_RETIRED];
	an_u64 retired_at[FLOW_RETIRED]; /* frame_count */
	struct rank ranks[FLOW_RANKS]
			 [2]; /* of each rank, those with a handshake first */
	an_u32 slots[FLOW_SLOTS]; /* index in the shard + 1, 0 = empty */
	struct handshake handshakes[FLOW_HANDSHAKES];
	struct prelude preludes[FLOW_PRELUDES];
	struct syn_data syn_data[FLOW_SYN_DATA];
	struct flow flows[FLOW_SESSIONS];
	an_u32 next_small[SMALL_COUNT];
	an_u32 next_large[LARGE_COUNT];
	struct held held[HELD_COUNT];
	an_u8 small[SMALL_COUNT][SMALL_BYTES];
	an_u8 large[LARGE_COUNT][LARGE_BYTES];
	an_u8 held_bytes[HELD_COUNT][HELD_BYTES];
	an_u8 recent[FLOW_SESSIONS][2][RECENT_BYTES];
	struct airnet_header ending; /* of what is found when the capture is over */
	struct airnet_message spare; /* where rows beyond the limit go */
	struct fix_reader fix;
};

/* The slot of `key`, which is this frame's: its session's, or the empty one where it
 * belongs. */
static inline an_u32 *flow_slot(struct stream *s, const struct flow_key *key)
{
	an_u32 i = FLOW_PLACE(s->hash) % FLOW_SLOTS;

	while (s->slots[i] && !flow_key_equals(&s->flows[s->slots[i] - 1].key, key))
		i = (i + 1) % FLOW_SLOTS;
	return &s->slots[i];
}

static inline int flow_is_gateway(const struct stream *s,
				  const struct endpoint *endpoint)
{
	return gateways_have(s->gateways, endpoint);
}

/* `s` is all zero. */
static inline void flow_begin(struct stream *s)
{
	an_u32 i;

	fix_reader_begin(&s->fix);
	memset(s->ranks, 0xff, sizeof(s->ranks)); /* AIRNET_NONE */
	s->free_row = AIRNET_NONE;
	for (i = 0; i < SMALL_COUNT; i++)
		s->next_small[i] = i + 1 < SMALL_COUNT ? i + 1 : AIRNET_NONE;
	for (i = 0; i < LARGE_COUNT; i++)
		s->next_large[i] = i + 1 < LARGE_COUNT ? i + 1 : AIRNET_NONE;
	for (i = 0; i < HELD_COUNT; i++)
		s->held[i].next = i + 1 < HELD_COUNT ? i + 1 : AIRNET_NONE;
}

#endif
