// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Hook: XDP on the mirror port, an interface that is only ours.
 * Reads: the frame's headers (select.h), length, receive queue and CLOCK_MONOTONIC.
 * Writes: struct airnet_tap_meta in front of the frame, and counters of its CPU.
 *
 * Exits: XDP_REDIRECT into the AF_XDP socket of the frame's own queue, otherwise
 * XDP_DROP with a counted reason. Never XDP_PASS and never XDP_TX: the host's own
 * network stack must not answer what it sees on a mirror. What is no order traffic is
 * counted and summarised here, and not copied.
 */
#include "summary.h"

#include <bpf/bpf_helpers.h>

/* Filled by user space, one socket a queue. A socket bound to another queue than its
 * index would lose every frame with no statistic anywhere, so index == queue. */
struct {
	__uint(type, BPF_MAP_TYPE_XSKMAP);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, __u32);
} sockets SEC(".maps");

/* AIRNET_TAP_*, one entry a CPU (user space sizes it); written here, read by user
 * space through mmap(2). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct airnet_tap_counts);
} counters SEC(".maps");

/* What is watched; filled by user space before the program is attached. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct airnet_select);
} selection SEC(".maps");

/* One entry a CPU each, as the counters. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct airnet_summary);
} summaries SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct airnet_sketch);
} sketches SEC(".maps");

static __always_inline void count(struct airnet_tap_counts *counts, __u32 index)
{
	if (counts)
		counts->of[index]++;
}

/* Put time, queue and length in front of the frame; -1 when there is no room. */
static __always_inline int stamp(struct xdp_md *ctx)
{
	/* Of all pieces; data_end - data is the first one's. */
	__u32 wire_bytes = bpf_xdp_get_buff_len(ctx);
	struct airnet_tap_meta *meta;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*meta)))
		return -1;
	meta = (void *)(long)ctx->data_meta;
	if ((void *)(meta + 1) > (void *)(long)ctx->data)
		return -1;
	meta->mono_ns = bpf_ktime_get_ns();
	meta->queue = ctx->rx_queue_index;
	meta->wire_bytes = wire_bytes;
	return 0;
}

/* Whether user space takes the frame; what it does not take is summarised. */
static __always_inline int wants(struct xdp_md *ctx, __u32 cpu)
{
	__u32 zero = 0;
	struct airnet_select *select = bpf_map_lookup_elem(&selection, &zero);
	struct airnet_summary *summary = bpf_map_lookup_elem(&summaries, &cpu);
	struct airnet_sketch *sketch = bpf_map_lookup_elem(&sketches, &cpu);
	struct select_fields fields = {};

	if (!select || !summary || !sketch)
		return 1;
	select_read(&fields, (void *)(long)ctx->data, (void *)(long)ctx->data_end);
	sketch_add(sketch, select, &fields);
	if (select_wants(select, &fields))
		return 1;
	summary_add(summary, &fields, bpf_xdp_get_buff_len(ctx));
	return 0;
}

SEC("xdp.frags")
int tap(struct xdp_md *ctx)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct airnet_tap_counts *counts = bpf_map_lookup_elem(&counters, &cpu);
	__u32 reason = AIRNET_TAP_REDIRECTED;
	int action = XDP_DROP;

	count(counts, AIRNET_TAP_SEEN);
	if (!wants(ctx, cpu)) {
		reason = AIRNET_TAP_IGNORED;
		goto out;
	}
	if (stamp(ctx)) {
		reason = AIRNET_TAP_NO_META;
		goto out;
	}
	/* The flags are the action when the queue has no socket. */
	action = bpf_redirect_map(&sockets, ctx->rx_queue_index, XDP_DROP);
	if (action != XDP_REDIRECT)
		reason = AIRNET_TAP_NO_SOCKET;
out:
	count(counts, reason);
	return action;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
