/* SPDX-License-Identifier: Apache-2.0 */
/* What tells one sender's software from another's: the layout of an order, and the
 * version that a Logon names. */
#ifndef AIRNET_FIXHABIT_H
#define AIRNET_FIXHABIT_H

#include "fixlayout.h"

#define FIX_VERSION_FIELD "\0011604=" /* ApplicationSystemVersion, FIX Latest */
#define FIX_VERSION_FIELD_BYTES 6

/* The key of the version that a Logon names; 0 = none. `left` begins with an <SOH>. */
static inline an_u64 fix_version_key(struct cursor left)
{
	struct cursor value;

	for (; left.at != left.end; left.at++) {
		left.at = memchr(left.at, FIX_SOH, cursor_left(&left));
		if (!left.at)
			return 0;
		if (!cursor_agrees(&left, FIX_VERSION_FIELD, FIX_VERSION_FIELD_BYTES) ||
		    cursor_left(&left) <= FIX_VERSION_FIELD_BYTES)
			continue;
		value.at = left.at + FIX_VERSION_FIELD_BYTES;
		value.end = memchr(value.at, FIX_SOH, (size_t)(left.end - value.at));
		if (value.end && value.end != value.at)
			return fix_key(value);
	}
	return 0;
}

#endif
