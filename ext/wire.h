/* SPDX-License-Identifier: Apache-2.0 */
/* Frames of a path: its headers, what changes in them, the sums. */
#ifndef AIRNET_WIRE_H
#define AIRNET_WIRE_H

#include "wire_path.h"

static inline void seen_frames(struct world *w);

/* Write the headers of one frame whose transport part has `count` bytes. */
static inline void wire_begin(struct world *w, const struct wire_path *p, an_u8 *out,
			      an_u32 count)
{
	const struct host_row *host = world_host(w, p->host);
	struct host_state *state = &w->lines.hosts[p->host];
	an_u8 *ip = out + p->ip_at;
	an_u16 sum;

	memcpy(out, p->bytes, sizeof(p->bytes));
	if (p->is_v6) {
		wire_put16(ip + 4, count);
		return;
	}
	wire_put16(ip + 2, 20 + count);
	if (host->identify == HOST_COUNTS)
		wire_put16(ip + 4, state->identification++);
	else if (host->identify == HOST_SCATTERS)
		wire_put16(ip + 4, chance_below(&state->chance, 65536));
	sum = wire_fold(wire_sum(ip, 20, 0));
	memcpy(ip + 10, &sum, 2);
}

/* Sum the transport part, pad, and hand the frame over. `sum_at` is the place of the
 * checksum in it, zero so far. */
static inline void wire_end(struct world *w, const struct wire_path *p, an_u8 *out,
			    an_u32 count, an_u32 sum_at)
{
	an_u32 bytes = p->at + count;
	an_u64 start = p->pseudo + ((count & 255) << 8 | count >> 8);
	an_u16 sum;

	if (p->protocol == WIRE_ICMP)
		start = 0; /* no pseudo header (RFC 792) */
	sum = wire_fold(wire_sum(out + p->at, count, start));
	if (!sum && p->protocol == WIRE_UDP)
		sum = 0xffff; /* zero would mean none (RFC 768) */
	memcpy(out + p->at + sum_at, &sum, 2);
	if (bytes < WIRE_FRAME_MIN && p->is_padded) {
		memset(out + bytes, 0, WIRE_FRAME_MIN - bytes);
		bytes = WIRE_FRAME_MIN;
	}
	sensor_seen(w, bytes, p->direction);
	if (w->mode == WORLD_ROWS)
		seen_frames(w);
}

/* The options of a SYN as Linux orders them; their bytes. */
static inline an_u32 wire_syn_options(const struct host_row *h,
				      const struct wire_path *p, an_u32 stamp,
				      an_u32 echo, an_u8 *out)
{
	an_u32 at = 4;

	out[0] = 2;
	out[1] = 4;
	wire_put16(out + 2, h->mss_bytes);
	if (p->has_sack || p->has_stamps) {
		out[at] = p->has_sack ? 4 : 1;
		out[at + 1] = p->has_sack ? 2 : 1;
		at += 2;
	}
	if (p->has_stamps) {
		out[at] = 8;
		out[at + 1] = 10;
		wire_put32(out + at + 2, stamp);
		wire_put32(out + at + 6, echo);
		at += 10;
	} else if (p->has_sack) {
		memset(out + at, 1, 2);
		at += 2;
	}
	memcpy(out + at, "\x01\x03\x03", 3);
	out[at + 3] = h->window_shift;
	return at + 4;
}

/* The options of any segment; their bytes. */
static inline an_u32 wire_options(const struct wire_path *p, const struct host_row *h,
				  const struct wire_segment *s, an_s64 now_ns,
				  an_u8 *out)
{
	an_u32 stamp = h->stamp_start + (an_u32)((an_u64)now_ns / 1000000);

	if (s->flags & AIRNET_TCP_SYN)
		return wire_syn_options(h, p, stamp, s->echo, out);
	if (!p->has_stamps)
		return 0;
	memcpy(out, "\x01\x01\x08\x0a", 4);
	wire_put32(out + 4, stamp);
	wire_put32(out + 8, s->echo);
	return 12;
}

/* One TCP segment of a path. */
static inline void wire_put_tcp(struct world *w, const struct wire_path *p,
				const struct wire_segment *s, an_s64 now_ns)
{
	const struct host_row *host = world_host(w, p->host);
	an_u8 options[40], *out, *tcp;
	an_u32 count = wire_options(p, host, s, now_ns, options), window = p->window;

	if (w->mode == WORLD_BLIND)
		return;
	out = sensor_room(w, SENSOR_FRAME_BYTES);
	wire_begin(w, p, out, 20 + count + s->payload_bytes);
	tcp = out + p->at;
	wire_put32(tcp + 4, s->sequence);
	wire_put32(tcp + 8, s->acknowledged);
	tcp[12] = (an_u8)((20 + count) << 2);
	tcp[13] = s->flags;
	if (s->flags & AIRNET_TCP_SYN)
		window = host->window_bytes < 65535 ? host->window_bytes : 65535;
	wire_put16(tcp + 14, window);
	memset(tcp + 16, 0, 4);
	memcpy(tcp + 20, options, count);
	if (s->payload_bytes)
		memcpy(tcp + 20 + count, s->payload, s->payload_bytes);
	wire_end(w, p, out, 20 + count + s->payload_bytes, 16);
}

/* One datagram of a path. */
static inline void wire_put_udp(struct world *w, const struct wire_path *p,
				const an_u8 *payload, an_u32 count)
{
	an_u8 *out, *at;

	if (w->mode == WORLD_BLIND)
		return;
	out = sensor_room(w, SENSOR_FRAME_BYTES);
	wire_begin(w, p, out, 8 + count);
	at = out + p->at;
	wire_put16(at + 4, 8 + count);
	wire_put16(at + 6, 0);
	memcpy(at + 8, payload, count);
	wire_end(w, p, out, 8 + count, 6);
}

/* One ICMP message: type and code stand for the ports. */
static inline void wire_put_icmp(struct world *w, const struct wire_path *p,
				 const struct wire_datagram *d)
{
	an_u8 *out, *at;

	if (w->mode == WORLD_BLIND)
		return;
	out = sensor_room(w, SENSOR_FRAME_BYTES);
	wire_begin(w, p, out, 4 + d->payload_bytes);
	at = out + p->at;
	at[0] = (an_u8)d->ends.source_port;
	at[1] = (an_u8)d->ends.target_port;
	wire_put16(at + 2, 0);
	memcpy(at + 4, d->payload, d->payload_bytes);
	wire_end(w, p, out, 4 + (an_u32)d->payload_bytes, 2);
}

static inline void wire_tcp(struct world *w, const struct wire_segment *s,
			    an_s64 now_ns)
{
	struct wire_path p;

	wire_path(w, &s->ends, WIRE_TCP, &p);
	p.direction = s->direction;
	wire_put_tcp(w, &p, s, now_ns);
}

static inline void wire_udp(struct world *w, const struct wire_datagram *d,
			    an_s64 now_ns)
{
	struct wire_path p;

	wire_path(w, &d->ends, d->protocol, &p);
	p.direction = d->direction;
	if (d->protocol == WIRE_UDP)
		wire_put_udp(w, &p, d->payload, d->payload_bytes);
	else
		wire_put_icmp(w, &p, d);
}

#endif
