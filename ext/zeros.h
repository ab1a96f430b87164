/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Zeroed memory in pages of its own, of which only those that are touched are ever
 * made. A world has arrays for the worst that may happen, and uses little of them;
 * calloc clears all of what was freed before (glibc raises the size from which it asks
 * for fresh pages, mallopt(3), M_MMAP_THRESHOLD). They begin with a cache line.
 */
#ifndef AIRNET_ZEROS_H
#define AIRNET_ZEROS_H

#include <stddef.h>
#include <stdlib.h>

#define ZEROS_LINE 64 /* before the array: how long it is */

/* What a sanitizer is to watch comes from its own calloc. */
#if defined(__SANITIZE_ADDRESS__)
#define ZEROS_WATCHED 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define ZEROS_WATCHED 1
#endif
#endif

#ifdef ZEROS_WATCHED

static inline void *zeros_take(size_t count, size_t size)
{
	return calloc(count, size);
}

static inline void zeros_give(void *array)
{
	free(array);
}

#else

#include <sys/mman.h>

/* As calloc; NULL: no memory. */
static inline void *zeros_take(size_t count, size_t size)
{
	size_t bytes;
	char *at;

	if (__builtin_mul_overflow(count, size, &bytes) ||
	    __builtin_add_overflow(bytes, (size_t)ZEROS_LINE, &bytes))
		return NULL;
	at = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1,
		  0);
	if (at == MAP_FAILED)
		return NULL;
	*(size_t *)(void *)at = bytes;
	return at + ZEROS_LINE;
}

/* Give back what zeros_take returned; NULL is nothing. */
static inline void zeros_give(void *array)
{
	char *at = array;

	if (at)
		munmap(at - ZEROS_LINE, *(size_t *)(void *)(at - ZEROS_LINE));
}

#endif

#endif
