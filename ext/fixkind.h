/* SPDX-License-Identifier: Apache-2.0 */
/* What kind of message a MsgType is. */
#ifndef AIRNET_FIXKIND_H
#define AIRNET_FIXKIND_H

#include "airnet.h"

#define FIX_TYPE(a, b) ((an_u32)(a) | (an_u32)(b) << 8)

/* MsgType, FIX 4.4 Volume 6, field 35, folded to what features count; the rest
 * are AIRNET_KIND_OTHER, which is 0. */
static const an_u8 fix_kinds[256] = {
	['D'] = AIRNET_KIND_NEW,
	['E'] = AIRNET_KIND_NEW,
	['F'] = AIRNET_KIND_CANCEL,
	['q'] = AIRNET_KIND_CANCEL,
	['G'] = AIRNET_KIND_REPLACE,
	['S'] = AIRNET_KIND_QUOTE,
	['i'] = AIRNET_KIND_QUOTE,
	['8'] = AIRNET_KIND_REPORT,
	['9'] = AIRNET_KIND_CANCEL_REJECT,
	['3'] = AIRNET_KIND_REJECT,
	['j'] = AIRNET_KIND_REJECT,
	['A'] = AIRNET_KIND_LOGON,
	['5'] = AIRNET_KIND_LOGOUT,
	['0'] = AIRNET_KIND_HEARTBEAT,
	['1'] = AIRNET_KIND_TEST_REQUEST,
	['2'] = AIRNET_KIND_RESEND_REQUEST,
	['4'] = AIRNET_KIND_SEQUENCE_RESET,
	['V'] = AIRNET_KIND_MARKET_DATA,
	['W'] = AIRNET_KIND_MARKET_DATA,
	['X'] = AIRNET_KIND_MARKET_DATA,
	['Y'] = AIRNET_KIND_MARKET_DATA,
};

static inline an_u8 fix_kind(an_u32 type)
{
	an_u8 kind = type < 256 ? fix_kinds[type] : AIRNET_KIND_OTHER;

	if (type == FIX_TYPE('A', 'B'))
		return AIRNET_KIND_NEW;
	if (type == FIX_TYPE('A', 'C'))
		return AIRNET_KIND_REPLACE;
	return kind;
}

#endif
