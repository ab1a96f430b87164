/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The rows of the session table, and who gives way when all are in use: who closed
 * longest ago, then who has been idle longest; a session that both ends have used only
 * when it has been silent for as long as no live one is. Who is not answered gives way
 * before: a stranger can open connections to a gateway, and have it say nothing.
 *
 * A row given up is kept for as many frames as one batch can have before it is used
 * again. Whatever still speaks of it, a window that closed in this batch, thus finds
 * it as it was, and no answer depends on where batches end.
 */
#ifndef AIRNET_TABLE_H
#define AIRNET_TABLE_H

#include "session.h"

/* How long a session of each rank is silent before its row may be given up: longer than
 * a window is open; two heartbeat intervals of FIX (FIX 4.4 Volume 2, HeartBtInt(108),
 * 30 s by custom). */
static const an_u64 table_idle_ns[FLOW_RANKS] = {
	[RANK_CLOSED] = 1000000000ULL, [RANK_NEW] = 1000000000ULL,
	[RANK_ALONE] = 1000000000ULL,  [RANK_HEARD] = 60000000000ULL,
	[RANK_USED] = 60000000000ULL,
};

static inline struct rank *table_list(struct stream *s, an_u32 index)
{
	return &s->ranks[s->flows[index].rank][s->sessions[index].midstream];
}

static inline void table_unlink(struct stream *s, an_u32 index)
{
	struct rank *list = table_list(s, index);
	struct flow *flow = &s->flows[index];

	if (flow->older == AIRNET_NONE)
		list->oldest = flow->newer;
	else
		s->flows[flow->older].newer = flow->newer;
	if (flow->newer == AIRNET_NONE)
		list->newest = flow->older;
	else
		s->flows[flow->newer].older = flow->older;
}

static inline void table_link(struct stream *s, an_u32 index)
{
	struct rank *list = table_list(s, index);
	struct flow *flow = &s->flows[index];

	flow->older = list->newest;
	flow->newer = AIRNET_NONE;
	if (list->newest == AIRNET_NONE)
		list->oldest = index;
	else
		s->flows[list->newest].newer = index;
	list->newest = index;
}

/* What a session is worth keeping for. One segment can be anybody's, from anywhere.
 * That both ends speak is told by their payloads: it need not be FIX. */
static inline an_u8 table_rank(const struct stream *s, an_u32 index)
{
	const struct airnet_session *session = &s->sessions[index];
	const struct side *sides = s->flows[index].sides;

	if (session->state == AIRNET_SESSION_CLOSED)
		return RANK_CLOSED;
	if (session->state == AIRNET_SESSION_LOGGED_ON && session->messages[0] &&
	    session->messages[1])
		return RANK_USED;
	if (session->midstream && session->messages[0] + session->messages[1] <= 1)
		return RANK_NEW;
	return sides[0].checked && sides[1].checked ? RANK_HEARD : RANK_ALONE;
}

/* A segment of the session came. Used ones are put in order only when it matters. */
static inline void table_touch(struct stream *s, an_u32 index)
{
	an_u8 rank = table_rank(s, index);
	struct flow *flow = &s->flows[index];

	if (rank == flow->rank && (rank == RANK_USED || flow->newer == AIRNET_NONE))
		return;
	table_unlink(s, index);
	flow->rank = rank;
	table_link(s, index);
}

/* Take `index` out of the slots; those behind it move up (Knuth, The Art of Computer
 * Programming, volume 3, section 6.4, algorithm R). */
static inline void table_forget(struct stream *s, an_u32 index)
{
	an_u32 hole = s->flows[index].home, i, home;

	while (s->slots[hole] && s->slots[hole] != index + 1)
		hole = (hole + 1) % FLOW_SLOTS;
	if (!s->slots[hole])
		return; /* a later session of the same ends has its slot */
	for (i = (hole + 1) % FLOW_SLOTS; s->slots[i]; i = (i + 1) % FLOW_SLOTS) {
		home = s->flows[s->slots[i] - 1].home;
		if ((i - home) % FLOW_SLOTS < (i - hole) % FLOW_SLOTS)
			continue;
		s->slots[hole] = s->slots[i];
		hole = i;
	}
	s->slots[hole] = 0;
}

/* The session of a list that may give way, AIRNET_NONE when none may. */
static inline an_u32 table_candidate(struct stream *s, int rank, int is_midstream)
{
	const struct rank *list = &s->ranks[rank][is_midstream];
	int tries;

	for (tries = 0; tries < FLOW_WAYS && list->oldest != AIRNET_NONE; tries++) {
		an_u32 index = list->oldest;

		if (s->now_ns - s->sessions[index].last_ns >= table_idle_ns[rank])
			return index;
		if (rank != RANK_USED)
			break;
		table_unlink(s, index);
		table_link(s, index);
	}
	return AIRNET_NONE;
}

/* Who gives way; AIRNET_NONE when nobody may. */
static inline an_u32 table_victim(struct stream *s, int only_midstream)
{
	int rank;

	for (rank = 0; rank < FLOW_RANKS; rank++) {
		an_u32 one = table_candidate(s, rank, 1), other = AIRNET_NONE;

		if (!only_midstream)
			other = table_candidate(s, rank, 0);
		if (one == AIRNET_NONE && other == AIRNET_NONE)
			continue;
		if (one == AIRNET_NONE ||
		    (other != AIRNET_NONE &&
		     s->sessions[other].last_ns < s->sessions[one].last_ns))
			return other;
		return one;
	}
	return AIRNET_NONE;
}

static inline void table_free(struct stream *s, an_u32 index)
{
	s->flows[index].newer = s->free_row;
	s->free_row = index;
}

/* Free the row that was given up first, if that was long enough ago. */
static inline void table_ripen(struct stream *s)
{
	an_u64 now = s->header->frame_count;

	if (!s->retired_count ||
	    now - s->retired_at[s->retired_first] < AIRNET_FRAMES_MAX)
		return;
	table_free(s, s->retired[s->retired_first]);
	s->retired_first = (s->retired_first + 1) % FLOW_RETIRED;
	s->retired_count--;
}

/* Give up somebody's row; 0 when nobody's can be. */
static inline int table_retire(struct stream *s, int only_midstream)
{
	an_u32 index, place;

	if (s->retired_count == FLOW_RETIRED)
		return 0;
	index = table_victim(s, only_midstream);
	if (index == AIRNET_NONE)
		return 0;
	session_settle(s, index);
	session_finish_side(s, &s->flows[index].sides[0]);
	session_finish_side(s, &s->flows[index].sides[1]);
	if (s->sessions[index].state == AIRNET_SESSION_CLOSED)
		s->counts.sessions_reclaimed++;
	else
		s->counts.sessions_evicted++;
	session_close(s, index, 0);
	table_unlink(s, index);
	table_forget(s, index);
	s->midstream_count -= s->sessions[index].midstream;
	place = (s->retired_first + s->retired_count++) % FLOW_RETIRED;
	s->retired[place] = index;
	s->retired_at[place] = s->header->frame_count;
	return 1;
}

/* A row to use: one given up long enough ago, or a fresh one. */
static inline an_u32 table_row(struct stream *s)
{
	an_u32 index = s->free_row;

	if (index == AIRNET_NONE)
		return s->session_count < FLOW_SESSIONS ? s->session_count++
							: AIRNET_NONE;
	s->free_row = s->flows[index].newer;
	return index;
}

/* A row for the session that `opening` is of; AIRNET_NONE when there is none. */
static inline an_u32 table_take(struct stream *s, const struct opening *opening)
{
	an_u32 is_midstream = opening->handshake == NULL, index;
	int i;

	table_ripen(s);
	index = table_row(s);
	if (index == AIRNET_NONE) {
		s->counts.sessions_full++;
	} else if (is_midstream && s->midstream_count == FLOW_MIDSTREAM_MAX &&
		   !table_retire(s, 1)) {
		s->counts.midstream_full++;
		table_free(s, index);
		index = AIRNET_NONE;
	} else {
		s->midstream_count += is_midstream;
	}
	for (i = 0; i < 2 &&
		    FLOW_SESSIONS - s->session_count + s->retired_count < FLOW_RETIRED;
	     i++)
		table_retire(s, 0);
	return index;
}

/* A former session of the same ends is over. */
static inline void table_replace(struct stream *s, an_u32 index)
{
	session_settle(s, index);
	session_close(s, index, 0);
	session_finish_side(s, &s->flows[index].sides[0]);
	session_finish_side(s, &s->flows[index].sides[1]);
	table_touch(s, index);
}

/* Make a row; AIRNET_NONE when there is none. */
static inline an_u32 session_open(struct stream *s, const struct opening *opening)
{
	an_u32 index = table_take(s, opening);
	an_u32 *slot = flow_slot(s, &opening->key); /* taking a row moves slots */

	if (index == AIRNET_NONE)
		return AIRNET_NONE;
	if (*slot)
		table_replace(s, *slot - 1);
	*slot = index + 1;
	session_begin(s, index, opening);
	s->flows[index].home = (an_u32)(FLOW_PLACE(s->hash) % FLOW_SLOTS);
	s->flows[index].rank = table_rank(s, index);
	table_link(s, index);
	s->header->stream_flags |= AIRNET_STREAM_OPENED;
	if (!opening->handshake)
		s->header->stream_flags |= AIRNET_STREAM_MIDSTREAM;
	return index;
}

#endif
