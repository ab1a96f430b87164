/* SPDX-License-Identifier: Apache-2.0 */
/* No market: a client says new orders, cancels and replaces, the venue answers them,
 * nothing trades. For tests of lines, and until there is a market in the tree. */
#ifndef AIRNET_TWIN_EMPTY_MARKET_H
#define AIRNET_TWIN_EMPTY_MARKET_H

#define CHATTER_GAP_NS 1000000
#define CHATTER_SERVICE_NS 20000

static inline int market_begin(struct world *w, const char **why)
{
	return 0;
}

static inline void market_end(struct world *w)
{
}

static inline an_u32 market_figures(const struct world *w, struct figure *out)
{
	out[0].name = "chatter";
	out[0].value = (an_s64)w->market.none;
	return 1;
}

/* Reports, after the gateway's service; then the next order. */
static inline void market_event(struct world *w, const struct event *e)
{
	static const char types[] = "DDDFG";
	struct app a;
	an_u32 draw = (an_u32)chance_mix(w->seed ^ (an_u64)e->time_ns ^ e->who);

	memset(&a, 0, sizeof(a));
	a.type = e->kind & 1 ? types[draw % 5] : draw % 50 ? '8' : '9';
	a.id = ++w->market.none;
	a.original = a.type == 'D' || (a.type == '8' && draw % 3) ? 0 : a.id / 2 + 1;
	a.exchange = a.id + 1000000;
	a.execution = a.id + 7;
	a.price = 10000 + draw % 1000;
	a.quantity = a.leaves = 100 * (1 + draw % 9);
	a.side = '1' + (char)(draw & 1);
	a.order_type = '2';
	a.in_force = '0';
	a.executed = '0';
	a.status = '0';
	a.reason = a.type == '9' ? 1 : 0xffff;
	line_say(w, e->who, e->kind & 1 ? 0 : 1, &a, e->time_ns);
	if (!(e->kind & 1) || !line_is_logged_on(w, e->who))
		return;
	if (draw % 7 == 0)
		line_say(w, e->who, 0, &a, e->time_ns);
	agenda_add(&w->agenda, e->time_ns + 1 + draw % (2 * CHATTER_GAP_NS),
		   WORLD_MARKET | 1, e->who, 0);
}

static inline void venue_hear(struct world *w, an_u32 line, const struct app *a,
			      an_s64 now_ns)
{
	agenda_add(&w->agenda, now_ns + CHATTER_SERVICE_NS, WORLD_MARKET, line, 0);
}

static inline void trader_hear(struct world *w, an_u32 line, const struct app *a,
			       an_s64 now_ns)
{
}

static inline void venue_state(struct world *w, an_u32 line, int state, an_s64 now_ns)
{
}

static inline void trader_state(struct world *w, an_u32 line, int state, an_s64 now_ns)
{
	if (state == LINE_IS_LOGGED_ON)
		agenda_add(&w->agenda, now_ns + CHATTER_GAP_NS, WORLD_MARKET | 1, line,
			   0);
}

static inline void venue_throttle(struct world *w, an_u32 line, an_u32 per_second,
				  an_u32 burst, an_s64 until_ns)
{
}

static inline void venue_cancel_all(struct world *w, an_u32 line, an_s64 now_ns)
{
}

static inline void venue_disable(struct world *w, an_u32 line, an_s64 now_ns)
{
}

static inline void venue_enable(struct world *w, an_u32 line, an_s64 now_ns)
{
}

static inline an_u32 market_harm(const struct world *w, an_u32 line, struct figure *out)
{
	return 0;
}

static inline an_u32 market_conserved(const struct world *w, struct figure *out)
{
	return 0;
}

#endif
