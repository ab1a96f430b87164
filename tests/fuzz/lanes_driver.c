/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A capture over 1, 2 and 4 lanes, for a build with the thread sanitizer. Argument: a
 * file of FRAME rows, their number in front as 8 bytes, and the bytes they point into.
 * Prints frames and messages; aborts where lanes make a difference.
 */
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <stdio.h>
#include <stdlib.h>

#include "check.h"
#include "lanes.h"

#define ROUNDS 3

static const int any_processor[LANES_MAX] = {-1, -1, -1, -1};

static an_u8 *file_bytes(const char *path, size_t *n)
{
	FILE *file = fopen(path, "rb");
	an_u8 *bytes;

	CHECK(file && !fseek(file, 0, SEEK_END));
	*n = (size_t)ftell(file);
	bytes = malloc(*n);
	CHECK(bytes && !fseek(file, 0, SEEK_SET));
	CHECK(fread(bytes, 1, *n, file) == *n && !fclose(file));
	return bytes;
}

static an_u64 mix(an_u64 digest, const void *row, size_t n)
{
	const an_u8 *at = row;

	while (n--)
		digest = (digest ^ *at++) * 0x100000001b3ULL; /* FNV-1a */
	return digest;
}

/* One number of all that headers say, and of the messages they point to. */
static an_u64 digest_of(const struct airnet_header *headers,
			const struct lanes_answer *answer,
			const struct airnet_message *rows, an_u64 digest,
			an_u64 *messages)
{
	an_u32 i;

	for (i = answer->first; i < answer->last; i++) {
		struct airnet_header header = headers[i];

		CHECK(header.message_index + header.message_count <= answer->row_count);
		digest = mix(digest, &rows[header.message_index],
			     header.message_count * sizeof(*rows));
		*messages += header.message_count;
		header.message_index = 0;
		digest = mix(digest, &header, sizeof(header));
	}
	return digest;
}

/* Decode all frames over `count` lanes, in batches of `batch`. */
static an_u64 run(an_u32 count, an_u32 batch, const struct airnet_frame *frames,
		  an_u64 n, struct cursor buffer, an_u64 *messages)
{
	static struct airnet_header headers[AIRNET_FRAMES_MAX];
	struct airnet_session *sessions =
		calloc(AIRNET_SESSIONS_MAX, sizeof(*sessions));
	struct decoder *d = calloc(1, sizeof(*d));
	struct lanes *l = calloc(1, sizeof(*l));
	an_u64 digest = 0xcbf29ce484222325ULL, at = 0;

	CHECK(sessions && d && l);
	decode_begin(d, sessions);
	d->rows = calloc((size_t)count * AIRNET_MESSAGES_MAX, sizeof(*d->rows));
	CHECK(d->rows && !lanes_begin(l, d, count, any_processor));
	*messages = 0;
	while (at < n) {
		an_u32 some = n - at < batch ? (an_u32)(n - at) : batch;
		struct lanes_answer answer =
			lanes_decode(l, &frames[at], some, buffer, headers);

		CHECK(answer.last > answer.first);
		digest = digest_of(headers, &answer, d->rows, digest, messages);
		at += answer.last - answer.first;
	}
	lanes_end(l);
	digest = mix(digest, sessions, AIRNET_SESSIONS_MAX * sizeof(*sessions));
	free(d->rows);
	free(d);
	free(l);
	free(sessions);
	return digest;
}

int main(int argc, char **argv)
{
	static const an_u32 batches[ROUNDS] = {4096, 100, 64};
	size_t size;
	an_u64 n, messages, wanted, round;
	an_u8 *bytes;
	const struct airnet_frame *frames;
	struct cursor buffer;

	CHECK(argc == 2);
	bytes = file_bytes(argv[1], &size);
	memcpy(&n, bytes, 8);
	CHECK(n <= (size - 8) / sizeof(*frames));
	frames = (const struct airnet_frame *)(bytes + 8);
	buffer = cursor_over(bytes + 8 + n * sizeof(*frames),
			     size - 8 - n * sizeof(*frames));
	wanted = run(1, 4096, frames, n, buffer, &messages);
	for (round = 0; round < ROUNDS; round++) {
		CHECK(run(2, batches[round], frames, n, buffer, &messages) == wanted);
		CHECK(run(4, batches[round], frames, n, buffer, &messages) == wanted);
	}
	printf("%llu %llu\n", (unsigned long long)n, (unsigned long long)messages);
	free(bytes);
	return 0;
}
