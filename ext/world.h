/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The heart of the twin: virtual time, one queue of events, one stream of chance for
 * each agent. It knows no market, no line and no attack; they give it their events.
 *
 * Everything here is integer arithmetic or IEEE 754 basic operations, so that a seed
 * makes the same bytes on any processor: no libm (its exp and log differ by a unit in
 * the last place between processors), and no contraction (setup.py says
 * -ffp-contract=off for the twin).
 */
#ifndef AIRNET_WORLD_H
#define AIRNET_WORLD_H

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "agenda.h"
#include "airnet.h"

#define WORLD_SECOND_NS 1000000000LL
#define WORLD_NEVER_NS INT64_MAX

/* ---- chance ---- */

/* A counter-based stream: draw n of key k is a function of (k, n) alone. */
struct chance {
	an_u64 key;
	an_u64 count;
};

/* The finalizer of SplitMix64 (Steele, Lea and Flood, OOPSLA 2014). */
static inline an_u64 chance_mix(an_u64 x)
{
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
	return x ^ (x >> 31);
}

/* The stream of one agent: its role and number under the world's seed. */
static inline struct chance chance_of(an_u64 seed, an_u64 role, an_u64 number)
{
	struct chance c = {chance_mix(seed + 0x9e3779b97f4a7c15u), 0};

	c.key = chance_mix(c.key ^ chance_mix(role * 0xd1342543de82ef95u + 1));
	c.key = chance_mix(c.key ^ chance_mix(number * 0xaf251af3b0f025b5u + 2));
	return c;
}

static inline an_u64 chance_u64(struct chance *c)
{
	return chance_mix(c->key + ++c->count * 0x9e3779b97f4a7c15u);
}

/* Uniform in [0, 1), 53 bits. */
static inline double chance_unit(struct chance *c)
{
	return (double)(chance_u64(c) >> 11) * 0x1p-53;
}

/* Uniform in 0..n-1; n >= 1. The bias is below 2^-32 of n. */
static inline an_u32 chance_below(struct chance *c, an_u32 n)
{
	return (an_u32)(((chance_u64(c) >> 32) * n) >> 32);
}

static inline int chance_is(struct chance *c, double probability)
{
	return chance_unit(c) < probability;
}

/* Natural logarithm of x > 0, relative error below 1e-13: x = m * 2^e with m in
 * [sqrt(1/2), sqrt(2)), then the series of 2 atanh((m - 1) / (m + 1)). The loops have
 * their coefficients as constants: a division takes as long as five products. */
static inline double world_log(double x)
{
	static const double odd[] = {1.0 / 17, 1.0 / 15, 1.0 / 13, 1.0 / 11, 1.0 / 9,
				     1.0 / 7,  1.0 / 5,	 1.0 / 3,  1.0};
	an_u64 bits;
	int exponent;
	double m, t, square, sum = odd[0];

	memcpy(&bits, &x, sizeof(bits));
	exponent = (int)(bits >> 52) - 1022;
	bits = (bits & 0xfffffffffffffu) | 1022ull << 52;
	memcpy(&m, &bits, sizeof(m)); /* frexp, of numbers that are not subnormal */
	if (m < 0.70710678118654752) {
		m *= 2;
		exponent--;
	}
	t = (m - 1) / (m + 1);
	square = t * t;
	for (int k = 1; k < 9; k++)
		sum = sum * square + odd[k];
	return 2 * t * sum + exponent * 0.69314718055994531;
}

/* e^x for |x| < 700: x = n ln 2 + r, then the series of e^r, |r| <= ln(2) / 2. */
static inline double world_exp(double x)
{
	static const double inverse[] = {1.0 / 6227020800,
					 1.0 / 479001600,
					 1.0 / 39916800,
					 1.0 / 3628800,
					 1.0 / 362880,
					 1.0 / 40320,
					 1.0 / 5040,
					 1.0 / 720,
					 1.0 / 120,
					 1.0 / 24,
					 1.0 / 6,
					 0.5,
					 1.0,
					 1.0};
	double r, power, sum = inverse[0];
	an_u64 bits;
	int n;

	if (!(x >= -700))
		return 0;
	if (x > 700)
		return 0x1p1009;
	n = (int)(x * 1.4426950408889634 + (x < 0 ? -0.5 : 0.5));
	r = x - n * 0.69314718055994531;
	for (int k = 1; k < 14; k++)
		sum = sum * r + inverse[k];
	bits = (an_u64)(n + 1023) << 52; /* ldexp: |n| < 1011 */
	memcpy(&power, &bits, sizeof(power));
	return sum * power;
}

/* Exponential with mean 1. */
static inline double chance_exponential(struct chance *c)
{
	return -world_log(1 - chance_unit(c));
}

/* Normal (0, 1): the polar method (Marsaglia and Bray 1964); the second is let go, so
 * that a draw is a function of the stream alone. */
static inline double chance_normal(struct chance *c)
{
	double u, v, s;

	do {
		u = 2 * chance_unit(c) - 1;
		v = 2 * chance_unit(c) - 1;
		s = u * u + v * v;
	} while (s >= 1 || s == 0);
	return u * sqrt(-2 * world_log(s) / s);
}

/* Lognormal about a median. */
static inline double chance_lognormal(struct chance *c, double median, double sigma)
{
	return median * world_exp(sigma * chance_normal(c));
}

/* Pareto: at least `least`, tail exponent alpha. */
static inline double chance_pareto(struct chance *c, double least, double alpha)
{
	return least * world_exp(chance_exponential(c) / alpha);
}

/* Whose an event (ext/agenda.h) is: `kind` is the part's own below it. */
enum { WORLD_MARKET = 0x1000, WORLD_LINE = 0x2000, WORLD_STRIKE = 0x3000 };

/* ---- an application message, between trader and venue ---- */

#define APP_POSS_DUP 0x01
#define APP_IS_FAULT 0x02 /* made by a failing algorithm: for the truth, not the wire */
#define APP_IS_FORGED 0x04 /* injected by an attacker: for the truth, not the wire */

/* Prices are cents, quantities whole shares. Ids are numbers; a session's dialect
 * makes the text. Characters are FIX's own codes (tags 35, 54, 40, 59, 150, 39). */
struct app {
	an_u64 id; /* ClOrdID (11) */
	an_u64 original; /* OrigClOrdID (41), 0 = none */
	an_u64 execution; /* ExecID (17) */
	an_u64 exchange; /* OrderID (37) */
	an_s64 price; /* 44, 0 = none */
	an_s64 last_price; /* 31 */
	an_u32 quantity; /* 38 */
	an_u32 last; /* LastQty (32) */
	an_u32 filled; /* CumQty (14) */
	an_u32 leaves; /* LeavesQty (151) */
	an_u32 account; /* who, inside the firm */
	an_u32 order; /* the venue's slot; not on the wire */
	an_u16 symbol;
	an_u16 reason; /* OrdRejReason (103), CxlRejReason (102), 0xffff = none */
	char type; /* MsgType; all ours have one character */
	char side;
	char order_type;
	char in_force; /* TimeInForce */
	char executed; /* ExecType */
	char status; /* OrdStatus */
	an_u8 flags;
	an_u8 pad;
};

#endif
