/* SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause */
/*
 * Who is kept from whom, and what is protected from everything: rules of addresses,
 * which nobody gets past by hiding his ports.
 */
#ifndef AIRNET_CONFINE_H
#define AIRNET_CONFINE_H

#include "walk.h"

#include "rate.h"

/* Protected addresses; filled before the program is attached. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GUARD_RULES_MAX);
	__type(key, struct airnet_guard_prefix);
	__type(value, __u64);
} spared SEC(".maps");

/* Who is kept from whom (target 0: from beginning connections), trading apart. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_RULES_MAX);
	__type(key, struct airnet_guard_pair);
	__type(value, struct airnet_guard_rule);
} confined SEC(".maps");

/* Where orders are taken: an address (port 0), or a port of whatever address. To begin
 * a connection there is nobody kept from. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_GATEWAYS_MAX);
	__type(key, struct airnet_guard_gateway);
	__type(value, __u64);
} places SEC(".maps");

static __always_inline void prefix_of(struct airnet_guard_prefix *prefix,
				      const __u64 address[2])
{
	prefix->bits = 128;
	__builtin_memcpy(prefix->address, address, 16);
}

/* Whether its source is kept from its target, whatever is in the frame. */
static __always_inline enum verdict pair_says(const struct select_fields *fields,
					      __u64 now)
{
	struct airnet_guard_pair key = {};

	key.source[0] = fields->source[0];
	key.source[1] = fields->source[1];
	key.target[0] = fields->target[0];
	key.target[1] = fields->target[1];
	return rule_says(bpf_map_lookup_elem(&confined, &key), now);
}

/* Whether orders are taken there, or it is protected. */
static __always_inline int is_place(const struct select_fields *fields)
{
	struct airnet_guard_gateway key = {};
	struct airnet_guard_prefix prefix;

	key.address[0] = fields->target[0];
	key.address[1] = fields->target[1];
	if (bpf_map_lookup_elem(&places, &key))
		return 1;
	key.address[0] = key.address[1] = 0;
	key.port = fields->target_port;
	if (key.port && bpf_map_lookup_elem(&places, &key))
		return 1;
	prefix_of(&prefix, fields->target);
	return bpf_map_lookup_elem(&spared, &prefix) != NULL;
}

/* Whether its source is kept from beginning connections, and this begins one, or may:
 * what hides its ports does. */
static __noinline __u32 beginner_says(const struct select_fields *fields, __u32 end,
				      __u64 now)
{
	struct airnet_guard_pair key = {};
	struct airnet_guard_rule *rule;
	__u32 flags = fields->tcp_flags & (SELECT_SYN | SELECT_ACK);

	key.source[0] = fields->source[0];
	key.source[1] = fields->source[1];
	rule = bpf_map_lookup_elem(&confined, &key);
	if (!rule || end == WALK_LATER)
		return NOTHING;
	if (end == WALK_READ && (fields->protocol != SELECT_TCP || flags != SELECT_SYN))
		return NOTHING;
	return is_place(fields) ? NOTHING : rule_says(rule, now);
}

#endif
