/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An agenda beside its slow twin, for a build with sanitizers: an array that is looked
 * through for the earliest event. Argument: how many agendas. Prints how many events
 * were taken, and how many there was no room for.
 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "world.h"

#define LIMIT 96u
#define EVENTS 6000
#define START_NS 1793000000000000000LL

struct slow {
	struct event events[LIMIT];
	an_u32 count;
	an_u64 scheduled;
	an_u64 refused;
};

/* When, as seen from now: at once, soon, in the wheel's next turns, before, never. */
static an_s64 drawn(struct chance *c, an_s64 now_ns)
{
	static const an_u64 ahead_ns[] = {1, 1000, 200000, 300000000, 20000000000, 0};
	an_u64 most_ns = ahead_ns[chance_below(c, 6)];

	if (most_ns)
		return now_ns + (an_s64)(chance_u64(c) % most_ns);
	return chance_is(c, 0.5) ? (an_s64)chance_below(c, 2) : WORLD_NEVER_NS;
}

static void add(struct agenda *a, struct slow *s, struct chance *c, an_s64 now_ns)
{
	an_s64 time_ns = drawn(c, now_ns);
	struct event e = {time_ns, s->scheduled++, chance_u64(c), (an_u32)s->scheduled,
			  7};

	agenda_add(a, time_ns, e.kind, e.who, e.value);
	if (s->count == LIMIT)
		s->refused++;
	else
		s->events[s->count++] = e;
}

/* The earliest event's place; -1: none is before `until_ns`. */
static int earliest(const struct slow *s, an_s64 until_ns)
{
	int found = -1;

	for (an_u32 i = 0; i < s->count; i++)
		if (s->events[i].time_ns < until_ns &&
		    (found < 0 || event_before(&s->events[i], &s->events[found])))
			found = (int)i;
	return found;
}

/* Take all that is before `until_ns`, adding others meanwhile. */
static void run(struct agenda *a, struct slow *s, struct chance *c, an_s64 until_ns)
{
	int at;

	while ((at = earliest(s, until_ns)) >= 0) {
		struct event want = s->events[at], e;

		CHECK(agenda_has(a, until_ns));
		e = agenda_take(a);
		CHECK(e.time_ns == want.time_ns && e.order == want.order);
		CHECK(e.value == want.value && e.who == want.who && e.kind == 7);
		s->events[at] = s->events[--s->count];
		if (a->done < EVENTS && chance_is(c, 0.97))
			add(a, s, c, e.time_ns > START_NS ? e.time_ns : START_NS);
		CHECK(a->count == s->count && a->refused == s->refused);
	}
	CHECK(!agenda_has(a, until_ns));
}

static void play(an_u64 seed, an_u64 *done, an_u64 *refused)
{
	static struct slow s;
	struct agenda a = {0};
	struct chance c = chance_of(seed, 1, 1);
	an_s64 now_ns = START_NS;

	memset(&s, 0, sizeof(s));
	CHECK(!agenda_open(&a, START_NS, LIMIT));
	for (int i = 0; i < 40; i++) {
		an_u32 more = chance_below(&c, 12);

		while (more--)
			add(&a, &s, &c, now_ns);
		now_ns += (an_s64)(chance_u64(&c) %
				   (chance_is(&c, 0.5) ? 100000 : 400000000));
		run(&a, &s, &c, now_ns);
	}
	*done += a.done;
	*refused += a.refused;
	agenda_close(&a);
}

int main(int count, char **words)
{
	an_u64 done = 0, refused = 0,
	       agendas = count > 1 ? strtoull(words[1], 0, 10) : 1;

	for (an_u64 i = 0; i < agendas; i++)
		play(i, &done, &refused);
	printf("%llu %llu\n", (unsigned long long)done, (unsigned long long)refused);
	return 0;
}
