/* SPDX-License-Identifier: Apache-2.0 */
/* What the lines remember. */
#ifndef AIRNET_LINE_STATE_H
#define AIRNET_LINE_STATE_H

#include "wire_state.h"

struct lines {
	an_u32 count;
	an_u32 pad;
};

#endif
