/* SPDX-License-Identifier: Apache-2.0 */
/*
 * race CORPUS MODE SLOTS CHUNK: every decoder of this program takes the corpus in turn,
 * CHUNK messages a slot, on one pinned core. A slot counts when a fixed piece of
 * arithmetic just before and just after it took no more than a tenth longer than it
 * ever did. What a decoder wrote is folded after each slot, and must be what the others
 * wrote. Prints a JSON object: ns a message of each.
 */
#define _GNU_SOURCE
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "fixread.h"
#include "scalar.h"

#define PEERS_MAX 8
#define TRIES_MAX 50
#define READERS 5
#define CALIBRATION 20000

struct chunk {
	const an_u8 *bytes;
	size_t n;
	size_t count;
	an_u64 fold;
};

static struct fix_reader readers[READERS];
static struct chunk *chunks;
static size_t chunk_count, chunk_messages;
static union {
	struct peer_spans *spans;
	struct peer_row *rows;
	void *memory;
} out;

static an_u64 now_ns(void)
{
	struct timespec time;

	clock_gettime(CLOCK_MONOTONIC_RAW, &time);
	return (an_u64)time.tv_sec * 1000000000 + (an_u64)time.tv_nsec;
}

/* Four chains of arithmetic side by side; returns how long they took. */
static an_u64 calibrate(void)
{
	an_u64 start = now_ns(), a = start, b = a + 1, c = a + 2, d = a + 3;
	int i;

	for (i = 0; i < CALIBRATION; i++) {
		a = a * 3 + 1;
		b = (b ^ a >> 7) + 5;
		c = c * 5 + 3;
		d = (d ^ c >> 9) + 7;
	}
	__asm__ volatile("" : : "r"(a + b + c + d));
	return now_ns() - start;
}

#define AIRNET(number) \
	static size_t airnet_extract_##number(const an_u8 *bytes, size_t n, \
					      struct peer_spans *spans) \
	{ \
		return extract(&readers[number], bytes, n, spans); \
	} \
	static size_t airnet_type_##number(const an_u8 *bytes, size_t n, \
					   struct peer_row *rows) \
	{ \
		return type(&readers[number], bytes, n, rows); \
	}

/* The size of the message that is next; 0 where there is none. */
static inline size_t framed(const struct cursor *left, struct fix_head *head)
{
	if (fix_head(*left, head) || fix_total(head) > cursor_left(left) ||
	    !fix_is_framed(left->at, head))
		return 0;
	return fix_total(head);
}

static size_t extract(struct fix_reader *reader, const an_u8 *bytes, size_t n,
		      struct peer_spans *spans)
{
	struct cursor left = cursor_over(bytes, n);
	struct fix_head head;
	size_t count = 0, size;

	for (; (size = framed(&left, &head)); left.at += size, count++) {
		spans[count].is_right = (an_u64)fix_span(
			reader, left.at, &head, (struct fix_span *)spans[count].spans);
	}
	return count;
}

static size_t type(struct fix_reader *reader, const an_u8 *bytes, size_t n,
		   struct peer_row *rows)
{
	struct cursor left = cursor_over(bytes, n);
	struct fix_head head;
	size_t count = 0, size;

	for (; (size = framed(&left, &head)); left.at += size, count++) {
		memset(&rows[count].row, 0, sizeof(rows[count].row));
		fix_read(reader, left.at, &head, &rows[count].row,
			 (struct fix_names *)&rows[count].sender);
	}
	return count;
}

AIRNET(0)
AIRNET(1)
AIRNET(2)
AIRNET(3)
AIRNET(4)

static const struct peer peers[] = {
	{"airnet", airnet_extract_0, airnet_type_0},
	{"airnet, every message walked", airnet_extract_1, airnet_type_1},
	{"airnet, AVX2", airnet_extract_2, airnet_type_2},
	{"airnet, SSE2", airnet_extract_3, airnet_type_3},
	{"airnet, portable", airnet_extract_4, airnet_type_4},
	{"scalar", scalar_extract, scalar_type},
#ifdef WITH_HFFIX
	{"hffix", hffix_extract, hffix_type},
#endif
};
#define PEERS (sizeof(peers) / sizeof(*peers))

static void prepare(void)
{
	int i, tag;
	static const enum fix_path slower[READERS] = {
		FIX_PATHS, FIX_PATHS, FIX_PATH_AVX2, FIX_PATH_SSE2, FIX_PATH_PORTABLE,
	};

	for (i = 0; i < READERS; i++) {
		fix_reader_begin(&readers[i]);
		readers[i].path =
			readers[i].path < slower[i] ? readers[i].path : slower[i];
	}
	readers[1].has_layouts = 0;
	for (tag = 0; tag < SCALAR_TAGS; tag++) {
		scalar_slots[tag] = fix_slots[FIX_PLACE(tag)];
		if (scalar_slots[tag] == FIX_LENGTH)
			scalar_slots[tag] = SCALAR_LENGTH;
	}
}

static an_u64 mix(an_u64 fold, an_u64 word)
{
	return (fold ^ word) * FIX_KEY_FACTOR ^ fold >> 29;
}

/* What is in `out`, in order, as one number. Our rows also have a kind and a layout;
 * and CompIDs count by what they point at. */
static an_u64 fold(size_t count, int is_typed)
{
	const an_u64 *words;
	an_u64 result = count;
	size_t i, j;

	for (i = 0; i < count; i++) {
		size_t n = is_typed ? sizeof(struct airnet_message)
				    : sizeof(struct peer_spans);

		words = (const an_u64 *)&out.spans[i];
		if (is_typed) {
			out.rows[i].row.kind = 0;
			out.rows[i].row.layout = 0;
			words = (const an_u64 *)&out.rows[i].row;
			result = mix(result, (an_u64)out.rows[i].sender);
			result = mix(result, (an_u64)out.rows[i].target_end);
		}
		for (j = 0; j < n / 8; j++)
			result = mix(result, words[j]);
	}
	return result;
}

/* Divide the corpus into chunks of whole messages. */
static void divide(const an_u8 *bytes, size_t n)
{
	struct cursor left = cursor_over(bytes, n);
	struct fix_head head;

	chunks = calloc(n / chunk_messages / 16 + 2, sizeof(*chunks));
	while (left.at != left.end) {
		struct chunk *chunk = &chunks[chunk_count++];

		chunk->bytes = left.at;
		while (left.at != left.end && chunk->count < chunk_messages) {
			if (fix_head(left, &head) ||
			    cursor_skip(&left, fix_total(&head)))
				exit(65);
			chunk->count++;
		}
		chunk->n = (size_t)(left.at - chunk->bytes);
	}
}

/* One slot of one decoder, ns a message; 0 when the host was slow meanwhile. */
static double slot(const struct peer *peer, struct chunk *chunk, int is_typed)
{
	static an_u64 best = ~0ULL;
	an_u64 before = calibrate(), start = now_ns(), taken, after, found;
	size_t count = is_typed ? peer->type(chunk->bytes, chunk->n, out.rows)
				: peer->extract(chunk->bytes, chunk->n, out.spans);

	taken = now_ns() - start;
	after = calibrate();
	found = fold(count, is_typed);
	if (!chunk->fold)
		chunk->fold = found;
	if (count != chunk->count || found != chunk->fold) {
		fprintf(stderr, "%s differs\n", peer->name);
		exit(70);
	}
	best = before < best ? before : best;
	best = after < best ? after : best;
	if (before > best + best / 10 || after > best + best / 10)
		return 0;
	return (double)taken / (double)count;
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void race(size_t slots, int is_typed)
{
	double *found = calloc(slots * PEERS, sizeof(*found));
	size_t i, p, tries;

	for (i = 0; i < slots + 2 * chunk_count && i < slots * 3; i++)
		for (p = 0; p < PEERS; p++) {
			/* Far apart, so that none finds what another has just read. */
			size_t at = (i + p * chunk_count / PEERS) % chunk_count;
			double ns = 0;

			for (tries = 0; ns == 0 && tries < TRIES_MAX; tries++)
				ns = slot(&peers[p], &chunks[at], is_typed);
			found[p * slots + i % slots] = ns;
		}
	for (p = 0; p < PEERS; p++) {
		double *own = found + p * slots;

		qsort(own, slots, sizeof(*own), by_size);
		for (i = 0; i < slots - 1 && own[i] == 0; i++)
			;
		printf("%s\"%s\": {\"best_ns\": %.1f, \"p25_ns\": %.1f, "
		       "\"median_ns\": %.1f, \"slots\": %zu}",
		       p ? ", " : "{", peers[p].name, own[i], own[i + (slots - i) / 4],
		       own[i + (slots - i) / 2], slots - i);
	}
	printf("}\n");
}

static void pin(void)
{
	cpu_set_t all, one;
	int cpu = CPU_SETSIZE;

	sched_getaffinity(0, sizeof(all), &all);
	while (cpu-- && !CPU_ISSET(cpu, &all))
		;
	CPU_ZERO(&one);
	CPU_SET(cpu, &one);
	sched_setaffinity(0, sizeof(one), &one);
}

int main(int count, char **words)
{
	int is_typed = count == 5 && strcmp(words[2], "typed") == 0;
	FILE *file = count == 5 ? fopen(words[1], "rb") : NULL;
	an_u8 *bytes;
	size_t n;

	if (!file)
		return 64;
	fseek(file, 0, SEEK_END);
	n = (size_t)ftell(file);
	rewind(file);
	bytes = malloc(n);
	if (fread(bytes, 1, n, file) != n)
		return 74;
	pin();
	prepare();
	chunk_messages = strtoul(words[4], NULL, 10);
	divide(bytes, n);
	out.memory = calloc(chunk_messages,
			    sizeof(struct peer_spans) + sizeof(struct peer_row));
	race(strtoul(words[3], NULL, 10), is_typed);
	return 0;
}
