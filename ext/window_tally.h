/* SPDX-License-Identifier: Apache-2.0 */
/* What is kept of a target, and of a source of its. Included by window.h. */
#ifndef AIRNET_WINDOW_TALLY_H
#define AIRNET_WINDOW_TALLY_H

/* What a gateway or source window counts. */
struct window_tally {
	uint32_t packets, syn, syn_ack, completed, refused, stray, reset, udp, icmp;
	uint32_t fragment, reply, session, known, reflector, empty, same_port;
	uint32_t live, fresh, same_bytes, same_source, logon;
	uint32_t last_bytes;
	uint64_t bytes;
};

struct window_source {
	uint8_t address[16];
	uint64_t first_ns, streak_ns, total;
	struct window_tally tally;
	uint64_t port_bits;
	uint32_t generation, epoch, pending, logons, streaks;
	uint16_t port, source_port, target;
	uint8_t top;
};

struct window_target {
	uint8_t address[16];
	uint64_t first_ns, last_ns, open_ns, window_first_ns, streak_ns, slot;
	uint64_t fast, slow, base, pulses, logon_slow, slot_packets, slot_logons;
	struct window_tally tally;
	struct window_distinct distinct;
	uint64_t port_sketch[WINDOW_PORT_SKETCH / 64];
	uint32_t port_packets[8];
	uint16_t ports[8];
	uint32_t top[WINDOW_TOP];
	uint32_t generation, epoch, pending, slots, sessions, unspoken;
	uint16_t source_port;
	uint32_t venue; /* where the last one asked for at this address lies */
	uint8_t top_count, active, configured, gateway;
};

#endif
