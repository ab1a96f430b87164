/* SPDX-License-Identifier: Apache-2.0 */
/* Gateway and source windows: what arrives at an address outside known sessions. */
#ifndef AIRNET_WINDOW_FLOOD_H
#define AIRNET_WINDOW_FLOOD_H

#include "window_table.h"

#define WINDOW_ICMP 1 /* IANA protocol numbers */
#define WINDOW_TCP 6
#define WINDOW_UDP 17
#define WINDOW_ICMP6 58
#define WINDOW_SYN_ACK (AIRNET_TCP_SYN | AIRNET_TCP_ACK)

static inline int window_is_syn(const struct airnet_header *h)
{
	return h->protocol == WINDOW_TCP &&
	       (h->tcp_flags & WINDOW_SYN_ACK) == AIRNET_TCP_SYN;
}

static inline int window_is_syn_ack(const struct airnet_header *h)
{
	return h->protocol == WINDOW_TCP &&
	       (h->tcp_flags & WINDOW_SYN_ACK) == WINDOW_SYN_ACK;
}

static inline int window_is_reset(const struct airnet_header *h)
{
	return h->protocol == WINDOW_TCP && h->tcp_flags & AIRNET_TCP_RST;
}

static inline int window_is_mapped(const uint8_t *address)
{
	static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};

	return memcmp(address, mapped, 12) == 0;
}

/* ff00::/8 (RFC 4291 2.7), 224.0.0.0/4 (RFC 5771) and 255.255.255.255. */
static inline int window_is_multicast(const uint8_t *address)
{
	if (!window_is_mapped(address))
		return address[0] == 0xff;
	return address[12] >= 224;
}

/* UDP services that answer more than they are asked: CISA alert TA14-017A. */
static inline int window_is_reflector(uint16_t port)
{
	switch (port) {
	case 17:
	case 19:
	case 53:
	case 69:
	case 111:
	case 123:
	case 137:
	case 161:
	case 389:
	case 500:
	case 520:
	case 1900:
	case 3702:
	case 5353:
	case 11211:
		return 1;
	default:
		return 0;
	}
}

/* Make a source's tally that of the target's present window. */
static inline void window_source_touch(const struct window_target *t,
				       struct window_source *e)
{
	if (e->epoch == t->epoch)
		return;
	e->epoch = t->epoch;
	e->top = 0;
	e->port_bits = 0;
	e->port = e->source_port = 0;
	memset(&e->tally, 0, sizeof e->tally);
}

/* Empty a target's window: the next one begins at `open_ns`. */
static inline void window_target_clear(struct window_target *t, uint64_t open_ns)
{
	t->epoch++;
	t->open_ns = open_ns;
	t->top_count = 0;
	t->window_first_ns = 0;
	t->source_port = 0;
	t->active = 0;
	if (t->tally.packets) /* else nothing is in the sketches */
		memset(&t->distinct, 0, sizeof t->distinct);
	memset(&t->tally, 0, sizeof t->tally);
	memset(t->port_sketch, 0, sizeof t->port_sketch);
	memset(t->port_packets, 0, sizeof t->port_packets);
	memset(t->ports, 0, sizeof t->ports);
}

/* Slots of silence since the last one folded in: fade, and let the baseline sink. */
static inline void window_target_fade(struct window_target *t, uint64_t gap)
{
	/* 7 slots halve a memory of 10. */
	t->fast >>= gap / 7 < 63 ? gap / 7 : 63;
	/* 69 slots halve one of 100. */
	t->slow >>= gap / 69 < 63 ? gap / 69 : 63;
	t->pulses >>= gap / 69 < 63 ? gap / 69 : 63;
	t->logon_slow >>= gap / 69 < 63 ? gap / 69 : 63;
	t->base = gap < WINDOW_BASE_SLOTS
			  ? t->base * (WINDOW_BASE_SLOTS - gap) / WINDOW_BASE_SLOTS
			  : 0;
	t->slots = t->slots + gap < WINDOW_BASE_SLOTS ? t->slots + (uint32_t)gap
						      : WINDOW_BASE_SLOTS;
}

/* Fold the slot that is over into the target's memories, and the silence after it. */
static inline void window_target_roll(struct window_target *t, uint64_t slot)
{
	uint64_t count = t->slot_packets << 16, n;

	if (slot <= t->slot)
		return;
	if (t->slot) {
		n = t->slots + 1 < WINDOW_BASE_SLOTS ? t->slots + 1 : WINDOW_BASE_SLOTS;
		t->fast = (t->fast * 9 + count) / 10;
		t->slow = (t->slow * 99 + count) / 100;
		t->pulses = t->pulses * 99 / 100;
		t->logon_slow = (t->logon_slow * 99 + (t->slot_logons << 16)) / 100;
		if (t->slots < WINDOW_LEARN_SLOTS ||
		    window_ratio(count, t->base, WINDOW_ONE) < 3000) {
			t->base = (t->base * (n - 1) + count) / n;
			t->slots += t->slots < WINDOW_BASE_SLOTS;
		}
		if (slot > t->slot + 1)
			window_target_fade(t, slot - t->slot - 1);
	}
	t->slot = slot;
	t->slot_packets = 0;
	t->slot_logons = 0;
}

/* Before anything is counted for a target: is its quiet window still this slot's? */
static inline void window_target_touch(const struct window_state *w,
				       struct window_target *t)
{
	if (__builtin_expect(t->slot == w->slot, 1))
		return;
	window_target_roll(t, w->slot);
	if (!t->active)
		window_target_clear(t, w->slot * WINDOW_SLOT_NS);
}

#endif
