/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What stands on the venue's switch, as controller/flows.py puts it there: a source
 * dropped (towards one target, or all); a meter for what strangers send to a gateway.
 * To the switch a stranger is an address that is not among those named as known: who
 * forges a known one passes, and a session whose address is not named is policed with
 * the strangers.
 */
#ifndef AIRNET_SWITCH_H
#define AIRNET_SWITCH_H

static inline int switch_matches(const an_u8 *a, const an_u8 *b, an_u32 bits)
{
	an_u32 whole = bits / 8, rest = bits % 8;

	if (memcmp(a, b, whole))
		return 0;
	return !rest || !((a[whole] ^ b[whole]) >> (8 - rest));
}

static inline int switch_is_any(const an_u8 *address)
{
	static const an_u8 zero[16];

	return !memcmp(address, zero, 16);
}

/* Drop what a prefix sends, until a time; a time that is past lets it pass again. */
static inline void switch_drop(struct world *w, const struct strike_ban *wanted)
{
	struct strikes *s = &w->strikes;
	an_u32 kept = 0;

	for (an_u32 i = 0; i < s->rule_count; i++) {
		struct strike_ban *b = &s->rules[i];

		if (b->until_ns > w->now_ns &&
		    (b->bits != wanted->bits || b->port != wanted->port ||
		     memcmp(b->target, wanted->target, 16) ||
		     !switch_matches(b->address, wanted->address, wanted->bits)))
			s->rules[kept++] = *b;
	}
	s->rule_count = kept;
	if (wanted->until_ns <= w->now_ns)
		return;
	if (kept == STRIKE_BANS_MAX) {
		s->counts.bans_refused++;
		return;
	}
	s->rules[s->rule_count++] = *wanted;
	s->counts.bans++;
}

static inline int switch_is_known(const struct switch_limit *l, const an_u8 *source)
{
	an_u32 low = 0, high = l->known_count;

	while (low < high) {
		an_u32 at = low + (high - low) / 2;
		int order = memcmp(l->known[at], source, 16);

		if (!order)
			return 1;
		if (order < 0)
			low = at + 1;
		else
			high = at;
	}
	return 0;
}

/* Sessions that strangers' meters may stop, too: those of who is not known. */
static inline void switch_mark(struct world *w, const struct switch_limit *limit)
{
	for (an_u32 i = 0; i < w->lines.count; i++) {
		struct line *l = &w->lines.line[i];
		const an_u8 *client = world_host(w, world_line(w, i)->client)->address;

		if (!switch_is_known(limit, client) &&
		    limit->until_ns > l->meter_until_ns)
			l->meter_until_ns = limit->until_ns;
	}
}

/* Police strangers at a gateway until a time; a time that is past ends it. The bucket
 * begins full, as a meter's does. -1: memory is short, or there is no room. */
static inline int switch_limit(struct world *w, const struct switch_limit *wanted,
			       const an_u8 *known)
{
	struct strikes *s = &w->strikes;
	struct switch_limit *l;
	an_u32 kept = 0;

	for (an_u32 i = 0; i < s->limit_count; i++) {
		l = &s->limits[i];
		if (l->until_ns > w->now_ns &&
		    (l->port != wanted->port ||
		     memcmp(l->gateway, wanted->gateway, 16)))
			s->limits[kept++] = *l;
		else
			free(l->known);
	}
	s->limit_count = kept;
	if (wanted->until_ns <= w->now_ns)
		return 0;
	if (kept == SWITCH_LIMITS_MAX)
		return -1;
	l = &s->limits[kept];
	*l = *wanted;
	l->known = malloc((size_t)(wanted->known_count + 1) * 16);
	if (!l->known)
		return -1;
	memcpy(l->known, known, (size_t)wanted->known_count * 16);
	l->tokens = l->burst;
	l->tokened_ns = w->now_ns;
	s->limit_count++;
	s->counts.limits++;
	switch_mark(w, l);
	return 0;
}

/* Does a meter let one more packet pass? */
static inline int switch_admits(struct world *w, struct switch_limit *l)
{
	double fresh = (double)(w->now_ns - l->tokened_ns) * 1e-9 * l->per_second;

	l->tokened_ns = w->now_ns;
	l->tokens = l->tokens + fresh > l->burst ? l->burst : l->tokens + fresh;
	if (l->tokens < 1) {
		w->strikes.counts.policed++;
		return 0;
	}
	l->tokens -= 1;
	w->strikes.counts.metered++;
	return 1;
}

/* Is a source known to any limit of a gateway, or within the newest one's rate? */
static inline int switch_polices(struct world *w, const an_u8 *source,
				 const an_u8 *target, an_u16 port)
{
	struct switch_limit *newest = NULL;

	for (an_u32 i = 0; i < w->strikes.limit_count; i++) {
		struct switch_limit *l = &w->strikes.limits[i];

		if (l->until_ns <= w->now_ns || memcmp(l->gateway, target, 16))
			continue;
		if (switch_is_known(l, source))
			return 0; /* whatever its port: flows.EXEMPT names none */
		if (!l->port || l->port == port)
			newest = l;
	}
	return newest && !switch_admits(w, newest);
}

/* Does the switch let a frame from a source to a host's port through? */
static inline int switch_passes(struct world *w, const an_u8 *source, an_u32 target,
				an_u16 port)
{
	const struct strikes *s = &w->strikes;
	const an_u8 *to = world_host(w, target)->address;

	for (an_u32 i = 0; i < s->rule_count; i++) {
		const struct strike_ban *b = &s->rules[i];

		if (b->until_ns > w->now_ns && (!b->port || b->port == port) &&
		    (switch_is_any(b->target) || !memcmp(b->target, to, 16)) &&
		    switch_matches(b->address, source, b->bits))
			return 0;
	}
	return !s->limit_count || !switch_polices(w, source, to, port);
}

static inline void switch_end(struct world *w)
{
	for (an_u32 i = 0; i < w->strikes.limit_count; i++)
		free(w->strikes.limits[i].known);
	w->strikes.limit_count = 0;
}

#endif
