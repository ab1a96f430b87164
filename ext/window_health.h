/* SPDX-License-Identifier: Apache-2.0 */
/* Venue windows: one row a slot of a venue's health, and what it remembers. */
#ifndef AIRNET_WINDOW_HEALTH_H
#define AIRNET_WINDOW_HEALTH_H

#include "window_answer.h"
#include "window_mirror.h"
#include "window_session.h"

#define WINDOW_SILENT_NS 60000000000ull /* of a venue silent for longer: no more rows */

/* Whether something has waited for this venue, not for too long. */
static inline int window_venue_waits(const struct window_venue *v, uint64_t at_ns)
{
	uint64_t since_ns = v->asked_ns;

	if (!since_ns || (v->logon_asked_ns && v->logon_asked_ns > since_ns))
		since_ns = v->logon_asked_ns;
	return since_ns && v->heard && at_ns - since_ns <= WINDOW_SILENT_NS;
}

static inline void window_wait_last(const struct window_wait *wait, int last,
				    float *row)
{
	window_put_unless(row, last, wait->last_us, !wait->is_known);
}

static inline void window_wait_mean(const struct window_wait *wait, int mean,
				    float *row)
{
	uint32_t n = wait->count;

	window_put_unless(row, mean, n ? wait->sum_us / n : 0, !n);
}

/* What is asked of it, and how long an answer takes. */
static inline void window_venue_acks(const struct window_venue *v, float *row)
{
	const struct window_health *y = &v->health;
	const struct window_wait *wait = &v->waits[WAIT_ACK];
	const struct window_floor *f = &v->floor;
	uint64_t second = v->fast + ((uint64_t)y->orders << 16) / 10;
	uint64_t mean = wait->count ? wait->sum_us / wait->count : 0;
	uint64_t least16 = (uint64_t)f->least_us * 16;
	uint64_t rise16 = least16 > f->floor16 ? least16 - f->floor16 : 0;
	int blank = !f->batches;

	window_put(row, V_orders, y->orders);
	window_put(row, V_new_orders, y->news);
	window_put(row, V_order_rate_1s, window_rate(second));
	window_put(row, V_order_baseline, window_rate(v->base));
	window_put(row, V_load_ratio, window_ratio(second, v->base, WINDOW_SLOW_PRIOR));
	window_put(row, V_acks, wait->count);
	window_wait_last(wait, V_ack_last_us, row);
	window_wait_mean(wait, V_ack_mean_us, row);
	window_put_unless(row, V_ack_worst_us, wait->worst_us, !wait->count);
	window_put_unless(row, V_ack_baseline_us, f->mean16 / 16, blank);
	window_put_unless(row, V_ack_ratio, (mean + 50) * 1000 / (f->mean16 / 16 + 50),
			  blank || !wait->count);
	window_put_unless(row, V_ack_floor_us, f->least_us, blank);
	window_put_unless(row, V_ack_floor_baseline_us, f->floor16 / 16, blank);
	window_put_unless(row, V_ack_rise_us, rise16 / 16, blank);
	window_put_unless(row, V_ack_deviation, rise16 * 1000 / (f->spread16 + 16),
			  blank);
	window_put(row, V_ack_risen_batches, f->risen);
}

/* What it answers. */
static inline void window_venue_answers(const struct window_venue *v, float *row)
{
	const struct window_health *y = &v->health;
	uint64_t answers = v->answers_fast + ((uint64_t)y->answers << 16) / 10;
	uint64_t rejects = v->rejects_fast + ((uint64_t)y->rejects << 16) / 10;

	window_put(row, V_answers, y->answers);
	window_put(row, V_rejects, y->rejects);
	window_put_unless(row, V_reject_share, window_share(y->rejects, y->answers),
			  !y->answers);
	window_put(row, V_reject_rate_1s, window_rate(rejects));
	window_put_unless(row, V_reject_share_1s, window_share(rejects, answers),
			  !answers);
	window_put_unless(row, V_reject_baseline, v->reject_base * 1000 >> 16,
			  !v->answer_slots);
	window_put(row, V_sessions_answered, y->sessions_answered);
	window_put(row, V_sessions_rejected, y->sessions_rejected);
	window_put_unless(row, V_rejected_share,
			  window_share(y->sessions_rejected, y->sessions_answered),
			  !y->sessions_answered);
	window_put(row, V_outstanding, v->outstanding);
	window_put(row, V_unanswered, v->unanswered);
}

/* Its sessions, and the network between them and it. */
static inline void window_venue_lines(const struct window_venue *v, float *row)
{
	const struct window_health *y = &v->health;

	window_put(row, V_sessions, v->sessions);
	window_put(row, V_sessions_active, y->sessions_active);
	window_put(row, V_sessions_lost, y->sessions_lost);
	window_put(row, V_logons, y->logons);
	window_put(row, V_logons_answered, v->waits[WAIT_LOGON].count);
	window_put(row, V_logons_waiting, v->logons_waiting);
	window_wait_last(&v->waits[WAIT_LOGON], V_logon_last_us, row);
	window_wait_mean(&v->waits[WAIT_LOGON], V_logon_mean_us, row);
	window_put_unless(row, V_logon_recent_us, v->logon_recent_us,
			  !v->logons_answered);
	window_put(row, V_syns, y->syns);
	window_put(row, V_handshakes, v->waits[WAIT_HANDSHAKE].count);
	window_wait_last(&v->waits[WAIT_HANDSHAKE], V_handshake_last_us, row);
	window_wait_mean(&v->waits[WAIT_TCP], V_tcp_ack_mean_us, row);
	window_put(row, V_resend_requests, y->resends);
	window_put(row, V_sequence_gaps, y->gaps);
	window_put(row, V_retransmits_down, y->retransmits);
}

static inline uint64_t window_since_us(uint64_t since_ns, uint64_t at_ns)
{
	return since_ns ? (at_ns - since_ns) / 1000 : 0;
}

/* What ails it, beside what the mirror makes of it. */
static inline void window_venue_ails(const struct window_state *w,
				     const struct window_venue *v, uint64_t at_ns,
				     float *row)
{
	const struct window_trouble *t = &v->trouble;
	uint64_t wait_us = window_since_us(v->logon_asked_ns, at_ns);
	int blank = !t->logon_base_us;

	window_trouble_row(t, row);
	window_put(row, V_mirror_doubt_rate_1s,
		   window_rate(window_mirror_doubt(w->mirror)));
	window_put_unless(row, V_logon_ratio,
			  window_ratio(v->logon_recent_us, t->logon_base_us, 1000),
			  blank);
	window_put_unless(row, V_logon_wait_ratio,
			  window_ratio(wait_us, t->logon_base_us, 1000), blank);
}

/* Close a venue's window at grid time `at_ns`. */
static inline void window_venue_close(struct window_state *w, struct window_venue *v,
				      uint64_t at_ns)
{
	struct airnet_window *key = &w->windows[w->row_count];
	float *row = &w->rows[(size_t)w->row_count * WINDOW_COLUMNS];
	const struct window_floor *f = &v->floor;
	uint64_t silence_us = window_since_us(v->asked_ns, at_ns);

	memset(row, 0, WINDOW_COLUMNS * sizeof *row);
	memset(key, 0, sizeof *key);
	window_put(row, V_window_us, (at_ns - v->open_ns) / 1000);
	window_venue_acks(v, row);
	window_venue_answers(v, row);
	window_venue_lines(v, row);
	window_venue_ails(w, v, at_ns, row);
	window_parting_row(&v->cut, &v->silences, at_ns, row);
	window_put(row, V_ack_risen_ms, window_since_us(f->risen_ns, at_ns) / 1000);
	window_put_unless(row, V_silence_us, silence_us, !v->heard);
	window_put_unless(row, V_silence_ratio,
			  (silence_us + 50) * 1000 / (f->mean16 / 16 + 50),
			  !v->heard || !f->batches);
	window_put_unless(row, V_logon_wait_us,
			  window_since_us(v->logon_asked_ns, at_ns), !v->heard);
	window_put(row, V_history_ms, (at_ns - v->first_ns) / 1000000);
	key->open_ns = v->open_ns;
	key->close_ns = w->frame_ns;
	key->frame_count = w->frame_count;
	key->first_ns = f->risen_ns ? f->risen_ns : v->asked_ns;
	key->accepted_ns = v->answered_ns;
	memcpy(key->address, v->address, 16);
	key->subject = (uint32_t)(v - w->venues);
	key->port = v->port;
	key->kind = AIRNET_WINDOW_VENUE;
	key->known = v->configured || v->used;
	w->row_count++;
	w->counters.windows++;
}

/* Fold the closed slot into the venue's memories; true while it stays listed. */
static inline int window_venue_roll(struct window_venue *v, uint64_t at_ns,
				    uint32_t epoch)
{
	const struct window_health *y = &v->health;
	uint64_t count = (uint64_t)y->orders << 16, n;

	v->fast = (v->fast * 9 + count) / 10;
	v->answers_fast = (v->answers_fast * 9 + ((uint64_t)y->answers << 16)) / 10;
	v->rejects_fast = (v->rejects_fast * 9 + ((uint64_t)y->rejects << 16)) / 10;
	v->slots += v->slots < WINDOW_BASE_SLOTS;
	v->base = (v->base * (v->slots - 1) + count) / v->slots;
	if (y->answers) {
		v->answer_slots += v->answer_slots < WINDOW_BASE_SLOTS;
		n = v->answer_slots;
		v->reject_base = (v->reject_base * (n - 1) +
				  ((uint64_t)y->rejects << 16) / y->answers) /
				 n;
	}
	window_trouble_roll(&v->trouble, epoch);
	v->idle = v->active ? 0 : v->idle + 1;
	v->active = 0;
	v->open_ns = at_ns;
	memset(&v->health, 0, sizeof v->health);
	for (int i = 0; i < WAIT_KINDS; i++) {
		v->waits[i].sum_us = 0;
		v->waits[i].count = 0;
		v->waits[i].worst_us = 0;
	}
	return v->idle < WINDOW_DORMANT_SLOTS || window_venue_waits(v, at_ns);
}

/* Which sessions had a frame in this slot; while they are listed. */
static inline void window_venue_spoke(struct window_state *w)
{
	for (uint32_t i = 0; i < w->active_session_count; i++) {
		struct window_session *s = &w->sessions[w->active_sessions[i]];

		w->venues[s->venue].health.sessions_active += s->spoke;
		s->spoke = 0;
	}
}

/* End of a slot. */
static inline void window_venue_tick(struct window_state *w, uint64_t at_ns)
{
	uint32_t kept = 0;
	for (uint32_t i = 0; i < w->active_venue_count; i++) {
		struct window_venue *v = &w->venues[w->active_venues[i]];

		v->last_ns = v->active ? at_ns : v->last_ns;
		if (v->active || window_venue_waits(v, at_ns))
			window_venue_close(w, v, at_ns);
		v->listed = (uint8_t)window_venue_roll(v, at_ns, w->venue_epoch);
		if (v->listed)
			w->active_venues[kept++] = w->active_venues[i];
	}
	w->active_venue_count = kept;
	w->venue_epoch++;
}

/* Capture time jumped: nothing happened for long. */
static inline void window_venue_skip(struct window_state *w)
{
	for (uint32_t i = 0; i < w->active_venue_count; i++) {
		struct window_venue *v = &w->venues[w->active_venues[i]];

		v->fast = v->answers_fast = v->rejects_fast = 0;
		v->idle = WINDOW_IDLE_SLOTS;
	}
}

#endif
