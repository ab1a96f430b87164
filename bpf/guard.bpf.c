// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Hook: XDP on the inline port of a guarded host, where its traffic comes in.
 * Reads: the frame's headers (select.h), CLOCK_MONOTONIC, the rules.
 * Writes: a rule's own memory of its rate, and counters of this CPU.
 *
 * Exits: XDP_PASS, or XDP_DROP with a counted reason. What it cannot read passes: to
 * guard is to hold back what is named, not to let through what is understood. No rule
 * reaches beyond its time, and what is protected is asked about before any rule.
 */
#include "guard.h"
#include "select.h"

#include <bpf/bpf_helpers.h>

#include "rate.h"

/* Protected addresses; filled before the program is attached. */
struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GUARD_RULES_MAX);
	__type(key, struct airnet_guard_prefix);
	__type(value, __u64);
} spared SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_RULES_MAX);
	__type(key, struct airnet_guard_flow);
	__type(value, struct airnet_guard_rule);
} sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__uint(max_entries, GUARD_RULES_MAX);
	__type(key, struct airnet_guard_prefix);
	__type(value, struct airnet_guard_rule);
} sources SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_GATEWAYS_MAX);
	__type(key, struct airnet_guard_gateway);
	__type(value, struct airnet_guard_rule);
} gateways SEC(".maps");

/* Conversations that pass whatever their address is blamed for: whole 4-tuples, because
 * an address can be forged and a live session's ports cannot be guessed cheaply. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_RULES_MAX);
	__type(key, struct airnet_guard_flow);
	__type(value, __u64);
} known SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct airnet_guard_control);
} control SEC(".maps");

/* One entry a CPU (user space sizes it). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct airnet_guard_counts);
} counters SEC(".maps");

/* User space's own, kept beside the rules so that it lasts exactly as long as they do:
 * what was intended, written before the rules were. No program reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, GUARD_INTENT_PAGES);
	__type(key, __u32);
	__type(value, struct airnet_guard_page);
} intents SEC(".maps");

static __always_inline void prefix_of(struct airnet_guard_prefix *prefix,
				      const __u64 address[2])
{
	prefix->bits = 128;
	__builtin_memcpy(prefix->address, address, 16);
}

/* A gateway's own port first, then all of its ports. */
static __always_inline struct airnet_guard_rule *
gateway_rule(const struct select_fields *fields, __u64 now)
{
	struct airnet_guard_gateway key = {};
	struct airnet_guard_rule *rule;

	key.address[0] = fields->target[0];
	key.address[1] = fields->target[1];
	key.port = fields->target_port;
	rule = bpf_map_lookup_elem(&gateways, &key);
	if (rule && now < rule->until_ns)
		return rule;
	key.port = 0;
	return bpf_map_lookup_elem(&gateways, &key);
}

/* The frame's end, AIRNET_GUARD_*. */
static __always_inline __u32 judge(const struct select_fields *fields, __u64 now)
{
	struct airnet_guard_flow flow = {};
	struct airnet_guard_prefix prefix;
	enum verdict said, before = NOTHING;

	if (!fields->is_ip)
		return AIRNET_GUARD_PASSED;
	/* Only of the sender: what is protected may well be a flood's target. */
	prefix_of(&prefix, fields->source);
	if (bpf_map_lookup_elem(&spared, &prefix))
		return AIRNET_GUARD_SPARED;
	flow.source[0] = fields->source[0];
	flow.source[1] = fields->source[1];
	flow.target[0] = fields->target[0];
	flow.target[1] = fields->target[1];
	flow.source_port = fields->source_port;
	flow.target_port = fields->target_port;
	said = rule_says(bpf_map_lookup_elem(&sessions, &flow), now);
	if (said == REFUSED)
		return AIRNET_GUARD_SESSION;
	before = said;
	if (bpf_map_lookup_elem(&known, &flow))
		return AIRNET_GUARD_ALLOWED;
	said = rule_says(bpf_map_lookup_elem(&sources, &prefix), now);
	if (said == REFUSED)
		return AIRNET_GUARD_SOURCE;
	if (said == CONFORMS)
		before = said;
	said = rule_says(gateway_rule(fields, now), now);
	if (said == REFUSED)
		return AIRNET_GUARD_UNKNOWN;
	return said == CONFORMS || before == CONFORMS ? AIRNET_GUARD_ALLOWED
						      : AIRNET_GUARD_PASSED;
}

SEC("xdp.frags")
int guard(struct xdp_md *ctx)
{
	__u32 zero = 0, cpu = bpf_get_smp_processor_id(), end = AIRNET_GUARD_OFF;
	struct airnet_guard_counts *counts = bpf_map_lookup_elem(&counters, &cpu);
	struct airnet_guard_control *word = bpf_map_lookup_elem(&control, &zero);
	struct select_fields fields = {};

	if (!word || !word->is_off) {
		select_read(&fields, (void *)(long)ctx->data,
			    (void *)(long)ctx->data_end);
		end = judge(&fields, bpf_ktime_get_ns());
	}
	if (counts) {
		counts->of[AIRNET_GUARD_SEEN]++;
		counts->of[end & 15]++;
	}
	return end >= AIRNET_GUARD_SESSION && end <= AIRNET_GUARD_UNKNOWN ? XDP_DROP
									  : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
