/* SPDX-License-Identifier: Apache-2.0 */
/* What attackers' datagrams carry: well-formed, as far as their protocol says. */
#ifndef AIRNET_STRIKE_PAYLOAD_H
#define AIRNET_STRIKE_PAYLOAD_H

#include "strike_state.h"

static inline void strike_put16(an_u8 *at, an_u32 value)
{
	at[0] = (an_u8)(value >> 8);
	at[1] = (an_u8)value;
}

/* Write a number in decimal; where it ends. */
static inline char *strike_digits(char *at, an_u64 number)
{
	char digits[20];
	int count = 0;

	do {
		digits[count++] = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	while (count)
		*at++ = digits[--count];
	*at = 0;
	return at;
}

static inline void strike_fill(struct chance *c, an_u8 *at, an_u32 bytes)
{
	for (an_u32 i = 0; i < bytes; i += 8) {
		an_u64 draw = chance_u64(c);

		memcpy(at + i, &draw, bytes - i < 8 ? bytes - i : 8);
	}
}

/* Letters a to p, sixteen of them a draw. */
static inline void strike_letters(struct chance *c, an_u8 *at, an_u32 count)
{
	an_u64 draw = 0;

	for (an_u32 i = 0; i < count; i++, draw >>= 4) {
		if (i % 16 == 0)
			draw = chance_u64(c);
		at[i] = (an_u8)('a' + (draw & 15));
	}
}

/* A name of labels of at most 63 base-32 letters under a domain; its bytes. */
static inline an_u32 strike_name(struct chance *c, an_u8 *at, an_u32 letters)
{
	static const char set[] = "abcdefghijklmnopqrstuvwxyz234567";
	static const an_u8 domain[] = "\4sync\6update\3net";
	an_u32 used = 0;

	while (letters) {
		an_u32 label = letters < 48 ? letters : 48;

		at[used++] = (an_u8)label;
		for (an_u32 i = 0; i < label; i++)
			at[used++] = (an_u8)set[chance_below(c, 32)];
		letters -= label;
	}
	memcpy(at + used, domain, sizeof(domain));
	return used + (an_u32)sizeof(domain);
}

/* A DNS query for TXT with data in its name (RFC 1035 section 4.1); its bytes. */
static inline an_u32 strike_dns_query(struct chance *c, an_u8 *at, an_u32 letters)
{
	an_u32 used = 12;

	memset(at, 0, 12);
	strike_put16(at, chance_below(c, 65536));
	at[2] = 1; /* recursion desired */
	at[5] = 1; /* one question */
	used += strike_name(c, at + used, letters);
	strike_put16(at + used, 16);
	strike_put16(at + used + 2, 1);
	return used + 4;
}

/* The reply to that query: the question again and `records` TXT records of 200 bytes;
 * its bytes. */
static inline an_u32 strike_dns_reply(struct chance *c, an_u8 *at, an_u32 letters,
				      an_u32 records)
{
	an_u32 used = strike_dns_query(c, at, letters);

	at[2] = 0x81;
	at[3] = 0x80;
	at[7] = (an_u8)records;
	for (an_u32 i = 0; i < records; i++) {
		strike_put16(at + used, 0xc00c); /* the question's name */
		strike_put16(at + used + 2, 16);
		strike_put16(at + used + 4, 1);
		strike_put16(at + used + 6, 0);
		strike_put16(at + used + 8, 300);
		strike_put16(at + used + 10, 201);
		at[used + 12] = 200;
		strike_letters(c, at + used + 13, 200);
		used += 213;
	}
	return used;
}

/* A reply to monlist: mode 7, implementation XNTPD, request 42, six entries of 72
 * bytes (ntp 4.2.7, ntp_request.h). */
static inline an_u32 strike_monlist(struct chance *c, an_u8 *at)
{
	memset(at, 0, 440);
	at[0] = 0xd7;
	at[1] = (an_u8)chance_below(c, 128);
	at[2] = 3;
	at[3] = 42;
	strike_put16(at + 4, 6);
	strike_put16(at + 6, 72);
	for (an_u32 i = 0; i < 6; i++)
		strike_fill(c, at + 8 + i * 72, 40);
	return 440;
}

/* A reply of memcached over UDP: its frame header (protocol.txt), then a value. */
static inline an_u32 strike_memcached(struct chance *c, an_u8 *at, an_u32 bytes)
{
	static const char head[] = "VALUE a 0 1048576\r\n";

	memset(at, 0, 8);
	strike_put16(at, chance_below(c, 65536));
	strike_put16(at + 2, chance_below(c, 750));
	strike_put16(at + 4, 750);
	memcpy(at + 8, head, sizeof(head) - 1);
	for (an_u32 i = 8 + (an_u32)sizeof(head) - 1; i < bytes; i++)
		at[i] = (an_u8)('a' + i % 26);
	return bytes;
}

/* A record of TLS application data (RFC 8446 section 5.1) with `bytes` in it. */
static inline an_u32 strike_record(struct chance *c, an_u8 *at, an_u32 bytes)
{
	at[0] = 0x17;
	at[1] = 3;
	at[2] = 3;
	strike_put16(at + 3, bytes);
	strike_fill(c, at + 5, bytes);
	return bytes + 5;
}

#endif
