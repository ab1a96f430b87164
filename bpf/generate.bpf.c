// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Hook: none; BPF_PROG_TEST_RUN with live frames runs it, for the lab's generator.
 * Reads and writes: the frame's own bytes, where its number and time are wanted.
 *
 * Exits: XDP_REDIRECT out of the interface asked for, XDP_ABORTED when the stamp does
 * not fit into the frame.
 */
#include "airnet.h"

#include <bpf/bpf_helpers.h>

/* Filled by user space; `sequence` goes on here. One generator runs on one CPU. */
struct airnet_generate {
	__u64 sequence;
	__u32 interface_index;
	__u32 stamp_offset; /* of the number and the time, 8 B each, little endian */
	__u32 has_stamp;
	__u32 pad;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct airnet_generate);
} settings SEC(".maps");

struct stamp {
	__u64 sequence;
	__u64 mono_ns;
};

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct airnet_generate *wanted = bpf_map_lookup_elem(&settings, &zero);
	struct stamp *stamp;

	if (!wanted)
		return XDP_ABORTED;
	if (wanted->has_stamp) {
		stamp = (void *)(long)ctx->data + (wanted->stamp_offset & 0xfff);
		if ((void *)(stamp + 1) > (void *)(long)ctx->data_end)
			return XDP_ABORTED;
		stamp->sequence = wanted->sequence;
		stamp->mono_ns = bpf_ktime_get_ns();
	}
	wanted->sequence++;
	return (int)bpf_redirect(wanted->interface_index, 0);
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
