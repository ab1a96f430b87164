/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What attackers remember. A shot (one packet of a flood) remembers nothing: it is a
 * function of its row and number, so that its answer is derived and not stored.
 */
#ifndef AIRNET_STRIKE_STATE_H
#define AIRNET_STRIKE_STATE_H

#include "strike_rows.h"
#include "world.h"

#define STRIKE_FLOWS_MAX 8192 /* connections of attackers that are open at once */
#define STRIKE_BANS_MAX 1024 /* rules of the switch */
#define SWITCH_LIMITS_MAX 16
#define SWITCH_KNOWN_MAX 2048 /* as controller/flows.py takes */
#define STRIKE_RATE_MAX 1e7 /* a second; 25 Gbit/s has room for 37 M frames */
#define STRIKE_BYTES_MAX 3e9 /* a second, for data that is carried out */
#define STRIKE_SAY_BYTES 1400 /* of one payload over TCP */
#define STRIKE_NAME_LETTERS 180 /* a DNS name is at most 255 bytes (RFC 1035) */
#define STRIKE_PAYLOAD_BYTES 1472 /* MTU 1500 less IPv4 and UDP headers */

/* event.kind below WORLD_STRIKE; who: the row, or the flow */
#define STRIKE_EVENT_SHOT (WORLD_STRIKE | 1)
#define STRIKE_EVENT_ANSWER (WORLD_STRIKE | 2) /* value: the shot's number */
#define STRIKE_EVENT_RETORT (WORLD_STRIKE | 3) /* of a host whose name was borrowed */
#define STRIKE_EVENT_FLOW (WORLD_STRIKE | 4) /* value: the flow's generation */

/* One row at work. */
struct strike_one {
	struct chance chance; /* of its gaps */
	an_u64 shots;
};

/* One packet of an attack. */
struct strike_shot {
	struct chance chance; /* what else is drawn for it */
	an_u32 source; /* HOST whose header trivia it has */
	an_u32 target;
	an_u32 sequence;
	an_u32 acknowledged;
	an_u32 bytes; /* of payload */
	an_u16 source_port;
	an_u16 port;
	an_u8 spoof[16]; /* zero: the source's own address */
	an_u8 is_borrowed;
	an_u8 is_answered;
	an_u8 pad[6];
};

/* One connection of an attacker: a TCP of its own that only goes forward. */
struct strike_flow {
	struct chance chance;
	an_s64 due_ns; /* of the next chunk */
	an_u64 number; /* of the attempt, in its row */
	an_u32 row;
	an_u32 source;
	an_u32 target;
	an_u32 generation;
	an_u32 next[2]; /* sequence number, by direction */
	an_u32 stamp[2]; /* last TSval, by direction */
	an_u16 source_port;
	an_u16 port;
	an_u8 stage;
	an_u8 is_used;
	an_u8 pad[2];
};

struct strike_ban {
	an_s64 until_ns;
	an_u8 address[16];
	an_u8 target[16]; /* zero = whoever it sends to */
	an_u16 bits;
	an_u16 port; /* 0 = any */
	an_u32 pad;
};

/* A meter for all that hosts which are not `known` send to a gateway. */
struct switch_limit {
	an_s64 until_ns;
	an_s64 tokened_ns;
	double tokens;
	an_u8 (*known)[16]; /* sorted */
	an_u32 known_count;
	an_u32 per_second;
	an_u32 burst;
	an_u16 port; /* 0 = any */
	an_u8 gateway[16];
	an_u8 pad[2];
};

struct strike_counts {
	an_u64 sent; /* packets of attackers that passed the switch */
	an_u64 blocked; /* packets that did not: a ban */
	an_u64 answers; /* of their targets */
	an_u64 retorts; /* RST of hosts whose address was borrowed */
	an_u64 flows; /* connections begun */
	an_u64 flows_refused; /* no room */
	an_u64 logons; /* Logons of strangers */
	an_u64 forged; /* messages put into a live session */
	an_u64 repeated; /* segments of a live session sent again */
	an_u64 cuts;
	an_u64 bans;
	an_u64 bans_refused; /* no room */
	an_u64 limits;
	an_u64 metered; /* packets that a meter let pass */
	an_u64 policed; /* and those that it did not: also of sessions */
};

struct strikes {
	struct strike_one *each;
	struct strike_flow *flows;
	struct strike_ban *rules;
	an_u32 count;
	an_u32 flow_hint; /* where a free flow may be */
	an_u32 rule_count;
	an_u32 limit_count;
	struct switch_limit limits[SWITCH_LIMITS_MAX];
	struct strike_counts counts;
};

#endif
