/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What a DNS message is about: the first name in its question section, for who looks
 * for data that leaves in names. Source: RFC 1035 section 4.1; names are compared
 * without regard to case (section 2.3.3), and a question's name is not compressed.
 */
#ifndef AIRNET_QUESTION_H
#define AIRNET_QUESTION_H

#include "packet.h"

#define DNS_PORT 53
#define DNS_BYTES 12 /* of the header */
#define DNS_NAME_MAX 255 /* RFC 1035 section 2.3.4 */
#define DNS_LABEL_MAX 63
#define FNV_START 2166136261u /* FNV-1a of 32 bits, draft-eastlake-fnv */
#define FNV_PRIME 16777619u

static inline an_u8 question_letter(an_u8 byte)
{
	return byte >= 'A' && byte <= 'Z' ? (an_u8)(byte | 0x20) : byte;
}

static inline an_u32 question_key(const an_u8 *at, an_u32 count)
{
	an_u32 key = FNV_START;

	for (an_u32 i = 0; i < count; i++)
		key = (key ^ question_letter(at[i])) * FNV_PRIME;
	return key ? key : 1;
}

/* Where a byte of a name is counted: letters and digits have a bit each. */
static inline an_u64 question_bit(an_u8 byte)
{
	byte = question_letter(byte);
	if (byte >= 'a' && byte <= 'z')
		return 1ull << (byte - 'a');
	if (byte >= '0' && byte <= '9')
		return 1ull << (26 + byte - '0');
	return 1ull << (36 + byte % 28);
}

/* Read the name at `left`; leaves the header alone when it is cut or no name. */
static inline void question_name(struct cursor left, struct airnet_header *header)
{
	const an_u8 *name = left.at;
	an_u32 used = 0, last = 0, domain = 0, labels = 0;
	an_u64 letters = 0;
	an_u8 count = 0;

	for (;;) {
		if (cursor_u8(&left, &count) || count > DNS_LABEL_MAX)
			return;
		if (!count)
			break;
		domain = last;
		last = used;
		used += count + 1u;
		labels++;
		if (used >= DNS_NAME_MAX || cursor_skip(&left, count))
			return;
	}
	if (!labels)
		return;
	domain = labels > 2 ? domain : 0;
	for (an_u32 at = 0; at < domain; at += name[at] + 1u)
		for (an_u32 i = 1; i <= name[at]; i++)
			letters |= question_bit(name[at + i]);
	header->name_key = question_key(name, used);
	header->domain_key = question_key(name + domain, used - domain);
	header->name_bytes = (an_u8)domain;
	header->name_letters = (an_u8)__builtin_popcountll(letters);
}

/* What a datagram from or to the port of DNS says, `left` being its payload. */
static __attribute__((noinline, unused)) void
question_read(struct cursor left, struct airnet_header *header)
{
	const an_u8 *at = cursor_peek(&left, DNS_BYTES);

	if (!at)
		return;
	header->code = (at[2] & 0x80) | (at[3] & 0x0f);
	cursor_skip(&left, DNS_BYTES);
	if (load_u16(at + 4))
		question_name(left, header);
}

#endif
