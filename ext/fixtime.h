/* SPDX-License-Identifier: Apache-2.0 */
/*
 * UTCTimestamp (FIX 4.4 Volume 1, "Data types") as nanoseconds since the epoch. The
 * day is remembered: timestamps of a capture have few.
 */
#ifndef AIRNET_FIXTIME_H
#define AIRNET_FIXTIME_H

#include "fixvalue.h"

#define FIX_DATE_BYTES 9 /* "20261121-" */
#define FIX_TIME_BYTES 17 /* "20261121-09:30:00" */
#define FIX_DAY_NS 86400000000000ULL

struct fix_day {
	an_u64 date; /* its eight digits as read, 0 = none */
	an_u64 start_ns;
};

static const an_u64 fix_nanoseconds[10] = {
	1000000000, 100000000, 10000000, 1000000, 100000, 10000, 1000, 100, 10, 1,
};

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

/* Make `day` the one that `date` names; -1 when it names none. */
FIX_APART int fix_new_day(struct fix_day *day, an_u64 date)
{
	an_u64 digits = date ^ FIX_EACH('0');
	int number;
	an_s64 days;

	if (fix_not_digits(digits))
		return -1;
	number = (int)fix_number(digits);
	days = fix_days(number / 10000, number / 100 % 100, number % 100);
	if (days < 0)
		return -1;
	day->date = date;
	day->start_ns = (an_u64)days * FIX_DAY_NS;
	return 0;
}

/* Digits after the seconds, 1 to 12, cut to nanoseconds. */
static inline int fix_fraction(struct cursor value, an_u64 *out)
{
	size_t n = cursor_left(&value);
	an_u64 digits, rest = 0;

	if (n - 1 >= 12)
		return -1;
	if (n <= 8) {
		digits = fix_digits(value.end, n);
		if (fix_not_digits(digits))
			return -1;
		*out = fix_number(digits) * fix_nanoseconds[n];
		return 0;
	}
	digits = fix_word(value.at) ^ FIX_EACH('0');
	rest = fix_digits(value.end, n - 8);
	if (fix_not_digits(digits) | fix_not_digits(rest))
		return -1;
	*out = fix_number(digits) * 10 + value.at[8] - '0';
	return 0;
}

/* Seconds of "HH:MM:SS", -1 when it is none; 60 is a leap second. */
static inline an_s64 fix_clock(an_u64 word)
{
	/* Without "00:00:00" a byte is a digit where 0x76 more stays below 0x80, and a
	 * colon where 0x7f more does. */
	an_u64 clock = word ^ 0x30303a30303a3030ULL;
	an_u64 wrong = (clock + 0x76767f76767f7676ULL) | clock;

	clock = (clock * 10 + (clock >> 8)) & 0x00ff0000ff0000ffULL;
	/* Hours stay below 0x80 with 104 more, minutes with 68, seconds with 67. */
	wrong |= clock + 0x0043000044000068ULL;
	if (wrong & FIX_HIGH)
		return -1;
	return (an_s64)(((clock & 0xff) * 60 + (clock >> 24 & 0xff)) * 60 +
			(clock >> 48));
}

/* Three digits behind a dot, -1 when they are none. */
static inline an_s64 fix_milliseconds(const an_u8 *at)
{
	an_u32 word;

	memcpy(&word, at, 4);
	word ^= 0x3030302e; /* ".000" */
	if (((word + 0x7676767f) | word) & 0x80808080)
		return -1;
	return at[1] * 100 + at[2] * 10 + at[3] - '0' * 111;
}

/* What lies behind the seconds of a timestamp, in nanoseconds. */
FIX_APART int fix_behind_seconds(struct cursor value, an_u64 *out)
{
	*out = 0;
	if (value.at == value.end)
		return 0;
	return *value.at++ != '.' || fix_fraction(value, out) ? -1 : 0;
}

/* YYYYMMDD-HH:MM:SS[.fraction]. */
FIX_INLINE int fix_time(struct fix_day *day, struct cursor value, an_u64 *out)
{
	size_t n = cursor_left(&value);
	an_u64 date, fraction;
	an_s64 seconds, milliseconds;

	if (n < FIX_TIME_BYTES || value.at[8] != '-')
		return -1;
	date = fix_word(value.at);
	if (date != day->date && fix_new_day(day, date))
		return -1;
	seconds = fix_clock(fix_word(value.at + FIX_DATE_BYTES));
	if (seconds < 0)
		return -1;
	value.at += FIX_TIME_BYTES;
	if (n == FIX_TIME_BYTES + 4) {
		milliseconds = fix_milliseconds(value.at);
		fraction = (an_u64)milliseconds * 1000000;
		if (milliseconds < 0)
			return -1;
	} else if (fix_behind_seconds(value, &fraction)) {
		return -1;
	}
	*out = day->start_ns + (an_u64)seconds * 1000000000 + fraction;
	return 0;
}

#endif
