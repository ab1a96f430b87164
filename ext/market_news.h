/* SPDX-License-Identifier: Apache-2.0 */
/* News, and how busy the moment is: the day's U, slow common factors, bursts. */
#ifndef AIRNET_MARKET_NEWS_H
#define AIRNET_MARKET_NEWS_H

/* How long a common move takes to reach a symbol, median: some milliseconds, as
 * index futures lead their stocks (Huth and Abergel 2014). */
#define FACTOR_LATE_NS 8e6

/* How strong a piece of news is now: 0..1, linear rise, hold, exponential decay. */
static inline double news_strength(const struct news_row *n, an_s64 now_ns)
{
	an_s64 since = now_ns - n->start_ns;

	if (since < 0)
		return 0;
	if (since < n->rise_ns)
		return (double)since / (double)n->rise_ns;
	since -= n->rise_ns;
	if (since < n->hold_ns || n->kind == NEWS_REGIME)
		return 1;
	since -= n->hold_ns;
	if (n->decay_ns <= 0 || since > 20 * n->decay_ns)
		return 0;
	return world_exp(-(double)since / (double)n->decay_ns);
}

/* Share of the jump that has happened by now; a flash comes back while it holds. */
static inline double news_progress(const struct news_row *n, an_s64 now_ns)
{
	an_s64 since = now_ns - n->start_ns;

	if (since < 0)
		return 0;
	if (since < n->rise_ns)
		return (double)since / (double)n->rise_ns;
	since -= n->rise_ns;
	if (n->kind != NEWS_FLASH || n->hold_ns <= 0)
		return n->kind != NEWS_FLASH;
	return since < n->hold_ns ? 1 - (double)since / (double)n->hold_ns : 0;
}

static inline void news_apply(struct world *w, const struct news_row *n,
			      struct news_state *state, an_s64 now_ns)
{
	struct market *m = &w->market;
	double strength = news_strength(n, now_ns), progress = news_progress(n, now_ns);
	double step = (progress - state->progress) * n->jump;

	state->progress = progress;
	for (an_u32 i = 0; i < m->symbol_count; i++) {
		struct symbol *s = &m->symbols[i];

		if (n->symbol != AIRNET_NONE && n->symbol != i)
			continue;
		if (n->excess > 0)
			s->activity *= 1 + (n->excess - 1) * strength;
		if (n->volatility > 0)
			s->volatility *= 1 + (n->volatility - 1) * strength;
		s->tilt += n->tilt * strength;
		if (step != 0)
			value_move(w, i, s->value * step, 0, now_ns);
	}
}

/* Gateways: slower for a while, or still. */
static inline void news_on_gateways(struct world *w, const struct news_row *n,
				    an_s64 now_ns)
{
	struct market *m = &w->market;
	int is_now = now_ns >= n->start_ns && now_ns < n->start_ns + n->hold_ns;

	for (an_u32 i = 0; i < m->gateway_count; i++) {
		struct gateway *g = &m->gateways[i];

		if (!is_now || (n->gateway != AIRNET_NONE && n->gateway != i))
			continue;
		if (n->kind == NEWS_SLOW)
			g->slow *= n->excess > 0 ? n->excess : 1;
		else if (g->stalled_until_ns < n->start_ns + n->hold_ns)
			g->stalled_until_ns = n->start_ns + n->hold_ns;
	}
}

/* ---- activity ---- */

/* The day's U: 1 at noon, 1 + amplitude at both ends. */
static inline double value_day(const struct venue_row *v, an_s64 now_ns)
{
	double half = 0.5 * (double)(v->close_ns - v->open_ns), x;

	if (half <= 0 || now_ns < v->open_ns || now_ns > v->close_ns)
		return 1;
	x = (double)(now_ns - v->open_ns) / half - 1;
	x *= x;
	return 1 + v->day_amplitude * x * x;
}

/* Ornstein and Uhlenbeck's process in logs, on three scales, with mean one. */
static inline double value_slow(struct market *m)
{
	double sum = 0, scale = (double)m->venue.slow_ns;
	double variance = m->venue.slow_sigma * m->venue.slow_sigma / MARKET_SCALES;

	if (scale <= 0 || variance <= 0)
		return 1;
	for (int i = 0; i < MARKET_SCALES; i++, scale /= 10) {
		double step = MARKET_PULSE_NS / scale;

		step = step > 1 ? 1 : step;
		m->slow[i] +=
			-step * m->slow[i] +
			sqrt(2 * step * variance) * chance_normal(&m->value_chance);
		sum += m->slow[i];
	}
	return world_exp(sum - 0.5 * m->venue.slow_sigma * m->venue.slow_sigma);
}

/* Note how far bid and ask are apart. Beyond a tenth nobody would trade, nor with one
 * side empty: the price band of the largest stocks is 5 % each way (the Limit Up-Limit
 * Down plan, tier 1). */
static inline void value_width(struct symbol *s)
{
	an_u32 bid = s->book.ladders[BOOK_BUY].best;
	an_u32 ask = s->book.ladders[BOOK_SELL].best;
	an_s64 most = (an_s64)(s->value / 10), apart = most;

	if (s->phase != PHASE_OPEN)
		return;
	if (bid != BOOK_NONE && ask != BOOK_NONE)
		apart = book_price(&s->book, ask) - book_price(&s->book, bid);
	s->width += (an_u64)(apart < most ? apart : most);
	s->widths++;
}

/* Every MARKET_PULSE_NS: how busy each symbol is, how far news has come. */
static inline void value_pulse(struct world *w, an_s64 now_ns)
{
	struct market *m = &w->market;
	const struct news_row *news = news_rows(w);

	m->common = value_day(&m->venue, now_ns) * value_slow(m);
	for (an_u32 i = 0; i < m->symbol_count; i++) {
		struct symbol *s = &m->symbols[i];
		double decay = (double)value_row(w, i)->decay_ns;

		value_width(s);
		s->activity = m->common;
		s->volatility = 1;
		s->tilt = 0;
		if (decay > 0)
			s->transient *= decay > MARKET_PULSE_NS
						? 1 - MARKET_PULSE_NS / decay
						: 0;
	}
	for (an_u32 i = 0; i < m->gateway_count; i++)
		m->gateways[i].slow = 1;
	for (an_u32 i = 0; i < m->news_count; i++) {
		if (news[i].kind == NEWS_STALL || news[i].kind == NEWS_SLOW)
			news_on_gateways(w, &news[i], now_ns);
		else if (news[i].kind != NEWS_CALL && news[i].kind != NEWS_HALT)
			news_apply(w, &news[i], &m->news[i], now_ns);
	}
	agenda_add(&w->agenda, now_ns + MARKET_PULSE_NS, MARKET_PULSE, 0, 0);
}

/* The next of events that come at `rate` a second now: the wait, ns. *is_it is 0 when
 * the rate must be looked at again first (it changes while one waits). */
static inline an_s64 value_wait(struct chance *c, double rate, int *is_it)
{
	const double again = 0.5; /* s: short beside most of what rates follow */
	double wait = rate > 1e-9 ? chance_exponential(c) / rate : 2 * again;

	*is_it = wait <= again;
	return (an_s64)((*is_it ? wait : again) * WORLD_SECOND_NS);
}

/* One move of a symbol's own; value: 1 = moves, 0 = only draws again. */
static inline void value_event(struct world *w, const struct event *e)
{
	struct market *m = &w->market;
	struct symbol *s = &m->symbols[e->who];
	const struct symbol_row *row = value_row(w, e->who);
	int is_it;
	an_s64 wait =
		value_wait(&m->value_chance, row->move_rate * s->activity, &is_it);

	agenda_add(&w->agenda, e->time_ns + wait, MARKET_MOVE, e->who, (an_u64)is_it);
	if (e->value)
		value_step(w, e->who, e->time_ns);
}

/* One move of the common factor. */
static inline void value_factor(struct world *w, const struct event *e)
{
	struct market *m = &w->market;
	const double rate = 2; /* moves a second at activity 1 */
	double draw = chance_normal(&m->value_chance) * m->venue.factor_volatility /
		      sqrt(rate);
	int is_it;
	an_s64 wait = value_wait(&m->value_chance, rate * m->common, &is_it);

	agenda_add(&w->agenda, e->time_ns + wait, MARKET_FACTOR, 0, (an_u64)is_it);
	if (!e->value)
		return;
	for (an_u32 i = 0; i < m->symbol_count; i++) {
		const struct symbol_row *row = value_row(w, i);

		double share = draw * row->beta * m->symbols[i].volatility;
		double late = chance_lognormal(&m->value_chance, FACTOR_LATE_NS, 1.3);
		an_u64 bits;

		if (row->leader != AIRNET_NONE || row->beta == 0)
			continue;
		memcpy(&bits, &share, sizeof(bits));
		agenda_add(&w->agenda, e->time_ns + (an_s64)late, MARKET_STEP, i, bits);
	}
}

#endif
