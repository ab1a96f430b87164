// SPDX-License-Identifier: GPL-2.0 OR BSD-2-Clause
/*
 * Hook: the tracepoint xdp:xdp_redirect_err, for the frames that tap.bpf.c redirected
 * and the kernel then did not put into a socket. Some of them are in no statistic of
 * any socket: that of a socket bound to another queue, or not bound any more.
 * Reads: the program that redirected, and the error. Writes: counters of its CPU.
 */
#include "airnet.h"

#include <bpf/bpf_helpers.h>
#include <bpf/bpf_tracing.h>

/* The tap's own id: other interfaces' programs run through the same tracepoint. */
const volatile __u32 program_id = 0;

/* One entry a CPU (user space sizes it). */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct airnet_redirect_counts);
} errors SEC(".maps");

SEC("tp_btf/xdp_redirect_err")
int BPF_PROG(redirect_err, const struct net_device *device,
	     const struct bpf_prog *program, const void *target, int error)
{
	__u32 cpu = bpf_get_smp_processor_id();
	struct airnet_redirect_counts *counts = bpf_map_lookup_elem(&errors, &cpu);
	__u32 number = (__u32)-error;

	if (!counts || program->aux->id != program_id)
		return 0;
	counts->of[number < AIRNET_TAP_ERRNOS ? number : 0]++;
	return 0;
}

char LICENSE[] SEC("license") = "Dual BSD/GPL";
