/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Attackers: when each row fires, and what fires. Frames are made by wire_tcp and
 * wire_udp, like everybody's. Includers have `struct world` complete (ext/twin.h).
 */
#ifndef AIRNET_STRIKE_H
#define AIRNET_STRIKE_H

#include "strike_flow.h"
#include "strike_line.h"

/* ---- when rows fire ---- */

/* The end of the pause that a time falls into, or the time itself. */
static inline an_s64 strike_awake_ns(const struct strike_row *r, an_s64 time_ns)
{
	an_s64 phase;

	if (r->period_ns <= 0 || r->kind == STRIKE_DRIP || r->duty <= 0 || r->duty >= 1)
		return time_ns;
	phase = (time_ns - r->onset_ns) % r->period_ns;
	if ((double)phase < r->duty * (double)r->period_ns)
		return time_ns;
	return time_ns + r->period_ns - phase;
}

static inline void strike_plan(struct world *w, an_u32 row)
{
	const struct strike_row *r = strike_at(w, row);
	struct strike_one *one = &w->strikes.each[row];
	double gap = (1e9 / r->rate) *
		     (1 + r->jitter * (chance_exponential(&one->chance) - 1));
	an_s64 next = strike_awake_ns(r, w->now_ns + 1 + (an_s64)gap);

	if (next < r->offset_ns)
		agenda_add(&w->agenda, next, STRIKE_EVENT_SHOT, row, 0);
}

static inline void strike_do(struct world *w, an_u32 row, an_u64 number)
{
	switch (strike_at(w, row)->kind) {
	case STRIKE_LOGON:
	case STRIKE_DRIP:
	case STRIKE_BRUTE:
	case STRIKE_BEACON:
	case STRIKE_EXFILTRATE:
		strike_open(w, row, number);
		break;
	case STRIKE_INJECT:
		strike_inject(w, row, number);
		break;
	case STRIKE_REPLAY:
		strike_replay(w, row);
		break;
	case STRIKE_FLAP:
		strike_flap(w, row);
		break;
	default:
		strike_fire(w, row, number);
	}
}

/* The ramp thins the full rate out; the first always fires, at the onset. */
static inline void strike_turn(struct world *w, an_u32 row)
{
	const struct strike_row *r = strike_at(w, row);
	struct strike_one *one = &w->strikes.each[row];
	double strength =
		strike_strength(w->now_ns, r->onset_ns, r->offset_ns, r->ramp_ns);

	if (!one->shots || strength >= 1 || chance_is(&one->chance, strength))
		strike_do(w, row, one->shots++);
	if (r->kind != STRIKE_EXFILTRATE) /* one connection, which paces itself */
		strike_plan(w, row);
}

static inline void strike_event(struct world *w, const struct event *e)
{
	switch (e->kind) {
	case STRIKE_EVENT_SHOT:
		strike_turn(w, e->who);
		break;
	case STRIKE_EVENT_ANSWER:
		strike_answer(w, e->who, e->value);
		break;
	case STRIKE_EVENT_RETORT:
		strike_retort(w, e->who, e->value);
		break;
	case STRIKE_EVENT_FLOW:
		strike_go_on(w, e);
		break;
	case STRIKE_EVENT_FORGE:
		strike_forge(w, e->who, e->value);
		break;
	}
}

/* ---- life ---- */

/* May a row's rate be played? */
static inline int strike_has_rate(const struct strike_row *r)
{
	return r->rate <=
	       (r->kind == STRIKE_EXFILTRATE ? STRIKE_BYTES_MAX : STRIKE_RATE_MAX);
}

/* Do a row's indices point at rows there are? */
static inline int strike_is_sound(const struct world *w, const struct strike_row *r)
{
	an_u64 hosts = w->rows[ROWS_HOST].count, lines = w->rows[ROWS_LINE].count;

	if (!strike_has_rate(r))
		return 0;
	if (r->line == AIRNET_NONE && r->lines && r->borrow > 0)
		return 0;
	if (r->line != AIRNET_NONE && (an_u64)r->line + r->lines > lines)
		return 0;
	if (r->kind >= STRIKE_INJECT)
		return r->line < lines && (r->kind == STRIKE_FLAP || r->source < hosts);
	if ((r->kind == STRIKE_LOGON || r->kind == STRIKE_BRUTE) && !lines)
		return 0;
	return (an_u64)r->source + r->sources <= hosts && r->source < hosts &&
	       (an_u64)r->target + r->targets <= hosts && r->target < hosts;
}

static inline int strike_begin(struct world *w, const char **why)
{
	struct strikes *s = &w->strikes;
	an_s64 onset_ns;

	s->count = w->rows[ROWS_STRIKE].count;
	s->each = calloc(s->count + 1, sizeof(*s->each));
	s->flows = calloc(STRIKE_FLOWS_MAX, sizeof(*s->flows));
	s->rules = calloc(STRIKE_BANS_MAX, sizeof(*s->rules));
	if (!s->each || !s->flows || !s->rules)
		return -1;
	for (an_u32 i = 0; i < s->count; i++) {
		const struct strike_row *r = strike_at(w, i);

		if (!strike_is_sound(w, r)) {
			*why = "a strike row is too fast, or points at no row";
			return -1;
		}
		s->each[i].chance = chance_of(w->seed, WORLD_STRIKE, i);
		onset_ns = r->onset_ns > w->start_ns ? r->onset_ns : w->start_ns;
		if (onset_ns < r->offset_ns)
			agenda_add(&w->agenda, onset_ns, STRIKE_EVENT_SHOT, i, 0);
	}
	return 0;
}

static inline void strike_end(struct world *w)
{
	free(w->strikes.each);
	free(w->strikes.flows);
	free(w->strikes.rules);
	switch_end(w);
	w->strikes.each = NULL;
	w->strikes.flows = NULL;
	w->strikes.rules = NULL;
}

static inline an_u32 strike_figures(const struct world *w, struct figure *out)
{
	const struct strike_counts *c = &w->strikes.counts;
	const struct figure told[] = {
		{"strike_sent", (an_s64)c->sent},
		{"strike_blocked", (an_s64)c->blocked},
		{"strike_answers", (an_s64)c->answers},
		{"strike_retorts", (an_s64)c->retorts},
		{"strike_flows", (an_s64)c->flows},
		{"strike_flows_refused", (an_s64)c->flows_refused},
		{"strike_logons", (an_s64)c->logons},
		{"strike_forged", (an_s64)c->forged},
		{"strike_repeated", (an_s64)c->repeated},
		{"strike_cuts", (an_s64)c->cuts},
		{"strike_bans", (an_s64)c->bans},
		{"strike_bans_refused", (an_s64)c->bans_refused},
		{"switch_limits", (an_s64)c->limits},
		{"switch_metered", (an_s64)c->metered},
		{"switch_policed", (an_s64)c->policed},
	};

	memcpy(out, told, sizeof(told));
	return sizeof(told) / sizeof(told[0]);
}

#endif
