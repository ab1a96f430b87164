/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Virtual time from slice to slice while nothing that was decided is on its way: the
 * world goes on, its rows go through features, and nobody is asked until windows close.
 * The slices are those of airnet.twin.closed, which says why they end where they do.
 */
#ifndef AIRNET_COAST_H
#define AIRNET_COAST_H

#include "prelude.h"

/* What a world wrote in one run of it. */
struct coast_batch {
	an_u32 headers;
	an_u32 messages;
	an_u64 bytes; /* on the wire */
	int ended; /* 0 = time is up, 1 = more is to come, 2 = nothing counts */
	int pad;
};

/* Run the world until a time, into the rows that it was attached to. */
typedef void (*coast_run)(void *world, an_s64 until_ns, struct coast_batch *batch);

struct coast {
	an_s64 now_ns; /* where this slice began */
	an_s64 until_ns; /* where it ends */
	an_s64 limit_ns; /* where the last one does */
	an_s64 least_ns; /* no command arrives sooner */
	an_s64 last_ns; /* of the last frame, by the capture's clock */
	an_u64 seen; /* frames */
	struct coast_batch batch; /* the last */
};

/* Where a slice from now on ends: nothing that is decided in it arrives in it. A window
 * may close with any frame. */
static inline an_s64 coast_next(const struct coast *c)
{
	an_s64 end_ns = c->now_ns + c->least_ns;

	return end_ns < c->limit_ns ? end_ns : c->limit_ns;
}

#endif
