// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Hook: XDP on the inline port of a guarded host, where its traffic comes in.
 * Reads: the frame's headers (select.h, walk.h), CLOCK_MONOTONIC, the rules.
 * Writes: a rule's own memory of its rate, and counters of this CPU.
 *
 * Exits: XDP_PASS, or XDP_DROP with a counted reason. What it cannot read passes: to
 * guard is to hold back what is named, not to let through what is understood. But to
 * hide one's ports is no way past a rule of a port: such frames have rules of their
 * own, beside those of sessions and gateways. No rule reaches beyond its time, and what
 * is protected is asked about before any rule.
 */
#include "confine.h"

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

/* What holds for frames that hide their ports, where a rule of a session or of a
 * gateway's port stands. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_RULES_MAX);
	__type(key, struct airnet_guard_pair);
	__type(value, struct airnet_guard_rule);
} unread SEC(".maps");

/* Conversations that pass whatever their address is blamed for: whole 4-tuples, because
 * an address can be forged and a live session's ports cannot be guessed cheaply. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, GUARD_RULES_MAX);
	__type(key, struct airnet_guard_flow);
	__type(value, __u64);
} known SEC(".maps");

/* Datagrams of known conversations that come in parts. Only those write here, so that
 * nobody else's can push them out. */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, GUARD_PIECES_MAX);
	__type(key, struct airnet_guard_piece);
	__type(value, struct airnet_guard_parts);
} pieces SEC(".maps");

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

/* One walk a CPU: in a map, not on the stack, because there the verifier would follow
 * every value apart and take seconds. Nothing preempts XDP on its CPU for another. */
struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct walk);
} walks SEC(".maps");

/* User space's own, kept beside the rules so that it lasts exactly as long as they do:
 * what was intended, written before the rules were. No program reads it. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, GUARD_INTENT_PAGES);
	__type(key, __u32);
	__type(value, struct airnet_guard_page);
} intents SEC(".maps");

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

/* What holds for frames that hide their ports: between two addresses, or anybody's. */
static __always_inline struct airnet_guard_rule *
unread_rule(const struct select_fields *fields, int is_anybody)
{
	struct airnet_guard_pair key = {};

	if (!is_anybody) {
		key.source[0] = fields->source[0];
		key.source[1] = fields->source[1];
	}
	key.target[0] = fields->target[0];
	key.target[1] = fields->target[1];
	return bpf_map_lookup_elem(&unread, &key);
}

/* The rule of a gateway; ports that are hidden have one of their own first. */
static __always_inline enum verdict gateway_says(const struct select_fields *fields,
						 int is_read, __u64 now)
{
	enum verdict said = NOTHING;

	if (!is_read)
		said = rule_says(unread_rule(fields, 1), now);
	if (said == NOTHING)
		said = rule_says(gateway_rule(fields, now), now);
	return said;
}

/* Whether the frame is a known conversation's; later parts of a datagram are so by
 * their first one, which said its ports. */
static __always_inline int is_known(const struct airnet_guard_flow *flow,
				    const struct walk *walk, __u64 now)
{
	struct airnet_guard_parts *parts, first = {};

	if (walk && walk->end == WALK_UNREAD)
		return 0;
	if (walk && walk->end == WALK_LATER) {
		parts = bpf_map_lookup_elem(&pieces, &walk->piece);
		return parts && now < parts->until_ns &&
		       __sync_fetch_and_add(&parts->passed, 1) < GUARD_PARTS_MAX;
	}
	if (!bpf_map_lookup_elem(&known, flow))
		return 0;
	first.until_ns = now + GUARD_PIECE_NS;
	if (walk && walk->is_first)
		bpf_map_update_elem(&pieces, &walk->piece, &first, BPF_ANY);
	return 1;
}

/* The frame's end by one pair of addresses, AIRNET_GUARD_*; without a walk its ports
 * were read at once, or its protocol has none. */
static __noinline __u32 judge(const struct select_fields *fields,
			      const struct walk *walk, __u64 now)
{
	struct airnet_guard_flow flow = {};
	struct airnet_guard_prefix prefix;
	enum verdict said, before = NOTHING;
	__u32 end = walk ? walk->end : WALK_READ;

	if (!fields->is_ip)
		return AIRNET_GUARD_PASSED;
	/* Only of the sender: what is protected may well be a flood's target. */
	prefix_of(&prefix, fields->source);
	if (bpf_map_lookup_elem(&spared, &prefix))
		return AIRNET_GUARD_SPARED;
	if (pair_says(fields, now) == REFUSED)
		return AIRNET_GUARD_CONFINED;
	flow.source[0] = fields->source[0];
	flow.source[1] = fields->source[1];
	flow.target[0] = fields->target[0];
	flow.target[1] = fields->target[1];
	flow.source_port = fields->source_port;
	flow.target_port = fields->target_port;
	/* A later part is of no use without its first, which says its session. */
	if (end == WALK_UNREAD)
		before = rule_says(unread_rule(fields, 0), now);
	else if (end == WALK_READ)
		before = rule_says(bpf_map_lookup_elem(&sessions, &flow), now);
	if (before == REFUSED)
		return AIRNET_GUARD_SESSION;
	if (is_known(&flow, walk, now))
		return AIRNET_GUARD_ALLOWED;
	if (beginner_says(fields, end, now) == REFUSED)
		return AIRNET_GUARD_CONFINED;
	said = rule_says(bpf_map_lookup_elem(&sources, &prefix), now);
	if (said == REFUSED)
		return AIRNET_GUARD_SOURCE;
	if (said == CONFORMS)
		before = said;
	said = gateway_says(fields, end == WALK_READ, now);
	if (said == REFUSED)
		return AIRNET_GUARD_UNKNOWN;
	return said == CONFORMS || before == CONFORMS ? AIRNET_GUARD_ALLOWED
						      : AIRNET_GUARD_PASSED;
}

static __always_inline int is_refused(__u32 end)
{
	return (end >= AIRNET_GUARD_SESSION && end <= AIRNET_GUARD_UNKNOWN) ||
	       end == AIRNET_GUARD_CONFINED;
}

struct stroll {
	struct walk *walk;
	struct xdp_md *frame;
};

static long stroll_on(__u32 step, void *place)
{
	struct stroll *stroll = place;

	stroll->walk->end = walk_step(stroll->frame, stroll->walk);
	return stroll->walk->end != WALK_ON;
}

/* The end of a frame in which select.h did not find what there is to find: refused by
 * its outermost addresses or by its innermost ones. */
static __noinline __u32 judge_opaque(struct xdp_md *ctx, __u64 now)
{
	__u32 end, zero = 0;
	struct walk *walk = bpf_map_lookup_elem(&walks, &zero);
	struct stroll stroll = {.walk = walk, .frame = ctx};

	if (!walk)
		return AIRNET_GUARD_PASSED;
	__builtin_memset(walk, 0, sizeof(*walk));
	walk->next = WALK_ETHERNET;
	bpf_loop(WALK_STEPS, stroll_on, &stroll, 0);
	if (walk->end == WALK_ON)
		walk->end = WALK_UNREAD;
	if (walk->outer.is_ip) {
		end = judge(&walk->outer, NULL, now);
		if (is_refused(end))
			return end;
	}
	return judge(&walk->fields, walk, now);
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
		if (fields.is_opaque)
			end = judge_opaque(ctx, bpf_ktime_get_ns());
		else
			end = judge(&fields, NULL, bpf_ktime_get_ns());
	}
	if (counts) {
		counts->of[AIRNET_GUARD_SEEN]++;
		counts->of[end & 15]++;
	}
	return is_refused(end) ? XDP_DROP : XDP_PASS;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
