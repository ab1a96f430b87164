/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What symbols are worth: values that move with a common factor, with a leader, with
 * news (ext/market_news.h) and with trades. Nobody trades here.
 */
#ifndef AIRNET_MARKET_VALUE_H
#define AIRNET_MARKET_VALUE_H

static inline const struct symbol_row *value_row(const struct world *w, an_u32 symbol)
{
	return (const struct symbol_row *)w->rows[ROWS_SYMBOL].at + symbol;
}

static inline const struct news_row *news_rows(const struct world *w)
{
	return w->rows[ROWS_NEWS].at;
}

static inline void desks_notice(struct world *w, an_u32 symbol, an_s64 now_ns);
static inline void arbitrage_notice(struct world *w, an_u32 symbol, an_s64 now_ns);

/* What makers aim at. */
static inline double value_shown(const struct symbol *s)
{
	return s->seen + s->transient;
}

/* Keep a value on the middle nine tenths of its ladder. */
static inline double value_bounded(const struct symbol *s, double value)
{
	double least = (double)s->book.base;
	double span = (double)s->book.levels * s->book.tick;

	if (value < least + 0.05 * span)
		return least + 0.05 * span;
	if (value > least + 0.95 * span)
		return least + 0.95 * span;
	return value;
}

/* A value moves; its makers see it now, or `lag_ns` later. */
static inline void value_move(struct world *w, an_u32 symbol, double cents, int is_late,
			      an_s64 now_ns)
{
	struct symbol *s = &w->market.symbols[symbol];
	const struct symbol_row *row = value_row(w, symbol);
	double moved = value_bounded(s, s->value + cents) - s->value;
	an_u64 bits;

	s->value += moved;
	if (is_late && row->lag_ns > 0) {
		memcpy(&bits, &moved, sizeof(bits));
		agenda_add(&w->agenda, now_ns + row->lag_ns, MARKET_SHOW, symbol, bits);
		arbitrage_notice(w, symbol, now_ns);
		return;
	}
	s->seen += moved;
	desks_notice(w, symbol, now_ns);
}

/* A symbol moves by a share of its value, and those that follow it with their lag,
 * each as its beta is to the leader's. */
static inline void value_led(struct world *w, an_u32 symbol, double share,
			     an_s64 now_ns)
{
	struct market *m = &w->market;
	double beta = value_row(w, symbol)->beta;

	value_move(w, symbol, m->symbols[symbol].value * share, 0, now_ns);
	share /= beta > 0 ? beta : 1;
	for (an_u32 i = 0; i < m->symbol_count; i++) {
		const struct symbol_row *row = value_row(w, i);

		if (i != symbol && row->leader == symbol)
			value_move(w, i, m->symbols[i].value * share * row->beta, 1,
				   now_ns);
	}
}

/* One step of a symbol's own walk. */
static inline void value_step(struct world *w, an_u32 symbol, an_s64 now_ns)
{
	struct market *m = &w->market;
	const struct symbol_row *row = value_row(w, symbol);

	if (row->move_rate > 0)
		value_led(w, symbol,
			  row->volatility * m->symbols[symbol].volatility /
				  sqrt(row->move_rate) *
				  chance_normal(&m->value_chance),
			  now_ns);
}

/* Trades move the value: `shares` bought (sold: negative) by those who came. */
static inline void value_traded(struct world *w, an_u32 symbol, double shares,
				an_s64 now_ns)
{
	struct symbol *s = &w->market.symbols[symbol];
	const struct symbol_row *row = value_row(w, symbol);
	double units = shares / row->size;

	/* Concave: the square root beyond one typical size (measured markets). */
	if (units > 1)
		units = sqrt(units);
	else if (units < -1)
		units = -sqrt(-units);
	s->transient += units * row->transient * row->tick;
	value_move(w, symbol, units * row->impact * row->tick, 0, now_ns);
	/* Some of the walk is the market's answer to its own trades. */
	if (w->market.venue.move_share > 0 &&
	    chance_is(&w->market.value_chance, w->market.venue.move_share))
		value_step(w, symbol, now_ns);
}

#endif
