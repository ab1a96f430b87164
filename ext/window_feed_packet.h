/* SPDX-License-Identifier: Apache-2.0 */
/* One datagram into its channel; and every frame into what watches the watching. */
#ifndef AIRNET_WINDOW_FEED_PACKET_H
#define AIRNET_WINDOW_FEED_PACKET_H

#include "window_feed.h"
#include "window_mirror.h"

/* How many messages from `number` on, up to `end`, a channel has had lately. */
static inline uint64_t window_feed_had(struct window_feed *f, uint64_t number,
				       uint64_t end)
{
	uint64_t first = number;

	for (int i = 0; i < FEED_MARKS && number < end; i++) {
		const struct window_mark *mark = window_feed_mark(f, number);

		if (mark->number != number || !mark->time_ns)
			break;
		number += mark->count;
	}
	return number < end ? number - first : end - first;
}

/* What is missing between the number expected and `number`: what the pair has had
 * before is not. */
static inline void window_feed_gap(struct window_state *w, struct window_feed *f,
				   uint64_t number)
{
	struct window_feed *other = window_feed_pair(w, f);
	uint64_t had = other ? window_feed_had(other, f->next, number) : 0;

	f->gaps++;
	f->lost += number - f->next;
	f->covered += (uint32_t)had;
	if (!f->missing) {
		f->missing_from = f->next;
		f->gap_ns = w->now_ns;
	}
	f->missing += number - f->next - had;
	f->missing_to = number;
}

/* A packet whose number is not the one expected. */
static inline void window_feed_odd(struct window_state *w, struct window_feed *f,
				   uint64_t number, uint32_t count)
{
	if (number > f->next) {
		window_feed_gap(w, f, number);
	} else if (f->next - number > FEED_FAR || (number <= 1 && f->next > 2)) {
		f->resets++;
		f->missing = 0;
	} else if (f->missing && number >= f->missing_from && number < f->missing_to) {
		f->late += count;
		f->missing = f->missing > count ? f->missing - count : 0;
		return;
	} else {
		f->duplicates += count != 0;
		return;
	}
	f->next = number + count;
}

/* A packet that has a number, and so many messages. */
static inline void window_feed_take(struct window_state *w, struct window_feed *f,
				    uint64_t number, uint32_t count)
{
	uint64_t silence_ns = w->now_ns - f->told_ns;

	if (!f->next || number == f->next)
		f->next = number + count;
	else
		window_feed_odd(w, f, number, count);
	if (!count)
		return;
	f->messages += count;
	/* One long silence is not at once a usual one. */
	if (f->told_ns && silence_ns > f->told_longest_ns)
		f->told_longest_ns =
			f->told_longest_ns && silence_ns > 2 * f->told_longest_ns
				? 2 * f->told_longest_ns
				: silence_ns;
	f->told_ns = w->now_ns;
	f->reports = w->mirror->reports;
	window_feed_compare(w, f, number, count);
}

/* While it is not known what the numbers are: which of all ways goes on? */
static inline void window_feed_learn(struct window_feed *f, uint64_t raw)
{
	int best = 0;

	for (int i = 0; i < FEED_NUMBERS; i++) {
		uint32_t count;
		uint64_t number = window_feed_number(i, raw, &count);

		f->hits[i] += f->tries && count && number == f->expected[i];
		f->expected[i] = (number + count) & UINT32_MAX;
		best = f->hits[i] > f->hits[best] ? i : best;
	}
	if (++f->tries <= FEED_LEARN)
		return;
	if (f->hits[best] >= FEED_HITS) {
		f->format = (uint8_t)(FEED_LEARNT + best);
		return;
	}
	f->tries = 0;
	memset(f->hits, 0, sizeof f->hits);
	if (++f->rounds == FEED_ROUNDS)
		f->format = FEED_NONE;
}

/* A datagram to a group. */
static inline void window_feed_packet(struct window_state *w,
				      const struct airnet_header *h)
{
	struct window_feed *f = window_feed_get(w, h);
	uint64_t number, silence_ns;
	uint32_t count;

	if (!f)
		return;
	if (!f->listed) {
		f->listed = 1;
		f->open_ns = w->now_ns;
		w->feeds->active[w->feeds->active_count++] =
			(uint32_t)(f - w->feeds->all);
	}
	silence_ns = f->last_ns ? w->now_ns - f->last_ns : 0;
	if (silence_ns > f->worst_ns)
		f->worst_ns = silence_ns;
	if (silence_ns > f->longest_ns)
		f->longest_ns = f->longest_ns && silence_ns > 2 * f->longest_ns
					? 2 * f->longest_ns
					: silence_ns;
	f->active = 1;
	f->last_ns = w->now_ns;
	f->packets++;
	f->bytes += h->payload_bytes;
	if (h->feed == AIRNET_FEED_MOLD) {
		f->format = FEED_MOLD_FORMAT;
		window_feed_take(w, f, h->feed_sequence, h->feed_messages);
	} else if (f->format >= FEED_LEARNT) {
		number = window_feed_number(f->format - FEED_LEARNT, h->feed_sequence,
					    &count);
		if (f->next && number != f->next &&
		    window_feed_counts(f, h->feed_sequence))
			number = window_feed_number(f->format - FEED_LEARNT,
						    h->feed_sequence, &count);
		window_feed_take(w, f, number, count);
	} else if (f->format == FEED_UNKNOWN) {
		window_feed_learn(f, h->feed_sequence);
	}
	f->raw = h->feed_sequence;
}

/* What a frame says of the mirror and of market data, before what it says itself. */
static inline void window_watch(struct window_state *w, const struct airnet_header *h,
				const struct airnet_message *messages, uint32_t count)
{
	uint64_t before_ns = w->now_ns;

	w->now_ns = w->frame_ns;
	window_mirror_frame(w, h, messages, count, before_ns);
	if (__builtin_expect(h->feed, 0))
		window_feed_packet(w, h);
}

#endif
