// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Hook: none; BPF_PROG_TEST_RUN with live frames runs it, for the lab's generator.
 * Reads and writes: the frame's own bytes, where its number and time are wanted, or
 * all of them, to make it the next of its TCP flow.
 *
 * Exits: XDP_REDIRECT out of the interface asked for, XDP_ABORTED when what is
 * to be written does not fit into the frame.
 */
#include "airnet.h"

#include <bpf/bpf_helpers.h>

/* Filled by user space; `sequence` goes on here. One generator runs on one CPU. */
struct airnet_generate {
	__u64 sequence;
	__u32 interface_index;
	__u32 stamp_offset; /* of the number and the time, 8 B each, little endian */
	__u32 has_stamp;
	/* TCP flows over IPv4 that go on: 0, or the payload of each frame. */
	__u16 payload_bytes;
	__u8 flow_bits; /* so many flows take turns: 2 to the power of it */
	__u8 template_bits; /* then so many frames, up and down in turns */
	__u64 due_ns; /* when the next batch may go; 0 = at once */
	__u32 gap_ns; /* between two batches, 0 = as fast as it goes */
	__u32 batch_mask; /* frames of a batch, less one */
};

#define FRAME_BYTES_MAX 2048
#define TEMPLATES_MAX 16
#define PORTS (14 + 20) /* Ethernet, IPv4 */
#define HEADERS (PORTS + 20)
#define LATE_NS 4000000 /* later than this, the time lost is not made up for */

struct template {
	__u8 bytes[FRAME_BYTES_MAX];
};

/* Filled by user space: frames that take turns, even ones up, odd ones down. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, TEMPLATES_MAX);
	__type(key, __u32);
	__type(value, struct template);
} templates SEC(".maps");

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

/* Make this frame the next of its flow and direction; -1 when it does not fit. */
static __always_inline int advance(struct xdp_md *ctx,
				   const struct airnet_generate *wanted)
{
	__u32 number = (__u32)wanted->sequence, bits = wanted->flow_bits & 7;
	__u32 flow = number & ((1 << bits) - 1), turn = number >> bits;
	__u32 index = turn & ((1 << (wanted->template_bits & 7)) - 1);
	struct template *template = bpf_map_lookup_elem(&templates, &index);
	__u32 bytes = wanted->payload_bytes + HEADERS;
	__u8 *at;

	if (!template || bytes > FRAME_BYTES_MAX ||
	    bpf_xdp_store_bytes(ctx, 0, template->bytes, bytes))
		return -1;
	at = (void *)(long)ctx->data + PORTS;
	if ((void *)(at + 8) > (void *)(long)ctx->data_end)
		return -1;
	at[index & 1 ? 3 : 1] = (__u8)flow;
	turn = __builtin_bswap32((turn >> 1) * wanted->payload_bytes);
	__builtin_memcpy(at + 4, &turn, 4);
	return 0;
}

static long is_due(__u32 round, void *due_ns)
{
	return bpf_ktime_get_ns() >= *(__u64 *)due_ns;
}

/* Wait until the next batch may go. */
static __always_inline void pace(struct airnet_generate *wanted)
{
	__u64 now_ns = bpf_ktime_get_ns(), due_ns = wanted->due_ns;

	if (now_ns > due_ns + LATE_NS)
		due_ns = now_ns;
	bpf_loop(1 << 20, is_due, &due_ns, 0);
	wanted->due_ns = due_ns + wanted->gap_ns;
}

SEC("xdp")
int generate(struct xdp_md *ctx)
{
	__u32 zero = 0;
	struct airnet_generate *wanted = bpf_map_lookup_elem(&settings, &zero);
	struct stamp *stamp;

	if (!wanted)
		return XDP_ABORTED;
	if (wanted->gap_ns && !(wanted->sequence & wanted->batch_mask))
		pace(wanted);
	if (wanted->payload_bytes && advance(ctx, wanted))
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
