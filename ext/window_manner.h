/* SPDX-License-Identifier: Apache-2.0 */
/* The manner of a session's orders: what they are like, how they follow each other, and
 * whether its program heeds the answers. */
#ifndef AIRNET_WINDOW_MANNER_H
#define AIRNET_WINDOW_MANNER_H

#include "window_symbol.h"

/* Compared at once, by any compiler that airnet is built with. */
typedef uint32_t window_four __attribute__((vector_size(16)));

#define WINDOW_CENTS 1000000 /* 1e8 is one unit: hundredths */

/* A quantity in hundredths of a unit, so that sums of a slot stay exact. */
static inline uint64_t window_units(int64_t quantity)
{
	uint64_t units = quantity > 0 ? (uint64_t)quantity / WINDOW_CENTS : 0;

	return units < UINT32_MAX ? units : UINT32_MAX;
}

/* What an order asks for: symbol, side, price and quantity in one number. */
static inline uint64_t window_like(const struct airnet_message *m)
{
	uint64_t inner =
		window_mix(m->symbol_key ^ (uint64_t)m->price * 0x9e3779b97f4a7c15ull);

	return window_mix(
		inner ^ ((uint64_t)m->quantity * 0xbf58476d1ce4e5b9ull + m->side + 1));
}

/* How large its orders usually are; one counts four times that at most. */
static inline void window_size(struct window_session *s, uint64_t units)
{
	uint64_t n = s->sizes + 1 < WINDOW_SIZES ? s->sizes + 1 : WINDOW_SIZES;

	s->largest = units > s->largest ? units : s->largest;
	if (s->sizes >= WINDOW_SIZES_MIN && units > 4 * s->size_mean + 4)
		units = 4 * s->size_mean + 4;
	s->size_mean = (s->size_mean * (n - 1) + units) / n;
	s->sizes = (uint32_t)n;
}

/* 1 when a word is among so many, a multiple of 4. */
static inline uint64_t window_among(const uint32_t *words, int count, uint32_t word)
{
	window_four four, same = {0, 0, 0, 0};
	uint64_t halves[2];

	for (int i = 0; i < count; i += 4) {
		memcpy(&four, words + i, sizeof four);
		same |= (window_four)(four == word);
	}
	memcpy(halves, &same, sizeof halves);
	return (halves[0] | halves[1]) != 0;
}

/* How much a new order is like the ones before it. */
static inline void window_repetition(struct window_session *s,
				     const struct airnet_message *m, uint64_t like)
{
	int last = (s->recent_at + WINDOW_RECENT - 1) % WINDOW_RECENT;
	int priced = 0, is_side = m->side == s->last_side;
	uint32_t word = (uint32_t)(like >> 32);

	for (int i = 0; i < WINDOW_PRICES; i++)
		priced |= s->prices[i] == m->price;
	s->run = s->recent[last] == word ? s->run + 1 : 0;
	s->side_run = is_side ? s->side_run + 1 : 0;
	s->unfilled++;
	s->current[C_REPEAT] += window_among(s->recent, WINDOW_RECENT, word);
	s->current[C_IDENTICAL] += s->run > 0;
	s->current[C_SAME_SIDE] += (uint64_t)is_side;
	s->current[C_SAME_SYMBOL] += m->symbol_key == s->last_symbol;
	s->current[C_NEW_PRICE] += !priced;
	s->recent[s->recent_at] = word;
	s->recent_at = (uint8_t)((s->recent_at + 1) % WINDOW_RECENT);
	if (!priced) {
		s->prices[s->price_at] = m->price;
		s->price_at = (uint8_t)((s->price_at + 1) % WINDOW_PRICES);
	}
	s->last_side = m->side;
	s->last_symbol = m->symbol_key;
}

/* One more replace: how often has this order been replaced without a pause? */
static inline void window_chain(struct window_session *s,
				const struct airnet_message *m, uint64_t now_ns)
{
	int at = -1;

	if (!m->original_key)
		return;
	for (int i = WINDOW_CHAINS - 1; i >= 0; i--)
		if (s->chain_key[i] == m->original_key ||
		    s->chain_origin[i] == m->original_key)
			at = i;
	if (at < 0) {
		at = s->chain_at;
		s->chain_at = (uint8_t)((s->chain_at + 1) % WINDOW_CHAINS);
		s->chain_run[at] = 0;
	} else if (now_ns - s->chain_ns[at] > WINDOW_CHAIN_NS) {
		s->chain_run[at] = 0;
	}
	s->chain_run[at]++;
	s->chain_ns[at] = now_ns;
	s->chain_key[at] = m->order_key;
	s->chain_origin[at] = m->original_key;
	if (s->chain_run[at] > s->chain_longest)
		s->chain_longest = s->chain_run[at];
}

/* A cancel or a replace: how old is the order it is about? */
static inline void window_age(struct window_session *s, uint64_t key, uint64_t now_ns)
{
	uint32_t set = (uint32_t)(window_mix(key) % WINDOW_KEY_SETS);
	uint64_t us;

	if (!key)
		return;
	for (int i = 0; i < WINDOW_KEY_WAYS; i++) {
		if (s->keys[set][i] != key)
			continue;
		us = (now_ns - s->key_ns[set][i]) / 1000;
		s->current[C_AGED]++;
		s->current[C_AGE_US] += us < WINDOW_AGE_US ? us : WINDOW_AGE_US;
		return;
	}
}

/* Every order message, for loops and their rhythm. */
static inline void window_echo(struct window_session *s, uint64_t like, uint8_t kind,
			       uint64_t now_ns)
{
	uint32_t at = s->echoes % WINDOW_ECHOES;

	s->echo[at] = (uint32_t)(like >> 32) + kind;
	s->echo_ns[at] = now_ns;
	s->echoes++;
}

/* What RTS 9 (Regulation (EU) 2017/566, Annex) counts an order message as: a
 * modification is a deletion and an entry, a quote has two sides. */
static inline uint64_t window_sent(uint8_t kind)
{
	return kind == AIRNET_KIND_REPLACE || kind == AIRNET_KIND_QUOTE ? 2 : 1;
}

/* The last 32 order messages, the oldest first: what loops are looked for in. */
struct window_heard {
	uint32_t words[WINDOW_ECHOES];
};

static inline struct window_heard window_heard_of(const struct window_session *s)
{
	struct window_heard heard;
	uint32_t at = s->echoes % WINDOW_ECHOES;

	memcpy(heard.words, &s->echo[at], (WINDOW_ECHOES - at) * sizeof *s->echo);
	memcpy(&heard.words[WINDOW_ECHOES - at], s->echo, at * sizeof *s->echo);
	return heard;
}

/* How many of the last `n` messages, a multiple of 4, equal the one `lag` before. */
static inline uint32_t window_alike(const struct window_heard *heard, uint32_t n,
				    uint32_t lag)
{
	const uint32_t *word = &heard->words[WINDOW_ECHOES - n];
	window_four now, before, same = {0, 0, 0, 0};

	for (uint32_t i = 0; i < n; i += 4) {
		memcpy(&now, word + i, sizeof now);
		memcpy(&before, word + i - lag, sizeof before);
		same -= (window_four)(now == before);
	}
	return same[0] + same[1] + same[2] + same[3];
}

/* The largest share of the last messages that equal the one so many before. */
static inline uint64_t window_loop_share(const struct window_session *s,
					 const struct window_heard *heard)
{
	uint32_t n = s->echoes < WINDOW_ECHOES ? s->echoes : WINDOW_ECHOES;
	uint32_t best = 0;

	if (n < WINDOW_RHYTHM)
		return 0;
	n = (n - WINDOW_LAGS) & ~3u;
	for (uint32_t lag = 1; lag <= WINDOW_LAGS; lag++) {
		uint32_t same = window_alike(heard, n, lag);

		best = same > best ? same : best;
	}
	return window_share(best, n);
}

/* Entropy of the last 16 order messages in 1/1000 bit: 4000, all different; 0, one and
 * the same. */
static inline uint64_t window_entropy(const struct window_heard *heard)
{
	/* 1000 log2(k) */
	static const uint16_t bits[] = {0,    0,    1000, 1585, 2000, 2322,
					2585, 2807, 3000, 3170, 3322, 3459,
					3585, 3700, 3807, 3907, 4000};
	const uint32_t *last = &heard->words[WINDOW_ECHOES - WINDOW_RHYTHM];
	/* By name: in an array, compilers keep them in memory. */
	window_four a, b, c, d, none = {0, 0, 0, 0};
	window_four same_a = none, same_b = none, same_c = none, same_d = none;
	uint32_t same[WINDOW_RHYTHM];
	uint64_t sum = 0;

	memcpy(&a, last, sizeof a);
	memcpy(&b, last + 4, sizeof b);
	memcpy(&c, last + 8, sizeof c);
	memcpy(&d, last + 12, sizeof d);
	for (uint32_t i = 0; i < WINDOW_RHYTHM; i++) {
		window_four one = last[i] - none;

		same_a -= (window_four)(a == one);
		same_b -= (window_four)(b == one);
		same_c -= (window_four)(c == one);
		same_d -= (window_four)(d == one);
	}
	memcpy(same, &same_a, sizeof same_a);
	memcpy(same + 4, &same_b, sizeof same_b);
	memcpy(same + 8, &same_c, sizeof same_c);
	memcpy(same + 12, &same_d, sizeof same_d);
	for (uint32_t i = 0; i < WINDOW_RHYTHM; i++)
		sum += bits[same[i]];
	return 4000 - sum / WINDOW_RHYTHM;
}

/* The gaps before the last 16 order messages: how long together, and how uneven. */
struct window_rhythm {
	uint64_t total_ns, deviation_milli;
};

static inline struct window_rhythm window_rhythm_of(const struct window_session *s)
{
	struct window_rhythm rhythm = {0, 0};
	uint64_t gaps[WINDOW_RHYTHM], apart = 0;

	for (uint32_t i = 0; i < WINDOW_RHYTHM; i++) {
		gaps[i] = s->echo_ns[(s->echoes - 1 - i) % WINDOW_ECHOES] -
			  s->echo_ns[(s->echoes - 2 - i) % WINDOW_ECHOES];
		if (gaps[i] > 60000000000ull)
			gaps[i] = 60000000000ull;
		rhythm.total_ns += gaps[i];
	}
	for (uint32_t i = 0; i < WINDOW_RHYTHM; i++) {
		uint64_t gap = gaps[i] * WINDOW_RHYTHM;

		apart += gap > rhythm.total_ns ? gap - rhythm.total_ns
					       : rhythm.total_ns - gap;
	}
	/* A microsecond a gap is the prior: no clock is finer. */
	rhythm.deviation_milli =
		apart * 1000 / WINDOW_RHYTHM / (rhythm.total_ns + WINDOW_RHYTHM * 1000);
	return rhythm;
}

#endif
