/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Mutated frames into the decode kernel, for a build with address and undefined
 * behaviour sanitizers. Arguments: seed, seconds. Every frame lies in an allocation of
 * its own size. Prints frames, messages, malformed and sessions; aborts on a broken
 * invariant.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "decode.h"

#define FRAME_MAX 70000
#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "broken: %s\n", #condition); \
			abort(); \
		} \
	} while (0)

static an_u64 state;

static an_u32 chance(an_u32 n)
{
	state ^= state << 13; /* xorshift64, Marsaglia 2003 */
	state ^= state >> 7;
	state ^= state << 17;
	return (an_u32)(state >> 32) % n;
}

static an_u32 next_sequence[64][2];

static void put(an_u8 *at, an_u32 value, int n)
{
	while (n--) {
		at[n] = (an_u8)value;
		value >>= 8;
	}
}

/* One well-formed order, or a message of a lying length. */
static an_u32 make_message(an_u8 *out)
{
	static const char *const kinds[] = {"D", "8", "F", "A", "W", "AB", "0"};
	char body[3200], text[64];
	an_u32 sum = 0, n, i, pad = chance(20) ? chance(60) : chance(3000);
	int size, stated;

	memset(text, 'x', sizeof(text));
	size = snprintf(
		body, sizeof(body),
		"35=%s\00149=A\00156=V\00134=%u\00152=20261121-09:30:00.%03u\001"
		"11=ID%u\00155=ACME\00154=1\00138=%u\00144=%d.%u\00195=5\00196=a\001bcd"
		"\00158=",
		kinds[chance(7)], chance(9999), chance(1000), chance(999), chance(999),
		(int)chance(999) - 9, chance(99999));
	memset(body + size, 'y', pad);
	size += (int)pad;
	body[size++] = 1;
	stated = chance(30) ? size : (int)chance(chance(4) ? 300 : 70000);
	n = (an_u32)sprintf((char *)out, "8=FIX.4.%u\0019=%d\001", chance(6), stated);
	memcpy(out + n, body, (size_t)size);
	n += (an_u32)size;
	for (i = 0; i < n; i++)
		sum += out[i];
	return n + (an_u32)sprintf((char *)out + n, "10=%03u\001",
				   chance(30) ? sum % 256 : chance(256));
}

static an_u32 make_payload(an_u8 *out)
{
	an_u32 n = 0, count = chance(4) ? chance(4) : chance(15);

	while (count--)
		n += make_message(out + n);
	if (!chance(8))
		n = chance(n + 1);
	if (!chance(40) && n < 40000) {
		an_u32 junk = chance(20000), i;

		for (i = 0; i < junk; i++)
			out[n++] = "8=FIX\0019"[chance(7)];
	}
	return n;
}

/* A TCP segment of one of 64 flows, in a frame with or without tags. */
static an_u32 make_frame(an_u8 *out)
{
	static const an_u8 flags[] = {0x18, 0x18, 0x18, 0x18, 0x10,
				      0x11, 0x02, 0x12, 0x04};
	an_u32 flow = chance(64), up = chance(2), at = 12, bytes, *next;
	an_u8 flag = flags[chance(chance(10) ? 5 : 9)];

	memset(out, 0, 100);
	if (!chance(5)) {
		put(out + at, 0x8100, 2);
		at += 4;
	}
	put(out + at, 0x0800, 2);
	at += 2;
	next = next_sequence[flow];
	bytes = make_payload(out + at + 40);
	if (bytes > 65000)
		bytes = 65000;
	out[at] = 0x45;
	put(out + at + 2, 40 + bytes, 2);
	out[at + 9] = IP_TCP;
	put(out + at + 12, 0x0a000000 + up, 4);
	put(out + at + 16, 0x0a000001 - up, 4);
	put(out + at + 20, up ? 9001 : 40000 + flow, 2);
	put(out + at + 22, up ? 40000 + flow : 9001, 2);
	put(out + at + 24, next[up] + (chance(9) ? 0 : chance(5000) - 2500), 4);
	put(out + at + 28, next[!up] + (chance(9) ? 0 : chance(9000)), 4);
	out[at + 32] = 5 << 4;
	out[at + 33] = flag;
	next[up] += bytes + !!(flag & 3);
	return at + 40 + bytes;
}

static void mutate(an_u8 *bytes, an_u32 n)
{
	an_u32 count = chance(4) ? 0 : chance(6);

	while (count-- && n)
		bytes[chance(2) ? chance(n) : chance(n < 70 ? n : 70)] =
			(an_u8)chance(256);
}

static an_u32 list_length(an_u32 first, const an_u32 *next)
{
	an_u32 n = 0;

	for (; first != AIRNET_NONE; first = next[first])
		n++;
	return n;
}

/* Every buffer is on its free list or in use by one side. */
static void check_shard(const struct stream *s)
{
	an_u32 small = list_length(s->free_small, s->next_small);
	an_u32 large = list_length(s->free_large, s->next_large), held = 0, i, side;

	for (i = s->free_held; i != AIRNET_NONE; i = s->held[i].next)
		held++;
	for (i = 0; i < s->session_count * 2; i++) {
		const struct side *one = &s->flows[i / 2].sides[i % 2];

		small += one->carry < SMALL_COUNT;
		large += one->carry != AIRNET_NONE && one->carry >= SMALL_COUNT;
		for (side = one->held; side != AIRNET_NONE; side = s->held[side].next)
			held++;
	}
	CHECK(small == SMALL_COUNT && large == LARGE_COUNT && held == HELD_COUNT);
}

static void check_pools(const struct decoder *d)
{
	int i;

	for (i = 0; i < SHARDS; i++)
		check_shard(&d->shards[i]);
}

static void decode_one(struct decoder *d, const an_u8 *bytes, an_u32 n, an_u64 time_ns)
{
	static const an_u16 links[] = {1, 101, 113, 276, 0, 228};
	struct airnet_frame frame = {.time_ns = time_ns, .captured_bytes = n};
	struct airnet_header header;
	an_u8 *own = malloc(n ? n : 1);

	CHECK(own);
	memcpy(own, bytes, n);
	frame.link = links[chance(50) ? 0 : chance(6)];
	CHECK(decode_batch(d, &frame, 1, cursor_over(own, n), &header) == 1);
	CHECK(header.message_count == d->row_count && d->row_count <= ROWS_PER_FRAME);
	CHECK(header.session == AIRNET_NONE || d->sessions[header.session].state);
	free(own);
}

static struct decoder *make_decoder(void)
{
	static const an_u8 gateway[16] = {[10] = 0xff, 0xff, 10, 0, 0, 1};
	struct decoder *d = calloc(1, sizeof(*d));
	struct airnet_session *sessions =
		calloc(AIRNET_SESSIONS_MAX, sizeof(*sessions));

	CHECK(d && sessions);
	decode_begin(d, sessions);
	d->rows = calloc(AIRNET_MESSAGES_MAX, sizeof(*d->rows));
	CHECK(d->rows);
	gateways_add(&d->gateways, gateway, 9001);
	return d;
}

static an_u32 free_decoder(struct decoder *d, an_u64 *malformed)
{
	an_u32 sessions = d->session_number, shard;
	int i;

	check_pools(d);
	for (shard = 0; shard < SHARDS; shard++)
		for (i = 1; i < AIRNET_MALFORMED_REASONS; i++)
			*malformed += d->shards[shard].malformed[i];
	free(d->sessions);
	free(d->rows);
	free(d);
	return sessions;
}

int main(int argc, char **argv)
{
	static an_u8 bytes[FRAME_MAX * 2];
	struct decoder *d = make_decoder();
	an_u64 frames = 0, messages = 0, malformed = 0, sessions = 0;
	an_u64 time_ns = 1000000000;
	time_t end = time(NULL) + (argc > 2 ? atoi(argv[2]) : 5);

	state = 0x9e3779b97f4a7c15ULL * (an_u64)(argc > 1 ? atoi(argv[1]) + 1 : 1);
	while (time(NULL) < end) {
		an_u32 n = make_frame(bytes);

		mutate(bytes, n);
		n = chance(30) ? n : chance(n + 1);
		time_ns += chance(1000000);
		decode_one(d, bytes, n, time_ns);
		messages += d->row_count;
		if (++frames % 4096 == 0)
			check_pools(d);
		if (frames % 65536 == 0) { /* before the session table is full */
			sessions += free_decoder(d, &malformed);
			d = make_decoder();
		}
	}
	sessions += free_decoder(d, &malformed);
	printf("%llu %llu %llu %llu\n", (unsigned long long)frames,
	       (unsigned long long)messages, (unsigned long long)malformed,
	       (unsigned long long)sessions);
	return 0;
}
