/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Decisions made in advance. For each gateway the judge has said what it would order
 * if a hard rule broke there now (airnet.decide.foresight); this compares the windows
 * that closed with those rules, and says which order holds, whom it names and of which
 * port. It decides nothing: where anything is in doubt it says nothing, and the judge
 * decides as ever. What it says is carried out by reflex_fire.h.
 */
#ifndef AIRNET_REFLEX_H
#define AIRNET_REFLEX_H

#include "screen.h"

#define REFLEX_ARMS 256
#define REFLEX_TARGETS 16 /* sources that one order names */
#define REFLEX_PLACES 65536 /* of addresses never named, open addressing */
#define REFLEX_SPARED_MAX (REFLEX_PLACES / 2)
#define REFLEX_RANGES 1024
#define REFLEX_RULES 32
#define REFLEX_TEXT_BYTES 2048 /* of a Decision that was foreseen */
#define REFLEX_BEFORE 1024 /* windows in front of one that may be looked at again */
#define REFLEX_GATEWAY 2
#define REFLEX_SOURCE 3

#define REFLEX_LIMIT 1 /* who is not known to the gateway shares a rate */
#define REFLEX_DROP 2 /* of the sources named */

/* airnet.score.subjects: when a source is named. */
#define REFLEX_NAMED_PPM 900000
#define REFLEX_NAMED_SHARE 50
#define REFLEX_ACCOMPLICE_SHARE 100
#define REFLEX_ACCOMPLICE_PACKETS 16
#define REFLEX_KNOWN_SHARE 250 /* as KNOWN_SHARE in airnet.decide.forgery */

/* What is written when an order holds. */
struct reflex_order {
	an_u64 number; /* of the rules: the first eight bytes of the Decision's id */
	an_u64 ttl_ns;
	an_u64 interval_ns;
	an_u64 slack_ns;
	const an_u8 *text; /* the Decision as it was foreseen */
	an_u32 text_bytes;
	an_u32 text_check; /* CRC-32 of it, to be gone on with */
};

/* What the judge would do about one gateway, from when until when. */
struct reflex_arm {
	an_u8 gateway[16];
	an_u64 from_ns; /* capture time, both in */
	an_u64 until_ns;
	an_u64 streak_until_ns; /* a streak lasts that another window continues; 0 */
	an_u32 at_once; /* rules, a bit each, of which one window is enough */
	an_u32 follows; /* rules of which one more is enough in that streak */
	an_u32 port; /* the only one foreseen, 0 = any */
	an_u32 streak_port;
	an_u32 few; /* sources, above which none is named */
	an_u32 targets_max;
	an_u32 actions; /* REFLEX_LIMIT, REFLEX_DROP: those foreseen */
	an_u32 source_count; /* strangers that the streak named */
	an_u8 sources[REFLEX_TARGETS][16];
	struct reflex_order limit;
	struct reflex_order drop;
};

/* What was done, or would be. As it lies behind an order's text in the intent. */
struct reflex_shot {
	an_u64 number;
	an_u64 close_ns; /* of the window, capture time */
	an_u64 begun_ns; /* CLOCK_MONOTONIC, all three */
	an_u64 done_ns;
	an_u64 until_ns; /* when the rules end */
	an_u64 ttl_ns;
	an_u32 action; /* 0 = none */
	an_u32 rule;
	an_u32 place; /* of the window in its batch */
	an_u32 port; /* of a limit, 0 = any */
	an_u32 source_count;
	an_u32 text_bytes;
	an_u8 gateway[16];
	an_u8 sources[REFLEX_TARGETS][16];
};

struct reflex_range {
	an_u8 first[16];
	an_u8 last[16];
};

/* Where what is asked of a row lies, and what the flood model's classes are. */
struct reflex_terms {
	an_u32 sources;
	an_u32 packets;
	an_u32 registered;
	an_u32 share;
	an_u32 known; /* share of packets under addresses that have sessions */
	an_u32 flood; /* the class */
	an_u32 containable; /* classes that a second opinion is asked of, a bit each */
};

struct reflex_batch {
	const struct airnet_window *windows;
	const float *rows;
	an_u32 count;
};

/* Why nothing is done of a window that breaks a rule. */
enum reflex_why {
	REFLEX_UNARMED, /* nothing is foreseen of the gateway, or of this moment */
	REFLEX_TOO_FEW, /* of this rule, windows must break it more often */
	REFLEX_NOT_FIRST, /* something is said of windows in front of it */
	REFLEX_OTHER_PORT,
	REFLEX_UNSURE, /* who is named, the judge must say */
	REFLEX_OTHERWISE, /* what fits was not foreseen */
	REFLEX_HELD, /* nothing may be done now, or the kernel refused */
	REFLEX_REASONS
};

/* The last window that was left to the judge, and when it was looked at. */
struct reflex_left {
	an_u64 close_ns;
	an_u64 looked_ns; /* CLOCK_MONOTONIC */
	an_u32 why;
	an_u32 pad;
};

struct reflex {
	struct screen screen; /* a copy: what it counts is nobody's */
	struct opinion opinion; /* of the row it was last asked about */
	struct reflex_terms terms;
	const struct screen_rule *rules; /* of gateways, the first that breaks counts */
	const struct screen_limit *limits;
	an_u32 rule_count;
	an_u32 arm_count;
	an_u32 spared_count;
	an_u32 range_count;
	an_u64 declined[REFLEX_REASONS];
	struct reflex_left left;
	an_u64 gateways_left; /* windows of gateways until all is doubtful again */
	struct reflex_arm *arms; /* REFLEX_ARMS */
	an_u8 (*spared)[16]; /* REFLEX_PLACES; all zero = free */
	struct reflex_range *ranges; /* REFLEX_RANGES */
};

#endif
