/* SPDX-License-Identifier: Apache-2.0 */
/* CHECK: what must hold in targets and drivers; what does not is said, and the end. */
#ifndef AIRNET_FUZZ_CHECK_H
#define AIRNET_FUZZ_CHECK_H

#include <stdio.h>
#include <stdlib.h>

#define CHECK(condition) \
	do { \
		if (!(condition)) { \
			fprintf(stderr, "%s:%d: broken: %s\n", __FILE__, __LINE__, \
				#condition); \
			abort(); \
		} \
	} while (0)

#endif
