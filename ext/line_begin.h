/* SPDX-License-Identifier: Apache-2.0 */
/* How the lines are built from their rows. */
#ifndef AIRNET_LINE_BEGIN_H
#define AIRNET_LINE_BEGIN_H

#include "line_trouble.h"

/* The normal distribution's quantile, relative error below 1.2e-9 (P. J. Acklam's
 * rational approximation, 2003). */
static inline double line_quantile(double p)
{
	static const double a[] = {-3.969683028665376e+01, 2.209460984245205e+02,
				   -2.759285104469687e+02, 1.383577518672690e+02,
				   -3.066479806614716e+01, 2.506628277459239e+00};
	static const double b[] = {-5.447609879822406e+01, 1.615858368580409e+02,
				   -1.556989798598866e+02, 6.680131188771972e+01,
				   -1.328068155288572e+01};
	static const double c[] = {-7.784894002430293e-03, -3.223964580411365e-01,
				   -2.400758277161838e+00, -2.549732539343734e+00,
				   4.374664141464968e+00,  2.938163982698783e+00};
	static const double d[] = {7.784695709041462e-03, 3.224671290700398e-01,
				   2.445134137142996e+00, 3.754408661907416e+00};
	double q = p - 0.5, r = q * q;

	if (p > 0.97575)
		return -line_quantile(1 - p);
	if (p >= 0.02425)
		return (((((a[0] * r + a[1]) * r + a[2]) * r + a[3]) * r + a[4]) * r +
			a[5]) *
		       q /
		       (((((b[0] * r + b[1]) * r + b[2]) * r + b[3]) * r + b[4]) * r +
			1);
	q = sqrt(-2 * world_log(p));
	return (((((c[0] * q + c[1]) * q + c[2]) * q + c[3]) * q + c[4]) * q + c[5]) /
	       ((((d[0] * q + d[1]) * q + d[2]) * q + d[3]) * q + 1);
}

static inline void line_latencies(struct line_side *s, double median_ns, double sigma)
{
	for (int i = 0; i <= LINE_QUANTILES; i++) {
		double p = (double)i / LINE_QUANTILES;

		p = p < 0.002 ? 0.002 : p > 0.998 ? 0.998 : p;
		p = median_ns * world_exp(sigma * line_quantile(p));
		s->latency_ns[i] = p > 4e9 ? 4000000000u : (an_u32)p;
	}
}

static inline an_u8 line_comp(const an_u8 *comp)
{
	an_u8 count = 0;

	while (count < LINE_COMP_BYTES && comp[count])
		count++;
	return count;
}

/* A header field of constant text. */
static inline an_u8 *line_field(an_u8 *at, int tag, const an_u8 *text, an_u32 count)
{
	at = text_number(at, (an_u64)tag);
	*at++ = '=';
	memcpy(at, text, count);
	at[count] = 1;
	return at + count + 1;
}

/* How a side writes headers. */
static inline void line_header(struct wire_voice *v, const struct dialect_row *d,
			       const an_u8 *sender, const an_u8 *target, int side)
{
	static const an_u8 *const desks[2] = {(const an_u8 *)"DESK1",
					      (const an_u8 *)"G1"};
	an_u8 *at = v->chunk[0];
	int part = 0;

	memcpy(at, "35=?\001", 5);
	at += 5;
	for (int i = 0; i < 6; i++) {
		int tag = d->header[i];

		if (tag == 49)
			at = line_field(at, tag, sender, line_comp(sender));
		else if (tag == 56)
			at = line_field(at, tag, target, line_comp(target));
		else if (tag == 50 || tag == 57)
			at = line_field(at, tag, desks[side ^ (tag == 57)],
					side ^ (tag == 57) ? 2 : 5);
		if ((tag != 34 && tag != 52) || part == 2)
			continue;
		if (!part)
			v->time_first = tag == 52;
		if (part)
			*v->chunk[part] = 1;
		at = text_number(at, (an_u64)tag);
		*at++ = '=';
		v->chunk_bytes[part] = (an_u8)(at - v->chunk[part]);
		at = v->chunk[++part];
		*at++ = 1;
	}
	v->chunk_bytes[part] = (an_u8)(at - v->chunk[part]);
}

static inline void line_voice(struct world *w, an_u32 line, int side)
{
	const struct line_row *row = world_line(w, line);
	const struct dialect_row *d =
		(const struct dialect_row *)w->rows[ROWS_DIALECT].at + row->dialect;
	struct wire_voice *v = &w->lines.line[line].sides[side].voice;
	const char *begin = d->version == DIALECT_42   ? "8=FIX.4.2\0019="
			    : d->version == DIALECT_44 ? "8=FIX.4.4\0019="
						       : "8=FIXT.1.1\0019=";

	v->begin_bytes = (an_u8)strlen(begin);
	memcpy(v->begin, begin, v->begin_bytes);
	line_header(v, d, side ? row->gateway_comp : row->client_comp,
		    side ? row->client_comp : row->gateway_comp, side);
	v->firm_bytes = line_comp(row->client_comp);
	memcpy(v->firm, row->client_comp, LINE_COMP_BYTES);
	v->digits = d->time_digits;
	v->price = d->price;
	v->id = d->id;
	v->plans = w->lines.plans + (size_t)row->dialect * WIRE_TYPE_COUNT;
	v->names = (const an_u8(*)[WIRE_NAME_BYTES])w->lines.names;
}

/* Every symbol's name: three letters, another one for each of the first 26^3. */
static inline void line_names(struct world *w, an_u32 count)
{
	an_u32 first = (an_u32)(chance_mix(w->seed) % 17576);
	an_u8 room[48] = {0};

	for (an_u32 i = 0; i < count; i++) {
		an_u32 number = (i * 7919 + first) % 17576;

		w->lines.names[i][0] = (an_u8)('A' + number / 676);
		w->lines.names[i][1] = (an_u8)('A' + number / 26 % 26);
		w->lines.names[i][2] = (an_u8)('A' + number % 26);
		w->lines.names[i][WIRE_NAME_BYTES - 1] = 3;
		memcpy(room + 16, w->lines.names[i], 3);
		w->lines.name_keys[i] = fix_key(cursor_over(room + 16, 3));
	}
}

/* A time of a row's, or the world's first: nothing happens before it. */
static inline an_s64 line_from(const struct world *w, an_s64 time_ns)
{
	return time_ns > w->start_ns ? time_ns : w->start_ns;
}

static inline void line_make(struct world *w, an_u32 number)
{
	struct line *l = &w->lines.line[number];
	const struct line_row *row = world_line(w, number);

	l->chance = chance_of(w->seed, WORLD_LINE, number);
	l->session = AIRNET_NONE;
	l->loss = row->loss;
	l->logon_factor = 1;
	l->gateway = row->gateway;
	l->gateway_port = row->gateway_port;
	l->is_wanted = 1;
	for (int side = 0; side < 2; side++) {
		struct line_side *s = &l->sides[side];
		size_t index = 2 * (size_t)number + (size_t)side;

		s->notes = w->lines.notes + index * LINE_NOTES;
		s->held = w->lines.held + index * LINE_HELD_BYTES;
		s->number = side ? row->number_down : row->number_up;
		s->expected = side ? row->number_up : row->number_down;
		line_voice(w, number, side);
	}
	line_latencies(&l->sides[0], row->up_ns, row->up_sigma);
	line_latencies(&l->sides[1], row->down_ns, row->down_sigma);
	line_later(w, number, LINE_EVENT_CONNECT, 0, line_from(w, row->open_ns));
	if (row->ending != LINE_STAYS && row->close_ns < WORLD_NEVER_NS)
		agenda_add(&w->agenda, line_from(w, row->close_ns),
			   WORLD_LINE | LINE_EVENT_CLOSE, number, 0);
}

static inline const char *line_wrong(const struct world *w)
{
	const struct trouble_row *t = w->rows[ROWS_TROUBLE].at;

	for (an_u32 i = 0; i < w->rows[ROWS_LINE].count; i++) {
		const struct line_row *row = world_line(w, i);

		if (row->client >= w->rows[ROWS_HOST].count ||
		    row->gateway >= w->rows[ROWS_HOST].count)
			return "a line's host is no row of HOST";
		if (row->dialect >= w->rows[ROWS_DIALECT].count)
			return "a line's dialect is no row of DIALECT";
	}
	for (an_u32 i = 0; i < w->rows[ROWS_TROUBLE].count; i++) {
		if ((an_u64)t[i].line + t[i].lines > w->rows[ROWS_LINE].count)
			return "a trouble's lines are no rows of LINE";
		if (t[i].kind == TROUBLE_MOVE &&
		    t[i].amount >= w->rows[ROWS_HOST].count)
			return "a trouble's host is no row of HOST";
	}
	for (an_u32 i = 0; i < w->rows[ROWS_HOST].count; i++)
		if (intake_wrong(world_host(w, i)))
			return intake_wrong(world_host(w, i));
	return NULL;
}

static inline void line_troubles(struct world *w)
{
	for (an_u32 i = 0; i < w->rows[ROWS_TROUBLE].count; i++) {
		const struct trouble_row *t = line_trouble(w, i);

		agenda_add(&w->agenda, line_from(w, t->onset_ns),
			   WORLD_LINE | LINE_EVENT_TROUBLE, i, 0);
		agenda_add(&w->agenda, line_from(w, t->offset_ns),
			   WORLD_LINE | LINE_EVENT_TROUBLE_END, i, 0);
	}
}

/* Lines that a strike speaks for: the decoder has to see every byte of theirs. */
static inline void line_mark_forged(struct world *w)
{
	const struct strike_row *r = w->rows[ROWS_STRIKE].at;

	for (an_u32 i = 0; i < w->rows[ROWS_STRIKE].count; i++)
		if ((r[i].kind == STRIKE_INJECT || r[i].kind == STRIKE_REPLAY) &&
		    r[i].line < w->lines.count)
			w->lines.line[r[i].line].is_forged = 1;
}

static inline int line_take(struct world *w)
{
	struct lines *l = &w->lines;
	size_t lines = l->count, dialects = w->rows[ROWS_DIALECT].count;
	size_t symbols = w->rows[ROWS_SYMBOL].count;

	symbols = symbols ? symbols : 1;
	l->line = calloc(lines + 1, sizeof(*l->line));
	l->hosts = calloc((size_t)l->host_count + 1, sizeof(*l->hosts));
	l->plans = calloc(dialects * WIRE_TYPE_COUNT + 1, sizeof(*l->plans));
	l->notes = zeros_take(lines * 2 * LINE_NOTES + 1, sizeof(*l->notes));
	l->held = zeros_take(lines * 2 + 1, LINE_HELD_BYTES);
	l->names = calloc(symbols, sizeof(*l->names));
	l->name_keys = calloc(symbols, sizeof(*l->name_keys));
	l->truth = calloc(lines + 1, sizeof(*l->truth));
	return l->line && l->hosts && l->plans && l->notes && l->held && l->names &&
			       l->name_keys && l->truth
		       ? 0
		       : -1;
}

#endif
