/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a world's rows may say, field by field: whatever the twin computes with stays
 * finite and in range. Rows come from programs and files that may be wrong; what is
 * outside is refused before anything is built, and named. What one row says of another
 * (an index, a sum) each part checks itself.
 *
 * A field that is not here may have any value: indexes, counters, addresses, sets.
 */
#ifndef AIRNET_WORLD_BOUNDS_H
#define AIRNET_WORLD_BOUNDS_H

#include <stddef.h>
#include <stdio.h>

#include "line_rows.h"
#include "market_rows.h"
#include "strike_rows.h"

/* Times lie before the year 2116, so that a duration more is one as well. */
#define BOUND_END_NS (1ll << 62)
#define BOUND_TIME 0, 0x1p63
#define BOUND_SPAN 0, 1e18 /* ns; thirty years */
#define BOUND_WAIT 0, 1e13 /* ns; three hours */
#define BOUND_SHARE 0, 1
#define BOUND_SIGMA 0, 3 /* of a lognormal */
#define BOUND_RATE 0, 1e6 /* a second */
#define BOUND_FACTOR 0, 1e4
#define BOUND_TICKS 0, 65536

enum { BOUND_S64, BOUND_F64, BOUND_U32, BOUND_U16, BOUND_U8 };

struct bound {
	const char *field;
	double least;
	double most;
	an_u16 offset;
	an_u8 table;
	an_u8 type;
};

#define BOUND(part, row, name, ...) \
	{#name, __VA_ARGS__, offsetof(struct row, name), part, \
	 _Generic(((struct row *)0)->name, \
		 an_s64: BOUND_S64, \
		 double: BOUND_F64, \
		 an_u32: BOUND_U32, \
		 an_u16: BOUND_U16, \
		 an_u8: BOUND_U8)}
#define VENUE_BOUND(...) BOUND(ROWS_VENUE, venue_row, __VA_ARGS__)
#define SYMBOL_BOUND(...) BOUND(ROWS_SYMBOL, symbol_row, __VA_ARGS__)
#define AGENT_BOUND(...) BOUND(ROWS_AGENT, agent_row, __VA_ARGS__)
#define NEWS_BOUND(...) BOUND(ROWS_NEWS, news_row, __VA_ARGS__)
#define FAULT_BOUND(...) BOUND(ROWS_FAULT, fault_row, __VA_ARGS__)
#define HOST_BOUND(...) BOUND(ROWS_HOST, host_row, __VA_ARGS__)
#define LINE_BOUND(...) BOUND(ROWS_LINE, line_row, __VA_ARGS__)
#define DIALECT_BOUND(...) BOUND(ROWS_DIALECT, dialect_row, __VA_ARGS__)
#define FEED_BOUND(...) BOUND(ROWS_FEED, feed_row, __VA_ARGS__)
#define MURMUR_BOUND(...) BOUND(ROWS_MURMUR, murmur_row, __VA_ARGS__)
#define TROUBLE_BOUND(...) BOUND(ROWS_TROUBLE, trouble_row, __VA_ARGS__)
#define STRIKE_BOUND(...) BOUND(ROWS_STRIKE, strike_row, __VA_ARGS__)
#define SENSOR_BOUND(...) BOUND(ROWS_SENSOR, sensor_row, __VA_ARGS__)

static const struct bound world_bounds[] = {
	VENUE_BOUND(open_ns, BOUND_TIME),
	VENUE_BOUND(close_ns, BOUND_TIME),
	VENUE_BOUND(service_ns, BOUND_WAIT),
	VENUE_BOUND(call_ns, BOUND_SPAN),
	VENUE_BOUND(slow_ns, BOUND_SPAN),
	VENUE_BOUND(service_sigma, BOUND_SIGMA),
	VENUE_BOUND(slow_sigma, BOUND_SIGMA),
	VENUE_BOUND(day_amplitude, BOUND_FACTOR),
	VENUE_BOUND(factor_volatility, BOUND_FACTOR),
	VENUE_BOUND(move_share, BOUND_SHARE),
	VENUE_BOUND(gateways, 0, 256),
	VENUE_BOUND(queue_limit, 0, 1 << 20),
	VENUE_BOUND(orders, 0, 1 << 24),
	/* Wide where worlds are drawn from tails; the kernel keeps values on ladders.
	 * cents: a price times a quantity stays below 2^63 */
	SYMBOL_BOUND(price, 1, 1e8),
	SYMBOL_BOUND(decay_ns, BOUND_SPAN),
	SYMBOL_BOUND(volatility, BOUND_FACTOR),
	SYMBOL_BOUND(beta, -1e6, 1e6),
	SYMBOL_BOUND(move_rate, BOUND_RATE),
	SYMBOL_BOUND(impact, BOUND_TICKS),
	SYMBOL_BOUND(transient, BOUND_TICKS),
	SYMBOL_BOUND(size_alpha, 0, 100),
	SYMBOL_BOUND(activity, 0, 1e6),
	SYMBOL_BOUND(lag_ns, BOUND_WAIT),
	SYMBOL_BOUND(tick, 1, 1e4),
	SYMBOL_BOUND(lot, 1, 1e6),
	SYMBOL_BOUND(size, 1, 1e6),
	AGENT_BOUND(start_ns, BOUND_TIME),
	AGENT_BOUND(end_ns, BOUND_TIME),
	AGENT_BOUND(reaction_ns, BOUND_WAIT),
	AGENT_BOUND(patience_ns, BOUND_WAIT),
	AGENT_BOUND(horizon_ns, BOUND_SPAN),
	AGENT_BOUND(period_ns, BOUND_SPAN),
	AGENT_BOUND(phase_ns, BOUND_SPAN),
	AGENT_BOUND(fleeting_ns, BOUND_WAIT),
	AGENT_BOUND(reaction_sigma, BOUND_SIGMA),
	AGENT_BOUND(rate, BOUND_RATE),
	AGENT_BOUND(n1, BOUND_SHARE),
	AGENT_BOUND(beta1, BOUND_RATE),
	AGENT_BOUND(n2, BOUND_SHARE),
	AGENT_BOUND(beta2, BOUND_RATE),
	AGENT_BOUND(self_share, BOUND_SHARE),
	AGENT_BOUND(symbol_share, BOUND_SHARE),
	AGENT_BOUND(news, -10, 10),
	AGENT_BOUND(spread_ticks, BOUND_TICKS),
	AGENT_BOUND(step_ticks, BOUND_TICKS),
	AGENT_BOUND(threshold_ticks, BOUND_TICKS),
	AGENT_BOUND(threshold_growth, 0, 100),
	AGENT_BOUND(size, 0, 1e6),
	AGENT_BOUND(skew_ticks, BOUND_TICKS),
	AGENT_BOUND(memory, BOUND_SHARE),
	AGENT_BOUND(replace_share, BOUND_SHARE),
	AGENT_BOUND(rest_share, BOUND_SHARE),
	AGENT_BOUND(market_share, BOUND_SHARE),
	AGENT_BOUND(fill_share, BOUND_SHARE),
	AGENT_BOUND(fleeting_share, BOUND_SHARE),
	AGENT_BOUND(kind, AGENT_MAKER, AGENT_DROP_COPY),
	NEWS_BOUND(start_ns, BOUND_TIME),
	NEWS_BOUND(rise_ns, BOUND_SPAN),
	NEWS_BOUND(hold_ns, BOUND_SPAN),
	NEWS_BOUND(decay_ns, BOUND_SPAN),
	NEWS_BOUND(excess, BOUND_FACTOR),
	NEWS_BOUND(jump, -1, 100),
	NEWS_BOUND(volatility, BOUND_FACTOR),
	NEWS_BOUND(tilt, -1, 1),
	NEWS_BOUND(kind, NEWS_MARKET, NEWS_SLOW),
	FAULT_BOUND(onset_ns, BOUND_TIME),
	FAULT_BOUND(offset_ns, BOUND_TIME),
	FAULT_BOUND(ramp_ns, BOUND_SPAN),
	FAULT_BOUND(lifetime_ns, BOUND_SPAN),
	FAULT_BOUND(price, -1e8, 1e8),
	FAULT_BOUND(excess, BOUND_FACTOR),
	FAULT_BOUND(rate, BOUND_RATE),
	FAULT_BOUND(share, BOUND_SHARE),
	FAULT_BOUND(notional, 0, 1e12),
	FAULT_BOUND(burst, 0, 1e6),
	FAULT_BOUND(kind, FAULT_RUNAWAY, FAULT_KINDS - 1),
	HOST_BOUND(mss_bytes, 536, 1460),
	HOST_BOUND(window_shift, 0, 14), /* RFC 7323 section 2.3 */
	HOST_BOUND(identify, HOST_COUNTS, HOST_SCATTERS),
	HOST_BOUND(packet_ns, 0, 1e9),
	HOST_BOUND(queue_packets, 0, 65536),
	HOST_BOUND(syn_backlog, 0, 65536),
	HOST_BOUND(syn_wait_ms, 0, 6e5),
	HOST_BOUND(logon_ns, 0, 1e9),
	LINE_BOUND(open_ns, BOUND_TIME),
	LINE_BOUND(close_ns, BOUND_TIME),
	LINE_BOUND(split, BOUND_SHARE),
	LINE_BOUND(loss, BOUND_SHARE),
	LINE_BOUND(up_sigma, BOUND_SIGMA),
	LINE_BOUND(down_sigma, BOUND_SIGMA),
	LINE_BOUND(ending, LINE_STAYS, LINE_ENDINGS - 1),
	DIALECT_BOUND(account, 0, 999999),
	DIALECT_BOUND(order, 0, DIALECT_SHUFFLED),
	DIALECT_BOUND(time_digits, 0, 9),
	DIALECT_BOUND(price, 0, DIALECT_PRICES - 1),
	DIALECT_BOUND(id, 0, DIALECT_IDS - 1),
	FEED_BOUND(gap_ns, BOUND_TIME),
	FEED_BOUND(stale_ns, BOUND_TIME),
	FEED_BOUND(stale_until_ns, BOUND_TIME),
	MURMUR_BOUND(rate, BOUND_RATE),
	MURMUR_BOUND(jitter, BOUND_SHARE),
	MURMUR_BOUND(kind, MURMUR_NTP, MURMUR_KINDS - 1),
	TROUBLE_BOUND(onset_ns, BOUND_TIME),
	TROUBLE_BOUND(offset_ns, BOUND_TIME),
	TROUBLE_BOUND(amount, 0, 1e12),
	TROUBLE_BOUND(kind, TROUBLE_RESEND_LOOP, TROUBLE_KINDS - 1),
	STRIKE_BOUND(onset_ns, BOUND_TIME),
	STRIKE_BOUND(offset_ns, BOUND_TIME),
	STRIKE_BOUND(ramp_ns, BOUND_SPAN),
	STRIKE_BOUND(period_ns, 0, 1e15),
	STRIKE_BOUND(rate, 1e-6, 3e9),
	STRIKE_BOUND(duty, BOUND_SHARE),
	STRIKE_BOUND(jitter, BOUND_SHARE),
	STRIKE_BOUND(spoof, BOUND_SHARE),
	STRIKE_BOUND(borrow, BOUND_SHARE),
	STRIKE_BOUND(answers, BOUND_SHARE),
	STRIKE_BOUND(kind, STRIKE_SYN, STRIKE_KINDS - 1),
	STRIKE_BOUND(bytes_min, 0, 1 << 20),
	STRIKE_BOUND(bytes_max, 0, 1 << 20),
	STRIKE_BOUND(service, 0, STRIKE_MEMCACHED),
	SENSOR_BOUND(onset_ns, BOUND_TIME),
	SENSOR_BOUND(offset_ns, BOUND_TIME),
	SENSOR_BOUND(ramp_ns, BOUND_SPAN),
	SENSOR_BOUND(amount_ns, -1e15, 1e15),
	SENSOR_BOUND(rate, -1e9, 1e12),
	SENSOR_BOUND(run_frames, 0, 1e6),
	SENSOR_BOUND(kind, SENSOR_LOSS, SENSOR_KINDS - 1),
};

/* The name of a table, and the most rows it may have. */
struct bound_table {
	const char *name;
	an_u32 most;
};

static const struct bound_table world_tables[] = {
	[ROWS_VENUE] = {"venue", 1},	    [ROWS_SYMBOL] = {"symbol", 4096},
	[ROWS_AGENT] = {"agent", 8192},	    [ROWS_NEWS] = {"news", 4096},
	[ROWS_FAULT] = {"fault", 4096},	    [ROWS_HOST] = {"host", 65536},
	[ROWS_LINE] = {"line", 4096},	    [ROWS_DIALECT] = {"dialect", 4096},
	[ROWS_FEED] = {"feed", 64},	    [ROWS_MURMUR] = {"murmur", 4096},
	[ROWS_TROUBLE] = {"trouble", 4096}, [ROWS_STRIKE] = {"strike", 4096},
	[ROWS_SENSOR] = {"sensor", 64},
};

static inline double bound_value(const struct bound *b, const an_u8 *row)
{
	double value;
	an_s64 wide;
	an_u32 word;
	an_u16 half;

	switch (b->type) {
	case BOUND_F64:
		memcpy(&value, row + b->offset, sizeof(value));
		return value;
	case BOUND_S64:
		memcpy(&wide, row + b->offset, sizeof(wide));
		return (double)wide;
	case BOUND_U32:
		memcpy(&word, row + b->offset, sizeof(word));
		return word;
	case BOUND_U16:
		memcpy(&half, row + b->offset, sizeof(half));
		return half;
	default:
		return row[b->offset];
	}
}

#endif
