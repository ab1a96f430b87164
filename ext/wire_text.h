/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Numbers, prices, times and identifiers as FIX writes them. Every function writes at
 * `out` and returns the end; up to 16 bytes behind the end may be overwritten, so that
 * copies have a fixed size.
 */
#ifndef AIRNET_WIRE_TEXT_H
#define AIRNET_WIRE_TEXT_H

#include <string.h>

#include "line_rows.h"

#define TEXT_SECOND_BYTES 17 /* YYYYMMDD-HH:MM:SS */
#define TEXT_SPARE 16

static const char text_pairs[] = "00010203040506070809"
				 "10111213141516171819"
				 "20212223242526272829"
				 "30313233343536373839"
				 "40414243444546474849"
				 "50515253545556575859"
				 "60616263646566676869"
				 "70717273747576777879"
				 "80818283848586878889"
				 "90919293949596979899";

static inline an_u8 *text_copy(an_u8 *out, const an_u8 *from, an_u32 count)
{
	memcpy(out, from, 16);
	if (count > 16)
		memcpy(out + 16, from + 16, count - 16);
	return out + count;
}

/* Exactly `digits` digits, of the lowest. */
static inline an_u8 *text_fixed(an_u8 *out, an_u64 n, int digits)
{
	int at = digits;

	for (; at >= 2; n /= 100) {
		at -= 2;
		memcpy(out + at, &text_pairs[2 * (n % 100)], 2);
	}
	if (at)
		out[0] = (an_u8)('0' + n % 10);
	return out + digits;
}

static inline an_u8 *text_number(an_u8 *out, an_u64 n)
{
	an_u8 room[20 + TEXT_SPARE];
	an_u32 at = 20;

	if (n < 10) {
		*out = (an_u8)('0' + n);
		return out + 1;
	}
	for (; n >= 100; n /= 100) {
		at -= 2;
		memcpy(room + at, &text_pairs[2 * (n % 100)], 2);
	}
	if (n >= 10) {
		at -= 2;
		memcpy(room + at, &text_pairs[2 * n], 2);
	} else {
		room[--at] = (an_u8)('0' + n);
	}
	return text_copy(out, room + at, 20 - at);
}

/* How many digits text_number writes. */
static inline an_u32 text_digits(an_u64 n)
{
	an_u32 count = 1;

	for (; n >= 10000; n /= 10000)
		count += 4;
	return count + (n >= 10) + (n >= 100) + (n >= 1000);
}

static inline an_u8 *text_price(an_u8 *out, an_s64 cents, int style)
{
	an_u64 value = cents < 0 ? (an_u64)-cents : (an_u64)cents;
	an_u32 part = (an_u32)(value % 100);

	if (cents < 0)
		*out++ = '-';
	out = text_number(out, value / 100);
	if (style == DIALECT_SHORT && !part)
		return out;
	*out++ = '.';
	if (style == DIALECT_SHORT && part % 10 == 0)
		return text_fixed(out, part / 10, 1);
	out = text_fixed(out, part, 2);
	if (style == DIALECT_FIXED4) {
		memcpy(out, "00", 2);
		out += 2;
	}
	return out;
}

static inline an_u32 text_price_bytes(an_s64 cents, int style)
{
	an_u64 value = cents < 0 ? (an_u64)-cents : (an_u64)cents;
	an_u32 part = (an_u32)(value % 100);
	an_u32 count = text_digits(value / 100) + (cents < 0);

	if (style != DIALECT_SHORT)
		return count + (style == DIALECT_FIXED4 ? 5 : 3);
	return count + (part ? part % 10 ? 3 : 2 : 0);
}

/* The text of the last two seconds that were asked for. */
struct text_clock {
	an_s64 second[2];
	an_u8 text[2][TEXT_SECOND_BYTES + TEXT_SPARE];
};

/* Year, month and day of a day number (H. Hinnant, "chrono-Compatible Low-Level Date
 * Algorithms", civil_from_days). */
static inline void text_day(an_u8 *out, an_s64 days)
{
	an_s64 z = days + 719468, era = z / 146097;
	an_s64 doe = z - era * 146097;
	an_s64 yoe = (doe - doe / 1460 + doe / 36524 - doe / 146096) / 365;
	an_s64 doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
	an_s64 mp = (5 * doy + 2) / 153;
	an_s64 month = mp < 10 ? mp + 3 : mp - 9;

	text_fixed(out, (an_u64)(yoe + era * 400 + (month <= 2)), 4);
	text_fixed(out + 4, (an_u64)month, 2);
	text_fixed(out + 6, (an_u64)(doy - (153 * mp + 2) / 5 + 1), 2);
}

static inline const an_u8 *text_second(struct text_clock *c, an_s64 second)
{
	int which = (int)(second & 1);
	an_u8 *out = c->text[which];
	an_u64 clock = (an_u64)(second % 86400);

	if (c->second[which] == second && out[0])
		return out;
	c->second[which] = second;
	text_day(out, second / 86400);
	out[8] = '-';
	text_fixed(out + 9, clock / 3600, 2);
	out[11] = ':';
	text_fixed(out + 12, clock / 60 % 60, 2);
	out[14] = ':';
	text_fixed(out + 15, clock % 60, 2);
	return out;
}

static inline an_u8 *text_time(struct text_clock *c, an_u8 *out, an_s64 time_ns,
			       int digits)
{
	an_u64 rest = (an_u64)(time_ns % 1000000000);

	text_copy(out, text_second(c, time_ns / 1000000000), TEXT_SECOND_BYTES);
	out += TEXT_SECOND_BYTES;
	if (!digits)
		return out;
	*out++ = '.';
	rest /= digits == 3 ? 1000000 : digits == 6 ? 1000 : 1;
	return text_fixed(out, rest, digits);
}

static inline an_u32 text_time_bytes(int digits)
{
	return TEXT_SECOND_BYTES + (digits ? 1 + (an_u32)digits : 0);
}

/* `digits` digits in base 36. */
static inline an_u8 *text_base36(an_u8 *out, an_u64 n, int digits)
{
	for (int at = digits - 1; at >= 0; at--, n /= 36)
		out[at] = (an_u8) "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[n % 36];
	return out + digits;
}

static inline an_u8 *text_hex(an_u8 *out, an_u64 n)
{
	for (int at = 15; at >= 0; at--, n >>= 4)
		out[at] = (an_u8) "0123456789abcdef"[n & 15];
	return out + 16;
}

/* Odd multipliers make the scattered styles one-to-one. */
#define TEXT_ODD_36 2654435761u
#define TEXT_ODD_HEX 0x9e3779b97f4a7c15u
#define TEXT_SHORT_36 ((an_u64)1 << 41) /* below 36^8 */

#endif
