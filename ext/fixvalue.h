/* SPDX-License-Identifier: Apache-2.0 */
/*
 * FIX values as integers: each reader takes the whole value or returns -1 and leaves
 * *out alone. Types: FIX 4.4 Volume 1, "Data types".
 */
#ifndef AIRNET_FIXVALUE_H
#define AIRNET_FIXVALUE_H

#include "cursor.h"

#define FIX_SCALE 100000000 /* prices and quantities are value * 1e8 */
#define FIX_SCALE_DIGITS 8
#define FIX_DIGITS_MAX 18 /* of a sequence number or length: fits 64 bits */
#define FIX_S64_MAX 0x7fffffffffffffffLL

static inline int fix_digit(an_u8 byte)
{
	return byte >= '0' && byte <= '9';
}

/* int, SeqNum, Length: digits only; leading zeros are allowed. */
static inline int fix_unsigned(struct cursor value, an_u64 *out)
{
	an_u64 number = 0;

	if (value.at == value.end || cursor_left(&value) > FIX_DIGITS_MAX)
		return -1;
	for (; value.at != value.end; value.at++) {
		if (!fix_digit(*value.at))
			return -1;
		number = number * 10 + (an_u64)(*value.at - '0');
	}
	*out = number;
	return 0;
}

/* float, Price, Qty: [-]digits[.digits]; no sign +, no exponent. More than eight
 * decimals are cut, values beyond 64 bits saturate. */
static inline int fix_decimal(struct cursor value, an_s64 *out)
{
	int is_negative = value.at != value.end && *value.at == '-';
	int decimals = -1, digits = 0, is_saturated = 0;
	an_s64 number = 0;

	for (value.at += is_negative; value.at != value.end; value.at++) {
		if (*value.at == '.' && decimals < 0) {
			decimals = 0;
			continue;
		}
		if (!fix_digit(*value.at))
			return -1;
		digits = 1;
		if (decimals == FIX_SCALE_DIGITS)
			continue;
		decimals += decimals >= 0;
		is_saturated |= __builtin_mul_overflow(number, 10, &number);
		is_saturated |=
			__builtin_add_overflow(number, *value.at - '0', &number);
	}
	if (!digits)
		return -1;
	for (decimals = decimals < 0 ? 0 : decimals; decimals < FIX_SCALE_DIGITS;
	     decimals++)
		is_saturated |= __builtin_mul_overflow(number, 10, &number);
	number = is_saturated ? FIX_S64_MAX : number;
	*out = is_negative ? -number : number;
	return 0;
}

static inline int fix_two(const an_u8 *at, int *out)
{
	if (!fix_digit(at[0]) || !fix_digit(at[1]))
		return -1;
	*out = (at[0] - '0') * 10 + at[1] - '0';
	return 0;
}

/* Days from 1970-01-01 in the proleptic Gregorian calendar; the year begins in March
 * so that the leap day is its last. -1 for a date that is none. */
static inline an_s64 fix_days(int year, int month, int day)
{
	static const an_u8 lengths[12] = {31, 28, 31, 30, 31, 30,
					  31, 31, 30, 31, 30, 31};
	int is_leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
	an_s64 y = year - (month <= 2), m = month > 2 ? month - 3 : month + 9;

	if (year < 1970 || year > 2299 || month < 1 || month > 12 || day < 1)
		return -1;
	if (day > lengths[month - 1] + (month == 2 && is_leap))
		return -1;
	return y * 365 + y / 4 - y / 100 + y / 400 + (m * 153 + 2) / 5 + day - 1 -
	       719468;
}

/* Digits after the seconds: 1 to 12, cut to nanoseconds. */
static inline int fix_fraction(struct cursor value, an_u64 *out)
{
	an_u64 nanoseconds = 0;
	size_t n = cursor_left(&value), i;

	if (n < 1 || n > 12)
		return -1;
	for (i = 0; i < n; i++) {
		if (!fix_digit(value.at[i]))
			return -1;
		if (i < 9)
			nanoseconds = nanoseconds * 10 + (an_u64)(value.at[i] - '0');
	}
	for (; i < 9; i++)
		nanoseconds *= 10;
	*out = nanoseconds;
	return 0;
}

/* UTCTimestamp: YYYYMMDD-HH:MM:SS[.fraction], 60 being a leap second, as ns since the
 * epoch. */
static inline int fix_time(struct cursor value, an_u64 *out)
{
	const an_u8 *at = value.at;
	int century, year, month, day, hour, minute, second;
	an_u64 fraction = 0;
	an_s64 days;

	if (cursor_left(&value) < 17 || at[8] != '-' || at[11] != ':' || at[14] != ':')
		return -1;
	if (fix_two(at, &century) || fix_two(at + 2, &year) ||
	    fix_two(at + 4, &month) || fix_two(at + 6, &day) ||
	    fix_two(at + 9, &hour) || fix_two(at + 12, &minute) ||
	    fix_two(at + 15, &second))
		return -1;
	days = fix_days(century * 100 + year, month, day);
	if (days < 0 || hour > 23 || minute > 59 || second > 60)
		return -1;
	value.at += 17;
	if (value.at != value.end) {
		if (*value.at++ != '.' || fix_fraction(value, &fraction))
			return -1;
	}
	*out = (an_u64)(days * 86400 + hour * 3600 + minute * 60 + second) *
		       1000000000 +
	       fraction;
	return 0;
}

/*
 * The 64-bit key of an identifier; never 0, which means absent. Bytes are taken as
 * little-endian words, the last one padded with zeros; the length is in the start
 * value. The multiplier is the first constant of MurmurHash3's 64-bit finalizer; the
 * start value's is 2**64 / golden ratio. Each step is a bijection of the state.
 */
static inline an_u64 fix_key(struct cursor value)
{
	an_u64 key = 0x9e3779b97f4a7c15ULL * (cursor_left(&value) + 1), word;

	while (cursor_left(&value) >= 8) {
		memcpy(&word, value.at, 8);
		value.at += 8;
		key = (key ^ word) * 0xff51afd7ed558ccdULL;
		key ^= key >> 32;
	}
	if (cursor_left(&value)) {
		word = 0;
		memcpy(&word, value.at, cursor_left(&value));
		key = (key ^ word) * 0xff51afd7ed558ccdULL;
		key ^= key >> 32;
	}
	return key ? key : 1;
}

#endif
