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
static inline int fix_new_day(struct fix_day *day, an_u64 date)
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

/* YYYYMMDD-HH:MM:SS[.fraction], 60 being a leap second. */
static inline int fix_time(struct fix_day *day, struct cursor value, an_u64 *out)
{
	size_t n = cursor_left(&value);
	an_u64 date, clock, wrong, hour, minute, second, fraction = 0;

	if (n < FIX_TIME_BYTES || value.at[8] != '-')
		return -1;
	date = fix_word(value.at);
	if (date != day->date && fix_new_day(day, date))
		return -1;
	/* HH:MM:SS without "00:00:00": a byte is a digit where 0x76 more stays below
	 * 0x80, and a colon where 0x7f more does. */
	clock = fix_word(value.at + FIX_DATE_BYTES) ^ 0x30303a30303a3030ULL;
	wrong = ((clock + 0x76767f76767f7676ULL) | clock) & FIX_HIGH;
	clock = clock * 10 + (clock >> 8);
	hour = clock & 0xff;
	minute = clock >> 24 & 0xff;
	second = clock >> 48 & 0xff;
	if (wrong | (hour > 23) | (minute > 59) | (second > 60))
		return -1;
	value.at += FIX_TIME_BYTES;
	if (value.at != value.end) {
		if (*value.at++ != '.' || fix_fraction(value, &fraction))
			return -1;
	}
	*out = day->start_ns + (hour * 3600 + minute * 60 + second) * 1000000000 +
	       fraction;
	return 0;
}

#endif
