/* SPDX-License-Identifier: Apache-2.0 */
/* Background traffic. */
#ifndef AIRNET_MURMUR_H
#define AIRNET_MURMUR_H

#include "line_notes.h"

static inline void murmur_begin(struct world *w)
{
}

static inline void murmur_event(struct world *w, const struct event *e)
{
}

#endif
