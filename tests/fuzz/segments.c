/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Reassembly: a script of TCP segments of four flows, both directions, any order, with
 * bytes of a well-formed FIX stream or of the script, into the decoder. No byte is
 * delivered twice, no buffer is lost, and all come back when the sessions end.
 */
#include "harness.h"

#define FLOWS 4
#define HEADERS 54 /* Ethernet, IPv4, TCP */
#define SEGMENTS_MAX 64

/* One step of a script. */
struct step {
	an_u8 who; /* flow, direction, where the payload is from */
	an_u8 flags;
	an_u16 sequence; /* added to what would be next */
	an_u8 acknowledged; /* likewise */
	an_u8 bytes;
	an_u8 time; /* passed since, 0xff = time goes back */
	an_u8 cut; /* bytes that the capture lost off the end */
};

struct run {
	struct decoder *decoder;
	struct arena arena;
	an_u64 time_ns;
	an_u64 sent, rows, told; /* payload bytes captured; message rows, their bytes */
	an_u32 next[FLOWS][2];
	an_u32 base[FLOWS][2]; /* sequence number of the stream's first byte */
};

/* What every stream says, over and over; framed and summed by begin_stream. */
static const char *const bodies[] = {
	"35=A\00149=A\00156=B\00134=1\00152=20260105-09:30:00\00198=0\001",
	"35=D\00149=A\00134=2\00152=20260105-09:30:00.5\00111=X1\00155=Z\00138=9\001",
	"35=0\001",
	"35=F\00149=A\00156=B\00134=3\00111=X2\00141=X1\00154=1\001",
};

static char stream[512];
static an_u32 stream_bytes;

static void begin_stream(void)
{
	size_t i, n;

	for (i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		char *at = stream + stream_bytes;
		an_u32 sum = 0;

		n = (size_t)sprintf(at, "8=FIX.4.4\0019=%zu\001%s", strlen(bodies[i]),
				    bodies[i]);
		while (n--)
			sum += (an_u8)*at++;
		at += sprintf(at, "10=%03u\001", sum & 255);
		stream_bytes = (an_u32)(at - stream);
	}
}

static void put(an_u8 *at, an_u32 value, int n)
{
	while (n--) {
		at[n] = (an_u8)value;
		value >>= 8;
	}
}

static an_u8 *frame_headers(an_u8 *out, const struct airnet_header *header,
			    an_u32 sequence, an_u32 acknowledged)
{
	memset(out, 0, HEADERS);
	put(out + 12, 0x0800, 2);
	out[14] = 0x45;
	put(out + 16, 40 + header->payload_bytes, 2);
	out[23] = IP_TCP;
	memcpy(out + 26, header->source + 12, 4);
	memcpy(out + 30, header->target + 12, 4);
	put(out + 34, header->source_port, 2);
	put(out + 36, header->target_port, 2);
	put(out + 38, sequence, 4);
	put(out + 42, acknowledged, 4);
	out[46] = 5 << 4;
	out[47] = header->tcp_flags;
	return out;
}

static an_u64 count_of(const struct decoder *d, size_t offset)
{
	an_u64 sum = 0, count;
	int i;

	for (i = 0; i < SHARDS; i++) {
		memcpy(&count, (const char *)&d->shards[i].counts + offset, 8);
		sum += count;
	}
	return sum;
}

static void decode_one(struct run *run, const an_u8 *frame, size_t n)
{
	struct decoder *d = run->decoder;
	struct airnet_frame row = {.time_ns = run->time_ns,
				   .captured_bytes = (an_u32)n,
				   .link = AIRNET_LINK_ETHERNET};
	struct airnet_header header;
	an_u32 i;

	CHECK(decode_batch(d, &row, 1, cursor_over(frame, n), &header) == 1);
	check_header(d, &header);
	CHECK(header.reason == AIRNET_FRAME_OK);
	CHECK(header.message_count == d->row_count);
	for (i = 0; i < d->row_count; i++) {
		int reason = d->rows[i].malformed;

		run->told += d->rows[i].bytes;
		run->rows += reason != AIRNET_MALFORMED_GARBAGE &&
			     reason != AIRNET_MALFORMED_BODY_LENGTH &&
			     reason != AIRNET_MALFORMED_TOO_LONG;
	}
	CHECK(run->told <= run->sent);
	CHECK(count_of(d, offsetof(struct stream_counts, bytes_skipped)) <= run->sent);
}

static void pass_time(struct run *run, an_u8 time)
{
	if (time == 0xff)
		run->time_ns -= 1000000000;
	else
		run->time_ns += (an_u64)(time & 15) << (time >> 4) * 2;
}

static void fill(const struct step *step, struct cursor own, an_u32 offset, an_u8 *out)
{
	an_u32 i;

	for (i = 0; i < step->bytes; i++) {
		out[i] = (an_u8)stream[(offset + i) % stream_bytes];
		if (step->who & 8)
			cursor_u8(&own, &out[i]);
	}
}

static void send_step(struct run *run, const struct step *step, struct cursor own)
{
	int flow = step->who & 3, up = step->who >> 2 & 1;
	an_u32 cut = step->who & 16 ? step->cut : 0;
	an_u32 *next = run->next[flow];
	an_u32 sequence = next[up] + (an_u32)(int16_t)step->sequence;
	an_u32 kept;
	struct airnet_header header = {
		.source = {[12] = 10, 0, 0, up ? 2 : 1},
		.target = {[12] = 10, 0, 0, up ? 1 : 2},
		.source_port = up ? (an_u16)(40000 + flow) : 9001,
		.target_port = up ? 9001 : (an_u16)(40000 + flow),
		.payload_bytes = step->bytes,
		.tcp_flags = step->flags,
	};
	an_u8 *frame;

	if (step->flags & AIRNET_TCP_SYN)
		run->base[flow][up] = sequence + 1;
	kept = step->bytes > cut ? step->bytes - cut : 0;
	arena_begin(&run->arena);
	frame = arena_take(&run->arena, HEADERS + kept);
	if (kept) {
		struct step shown = *step;

		shown.bytes = (an_u8)kept;
		fill(&shown, own, sequence - run->base[flow][up], frame + HEADERS);
	}
	frame_headers(frame, &header, sequence,
		      next[!up] + (an_u32)(int8_t)step->acknowledged * 8);
	run->sent += kept;
	pass_time(run, step->time);
	decode_one(run, frame, HEADERS + kept);
	if (!(step->who & 32))
		next[up] = sequence + step->bytes + !!(step->flags & 3);
}

static const struct side *side_of(const struct decoder *d, an_u32 index, an_u32 which)
{
	an_u32 each = AIRNET_SESSIONS_MAX / SHARDS;

	return &d->shards[index / each].flows[index % each].sides[which];
}

/* A reset of a side, exactly where it stands. */
static void reset_side(struct run *run, an_u32 index, int direction)
{
	struct decoder *d = run->decoder;
	const struct airnet_session *session = &d->sessions[index];
	int is_up = direction == AIRNET_DIRECTION_UP;
	struct airnet_header header = {.tcp_flags = AIRNET_TCP_RST};
	an_u8 *frame;

	memcpy(header.source, is_up ? session->client : session->gateway, 16);
	memcpy(header.target, is_up ? session->gateway : session->client, 16);
	header.source_port = is_up ? session->client_port : session->gateway_port;
	header.target_port = is_up ? session->gateway_port : session->client_port;
	arena_begin(&run->arena);
	frame = arena_take(&run->arena, HEADERS);
	frame_headers(frame, &header, side_of(d, index, (an_u32)direction)->next, 0);
	decode_one(run, frame, HEADERS);
}

/* Resets end every session; the first may only make a side give up an old hole. */
static void end_sessions(struct run *run)
{
	struct decoder *d = run->decoder;
	an_u32 i;

	for (i = 0; i < AIRNET_SESSIONS_MAX * 4; i++)
		if (d->sessions[i / 4].state && !side_of(d, i / 4, i % 2)->is_done)
			reset_side(run, i / 4, (int)(i % 2));
	CHECK(check_pools(d) == 0);
}

int LLVMFuzzerTestOneInput(const an_u8 *data, size_t size)
{
	static struct run run;
	struct cursor script = cursor_over(data, size);
	an_u64 messages = 0;
	int count = 0, i;

	if (!stream_bytes)
		begin_stream();
	run.decoder = decoder_begin(run.decoder);
	run.time_ns = 1000000000000;
	run.sent = run.rows = run.told = 0;
	for (i = 0; i < FLOWS * 2; i++)
		run.next[i / 2][i % 2] = run.base[i / 2][i % 2] =
			0xffffff00u * (an_u32)(i / 2 & 1);
	while (script.at != script.end && count++ < SEGMENTS_MAX) {
		struct step step = {.who = script_u8(&script)};

		step.flags = script_u8(&script);
		step.sequence = script_u16(&script);
		step.acknowledged = script_u8(&script);
		step.bytes = script_u8(&script);
		step.time = script_u8(&script);
		step.cut = script_u8(&script);
		send_step(&run, &step,
			  script_take(&script, step.who & 8 ? step.bytes : 0));
	}
	check_pools(run.decoder);
	for (i = 0; i < AIRNET_SESSIONS_MAX; i++)
		messages += run.decoder->sessions[i].messages[0] +
			    run.decoder->sessions[i].messages[1];
	/* What a session told when another took its place made no rows. */
	CHECK(messages >= run.rows ||
	      count_of(run.decoder, offsetof(struct stream_counts, sessions_evicted)) ||
	      count_of(run.decoder,
		       offsetof(struct stream_counts, sessions_reclaimed)));
	check_frames(run.decoder);
	end_sessions(&run);
	return 0;
}
