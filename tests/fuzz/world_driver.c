/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Worlds from their rows, for a build with the address and undefined sanitizers.
 * Argument: a file of worlds one after the other, as tests/fuzz/test_worlds.py writes
 * them. Prints a line a world: why it was refused, or its events and frames. What is
 * ordered of switch, venue and lines is ordered again and again while it runs.
 */
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "twin.h"

#define FRAMES 4096u
#define BYTES (FRAMES * 2048u)
#define STEP_NS 20000000
#define EVENTS_MAX 400000u /* then enough was seen of it */

struct head {
	an_u64 seed;
	an_s64 start_ns;
	an_s64 end_ns;
	an_u32 mode;
	an_u32 counts[WORLD_TABLES];
};

static struct airnet_frame frames[FRAMES];
static an_u32 marks[FRAMES];
static an_u8 buffer[BYTES];

static void read_all(FILE *file, void *to, size_t bytes)
{
	CHECK(!bytes || fread(to, 1, bytes, file) == bytes);
}

/* An address of one of the hosts, or of nobody. */
static void address_of(const struct world *w, struct chance *c, an_u8 *out)
{
	an_u32 count = w->rows[ROWS_HOST].count;

	memset(out, 0, 16);
	if (count && chance_is(c, 0.8))
		memcpy(out, world_host(w, chance_below(c, count))->address, 16);
}

static void order_switch(struct world *w, struct chance *c, an_s64 until_ns)
{
	an_u8 known[16 * 9] = {0};
	struct strike_ban ban;
	struct switch_limit limit;

	memset(&ban, 0, sizeof(ban));
	ban.until_ns = until_ns;
	ban.bits = (an_u16)(chance_is(c, 0.5) ? 128 : chance_below(c, 129));
	ban.port = (an_u16)(chance_is(c, 0.5) ? 0 : chance_below(c, 65536));
	address_of(w, c, ban.address);
	if (chance_is(c, 0.5))
		address_of(w, c, ban.target);
	switch_drop(w, &ban);
	memset(&limit, 0, sizeof(limit));
	limit.until_ns = until_ns;
	limit.port = ban.port;
	limit.per_second = 1 + (an_u32)chance_below(c, 1000);
	limit.burst = 1 + (an_u32)chance_below(c, 100);
	limit.known_count = (an_u32)chance_below(c, 10);
	for (an_u32 i = 0; i < limit.known_count; i++)
		address_of(w, c, known + (size_t)16 * i);
	address_of(w, c, limit.gateway);
	CHECK(!switch_limit(w, &limit, known));
}

static void order_line(struct world *w, struct chance *c, an_s64 until_ns)
{
	an_u32 lines = w->rows[ROWS_LINE].count, line;

	if (!lines)
		return;
	line = (an_u32)chance_below(c, lines);
	switch (chance_below(c, 6)) {
	case 0:
		venue_throttle(w, line, (an_u32)chance_below(c, 100),
			       (an_u32)chance_below(c, 10), until_ns);
		break;
	case 1:
		line_block(w, line, (int)chance_below(c, 3),
			   1 + (int)chance_below(c, 3), until_ns);
		break;
	case 2:
		line_delay(w, line, (an_s64)chance_below(c, 1000000), until_ns);
		break;
	case 3:
		venue_cancel_all(w, line, w->now_ns);
		break;
	case 4:
		venue_disable(w, line, w->now_ns);
		break;
	default:
		line_block(w, line, 0, 3, w->now_ns);
		venue_enable(w, line, w->now_ns);
	}
}

/* Play a world to its end; return how many frames came out. */
static an_u64 play(struct world *w)
{
	struct chance c = chance_of(w->seed, 77, 0);
	an_u64 total = 0;
	an_s64 until_ns = w->start_ns;
	int ended = WORLD_REACHED;

	while (until_ns < w->end_ns && ended != WORLD_VOID &&
	       w->agenda.done < EVENTS_MAX) {
		until_ns =
			w->end_ns - until_ns > STEP_NS ? until_ns + STEP_NS : w->end_ns;
		do {
			world_empty(w);
			ended = world_run(w, until_ns);
			CHECK(w->sensor.count <= FRAMES);
			total += w->sensor.count;
		} while (ended == WORLD_FULL);
		world_empty(w);
		if (chance_is(&c, 0.3))
			order_switch(w, &c,
				     until_ns + (an_s64)chance_below(&c, 300000000));
		if (chance_is(&c, 0.3))
			order_line(w, &c,
				   until_ns + (an_s64)chance_below(&c, 300000000));
	}
	return total;
}

static void one(FILE *file, const struct head *head)
{
	struct world *w = calloc(1, sizeof(*w));
	void *tables[WORLD_TABLES];
	const char *why = NULL;
	an_u64 total;

	CHECK(w);
	w->seed = head->seed;
	w->start_ns = head->start_ns;
	w->end_ns = head->end_ns;
	w->mode = (int)head->mode;
	for (int table = 0; table < WORLD_TABLES; table++) {
		size_t bytes = world_row_bytes(table) * head->counts[table];

		/* As long as its rows: what reads beyond them is found. */
		tables[table] = malloc(bytes);
		CHECK(tables[table] || !bytes);
		read_all(file, tables[table], bytes);
		w->rows[table].at = tables[table];
		w->rows[table].count = head->counts[table];
	}
	if (world_begin(w, &why)) {
		printf("refused %s\n", why);
	} else {
		sensor_output(&w->sensor, frames, marks, FRAMES, buffer, BYTES);
		total = play(w);
		printf("played %llu %llu\n", (unsigned long long)w->agenda.done,
		       (unsigned long long)total);
	}
	world_end(w);
	for (int table = 0; table < WORLD_TABLES; table++)
		free(tables[table]);
	free(w);
}

int main(int argc, char **argv)
{
	FILE *file = argc == 2 ? fopen(argv[1], "rb") : NULL;
	struct head head;

	CHECK(file && !setvbuf(stdout, NULL, _IOLBF, 0));
	while (fread(&head, sizeof(head), 1, file) == 1)
		one(file, &head);
	return fclose(file) ? EXIT_FAILURE : EXIT_SUCCESS;
}
