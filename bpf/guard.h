/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * What the guard enforces, as guard.bpf.c and kernel/guard.py share it. Policy is data:
 * rules come and go by map writes, the program stays.
 */
#ifndef AIRNET_GUARD_H
#define AIRNET_GUARD_H

#include "airnet.h"

#define GUARD_RULES_MAX 65536
#define GUARD_GATEWAYS_MAX 1024
#define GUARD_INTENT_PAGES 1024
#define GUARD_PIECES_MAX 8192
/* 65,535 bytes in parts of 1,280 (RFC 8200 section 5), and some to spare. */
#define GUARD_PARTS_MAX 64
/* Parts follow each other on one path; a 16-bit id comes round far later. */
#define GUARD_PIECE_NS 1000000000ull

/* What holds for whom a key names, until when. A rule says of itself when it ends: the
 * program compares, so nobody has to take it away, and nobody's death keeps it.
 *
 * The rate is the virtual scheduling form of the generic cell rate algorithm (ITU-T
 * I.371, annex A): a frame at t conforms when next <= t + slack; then next becomes
 * max(next, t) + interval. interval 0 means that none passes. */
struct airnet_guard_rule {
	an_u64 until_ns; /* CLOCK_MONOTONIC, as bpf_ktime_get_ns */
	an_u64 interval_ns;
	an_u64 slack_ns;
	an_u64 next_ns; /* the program's own */
	an_u64 passed; /* frames, by the rule */
	an_u64 refused;
	an_u64 decision; /* the first eight bytes of the Decision's id */
	an_u64 pad;
};

/* One direction of one conversation. Addresses as in airnet.h, in words as they lie in
 * memory; ports in host order. */
struct airnet_guard_flow {
	an_u64 source[2];
	an_u64 target[2];
	an_u16 source_port;
	an_u16 target_port;
	an_u32 pad;
};

struct airnet_guard_prefix {
	an_u32 bits; /* 0..128; of IPv4 ones 96 more */
	an_u8 address[16];
};

/* A gateway under a flood: who is not known there is policed together. */
struct airnet_guard_gateway {
	an_u64 address[2];
	an_u16 port; /* 0: every port */
	an_u16 pad[3];
};

/* Whom frames are between: whose ports nobody can read, or who is kept from whom. */
struct airnet_guard_pair {
	an_u64 source[2]; /* 0: anybody */
	an_u64 target[2]; /* 0: whoever it begins a connection to */
};

/* A datagram that comes in parts, of which only the first says its ports: RFC 791
 * section 3.2, RFC 8200 section 4.5. */
struct airnet_guard_piece {
	an_u64 source[2];
	an_u64 target[2];
	an_u32 id; /* of IPv6 as it lies in memory */
	an_u8 protocol; /* 0 of IPv6 */
	an_u8 pad[3];
};

/* Parts that may pass because a known conversation sent their first one. */
struct airnet_guard_parts {
	an_u64 until_ns;
	an_u64 passed;
};

struct airnet_guard_control {
	an_u64 is_off; /* not 0: everything passes, whatever stands */
	an_u64 pad[7];
};

struct airnet_guard_page {
	an_u64 words[512];
};

/* Ends of a frame: seen = the sum of the others. */
#define AIRNET_GUARD_SEEN 0
#define AIRNET_GUARD_PASSED 1 /* nothing stands against it */
#define AIRNET_GUARD_ALLOWED 2 /* a known conversation, or within a rate */
#define AIRNET_GUARD_SPARED 3 /* of something protected */
#define AIRNET_GUARD_SESSION 4 /* refused: its session */
#define AIRNET_GUARD_SOURCE 5 /* refused: its source */
#define AIRNET_GUARD_UNKNOWN 6 /* refused: unknown to a gateway under flood */
#define AIRNET_GUARD_OFF 7 /* passed: the guard was switched off */
#define AIRNET_GUARD_CONFINED 8 /* refused: its source is kept from its target */

struct airnet_guard_counts {
	an_u64 of[16]; /* AIRNET_GUARD_* */
};

AIRNET_ASSERT_SIZE(airnet_guard_rule, 64);
AIRNET_ASSERT_SIZE(airnet_guard_flow, 40);
AIRNET_ASSERT_SIZE(airnet_guard_prefix, 20);
AIRNET_ASSERT_SIZE(airnet_guard_gateway, 24);
AIRNET_ASSERT_SIZE(airnet_guard_pair, 32);
AIRNET_ASSERT_SIZE(airnet_guard_piece, 40);
AIRNET_ASSERT_SIZE(airnet_guard_parts, 16);
AIRNET_ASSERT_SIZE(airnet_guard_control, 64);
AIRNET_ASSERT_SIZE(airnet_guard_counts, 128);

#endif
