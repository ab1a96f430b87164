/* SPDX-License-Identifier: Apache-2.0 */
/* Host windows: the row, when it closes, and who stays listed. */
#ifndef AIRNET_WINDOW_HOST_ROW_H
#define AIRNET_WINDOW_HOST_ROW_H

#include "window_claim.h"

/* An edge that a host keeps in mind; NULL when it is forgotten. */
static inline const struct window_edge *window_kept(const struct window_state *w,
						    uint32_t index, uint64_t tag)
{
	if (index == AIRNET_NONE || w->edge_tags[index] != tag)
		return NULL;
	return &w->edges[index];
}

static inline uint64_t window_root(uint64_t square)
{
	uint64_t root = 0;

	for (uint64_t bit = 1ull << 31; bit; bit >>= 1)
		if ((root + bit) * (root + bit) <= square)
			root += bit;
	return root;
}

/* The coefficient of variation of an edge's gaps, in thousandths. */
static inline uint64_t window_deviation(const struct window_edge *e, uint64_t gaps)
{
	uint64_t square = e->gap_sum * e->gap_sum;
	uint64_t spread = gaps * e->gap_squares;

	spread = spread > square ? spread - square : 0;
	if (!square)
		return 0;
	return window_root((uint64_t)((unsigned __int128)spread * 1000000 / square));
}

/* How many of its calls have no answer yet. */
static inline uint32_t window_half_open(const struct window_state *w,
					const struct window_host *x)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < x->pending_count; i++) {
		const struct window_edge *e =
			window_kept(w, x->pending[i], x->pending_tags[i]);

		count += e && !e->answered && !e->failed;
	}
	return count;
}

/* What stands in `half_open` above the calls that wait, of which there are 16 at most
 * (airnet.domain.columns_host). */
static inline uint32_t window_host_odd(const struct window_deeds *y,
				       const struct window_deeds *z)
{
	uint32_t unasked = y->unasked > z->unasked ? y->unasked : z->unasked;
	uint32_t newcomers = y->newcomers + z->newcomers;

	return (unasked < 255 ? unasked : 255) << 8 | (newcomers < 7 ? newcomers : 7)
							      << 5;
}

/* What it does on the network: new edges, failures, names, peers. */
static inline void window_host_calls(const struct window_state *w,
				     const struct window_host *x, float *row)
{
	const struct window_deeds *y = &x->now, *z = &x->before;
	uint64_t queries = (uint64_t)y->queries + z->queries;
	uint64_t answers = (uint64_t)y->answers + z->answers;
	const uint32_t *small = w->estimates.small;

	window_put(row, H_contacts, x->contacts);
	window_put(row, H_edges_new, (uint64_t)y->edges + z->edges);
	window_put(row, H_targets_new,
		   small[__builtin_popcountll(y->targets | z->targets)]);
	window_put(row, H_ports_new, small[__builtin_popcountll(y->ports | z->ports)]);
	window_put(row, H_odd_targets, (uint64_t)y->strangers + z->strangers);
	window_put(row, H_strange_failures, (uint64_t)y->failed + z->failed);
	window_put(row, H_refused, (uint64_t)y->refused + z->refused);
	window_put(row, H_silent, (uint64_t)y->silent + z->silent);
	window_put(row, H_unreachable, (uint64_t)y->unreachable + z->unreachable);
	window_put(row, H_half_open, window_half_open(w, x) + window_host_odd(y, z));
	window_put(row, H_queries, queries);
	window_put_unless(row, H_name_bytes,
			  queries ? ((uint64_t)y->name_bytes + z->name_bytes) / queries
				  : 0,
			  !queries);
	window_put(row, H_long_names, small[__builtin_popcountll(y->names | z->names)]);
	window_put_unless(row, H_no_name_share,
			  window_share((uint64_t)y->missing + z->missing, answers),
			  !answers);
}

/* The unknown peers it calls most often and tells most. */
static inline void window_host_peers(const struct window_state *w,
				     const struct window_host *x, float *row)
{
	const struct window_edge *e = window_kept(w, x->beat, x->beat_tag);
	uint64_t gaps = e ? e->contacts - 1 : 0;

	gaps = gaps < WINDOW_GAPS ? gaps : WINDOW_GAPS;
	window_put(row, H_beat_contacts, e ? e->contacts : 0);
	window_put_unless(row, H_beat_period_ms, gaps ? e->gap_sum / gaps / 10 : 0,
			  !gaps);
	window_put_unless(row, H_beat_deviation,
			  gaps > 1 ? window_deviation(e, gaps) : 0, gaps < 2);
	window_put(row, H_beat_outside, e && !window_is_inside(w, e->target));
	window_put(row, H_beat_global,
		   e && e->protocol == WINDOW_TCP && window_is_global(e->target));
	e = window_kept(w, x->carry, x->carry_tag);
	window_put(row, H_carry_bytes, e ? e->out_bytes : 0);
	window_put_unless(
		row, H_carry_share,
		e ? window_share(e->out_bytes, e->out_bytes + e->in_bytes) : 0, !e);
	window_put(row, H_carry_outside, e && !window_is_inside(w, e->target));
}

/* What it does in sessions, and what others do in its. */
static inline void window_host_sessions(const struct window_state *w,
					const struct window_host *x,
					const struct window_known *self, float *row)
{
	const struct window_deeds *y = &x->now, *z = &x->before;

	window_put(row, H_logons, (uint64_t)y->logons + z->logons);
	window_put(row, H_logons_refused, (uint64_t)y->refusals + z->refusals);
	window_put(row, H_refused_hosts,
		   w->refused_epoch == x->epoch ? w->refused_hosts : 0);
	window_put_unless(row, H_logon_gap_ms, x->logon_gap_us / 1000,
			  !x->logon_gap_us);
	window_put(row, H_comps,
		   w->estimates.small[__builtin_popcountll(y->comps | z->comps)]);
	window_put(row, H_venue_sessions, x->venue_sessions);
	window_put(row, H_claims, (uint64_t)y->claims + z->claims);
	window_put(row, H_contested, (uint64_t)y->contested + z->contested);
	window_put(row, H_displaced, (uint64_t)y->displaced + z->displaced);
	window_put(row, H_foreign, (uint64_t)y->foreign + z->foreign);
	window_put(row, H_foreign_new, (uint64_t)y->foreign_new + z->foreign_new);
	window_put(row, H_foreign_old, (uint64_t)y->foreign_old + z->foreign_old);
	window_put(row, H_conflicts, (uint64_t)y->conflicts + z->conflicts);
	window_put(row, H_replays, (uint64_t)y->replays + z->replays);
	window_put(row, H_moved, (uint64_t)y->moved + z->moved);
	window_put(row, H_moves, (uint64_t)w->moves + w->moves_before);
	window_put(row, H_ousted, (uint64_t)y->ousted + z->ousted);
	window_put(row, H_shells, (uint64_t)y->shells + z->shells);
	window_put(row, H_venues_outside,
		   (uint64_t)y->venues_outside + z->venues_outside);
	window_put(row, H_venues_inside, (uint64_t)y->venues_inside + z->venues_inside);
	window_put(row, H_loss_spells, y->loss > z->loss ? y->loss : z->loss);
	window_put(row, H_loss_ratio, x->loss_ratio);
	window_put(row, H_loss_past_ms, x->loss_past_ms);
	window_put(row, H_lossy_hosts, w->lossy_epoch == x->epoch ? w->lossy_hosts : 0);
	window_put(row, H_lawful, self && self->lawful);
	window_put(row, H_registered, self && self->registered);
	window_put(row, H_member, x->member);
	window_put(row, H_met, x->met);
}

/* Whom what was told last is about, in words of three bytes; the last has one. */
static inline void window_host_peer_name(const struct window_host *x, float *row)
{
	const uint8_t *at = x->peer;

	window_put(row, H_own_calls, (uint64_t)x->now.own + x->before.own);
	window_put(row, H_peer_is, x->peer_is);
	for (int i = 0; i < 5; i++, at += 3)
		window_put(row, H_peer_0 + i, at[0] << 16 | at[1] << 8 | at[2]);
	window_put(row, H_peer_5, *at);
}

/* What it sends that is no message. */
static inline void window_host_unread(const struct window_host *x, uint64_t at_ns,
				      float *row)
{
	uint32_t now = x->now.unread, before = x->before.unread;

	window_put(row, H_unread_run, now > before ? now : before);
	window_put(row, H_unread_held, x->unread_held);
	window_put(row, H_unread_ms,
		   x->unread_held ? (at_ns - x->unread_ns) / 1000000 : 0);
}

/* Close a host's window at tick `at_ns`. */
static inline void window_host_close(struct window_state *w, struct window_host *x,
				     uint64_t at_ns)
{
	struct airnet_window *key = &w->windows[w->row_count];
	float *row = &w->rows[(size_t)w->row_count * WINDOW_COLUMNS];
	const struct window_known *self = window_known_at(w, x->address, 0);

	memset(row, 0, WINDOW_COLUMNS * sizeof *row);
	memset(key, 0, sizeof *key);
	window_put(row, H_window_us, (at_ns - x->open_ns) / 1000);
	window_host_calls(w, x, row);
	window_host_peers(w, x, row);
	window_host_sessions(w, x, self, row);
	window_host_unread(x, at_ns, row);
	window_host_peer_name(x, row);
	window_put_unless(row, H_quiet_ms, (at_ns - x->alarm_ns) / 1000000,
			  !x->alarm_ns);
	window_put(row, H_history_ms, (at_ns - x->first_ns) / 1000000);
	key->open_ns = x->open_ns;
	key->close_ns = w->frame_ns;
	key->frame_count = w->frame_count;
	key->first_ns = x->bad_ns;
	memcpy(key->address, x->address, 16);
	key->subject = x->generation;
	key->port = x->port;
	key->kind = AIRNET_WINDOW_HOST;
	key->known = (uint8_t)window_is_familiar(self);
	x->open_ns = at_ns;
	x->contacts = 0;
	x->urgent = 0;
	w->row_count++;
	w->counters.windows++;
}

/* End of a tick, or of a slot. */
static inline void window_host_tick(struct window_state *w, uint64_t at_ns, int slot)
{
	uint32_t kept = 0;

	for (uint32_t i = 0; i < w->active_host_count; i++) {
		struct window_host *x = &w->hosts[w->active_hosts[i]];

		while (slot && x->pending_count &&
		       at_ns - x->pending_ns[0] >= WINDOW_ANSWER_NS)
			window_pending_pop(w, x);
		if (x->urgent || (slot && x->active))
			window_host_close(w, x, at_ns);
		x->listed = !slot || x->active || x->pending_count;
		x->active &= !slot;
		if (x->listed)
			w->active_hosts[kept++] = w->active_hosts[i];
	}
	w->active_host_count = kept;
	w->left_strange = WINDOW_STRANGE;
	w->left_familiar = WINDOW_FAMILIAR;
}

#endif
