/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A number that one thread raises and another waits for: it looks for a short while,
 * then sleeps in the kernel (futex(2)). No lock; raising it costs a system call only
 * where somebody sleeps.
 */
#ifndef AIRNET_GATE_H
#define AIRNET_GATE_H

#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "airnet.h"

#define GATE_LOOKS 1000 /* some 20 us: a wake-up costs about as much */

struct gate {
	an_u32 value;
	an_u32 has_sleeper;
};

static inline void gate_pause(void)
{
#if defined(__x86_64__) || defined(__i386__)
	__builtin_ia32_pause();
#else
	__asm__ volatile("" ::: "memory");
#endif
}

/* Let the waiting thread pass; what was written before is seen there. */
static inline void gate_raise(struct gate *gate, an_u32 value)
{
	/* Both sequentially consistent, here and in gate_wait: either we see the
	 * sleeper or it sees the value. */
	__atomic_store_n(&gate->value, value, __ATOMIC_SEQ_CST);
	if (__atomic_load_n(&gate->has_sleeper, __ATOMIC_SEQ_CST))
		syscall(SYS_futex, &gate->value, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

/* Wait until the value is no longer `old`, and return it. */
static inline an_u32 gate_wait(struct gate *gate, an_u32 old)
{
	an_u32 value, look;

	for (look = 0; look < GATE_LOOKS; look++) {
		value = __atomic_load_n(&gate->value, __ATOMIC_ACQUIRE);
		if (value != old)
			return value;
		gate_pause();
	}
	__atomic_store_n(&gate->has_sleeper, 1, __ATOMIC_SEQ_CST);
	while ((value = __atomic_load_n(&gate->value, __ATOMIC_SEQ_CST)) == old)
		syscall(SYS_futex, &gate->value, FUTEX_WAIT_PRIVATE, old, NULL, NULL,
			0);
	__atomic_store_n(&gate->has_sleeper, 0, __ATOMIC_RELAXED);
	return value;
}

#endif
