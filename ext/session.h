/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The session table: when a flow becomes a session, which end is the gateway, and what
 * its messages say of it. Only flows that speak FIX, or that completed a handshake
 * with a known gateway, get a row.
 */
#ifndef AIRNET_SESSION_H
#define AIRNET_SESSION_H

#include "sums.h"

#define TYPE_PROBES 16 /* a flood of made-up types costs no more */

/* What a frame that may open a session says of it. */
struct opening {
	struct flow_key key;
	const struct handshake *handshake; /* it belongs to; NULL = midstream */
	int is_from_low;
	int is_logon;
};

static inline void session_count_type(struct stream *s, an_u32 type, int direction)
{
	an_u32 place = type * 0x9e3779b1u >> 23, i;

	for (i = 0; i < TYPE_PROBES; i++) {
		struct type_count *entry = &s->types[(place + i) % TYPE_SLOTS];

		if (entry->is_used && entry->type != type)
			continue;
		entry->is_used = 1;
		entry->type = type;
		entry->count[direction]++;
		return;
	}
	s->counts.types_full++;
}

static inline void session_name(an_u8 *out, struct cursor name)
{
	cursor_limit(&name, AIRNET_COMP_BYTES);
	memcpy(out, name.at, cursor_left(&name));
}

/* A CompID as rows carry it: 32 bits of its hash, 0 = none. */
static inline an_u32 session_comp_key(struct cursor name)
{
	return (an_u32)(fix_key(name) >> 32) | 1;
}

/* Take both CompIDs from the first well-formed message that has them. */
static inline void session_names(struct flow *flow, struct airnet_session *session,
				 int direction, const struct fix_names *names)
{
	if (flow->named || !names->sender.at || !names->target.at)
		return;
	flow->named = 1;
	if (direction == AIRNET_DIRECTION_UP) {
		session_name(session->client_comp, names->sender);
		session_name(session->gateway_comp, names->target);
	} else {
		session_name(session->client_comp, names->target);
		session_name(session->gateway_comp, names->sender);
	}
}

static inline void session_take(struct stream *s, an_u32 index, int direction,
				struct airnet_message *row,
				const struct fix_names *names)
{
	struct airnet_session *session = &s->sessions[index];
	struct flow *flow = &s->flows[index];
	struct side *side = &flow->sides[direction];
	int is_trading =
		row->kind >= AIRNET_KIND_NEW && row->kind <= AIRNET_KIND_REPORT;

	session->messages[direction]++;
	if (row->type)
		session_count_type(s, row->type, direction);
	if (row->malformed) {
		s->malformed[row->malformed]++;
		session->malformed++;
		side->number = 0;
		return;
	}
	if (row->kind == AIRNET_KIND_SEQUENCE_RESET)
		side->number = 0; /* it says what comes next, which may be any */
	else if (row->sequence == side->number && row->sequence)
		side->number++;
	else
		holes_number(s, side, row);
	if (names->sender.at && names->target.at &&
	    (!flow->named || row->kind == AIRNET_KIND_LOGON))
		row->comp_key = session_comp_key(direction == AIRNET_DIRECTION_UP
							 ? names->sender
							 : names->target);
	session_names(flow, session, direction, names);
	if (row->kind == AIRNET_KIND_LOGON)
		flow->logons |= (an_u8)(1 << direction);
	if (session->state == AIRNET_SESSION_OPEN && (is_trading || flow->logons == 3))
		session->state = AIRNET_SESSION_LOGGED_ON;
}

/* Which end is the client: known gateways first, then who sent the SYN, then who logs
 * on; else the lower port is the gateway's. */
static inline int session_client_is_low(const struct stream *s,
					const struct opening *opening)
{
	const struct endpoint *low = &opening->key.low, *high = &opening->key.high;
	int low_is_gateway = flow_is_gateway(s, low);
	int high_is_gateway = flow_is_gateway(s, high);

	if (low_is_gateway != high_is_gateway)
		return high_is_gateway;
	if (opening->handshake)
		return opening->handshake->is_from_low;
	if (opening->is_logon || low->port == high->port)
		return opening->is_from_low;
	return low->port > high->port;
}

static inline void side_begin(struct side *side)
{
	memset(side, 0, sizeof(*side));
	side->held = AIRNET_NONE;
	side->carry = AIRNET_NONE;
	side->region_row = AIRNET_NONE;
	side->is_lost = 1;
	side->shift = NO_SHIFT;
}

static inline void side_know(struct side *side, an_u32 next)
{
	side->next = next;
	side->is_known = 1;
	side->is_lost = 0;
}

/* Windows are shifted when both ends said that they can (RFC 7323 section 2.2). A side
 * has the shift of whoever receives its bytes. */
static inline void side_scale(struct side *sides, int syn_side,
			      const struct handshake *handshake)
{
	int both = handshake->shift != NO_SHIFT && handshake->answer_shift != NO_SHIFT;

	sides[syn_side].shift = both ? handshake->answer_shift : 0;
	sides[!syn_side].shift = both ? handshake->shift : 0;
}

/* Fill a new row's flow state from the handshake, if one was seen. */
static inline void session_begin_flow(struct stream *s, an_u32 index,
				      const struct opening *opening)
{
	const struct handshake *handshake = opening->handshake;
	struct flow *flow = &s->flows[index];
	int syn_side;

	memset(flow, 0, sizeof(*flow));
	flow->key = opening->key;
	flow->is_client_low = (an_u8)session_client_is_low(s, opening);
	side_begin(&flow->sides[0]);
	side_begin(&flow->sides[1]);
	if (!handshake)
		return;
	syn_side = flow->is_client_low != handshake->is_from_low;
	flow->has_isn = 1;
	flow->isn = handshake->isn;
	side_know(&flow->sides[syn_side], handshake->isn + 1);
	if (!handshake->syn_ack_ns)
		return;
	side_know(&flow->sides[!syn_side], handshake->answer_isn + 1);
	side_scale(flow->sides, syn_side, handshake);
}

/* End a session's row; bytes of the other direction may still come. */
static inline void session_close(struct stream *s, an_u32 index, int is_seen)
{
	if (s->sessions[index].state == AIRNET_SESSION_CLOSED)
		return;
	s->sessions[index].state = AIRNET_SESSION_CLOSED;
	if (is_seen)
		s->header->stream_flags |= AIRNET_STREAM_CLOSED;
}

static inline void session_finish_side(struct stream *s, struct side *side)
{
	carry_drop(s, side);
	hold_drop(s, side);
	side->is_done = 1;
}

/* Nothing that is missing will come: give up the holes of a direction. */
static inline void session_flush_side(struct stream *s, an_u32 index, int direction)
{
	struct side *side = &s->flows[index].sides[direction];

	while (side->held != AIRNET_NONE)
		hold_give_up(s, index, direction, s->held[side->held].sequence);
	carry_drop(s, side);
}

/* The same for a whole session that no frame ended. Its messages behind holes are
 * counted, by type and session, and make no rows: no frame completed them. */
static inline void session_settle(struct stream *s, an_u32 index)
{
	struct airnet_header *header = s->header;
	an_u64 rows_full = s->counts.rows_full;
	an_u32 row_limit = s->row_limit;

	s->header = &s->ending;
	s->row_limit = s->row_count;
	session_flush_side(s, index, AIRNET_DIRECTION_UP);
	session_flush_side(s, index, AIRNET_DIRECTION_DOWN);
	s->header = header;
	s->row_limit = row_limit;
	s->counts.rows_full = rows_full;
}

/* Fill a row, which may have been another session's, and the flow behind it. */
static inline void session_begin(struct stream *s, an_u32 index,
				 const struct opening *opening)
{
	struct airnet_session *session = &s->sessions[index];
	const struct endpoint *client = &opening->key.low, *gateway = client;

	session_begin_flow(s, index, opening);
	if (s->flows[index].is_client_low)
		gateway = &opening->key.high;
	else
		client = &opening->key.high;
	memset(session, 0, sizeof(*session));
	memcpy(session->client, client->address, 16);
	memcpy(session->gateway, gateway->address, 16);
	session->client_port = client->port;
	session->gateway_port = gateway->port;
	session->opened_ns = s->time_ns;
	session->last_ns = s->time_ns;
	session->state = AIRNET_SESSION_OPEN;
	session->midstream = opening->handshake == NULL;
	if (opening->handshake) {
		session->syn_ns = opening->handshake->syn_ns;
		session->syn_ack_ns = opening->handshake->syn_ack_ns;
	}
}

#endif
