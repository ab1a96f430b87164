/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An ssh connection in the background (RFC 4253): a handshake, the two version lines,
 * two key exchange packets, then keystrokes and what comes back, which nobody can read.
 * An exchange that comes before the last one is over is left out.
 */
#ifndef AIRNET_SHELL_H
#define AIRNET_SHELL_H

#include "feed.h"

#define SHELL_BANNER "SSH-2.0-OpenSSH_9.2p1\r\n"
#define SHELL_ACK_NS 40000000
#define SHELL_PORT 22

/* Steps of the first exchange, which opens the connection; then of the others. */
enum {
	SHELL_SYN,
	SHELL_SYN_ACK,
	SHELL_ESTABLISHED,
	SHELL_BANNER_DOWN,
	SHELL_BANNER_UP,
	SHELL_KEYS_DOWN,
	SHELL_KEYS_UP,
	SHELL_LAST_ACK,
	SHELL_STEPS
};

static inline an_u32 shell_stamp(const struct world *w, an_u32 host, an_s64 now_ns)
{
	return world_host(w, host)->stamp_start + (an_u32)((an_u64)now_ns / 1000000);
}

/* One segment; a side's numbers move on behind it. */
static inline void shell_segment(struct world *w, an_u32 row, int side, an_u8 flags,
				 const an_u8 *payload, an_u32 count)
{
	const struct murmur_row *r =
		(const struct murmur_row *)w->rows[ROWS_MURMUR].at + row;
	struct shell *s = &w->lines.shells[row];
	struct wire_segment segment;

	memset(&segment, 0, sizeof(segment));
	segment.ends.source = side ? r->b : r->a;
	segment.ends.target = side ? r->a : r->b;
	segment.ends.source_port = side ? SHELL_PORT : s->port;
	segment.ends.target_port = side ? s->port : SHELL_PORT;
	segment.sequence = s->sequence[side];
	segment.acknowledged = flags & AIRNET_TCP_ACK ? s->sequence[!side] : 0;
	segment.echo = flags & AIRNET_TCP_ACK ? s->stamp[!side] : 0;
	segment.flags = flags;
	segment.direction = (an_u8)side;
	segment.payload = payload;
	segment.payload_bytes = (an_u16)count;
	wire_tcp(w, &segment, w->now_ns);
	s->stamp[side] = shell_stamp(w, segment.ends.source, w->now_ns);
	s->sequence[side] += count + ((flags & AIRNET_TCP_SYN) != 0);
}

/* KEXINIT (RFC 4253 section 7.1) with one name in each of the first five lists. */
static inline an_u32 shell_keys(struct chance *c, an_u8 *out)
{
	static const char *const names[5] = {"curve25519-sha256", "ssh-ed25519",
					     "aes256-ctr", "aes256-ctr",
					     "hmac-sha2-256"};
	an_u8 *at = out + 6;
	an_u32 count, padding;

	out[5] = 20;
	for (int i = 0; i < 16; i++)
		*at++ = (an_u8)chance_u64(c);
	for (int i = 0; i < 10; i++) {
		an_u32 bytes = i < 5 ? (an_u32)strlen(names[i]) : 0;

		at = feed_put(at, bytes, 4);
		if (bytes)
			memcpy(at, names[i], bytes);
		at += bytes;
	}
	at = feed_put(at, 0, 5);
	count = (an_u32)(at - out);
	padding = 8 - count % 8 + (count % 8 > 4 ? 8 : 0);
	memset(at, 0, padding);
	out[4] = (an_u8)padding;
	feed_put(out, count + padding - 4, 4);
	return count + padding;
}

static inline void shell_opening(struct world *w, an_u32 row, int step,
				 struct chance *c)
{
	const an_u8 *banner = (const an_u8 *)SHELL_BANNER;
	an_u8 keys[512];
	const an_u8 flags = AIRNET_TCP_PSH | AIRNET_TCP_ACK;
	an_u32 count;

	switch (step) {
	case SHELL_SYN:
		shell_segment(w, row, 0, AIRNET_TCP_SYN, NULL, 0);
		break;
	case SHELL_SYN_ACK:
		shell_segment(w, row, 1, AIRNET_TCP_SYN | AIRNET_TCP_ACK, NULL, 0);
		break;
	case SHELL_ESTABLISHED:
	case SHELL_LAST_ACK:
		shell_segment(w, row, step == SHELL_LAST_ACK, AIRNET_TCP_ACK, NULL, 0);
		break;
	case SHELL_BANNER_DOWN:
	case SHELL_BANNER_UP:
		shell_segment(w, row, step == SHELL_BANNER_DOWN, flags, banner,
			      sizeof(SHELL_BANNER) - 1);
		break;
	default:
		count = shell_keys(c, keys);
		shell_segment(w, row, step == SHELL_KEYS_DOWN, flags, keys, count);
	}
}

/* A keystroke, its echo, and the acknowledgement of that. */
static inline void shell_talk(struct world *w, an_u32 row, int step, struct chance *c)
{
	an_u32 count = step ? 36 + 16 * chance_below(c, 20) : 36;
	an_u8 payload[512];

	if (step == 2) {
		shell_segment(w, row, 0, AIRNET_TCP_ACK, NULL, 0);
		return;
	}
	for (an_u32 i = 0; i < count; i++)
		payload[i] = (an_u8)chance_u64(c);
	shell_segment(w, row, step, AIRNET_TCP_PSH | AIRNET_TCP_ACK, payload, count);
}

static inline void shell_step(struct world *w, an_u32 row, an_u64 number, int step)
{
	const struct murmur_row *r =
		(const struct murmur_row *)w->rows[ROWS_MURMUR].at + row;
	struct shell *s = &w->lines.shells[row];
	struct chance c =
		chance_of(w->seed, (an_u64)step << 40 | (WORLD_LINE + 1 + row), number);
	an_s64 wait_ns = 150000 + world_host(w, step & 1 ? r->a : r->b)->reach_ns;
	int last = number ? 2 : SHELL_LAST_ACK;

	if (!step && s->is_busy)
		return;
	if (!step && !number) {
		s->port = (an_u16)(32768 + chance_below(&c, 28000));
		s->sequence[0] = (an_u32)chance_u64(&c);
		s->sequence[1] = (an_u32)chance_u64(&c);
	}
	s->is_busy = step < last;
	w->lines.counts.murmurs++;
	if (number)
		shell_talk(w, row, step, &c);
	else
		shell_opening(w, row, step, &c);
	if (step + 1 == last)
		wait_ns = SHELL_ACK_NS;
	if (step < last)
		agenda_add(&w->agenda, w->now_ns + wait_ns,
			   (WORLD_LINE | LINE_EVENT_MURMUR) + (an_u32)step + 1, row,
			   number);
}

#endif
