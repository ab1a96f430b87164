/* SPDX-License-Identifier: Apache-2.0 */
/* No market: nobody speaks, nobody listens. */
#ifndef AIRNET_TWIN_EMPTY_MARKET_H
#define AIRNET_TWIN_EMPTY_MARKET_H

static inline int market_begin(struct world *w, const char **why)
{
	return 0;
}

static inline void market_end(struct world *w)
{
}

static inline an_u32 market_figures(const struct world *w, struct figure *out)
{
	return 0;
}

static inline void market_event(struct world *w, const struct event *e)
{
}

static inline void venue_hear(struct world *w, an_u32 line, const struct app *a,
			      an_s64 now_ns)
{
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
