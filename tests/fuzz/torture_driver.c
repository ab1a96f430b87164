/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What reassembly makes of any TCP flow, FIX or not: captures come on the standard
 * input, the bytes of both directions of every flow go to the standard output. The
 * kernels are the product's; four of their functions are replaced where they are used,
 * to make every flow with payload a session, to say which flow one is of, and to write
 * down bytes on their way to the framer.
 *
 * A capture is chunks: two numbers of 32 bits, n FRAME rows and m bytes they point
 * into, then those; n = 0 ends it. Out come events, and one with all counters.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>

#include "carry.h"
#include "check.h"

/* What comes before a session is kept as it is for a known gateway. */
#define flow_is_gateway(s, endpoint) ((void)(s), (void)(endpoint), 1)

static inline void driver_deliver(struct stream *s, an_u32 index, int direction,
				  struct cursor bytes);

#define carry_deliver driver_deliver
#include "hold.h"
#undef carry_deliver

#include "session.h"

static inline void driver_begin(struct stream *s, an_u32 index,
				const struct opening *opening);

#define session_begin driver_begin
#include "prelude.h"
#undef session_begin

static inline int driver_is_ours(struct stream *s, const struct opening *opening,
				 const struct segment *segment)
{
	(void)s;
	(void)opening;
	return segment->payload.at != segment->payload.end;
}

#define prelude_is_finished driver_is_ours
#include "opening.h"
#undef prelude_is_finished

#include "decode.h"

#define EVENT_BYTES 0 /* `count` of them follow */
#define EVENT_GAP 1 /* of `count` bytes */
#define EVENT_BEGIN 2 /* a flow; its client and gateway follow */
#define EVENT_FRAME 3 /* `count` is its stream flags */
#define EVENT_END 4 /* of the capture; `count` numbers of 64 bits follow */

struct event {
	an_u32 session;
	an_u32 kind;
	an_u32 direction;
	an_u32 count;
};

static an_u32 expected[AIRNET_SESSIONS_MAX][2]; /* where the next bytes belong */
static an_u8 is_known[AIRNET_SESSIONS_MAX][2];

static void write_all(const void *bytes, size_t n)
{
	CHECK(fwrite(bytes, 1, n, stdout) == n);
}

static void write_event(an_u32 session, an_u32 kind, an_u32 direction, an_u32 count)
{
	struct event event = {session, kind, direction, count};

	write_all(&event, sizeof(event));
}

static inline void driver_begin(struct stream *s, an_u32 index,
				const struct opening *opening)
{
	const struct airnet_session *session = &s->sessions[index];
	an_u32 place = s->session_base + index, i;

	session_begin(s, index, opening);
	for (i = 0; i < 2; i++) {
		is_known[place][i] = s->flows[index].sides[i].is_known;
		expected[place][i] = s->flows[index].sides[i].next;
	}
	write_event(place, EVENT_BEGIN, session->midstream, 36);
	write_all(session->client, 16);
	write_all(&session->client_port, 2);
	write_all(session->gateway, 16);
	write_all(&session->gateway_port, 2);
}

static inline void driver_deliver(struct stream *s, an_u32 index, int direction,
				  struct cursor bytes)
{
	an_u32 place = s->session_base + index, n = (an_u32)cursor_left(&bytes);
	an_u32 at = s->flows[index].sides[direction].next - n;

	if (!n)
		return;
	if (is_known[place][direction] && expected[place][direction] != at)
		write_event(place, EVENT_GAP, (an_u32)direction,
			    at - expected[place][direction]);
	is_known[place][direction] = 1;
	expected[place][direction] = at + n;
	write_event(place, EVENT_BYTES, (an_u32)direction, n);
	write_all(bytes.at, n);
	carry_deliver(s, index, direction, bytes);
}

static int read_all(void *bytes, size_t n)
{
	return fread(bytes, 1, n, stdin) == n;
}

/* Decode the frames of one chunk. */
static void take_chunk(struct decoder *d, const an_u32 *sizes)
{
	static struct airnet_header headers[AIRNET_FRAMES_MAX];
	size_t n = sizes[0], left = n, i;
	struct airnet_frame *frames = malloc(n * sizeof(*frames));
	an_u8 *bytes = malloc(sizes[1] + 1);
	struct airnet_frame *next = frames;

	CHECK(frames && bytes && n <= AIRNET_FRAMES_MAX);
	CHECK(read_all(frames, n * sizeof(*frames)) && read_all(bytes, sizes[1]));
	while (left) {
		an_u32 done = decode_batch(d, next, (an_u32)left,
					   cursor_over(bytes, sizes[1]), headers);

		CHECK(done);
		for (i = 0; i < done; i++)
			if (headers[i].stream_flags)
				write_event(headers[i].session, EVENT_FRAME,
					    headers[i].direction,
					    headers[i].stream_flags);
		next += done;
		left -= done;
	}
	free(frames);
	free(bytes);
}

/* Every counter, of all shards; names in stream.pyx. */
static void write_counts(struct decoder *d)
{
	an_u64 sums[sizeof(struct stream_counts) / 8] = {0}, counts[sizeof(sums) / 8];
	an_u32 n = sizeof(sums) / 8, i, k;

	for (i = 0; i < SHARDS; i++) {
		memcpy(counts, &d->shards[i].counts, sizeof(counts));
		for (k = 0; k < n; k++)
			sums[k] += counts[k];
	}
	write_event(0, EVENT_END, AIRNET_FRAME_REASONS, n + AIRNET_FRAME_REASONS);
	write_all(sums, sizeof(sums));
	write_all(d->frames, sizeof(d->frames));
}

/* A block of zeros; one that was used is given back to the kernel first. */
static void *zeroed(void *block, size_t n)
{
	if (block) {
		CHECK(!madvise(block, n, MADV_DONTNEED));
		return block;
	}
	block = mmap(NULL, n, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		     0);
	CHECK(block != MAP_FAILED);
	return block;
}

int main(void)
{
	struct airnet_session *sessions = NULL;
	struct airnet_message *rows = NULL;
	struct decoder *d = NULL;
	an_u32 sizes[2];

	while (read_all(sizes, sizeof(sizes))) {
		sessions = zeroed(sessions, AIRNET_SESSIONS_MAX * sizeof(*sessions));
		rows = zeroed(rows, AIRNET_MESSAGES_MAX * sizeof(*rows));
		d = zeroed(d, sizeof(*d));
		decode_begin(d, sessions);
		d->rows = rows;
		while (sizes[0]) {
			take_chunk(d, sizes);
			CHECK(read_all(sizes, sizeof(sizes)));
		}
		decode_finish(d);
		write_counts(d);
	}
	return 0;
}
