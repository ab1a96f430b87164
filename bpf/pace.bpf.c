// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Hook: egress of one cgroup: what one algorithm's process sends.
 * Reads: CLOCK_MONOTONIC, the one rule.
 * Writes: the rule's own memory of its rate.
 *
 * Exits: 1 (send) or 0 (drop). It knows no order from a cancel: a TCP stream that lost
 * a segment keeps what comes after it waiting, cancels too.
 */
#include "guard.h"

#include <bpf/bpf_helpers.h>

#include "rate.h"

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct airnet_guard_rule);
} pace SEC(".maps");

SEC("cgroup_skb/egress")
int pace_egress(struct __sk_buff *skb)
{
	__u32 zero = 0;

	(void)skb;
	return rule_says(bpf_map_lookup_elem(&pace, &zero), bpf_ktime_get_ns()) !=
	       REFUSED;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
