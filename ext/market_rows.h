/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a twin's market is made of: the rows a world is given, the update its books
 * give out. src/airnet/twin/rows_market.py has the same layouts as numpy dtypes and
 * says what every field means and in which unit; a test holds the two equal.
 *
 * Explicit widths and padding, no enum fields, as in bpf/airnet.h.
 */
#ifndef AIRNET_MARKET_ROWS_H
#define AIRNET_MARKET_ROWS_H

#include "airnet.h"

/* agent_row.kind */
#define AGENT_MAKER 1
#define AGENT_TAKER 2
#define AGENT_EXECUTION 3
#define AGENT_ARBITRAGE 4
#define AGENT_DROP_COPY 5

/* news_row.kind */
#define NEWS_MARKET 1
#define NEWS_SINGLE 2
#define NEWS_FLASH 3
#define NEWS_REBALANCE 4
#define NEWS_CALL 5
#define NEWS_HALT 6
#define NEWS_REGIME 7
#define NEWS_STALL 8
#define NEWS_SLOW 9

/* fault_row.kind */
#define FAULT_RUNAWAY 1
#define FAULT_STUFFING 2
#define FAULT_STUFFING_SLOW 3
#define FAULT_KNIGHT 4
#define FAULT_REJECT_LOOP 5
#define FAULT_DUPLICATE_LOOP 6
#define FAULT_REPLACE_LOOP 7
#define FAULT_HIDDEN 8
#define FAULT_RELOAD 9
#define FAULT_REFRESH 10
#define FAULT_STALE 11
#define FAULT_FAT_FINGER 12
#define FAULT_CONSTANT_PRICE 13
#define FAULT_RETRY_BURST 14
#define FAULT_KINDS 15

struct venue_row {
	an_s64 open_ns;
	an_s64 close_ns;
	an_s64 service_ns;
	an_s64 call_ns;
	an_s64 slow_ns;
	double service_sigma;
	double slow_sigma;
	double day_amplitude;
	double factor_volatility;
	double move_share;
	an_u32 gateways;
	an_u32 queue_limit;
	an_u32 orders;
	an_u32 spare;
};

struct symbol_row {
	an_s64 price;
	an_s64 decay_ns;
	double volatility;
	double beta;
	double move_rate;
	double impact;
	double transient;
	double size_alpha;
	double activity;
	an_s64 lag_ns;
	an_u32 tick;
	an_u32 levels;
	an_u32 lot;
	an_u32 size;
	an_u32 leader;
	an_u32 band_ticks;
};

struct agent_row {
	an_s64 start_ns;
	an_s64 end_ns;
	an_s64 reaction_ns;
	an_s64 patience_ns;
	an_s64 horizon_ns;
	an_s64 period_ns;
	an_s64 phase_ns;
	an_s64 fleeting_ns;
	double reaction_sigma;
	double rate;
	double n1;
	double beta1;
	double n2;
	double beta2;
	double self_share;
	double symbol_share;
	double news;
	double spread_ticks;
	double step_ticks;
	double threshold_ticks;
	double threshold_growth;
	double size;
	double skew_ticks;
	double memory;
	double replace_share;
	double rest_share;
	double market_share;
	double fill_share;
	double fleeting_share;
	an_u32 line;
	an_u32 symbol;
	an_u32 symbols;
	an_u32 position;
	an_u16 levels;
	an_u16 slices;
	an_u16 chases;
	an_u16 firm;
	an_u8 kind;
	an_u8 gateway;
	an_u8 cancels_on_loss;
	an_u8 pad[5];
};

struct news_row {
	an_s64 start_ns;
	an_s64 rise_ns;
	an_s64 hold_ns;
	an_s64 decay_ns;
	double excess;
	double jump;
	double volatility;
	double tilt;
	an_u32 symbol;
	an_u32 gateway;
	an_u8 kind;
	an_u8 pad[7];
};

struct fault_row {
	an_s64 onset_ns;
	an_s64 offset_ns;
	an_s64 ramp_ns;
	an_s64 lifetime_ns;
	an_s64 price;
	double excess;
	double rate;
	double share;
	double notional;
	an_u32 agent;
	an_u32 symbol;
	an_u32 burst;
	an_u8 kind;
	an_u8 side;
	an_u8 pad[2];
};

/* book_update.kind: what a book tells the market data feed. */
#define UPDATE_ADD 1
#define UPDATE_REDUCE 2
#define UPDATE_DELETE 3
#define UPDATE_TRADE 4
#define UPDATE_STATE 5

/* One change of a book, in the order it happened. */
struct book_update {
	an_u64 order; /* the exchange's number of the resting order */
	an_s64 price; /* cents */
	an_u32 quantity; /* added, taken off, or traded; of STATE the phase */
	an_u16 symbol;
	an_u8 kind;
	an_u8 side; /* of the resting order, FIX 54 */
};

#endif
