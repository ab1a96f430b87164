/* SPDX-License-Identifier: Apache-2.0 */
/*
 * For C and C++. What every decoder of the race does: messages one behind the other
 * in; for each, the spans of the slots of ext/fixslot.h and whether the checksum is
 * right, or a row and the CompIDs.
 */
#ifndef PEER_H
#define PEER_H

#include <stddef.h>
#include <string.h>

#include "fixslot.h"

/* As struct fix_span. */
struct peer_span {
	an_u16 start;
	an_u16 end;
};

struct peer_spans {
	struct peer_span spans[FIX_SPANS];
	an_u64 is_right;
};

/* As struct fix_names behind its row. */
struct peer_row {
	struct airnet_message row;
	const an_u8 *sender;
	const an_u8 *sender_end;
	const an_u8 *target;
	const an_u8 *target_end;
};

/* Decode all of `bytes` into out[]; returns how many messages there were. */
typedef size_t peer_extract(const an_u8 *bytes, size_t n, struct peer_spans *out);
typedef size_t peer_type(const an_u8 *bytes, size_t n, struct peer_row *out);

struct peer {
	const char *name;
	peer_extract *extract;
	peer_type *type;
};

#ifdef __cplusplus
#define PEER_C extern "C"
#else
#define PEER_C extern
#endif

PEER_C peer_extract scalar_extract;
PEER_C peer_type scalar_type;
PEER_C peer_extract hffix_extract;
PEER_C peer_type hffix_type;

#endif
