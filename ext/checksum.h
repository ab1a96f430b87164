/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The Internet checksum, eight bytes a step (RFC 1071, sections 2(A) to 2(C)): the sum
 * of 16-bit words is that of wider ones, folded, in whatever order their bytes lie.
 */
#ifndef AIRNET_CHECKSUM_H
#define AIRNET_CHECKSUM_H

#include "cursor.h"

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

static inline an_u64 checksum_word(const an_u8 *at)
{
	an_u64 word;

	memcpy(&word, at, 8);
	return word;
}

/* The sum with its carry, which is worth one (RFC 1071 section 2(B)). */
static inline an_u64 checksum_add(an_u64 sum, an_u64 word)
{
	sum += word;
	return sum + (sum < word);
}

/* 64 bytes: one addition a word where there is one that takes the carry along. */
static inline an_u64 checksum_block(an_u64 sum, const an_u8 *at)
{
#if defined(__x86_64__)
	unsigned long long out = sum;
	unsigned char carry = 0;

	carry = _addcarry_u64(carry, out, checksum_word(at), &out);
	carry = _addcarry_u64(carry, out, checksum_word(at + 8), &out);
	carry = _addcarry_u64(carry, out, checksum_word(at + 16), &out);
	carry = _addcarry_u64(carry, out, checksum_word(at + 24), &out);
	carry = _addcarry_u64(carry, out, checksum_word(at + 32), &out);
	carry = _addcarry_u64(carry, out, checksum_word(at + 40), &out);
	carry = _addcarry_u64(carry, out, checksum_word(at + 48), &out);
	carry = _addcarry_u64(carry, out, checksum_word(at + 56), &out);
	_addcarry_u64(carry, out, 0, &out);
	return out;
#else
	for (int i = 0; i < 64; i += 8)
		sum = checksum_add(sum, checksum_word(at + i));
	return sum;
#endif
}

static inline an_u64 checksum_half(an_u64 sum, const an_u8 *at)
{
#if defined(__x86_64__)
	unsigned long long out = sum;
	unsigned char carry = 0;

	carry = _addcarry_u64(carry, out, checksum_word(at), &out);
	carry = _addcarry_u64(carry, out, checksum_word(at + 8), &out);
	carry = _addcarry_u64(carry, out, checksum_word(at + 16), &out);
	carry = _addcarry_u64(carry, out, checksum_word(at + 24), &out);
	_addcarry_u64(carry, out, 0, &out);
	return out;
#else
	for (int i = 0; i < 32; i += 8)
		sum = checksum_add(sum, checksum_word(at + i));
	return sum;
#endif
}

/* The sum of n >= 8 bytes onto `sum`. */
static inline an_u64 checksum_bytes(an_u64 sum, const an_u8 *at, size_t n)
{
	for (; n >= 64; n -= 64, at += 64)
		sum = checksum_block(sum, at);
	if (n >= 32) {
		sum = checksum_half(sum, at);
		n -= 32;
		at += 32;
	}
	for (; n >= 8; n -= 8, at += 8)
		sum = checksum_add(sum, checksum_word(at));
	/* The last few, as if zeros followed: with those in front, shifted out. */
	if (n)
		sum = checksum_add(sum, htole64(le64toh(checksum_word(at + n - 8)) >>
						(64 - 8 * n)));
	return sum;
}

/* Whether a sum that has the checksum in it is right: 0xffff, once folded. */
static inline int checksum_is_right(an_u64 sum)
{
	return sum % 0xffff == 0;
}

#endif
