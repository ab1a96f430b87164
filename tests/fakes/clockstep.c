/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A wall clock that a test sets: preloaded into a process, it adds the nanoseconds that
 * AIRNET_CLOCK_STEP names a file of, eight bytes, read each time. CLOCK_MONOTONIC stays
 * the host's: an administrator or a broken time server cannot step that one either.
 */
#define _GNU_SOURCE
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_S 1000000000LL

static const volatile long long *step_ns;

__attribute__((constructor)) static void open_step(void)
{
	const char *path = getenv("AIRNET_CLOCK_STEP");
	int fd = path ? open(path, O_RDONLY | O_CLOEXEC) : -1;
	void *found;

	if (fd < 0)
		return;
	found = mmap(NULL, sizeof(*step_ns), PROT_READ, MAP_SHARED, fd, 0);
	if (found != MAP_FAILED)
		step_ns = found;
	close(fd);
}

int clock_gettime(clockid_t clock, struct timespec *now)
{
	int failed = (int)syscall(SYS_clock_gettime, clock, now);
	long long told;

	if (failed || !step_ns)
		return failed;
	if (clock != CLOCK_REALTIME && clock != CLOCK_REALTIME_COARSE)
		return 0;
	told = now->tv_sec * NS_PER_S + now->tv_nsec + *step_ns;
	now->tv_sec = told / NS_PER_S;
	now->tv_nsec = told % NS_PER_S;
	return 0;
}

int gettimeofday(struct timeval *restrict now, void *restrict zone)
{
	struct timespec told;

	(void)zone;
	clock_gettime(CLOCK_REALTIME, &told);
	now->tv_sec = told.tv_sec;
	now->tv_usec = told.tv_nsec / 1000;
	return 0;
}

time_t time(time_t *place)
{
	struct timespec told;

	clock_gettime(CLOCK_REALTIME, &told);
	if (place)
		*place = told.tv_sec;
	return told.tv_sec;
}
