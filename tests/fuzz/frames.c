/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Frames to feature rows: decode, then windows. The script is frames, each with its
 * link type, the time passed and its length. A script may ask that its frames are also
 * taken one at a time by a second pair of states: the rows must be the same.
 */
#include "harness.h"

#include "window_step.h"

#define TIMES 8

struct frames {
	struct arena arena;
	struct airnet_frame rows[FUZZ_BATCH];
	an_u32 count;
	an_u8 trailer;
};

struct result {
	struct decoder *decoder;
	struct window_state *windows;
	struct window_state clean; /* what it was like at first */
	struct airnet_header headers[FUZZ_BATCH];
	an_u64 messages, closed; /* sums of every row's bytes */
	an_u32 message_count;
};

static void *table(void **place, size_t n)
{
	*place = fuzz_zeroed(*place, n);
	return *place;
}

/* New windows; what is large and read-only is made once. */
static void windows_begin(struct result *result)
{
	static const an_u8 gateway[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};
	struct window_state *w = result->windows;

	if (!w) {
		w = result->windows = calloc(1, sizeof(*w));
		CHECK(w);
		w->windows = calloc(WINDOW_ROWS, sizeof(*w->windows));
		w->rows = calloc((size_t)WINDOW_ROWS * WINDOW_COLUMNS, 4);
		CHECK(w->windows && w->rows);
		window_estimates_begin(&w->estimates);
		window_seed(w->seed, 0, 0);
	}
	table((void **)&w->sessions, AIRNET_SESSIONS_MAX * sizeof(*w->sessions));
	table((void **)&w->targets, WINDOW_TARGETS * sizeof(*w->targets));
	table((void **)&w->sources, WINDOW_SOURCES * sizeof(*w->sources));
	table((void **)&w->known, WINDOW_KNOWN * sizeof(*w->known));
	table((void **)&w->venues, (WINDOW_VENUES + 1) * sizeof(*w->venues));
	table((void **)&w->mirror, sizeof(*w->mirror));
	table((void **)&w->witnesses, AIRNET_SESSIONS_MAX * sizeof(*w->witnesses));
	table((void **)&w->feeds, sizeof(*w->feeds));
	table((void **)&w->active_hosts, WINDOW_HOSTS * sizeof(an_u32));
	table((void **)&w->hosts, WINDOW_HOSTS * sizeof(*w->hosts));
	table((void **)&w->edges, WINDOW_EDGES * sizeof(*w->edges));
	table((void **)&w->comps, WINDOW_COMPS * sizeof(*w->comps));
	table((void **)&w->prices, WINDOW_BANDS * sizeof(*w->prices));
	table((void **)&w->price_tags, WINDOW_BANDS * sizeof(*w->price_tags));
	table((void **)&w->host_tags, WINDOW_HOSTS * sizeof(*w->host_tags));
	table((void **)&w->edge_tags, WINDOW_EDGES * sizeof(*w->edge_tags));
	table((void **)&w->target_tags, WINDOW_TARGETS * sizeof(*w->target_tags));
	table((void **)&w->source_tags, WINDOW_SOURCES * sizeof(*w->source_tags));
	table((void **)&w->source_last_ns, WINDOW_SOURCES * sizeof(an_u64));
	table((void **)&w->active_sessions, AIRNET_SESSIONS_MAX * sizeof(an_u32));
	table((void **)&w->active_targets, WINDOW_TARGETS * sizeof(an_u32));
	if (!result->clean.windows)
		result->clean = *w;
	*w = result->clean;
	CHECK(window_gateway_add(w, gateway) && window_venue_add(w, gateway, 9878));
}

static void features(struct result *result, const struct airnet_header *headers,
		     an_u32 n)
{
	struct window_state *w = result->windows;
	const struct decoder *d = result->decoder;
	long taken = 0;
	an_u32 i;

	while (taken < (long)n) {
		long more;

		w->row_count = 0;
		more = window_update(w, headers + taken, (long)n - taken, d->rows,
				     d->row_count);
		CHECK(more > 0 || w->row_count);
		CHECK(w->row_count <= WINDOW_ROWS);
		for (i = 0; i < w->row_count; i++) {
			const float *row = &w->rows[(size_t)i * WINDOW_COLUMNS];

			result->closed = fuzz_mix(result->closed, &w->windows[i],
						  sizeof(w->windows[i]));
			result->closed = fuzz_mix(result->closed, row,
						  WINDOW_COLUMNS * sizeof(*row));
		}
		taken += more;
	}
}

static void take(struct result *result, const struct frames *frames, an_u32 batch)
{
	struct cursor buffer = cursor_over(frames->arena.bytes, ARENA_BYTES);
	struct decoder *d = decoder_begin(result->decoder);
	an_u32 at = 0, i;

	result->decoder = d;
	windows_begin(result);
	d->packets.trailer = frames->trailer;
	result->messages = result->closed = 0;
	result->message_count = 0;
	while (at < frames->count) {
		an_u32 n = frames->count - at < batch ? frames->count - at : batch;
		struct airnet_header *headers = &result->headers[at];

		n = decode_batch(d, &frames->rows[at], n, buffer, headers);
		CHECK(n > 0);
		for (i = 0; i < n; i++)
			check_header(d, &headers[i]);
		features(result, headers, n);
		result->messages = fuzz_mix(result->messages, d->rows,
					    d->row_count * sizeof(*d->rows));
		for (i = 0; i < n; i++) /* so that batches can be compared */
			headers[i].message_index += result->message_count;
		result->message_count += d->row_count;
		at += n;
	}
	CHECK(check_frames(d) == frames->count);
	check_pools(d);
	decode_finish(d);
	check_pools(d);
}

static void read_frames(struct frames *frames, struct cursor script)
{
	static const an_u16 links[] = {1, 101, 113, 276, 0, 228, 229, 108};
	static const an_u64 steps[TIMES] = {0,	       1000,	      1000000,
					    9000000,   40000000,      100000000,
					    300000000, 20000000000ULL};
	an_u64 time_ns = 1700000000000000000ULL;

	arena_begin(&frames->arena);
	frames->count = 0;
	while (script.at != script.end && frames->count < FUZZ_BATCH) {
		struct airnet_frame *row = &frames->rows[frames->count++];
		an_u8 choice = script_u8(&script);
		struct cursor bytes = script_take(&script, script_u16(&script) & 2047);

		memset(row, 0, sizeof(*row));
		time_ns += steps[choice >> 3 & 7];
		row->time_ns = choice & 0x40 ? time_ns - 5000000 : time_ns;
		row->captured_bytes = (an_u32)cursor_left(&bytes);
		row->wire_bytes = row->captured_bytes;
		row->link = choice & 0x80 ? 1 : links[choice & 7];
		memcpy(arena_take(&frames->arena, row->captured_bytes), bytes.at,
		       row->captured_bytes);
		row->offset = frames->arena.start;
	}
}

int LLVMFuzzerTestOneInput(const an_u8 *data, size_t size)
{
	static struct frames frames;
	static struct result whole, single;
	struct cursor script = cursor_over(data, size);
	an_u8 choice = script_u8(&script);

	frames.trailer = (choice >> 3) % 4;
	read_frames(&frames, script);
	take(&whole, &frames, FUZZ_BATCH);
	if (!(choice & 1))
		return 0;
	take(&single, &frames, 1 + (choice >> 1 & 3));
	CHECK(whole.message_count == single.message_count);
	CHECK(whole.messages == single.messages);
	CHECK(!memcmp(whole.headers, single.headers,
		      frames.count * sizeof(whole.headers[0])));
	CHECK(whole.closed == single.closed);
	return 0;
}
