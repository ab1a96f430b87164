/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What strangers' packets cost the host they reach. Its network stack takes one after
 * the other; so many wait, and what comes then is dropped (drop tail). A session's
 * segment waits behind them and is dropped like them; it is not counted itself: the
 * stack's time is what the host can spare for strangers. A listener remembers so many
 * connections that are half open (RFC 4987 section 2); where it is full, a SYN is
 * dropped, or answered from a cookie (section 3.6). docs/twin.md has the numbers.
 */
#ifndef AIRNET_INTAKE_H
#define AIRNET_INTAKE_H

#define INTAKE_LOGONS 128 /* of strangers that wait for the gateway; more time out */

static inline struct intake *intake_of(struct world *w, an_u32 host)
{
	return &w->lines.hosts[host].intake;
}

/* Do strangers' packets wait at a host now? */
static inline int intake_is_busy(const struct world *w, an_u32 host, an_s64 now_ns)
{
	return w->lines.hosts[host].intake.busy_until_ns > now_ns;
}

/* How long what comes to a host now waits; -1: there is no room, it is dropped. */
static inline an_s64 intake_wait(const struct world *w, an_u32 host, an_s64 now_ns)
{
	const struct host_row *h = world_host(w, host);
	an_s64 wait_ns = w->lines.hosts[host].intake.busy_until_ns - now_ns;

	if (wait_ns <= 0)
		return 0;
	return wait_ns > (an_s64)h->packet_ns * h->queue_packets ? -1 : wait_ns;
}

/* How long a segment that was not dropped waits. */
static inline an_s64 intake_delay(const struct world *w, an_u32 host, an_s64 now_ns)
{
	an_s64 wait_ns = intake_wait(w, host, now_ns);

	return wait_ns > 0 ? wait_ns : 0;
}

/* A stranger's packet has come to a host; 0: it was dropped. */
static inline int intake_takes(struct world *w, an_u32 host)
{
	struct intake *i = intake_of(w, host);
	an_u32 packet_ns = world_host(w, host)->packet_ns;

	if (!packet_ns)
		return 1;
	if (intake_wait(w, host, w->now_ns) < 0) {
		w->lines.counts.overrun++;
		return 0;
	}
	i->busy_until_ns = packet_ns + (i->busy_until_ns > w->now_ns ? i->busy_until_ns
								     : w->now_ns);
	return 1;
}

/* Is there room for one more half-open connection, or a cookie instead? */
static inline int intake_has_room(struct world *w, an_u32 host)
{
	const struct host_row *h = world_host(w, host);
	struct intake *i = intake_of(w, host);

	while (i->count && i->half_open[i->first] <= w->now_ns) {
		i->first = i->first + 1 == h->syn_backlog ? 0 : i->first + 1;
		i->count--;
	}
	return !h->syn_backlog || i->count + i->brief < h->syn_backlog;
}

/* A connection stays half open until it is given up. */
static inline void intake_stay(struct world *w, an_u32 host)
{
	const struct host_row *h = world_host(w, host);
	struct intake *i = intake_of(w, host);
	an_u32 last = i->first + i->count;

	if (!h->syn_backlog || i->count == h->syn_backlog)
		return;
	last = last >= h->syn_backlog ? last - h->syn_backlog : last;
	i->half_open[last] = w->now_ns + (an_s64)h->syn_wait_ms * 1000000;
	i->count++;
	w->lines.counts.half_open++;
}

/* A stranger's SYN has come: is it answered? `is_brief`: a reset follows the answer. */
static inline int intake_opens(struct world *w, an_u32 host, int is_brief)
{
	if (!intake_has_room(w, host)) {
		if (!(world_host(w, host)->flags & HOST_COOKIES)) {
			w->lines.counts.syns_refused++;
			return 0;
		}
		w->lines.counts.cookies++;
		return 1;
	}
	if (is_brief)
		intake_of(w, host)->brief++;
	else
		intake_stay(w, host);
	return 1;
}

/* The reset that ends a half-open connection has come, or (`is_lost`) will not. */
static inline void intake_reset(struct world *w, an_u32 host, int is_lost)
{
	struct intake *i = intake_of(w, host);

	if (!i->brief)
		return; /* it was a cookie */
	i->brief--;
	if (is_lost)
		intake_stay(w, host);
}

/* Does a host go on listening, with what is half open? */
static inline int intake_listens(struct world *w, an_u32 host)
{
	return intake_has_room(w, host) || (world_host(w, host)->flags & HOST_COOKIES);
}

/* A session's SYN has come: how long until it is looked at; -1: it is dropped. */
static inline an_s64 intake_syn(struct world *w, an_u32 host)
{
	an_s64 wait_ns = intake_wait(w, host, w->now_ns);

	if (wait_ns >= 0 && intake_listens(w, host))
		return wait_ns;
	w->lines.counts.crowded_syns++;
	return -1;
}

/* A stranger's Logon has come: the gateway behind the host refuses it, and takes no
 * order meanwhile. */
static inline void intake_logon(struct world *w, an_u32 host)
{
	an_u32 logon_ns = world_host(w, host)->logon_ns, gateway = 0;

	if (!world_host(w, host)->is_gateway || !logon_ns)
		return;
	for (an_u32 i = 0; i < host; i++)
		gateway += world_host(w, i)->is_gateway;
	venue_load(w, gateway, logon_ns, INTAKE_LOGONS);
}

static inline const char *intake_wrong(const struct host_row *h)
{
	return h->packet_ns && !h->queue_packets
		       ? "a host that takes time for packets needs queue_packets"
		       : NULL;
}

static inline int intake_begin(struct world *w)
{
	for (an_u32 i = 0; i < w->lines.host_count; i++) {
		an_u32 count = world_host(w, i)->syn_backlog;
		struct intake *in = intake_of(w, i);

		in->half_open = count ? calloc(count, sizeof(an_s64)) : NULL;
		if (count && !in->half_open)
			return -1;
	}
	return 0;
}

static inline void intake_end(struct world *w)
{
	for (an_u32 i = 0; w->lines.hosts && i < w->lines.host_count; i++)
		free(w->lines.hosts[i].intake.half_open);
}

#endif
