/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Carrying out what was foreseen: first the intent, into memory that lasts as long as
 * the rules do, then the rules of the guard (bpf/guard.h) by bpf(2). Killed between any
 * two steps, a rule stands only where the intent already lies. Whoever starts next, or
 * the judge a moment later, takes it from there.
 */
#ifndef AIRNET_REFLEX_FIRE_H
#define AIRNET_REFLEX_FIRE_H

#include <errno.h>
#include <linux/bpf.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "guard.h"
#include "reflex_aim.h"

/* What the intent begins with; then the order's text, and the shot. */
struct reflex_head {
	an_u32 bytes; /* of text and shot; written last, 0 = nothing is intended */
	an_u32 check; /* CRC-32 of both (ISO 3309) */
};

struct reflex_gun {
	struct reflex aim;
	struct reflex_shot shot; /* the last; action 0 = none that is to be confirmed */
	struct reflex_batch batch;
	struct reflex_arm *arms;
	an_u8 *room; /* where the intent lies */
	const an_u64 *is_off; /* the guard's switch */
	const char *frozen; /* a file: while it is there nothing leaves */
	an_u64 fired;
	an_u64 failed;
	an_u32 room_bytes;
	int sources_fd;
	int gateways_fd;
	int is_held; /* nothing leaves, whatever else says so */
	an_u32 checks[256];
};

static inline void reflex_checks(an_u32 *table)
{
	an_u32 i, j, value;

	for (i = 0; i < 256; i++) {
		for (value = i, j = 0; j < 8; j++)
			value = value >> 1 ^ (value & 1 ? 0xedb88320u : 0);
		table[i] = value;
	}
}

/* CRC-32 of more bytes behind those of which it is `check`. */
static inline an_u32 reflex_check(const an_u32 *table, an_u32 check, const an_u8 *bytes,
				  size_t count)
{
	check = ~check;
	while (count--)
		check = check >> 8 ^ table[(check ^ *bytes++) & 255];
	return ~check;
}

static inline an_u64 reflex_clock_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (an_u64)now.tv_sec * 1000000000u + (an_u64)now.tv_nsec;
}

static inline int reflex_call(int what, int fd, const void *key, void *value,
			      an_u64 flags)
{
	union bpf_attr attr;

	memset(&attr, 0, sizeof(attr));
	attr.map_fd = (an_u32)fd;
	attr.key = (an_u64)(uintptr_t)key;
	attr.value = (an_u64)(uintptr_t)value;
	attr.flags = flags;
	return syscall(__NR_bpf, what, &attr, sizeof(attr)) ? -errno : 0;
}

/* Whether anything may leave now: what act.gate says, asked again. */
static inline int reflex_is_open(const struct reflex_gun *g)
{
	struct stat found;

	if (g->is_held || !g->room || *g->is_off)
		return 0;
	return lstat(g->frozen, &found) != 0 && errno == ENOENT;
}

/* Write the intent; 0: there is no room, or one lies there. */
static inline int reflex_intend(struct reflex_gun *g, const struct reflex_order *order)
{
	struct reflex_head *head = (struct reflex_head *)g->room;
	size_t bytes = order->text_bytes + sizeof(g->shot);
	an_u8 *text = g->room + sizeof(*head);

	if (head->bytes || sizeof(*head) + bytes > g->room_bytes)
		return 0;
	memcpy(text, order->text, order->text_bytes);
	memcpy(text + order->text_bytes, &g->shot, sizeof(g->shot));
	head->check = reflex_check(g->checks, order->text_check,
				   (const an_u8 *)&g->shot, sizeof(g->shot));
	__atomic_store_n(&head->bytes, (an_u32)bytes, __ATOMIC_RELEASE);
	return 1;
}

static inline void reflex_forget(struct reflex_gun *g)
{
	struct reflex_head *head = (struct reflex_head *)g->room;

	g->shot.action = 0;
	__atomic_store_n(&head->bytes, 0, __ATOMIC_RELEASE);
}

/* Write one rule where none stands that holds. 0: done. */
static inline int reflex_rule(int fd, const void *key, struct airnet_guard_rule *rule,
			      an_u64 now_ns)
{
	struct airnet_guard_rule standing;
	int status = reflex_call(BPF_MAP_UPDATE_ELEM, fd, key, rule, BPF_NOEXIST);

	if (status != -EEXIST)
		return status;
	status = reflex_call(BPF_MAP_LOOKUP_ELEM, fd, key, &standing, 0);
	if (status || standing.until_ns > now_ns)
		return -EEXIST;
	return reflex_call(BPF_MAP_UPDATE_ELEM, fd, key, rule, BPF_ANY);
}

/* All rules of the shot, or none of them. 0: done. */
static inline int reflex_rules(const struct reflex_gun *g,
			       const struct reflex_order *order)
{
	const struct reflex_shot *shot = &g->shot;
	struct airnet_guard_rule rule = {
		.until_ns = shot->until_ns,
		.interval_ns = order->interval_ns,
		.slack_ns = order->slack_ns,
		.decision = shot->number,
	};
	struct airnet_guard_prefix prefix = {.bits = 128};
	struct airnet_guard_gateway gateway = {.port = (an_u16)shot->port};
	an_u32 i;
	int status = 0;

	if (shot->action == REFLEX_LIMIT) {
		memcpy(gateway.address, shot->gateway, 16);
		return reflex_rule(g->gateways_fd, &gateway, &rule, shot->begun_ns);
	}
	for (i = 0; i < shot->source_count && !status; i++) {
		memcpy(prefix.address, shot->sources[i], 16);
		status = reflex_rule(g->sources_fd, &prefix, &rule, shot->begun_ns);
	}
	for (i = status ? i - 1 : 0; i > 0; i--) {
		memcpy(prefix.address, shot->sources[i - 1], 16);
		reflex_call(BPF_MAP_DELETE_ELEM, g->sources_fd, &prefix, NULL, 0);
	}
	return status;
}

/* What was foreseen is not done: the judge decides. */
static inline int reflex_hold(struct reflex_gun *g)
{
	g->shot.action = 0;
	reflex_leave(&g->aim, g->shot.close_ns, REFLEX_HELD);
	g->aim.left.looked_ns = g->shot.begun_ns;
	return 0;
}

/* Look at a batch; carry out what holds of it. 1: done, and to be confirmed. */
static inline int reflex_fire(struct reflex_gun *g)
{
	const struct reflex_arm *arm;
	const struct reflex_order *order;
	int found;

	if (g->shot.action) {
		g->aim.arm_count = 0; /* the last is not confirmed yet */
		return 0;
	}
	found = reflex_look(&g->aim, &g->batch, &g->shot);
	if (found <= 0) {
		g->shot.action = 0;
		if (found)
			g->aim.left.looked_ns = reflex_clock_ns();
		return 0;
	}
	arm = reflex_arm_of(&g->aim, g->shot.gateway);
	order = g->shot.action == REFLEX_DROP ? &arm->drop : &arm->limit;
	g->shot.begun_ns = reflex_clock_ns();
	g->shot.until_ns = g->shot.begun_ns + g->shot.ttl_ns;
	if (!reflex_is_open(g) || !reflex_intend(g, order))
		return reflex_hold(g);
	if (reflex_rules(g, order)) {
		g->failed++;
		reflex_forget(g);
		return reflex_hold(g);
	}
	g->shot.done_ns = reflex_clock_ns();
	g->fired++;
	/* What else was foreseen did not know of this. */
	g->aim.arm_count = 0;
	return 1;
}

/* As ext/step.h calls it, with each batch of windows that closed. */
static inline void reflex_step(void *place, const struct airnet_window *windows,
			       const float *rows, an_u32 count)
{
	struct reflex_gun *g = place;

	g->batch.windows = windows;
	g->batch.rows = rows;
	g->batch.count = count;
	if (g->room)
		reflex_fire(g);
}

#endif
