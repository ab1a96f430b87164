/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Events that wait, the earliest first; of equal times, the one scheduled first. What
 * is due soon lies in a heap so small that it stays in the nearest cache; the rest lies
 * unsorted on a wheel of slots, as in R. Brown, "Calendar queues" (CACM 31, 1988), and
 * gets into the heap when its slot comes. The order is that of one heap.
 */
#ifndef AIRNET_AGENDA_H
#define AIRNET_AGENDA_H

#include <stdlib.h>
#include <string.h>

#include "airnet.h"
#include "zeros.h"

#define AGENDA_SHIFT 17 /* a slot is 131 us: some events of a busy world */
#define AGENDA_SLOTS 8192u /* one turn of the wheel is 1.07 s */
#define AGENDA_NONE 0xffffffffu

struct event {
	an_s64 time_ns;
	an_u64 order; /* of scheduling: decides between equal times */
	an_u64 value; /* the part's own */
	an_u32 who;
	an_u32 kind;
};

/* An event on the wheel. */
struct waiting {
	struct event event;
	an_u32 next; /* of its slot, or the next free one */
	an_u32 pad;
};

struct agenda {
	struct event *heap; /* all before edge_ns: 4-ary, the earliest first */
	struct waiting *waiting;
	an_u32 *slots; /* the first of each */
	an_s64 edge_ns; /* what is on the wheel is not before; a slot begins here */
	an_u32 near; /* events in the heap */
	an_u32 count; /* all of them */
	an_u32 limit;
	an_u32 free;
	an_u32 fresh; /* of `waiting`, never used from here on */
	an_u32 pad;
	an_u64 scheduled;
	an_u64 done;
	an_u64 refused; /* there was no room: a world too small, the run is void */
};

/* Have room for `limit` events from a time on; 0, or -1: no memory. */
static inline int agenda_open(struct agenda *a, an_s64 start_ns, an_u32 limit)
{
	a->limit = limit;
	a->free = AGENDA_NONE;
	a->edge_ns = start_ns >> AGENDA_SHIFT << AGENDA_SHIFT;
	a->heap = zeros_take(limit, sizeof(*a->heap));
	a->waiting = zeros_take(limit, sizeof(*a->waiting));
	a->slots = malloc(sizeof(*a->slots) * AGENDA_SLOTS);
	if (!a->heap || !a->waiting || !a->slots)
		return -1;
	memset(a->slots, 0xff, sizeof(*a->slots) * AGENDA_SLOTS);
	return 0;
}

/* Also after an agenda_open that failed. */
static inline void agenda_close(struct agenda *a)
{
	zeros_give(a->heap);
	zeros_give(a->waiting);
	free(a->slots);
	memset(a, 0, sizeof(*a));
}

/* Time and order as one number: two of them are compared without a branch. */
static inline unsigned __int128 event_key(const struct event *e)
{
	return (unsigned __int128)(an_u64)e->time_ns << 64 | e->order;
}

static inline int event_before(const struct event *a, const struct event *b)
{
	return event_key(a) < event_key(b);
}

static inline void agenda_sift(struct agenda *a, const struct event *fresh)
{
	an_u32 at = a->near++;

	while (at) {
		an_u32 parent = (at - 1) >> 2;

		if (!event_before(fresh, &a->heap[parent]))
			break;
		a->heap[at] = a->heap[parent];
		at = parent;
	}
	a->heap[at] = *fresh;
}

static inline an_u32 *agenda_slot(struct agenda *a, an_s64 time_ns)
{
	return &a->slots[(an_u64)time_ns >> AGENDA_SHIFT & (AGENDA_SLOTS - 1)];
}

static inline void agenda_add(struct agenda *a, an_s64 time_ns, an_u32 kind, an_u32 who,
			      an_u64 value)
{
	struct event fresh = {time_ns, a->scheduled++, value, who, kind};
	an_u32 at = a->free, *slot;

	if (a->count == a->limit) {
		a->refused++;
		return;
	}
	a->count++;
	if ((an_u64)time_ns < (an_u64)a->edge_ns) {
		agenda_sift(a, &fresh);
		return;
	}
	if (at == AGENDA_NONE)
		at = a->fresh++;
	else
		a->free = a->waiting[at].next;
	slot = agenda_slot(a, time_ns);
	a->waiting[at].event = fresh;
	a->waiting[at].next = *slot;
	*slot = at;
}

/* Take what is due in the next slot into the heap; later turns' stay on the wheel. */
static inline void agenda_turn(struct agenda *a)
{
	an_u32 *slot = agenda_slot(a, a->edge_ns), at = *slot;

	a->edge_ns += 1LL << AGENDA_SHIFT;
	*slot = AGENDA_NONE;
	while (at != AGENDA_NONE) {
		struct waiting *one = &a->waiting[at];
		an_u32 next = one->next, *list = slot;

		if ((an_u64)one->event.time_ns < (an_u64)a->edge_ns) {
			agenda_sift(a, &one->event);
			list = &a->free;
		}
		one->next = *list;
		*list = at;
		at = next;
	}
}

/* Is there an event before a time? Then the earliest is heap[0]. */
static inline int agenda_has(struct agenda *a, an_s64 until_ns)
{
	while (!a->near && a->count && a->edge_ns < until_ns)
		agenda_turn(a);
	return a->near && a->heap[0].time_ns < until_ns;
}

/* Take the earliest event; agenda_has has just said that there is one. */
static inline struct event agenda_take(struct agenda *a)
{
	struct event first = a->heap[0], last = a->heap[--a->near];
	an_u32 at = 0, child;

	while ((child = 4 * at + 1) < a->near) {
		an_u32 end = child + 4 < a->near ? child + 4 : a->near, least = child;

		for (an_u32 i = child + 1; i < end; i++)
			if (event_before(&a->heap[i], &a->heap[least]))
				least = i;
		if (!event_before(&a->heap[least], &last))
			break;
		a->heap[at] = a->heap[least];
		at = least;
	}
	a->heap[at] = last;
	a->count--;
	a->done++;
	return first;
}

#endif
