/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The two ends of a flow, how they are found again, and which are gateways that we were
 * told of.
 */
#ifndef AIRNET_ENDS_H
#define AIRNET_ENDS_H

#include <endian.h>

#include "cursor.h"

#define FLOW_GATEWAYS_MAX 512
#define FLOW_GATEWAY_SLOTS 2048

#define ENDS_WORDS 9 /* of 32 bits: two addresses, and their ports */
#define ENDS_SEEDS (ENDS_WORDS + 1)

struct endpoint {
	an_u8 address[16];
	an_u16 port;
	an_u8 is_used;
	an_u8 pad;
};

/* Both ends of a flow, the lower one first, so that both directions agree. */
struct flow_key {
	struct endpoint low;
	struct endpoint high;
};

/* The gateways we were told of; read only once frames are decoded. */
struct gateways {
	an_u32 count;
	struct endpoint slots[FLOW_GATEWAY_SLOTS];
};

static inline an_u64 endpoint_hash(const struct endpoint *endpoint)
{
	an_u64 high, low;

	memcpy(&high, endpoint->address, 8);
	memcpy(&low, endpoint->address + 8, 8);
	high = (high ^ low * 0x9e3779b97f4a7c15ULL ^ endpoint->port) *
	       0xff51afd7ed558ccdULL;
	return high ^ high >> 32;
}

static inline int endpoint_equals(const struct endpoint *a, const struct endpoint *b)
{
	return memcmp(a->address, b->address, 16) == 0 && a->port == b->port;
}

static inline struct endpoint endpoint_of(const an_u8 *address, an_u16 port)
{
	struct endpoint endpoint = {.port = port, .is_used = 1};

	memcpy(endpoint.address, address, 16);
	return endpoint;
}

/* Two halves of an address, as they lie in memory. What was just written is read again
 * in pieces no larger than it was written in: a processor waits for stores that it must
 * put together. */
static inline struct endpoint endpoint_from(an_u64 first, an_u64 second, an_u16 port)
{
	struct endpoint endpoint;

	memcpy(endpoint.address, &first, 8);
	memcpy(endpoint.address + 8, &second, 8);
	endpoint.port = port;
	endpoint.is_used = 1;
	endpoint.pad = 0;
	return endpoint;
}

static inline void endpoint_copy(struct endpoint *to, const struct endpoint *from)
{
	an_u64 first, second;

	memcpy(&first, from->address, 8);
	memcpy(&second, from->address + 8, 8);
	*to = endpoint_from(first, second, from->port);
}

/* Fill `key`; returns whether the frame's source is its low end. */
static inline int flow_key_of(const struct airnet_header *header, struct flow_key *key)
{
	an_u16 port = header->source_port, other = header->target_port;
	an_u64 source[2], target[2];
	int i, is_from_low = port <= other;

	memcpy(source, header->source, 8);
	memcpy(source + 1, header->source + 8, 8);
	memcpy(target, header->target, 8);
	memcpy(target + 1, header->target + 8, 8);
	i = source[0] == target[0];
	if (source[i] != target[i])
		is_from_low = be64toh(source[i]) < be64toh(target[i]);
	if (is_from_low) {
		key->low = endpoint_from(source[0], source[1], port);
		key->high = endpoint_from(target[0], target[1], other);
	} else {
		key->low = endpoint_from(target[0], target[1], other);
		key->high = endpoint_from(source[0], source[1], port);
	}
	return is_from_low;
}

/* Two words' share of flow_hash; `at` is read as it was written. */
static inline an_u64 flow_hash_pair(const an_u8 *at, const an_u64 *seed)
{
	an_u64 words;

	memcpy(&words, at, 8);
	words = le64toh(words);
	return ((an_u32)words + seed[0]) * ((words >> 32) + seed[1]);
}

/* Both addresses and ports, 32 bits at a time, by the pairwise multilinear family of
 * Lemire and Kaser, "Strongly universal string hashing is fast", 2014: whoever does not
 * know the seed cannot choose ends that share a place, more than chance has it. 32 bits
 * of it are good. */
static inline an_u64 flow_hash(const struct flow_key *key, const an_u64 *seed)
{
	an_u32 ports = (an_u32)key->low.port << 16 | key->high.port;
	an_u64 sum = seed[ENDS_WORDS] + ports * seed[ENDS_WORDS - 1];

	sum += flow_hash_pair(key->low.address, seed);
	sum += flow_hash_pair(key->low.address + 8, seed + 2);
	sum += flow_hash_pair(key->high.address, seed + 4);
	sum += flow_hash_pair(key->high.address + 8, seed + 6);
	return sum >> 32;
}

/* A seed from the time of the first frame, the same live and replayed: nobody who sends
 * frames knows that time to the nanosecond, nor sees what became of a guess (mixing as
 * in Steele, Lea and Flood, "Fast splittable pseudorandom number generators", 2014). */
static inline void ends_seed(an_u64 time_ns, an_u64 *seed)
{
	int i;

	for (i = 0; i < ENDS_SEEDS; i++) {
		an_u64 word = time_ns + (an_u64)(i + 1) * 0x9e3779b97f4a7c15ULL;

		word = (word ^ word >> 30) * 0xbf58476d1ce4e5b9ULL;
		word = (word ^ word >> 27) * 0x94d049bb133111ebULL;
		seed[i] = word ^ word >> 31;
	}
}

static inline int flow_key_equals(const struct flow_key *a, const struct flow_key *b)
{
	return endpoint_equals(&a->low, &b->low) && endpoint_equals(&a->high, &b->high);
}

static inline int gateways_have(const struct gateways *g,
				const struct endpoint *endpoint)
{
	an_u32 i = endpoint_hash(endpoint) % FLOW_GATEWAY_SLOTS;

	for (; g->slots[i].is_used; i = (i + 1) % FLOW_GATEWAY_SLOTS)
		if (endpoint_equals(&g->slots[i], endpoint))
			return 1;
	return 0;
}

/* Returns -1 when there are FLOW_GATEWAYS_MAX already. */
static inline int gateways_add(struct gateways *g, const an_u8 *address, an_u16 port)
{
	struct endpoint endpoint = endpoint_of(address, port);
	an_u32 i = endpoint_hash(&endpoint) % FLOW_GATEWAY_SLOTS;

	if (gateways_have(g, &endpoint))
		return 0;
	if (g->count == FLOW_GATEWAYS_MAX)
		return -1;
	while (g->slots[i].is_used)
		i = (i + 1) % FLOW_GATEWAY_SLOTS;
	g->slots[i] = endpoint;
	g->count++;
	return 0;
}

#endif
