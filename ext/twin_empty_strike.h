/* SPDX-License-Identifier: Apache-2.0 */
/* No attackers. */
#ifndef AIRNET_TWIN_EMPTY_STRIKE_H
#define AIRNET_TWIN_EMPTY_STRIKE_H

static inline int strike_begin(struct world *w, const char **why)
{
	return 0;
}

static inline void strike_end(struct world *w)
{
}

static inline an_u32 strike_figures(const struct world *w, struct figure *out)
{
	return 0;
}

static inline void strike_event(struct world *w, const struct event *e)
{
}

static inline void strike_block(struct world *w, const an_u8 *address, int bits,
				an_u16 port, an_s64 until_ns)
{
}

static inline int strike_passes(const struct world *w, const an_u8 *source, an_u16 port)
{
	return 1;
}

#endif
