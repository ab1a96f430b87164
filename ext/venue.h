/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The venue's gateways: a queue with one server each. A message waits, is served and
 * then reaches its book; acknowledgement latency is the wait, so a loaded gateway is a
 * slow one and a full one refuses. Throttles refuse orders and replaces where they
 * come in; cancels always pass.
 */
#ifndef AIRNET_VENUE_H
#define AIRNET_VENUE_H

/* OrdRejReason (103) and, of 35=9, CxlRejReason (102); FIX 5.0 SP2. */
#define REJECT_SYMBOL 1
#define REJECT_CLOSED 2
#define REJECT_LIMIT 3
#define REJECT_DUPLICATE 6
#define REJECT_QUANTITY 13
#define REJECT_BAND 16
#define REJECT_OTHER 99
#define CANCEL_TOO_LATE 0
#define CANCEL_UNKNOWN 1
#define CANCEL_OTHER 99
#define REASON_NONE 0xffff

static inline void venue_take(struct world *w, an_u32 line, const struct app *a,
			      an_s64 now_ns);

/* Say something to a line, and to its firm's drop copy what an order came to. */
static inline void venue_say(struct world *w, an_u32 line, const struct app *a,
			     an_s64 now_ns)
{
	struct market *m = &w->market;
	an_u32 drop = m->accounts[line].drop;

	if (line_say(w, line, AIRNET_DIRECTION_DOWN, a, now_ns))
		m->unheard++;
	if (drop != MARKET_NONE && a->type == '8' && a->executed == 'F')
		line_say(w, drop, AIRNET_DIRECTION_DOWN, a, now_ns);
}

static inline void venue_update(struct world *w, int kind, an_u32 slot, an_u32 quantity,
				an_s64 now_ns)
{
	struct market *m = &w->market;
	const struct order *o = &m->pool.orders[slot];
	struct book_update u = {m->orders[slot].exchange,
				book_price(&m->symbols[o->book].book, o->tick),
				quantity,
				o->book,
				(an_u8)kind,
				(an_u8)('1' + o->side)};

	m->updates++;
	feed_say(w, &u, now_ns);
}

/* Answer a message with a reject: 35=8 of an order, 35=9 of a change. Of 35=9,
 * `executed` is CxlRejResponseTo (434): '1' a cancel, '2' a replace. */
static inline void venue_refuse(struct world *w, an_u32 line, const struct app *a,
				int reason, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct app answer = *a;

	m->accounts[line].all.rejects++;
	if (a->flags & APP_IS_FAULT)
		m->accounts[line].fault.rejects++;
	answer.reason = (an_u16)reason;
	answer.leaves = 0;
	answer.status = '8';
	if (a->type == 'D') {
		m->received++;
		m->states[VENUE_REJECTED]++;
		answer.type = '8';
		answer.executed = '8';
		answer.execution = ++m->executions;
	} else {
		m->too_late += reason == CANCEL_TOO_LATE;
		answer.type = '9';
		answer.executed = a->type == 'G' ? '2' : '1';
	}
	venue_say(w, line, &answer, now_ns);
}

/* ---- throttle ---- */

/* A containment refuses a message: 0. */
static inline int venue_contains(struct account *c, const struct app *a)
{
	if (a->type != 'D')
		return 0;
	c->all.contained++;
	if (a->flags & APP_IS_FAULT)
		c->fault.contained++;
	return 0;
}

/* May this message pass the line's throttle and its state? 1, or 0: refused. */
static inline int venue_admits(struct market *m, an_u32 line, const struct app *a,
			       an_s64 now_ns)
{
	struct account *c = &m->accounts[line];
	double fresh;

	if (a->type != 'D' && a->type != 'G')
		return 1;
	if (c->is_disabled)
		return venue_contains(c, a);
	if (now_ns >= c->throttle_until_ns)
		return 1;
	fresh = (double)(now_ns - c->tokened_ns) * 1e-9 * c->per_second;
	c->tokened_ns = now_ns;
	c->tokens = c->tokens + fresh > c->burst ? c->burst : c->tokens + fresh;
	if (c->tokens < 1) {
		c->throttled++;
		return venue_contains(c, a);
	}
	c->tokens -= 1;
	return 1;
}

static inline void venue_throttle(struct world *w, an_u32 line, an_u32 per_second,
				  an_u32 burst, an_s64 until_ns)
{
	struct account *c = &w->market.accounts[line];

	if (line >= w->market.line_count)
		return;
	if (w->now_ns >= c->throttle_until_ns) {
		c->tokens = burst;
		c->tokened_ns = w->now_ns;
	}
	c->per_second = per_second;
	c->burst = burst;
	c->throttle_until_ns = until_ns;
}

/* ---- the queue ---- */

static inline void venue_schedule(struct world *w, an_u32 at, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct gateway *g = &m->gateways[at];
	double median = (double)m->venue.service_ns * g->slow;
	an_s64 start = now_ns > g->stalled_until_ns ? now_ns : g->stalled_until_ns;
	double took = median;

	if (g->lines[g->head] == MARKET_NONE)
		took = g->queue[g->head].quantity;
	else if (m->venue.service_sigma > 0)
		took = chance_lognormal(&m->venue_chance, median,
					m->venue.service_sigma);
	g->is_serving = 1;
	agenda_add(&w->agenda, start + (an_s64)took, VENUE_SERVE, at, 0);
}

/* How long a message that comes now will wait; what is promised is a millisecond. */
#define VENUE_PROMISE_NS 1000000

static inline void venue_wait(struct market *m, const struct gateway *g, an_u32 line,
			      const struct app *a, an_s64 now_ns)
{
	double wait =
		(double)m->venue.service_ns * g->slow * (g->count - g->strangers) +
		(double)g->strangers_ns;

	if (g->stalled_until_ns > now_ns)
		wait += (double)(g->stalled_until_ns - now_ns);
	if (wait < VENUE_PROMISE_NS || a->flags & APP_IS_FAULT)
		return;
	m->accounts[line].late++;
	m->accounts[line].late_ns += (an_s64)wait;
}

/* Put a message at the end of a gateway's queue, which has room. */
static inline void venue_put(struct world *w, an_u32 at, an_u32 line,
			     const struct app *a, an_s64 now_ns)
{
	struct market *m = &w->market;
	struct gateway *g = &m->gateways[at];
	an_u32 tail = g->head + g->count;

	tail = tail >= m->queue_limit ? tail - m->queue_limit : tail;
	g->queue[tail] = *a;
	g->lines[tail] = line;
	g->count++;
	g->most = g->count > g->most ? g->count : g->most;
	if (!g->is_serving)
		venue_schedule(w, at, now_ns);
}

/* A message has come to the line's gateway. */
static inline void venue_hear(struct world *w, an_u32 line, const struct app *a,
			      an_s64 now_ns)
{
	struct market *m = &w->market;
	struct gateway *g;
	an_u32 at;

	if (line >= m->line_count)
		return;
	at = m->accounts[line].gateway;
	g = &m->gateways[at];
	if (!venue_admits(m, line, a, now_ns)) {
		venue_refuse(w, line, a, a->type == 'D' ? REJECT_OTHER : CANCEL_OTHER,
			     now_ns);
		return;
	}
	if (g->count == m->queue_limit) {
		g->overrun++;
		venue_refuse(w, line, a, a->type == 'D' ? REJECT_OTHER : CANCEL_OTHER,
			     now_ns);
		return;
	}
	venue_wait(m, g, line, a, now_ns);
	venue_put(w, at, line, a, now_ns);
}

/* The message at the head has been served. */
static inline void venue_serve(struct world *w, an_u32 at, an_s64 now_ns)
{
	struct gateway *g = &w->market.gateways[at];
	an_u32 line;
	struct app a;

	if (now_ns < g->stalled_until_ns) {
		agenda_add(&w->agenda, g->stalled_until_ns, VENUE_SERVE, at, 0);
		return;
	}
	a = g->queue[g->head];
	line = g->lines[g->head];
	g->head = g->head + 1 == w->market.queue_limit ? 0 : g->head + 1;
	g->count--;
	g->is_serving = 0;
	if (g->count)
		venue_schedule(w, at, now_ns);
	if (line == MARKET_NONE) {
		g->strangers--;
		g->strangers_ns -= a.quantity;
		return;
	}
	g->served++;
	venue_take(w, line, &a, now_ns);
}

/* Something else asks for the gateway's time: a stranger's Logon. It waits its turn
 * like any message; no more than `most` of them do. */
static inline void venue_load(struct world *w, an_u32 at, an_u32 busy_ns, an_u32 most)
{
	struct app a = {.type = 'A', .quantity = busy_ns};
	struct gateway *g = &w->market.gateways[at];

	if (at >= w->market.gateway_count || g->strangers >= most ||
	    g->count == w->market.queue_limit)
		return;
	g->strangers++;
	g->strangers_ns += busy_ns;
	venue_put(w, at, MARKET_NONE, &a, w->now_ns);
}

/* A message reached its gateway so much later than it would have by itself. */
static inline void venue_delayed(struct world *w, an_u32 line, const struct app *a,
				 an_s64 late_ns)
{
	struct account *c = &w->market.accounts[line];

	if (line >= w->market.line_count || late_ns < VENUE_PROMISE_NS ||
	    a->flags & APP_IS_FAULT)
		return;
	c->late++;
	c->late_ns += late_ns;
}

/* A line ends at another gateway from now on (fail-over). */
static inline void venue_move(struct world *w, an_u32 line, an_u32 at)
{
	if (line < w->market.line_count && at < w->market.gateway_count)
		w->market.accounts[line].gateway = (an_u8)at;
}

#endif
