/* SPDX-License-Identifier: Apache-2.0 */
/* The FIX tags we read, each with a slot of its own; fixtags.h has their numbers. */
#ifndef AIRNET_FIXSLOT_H
#define AIRNET_FIXSLOT_H

#include "airnet.h"

/* Rows need the first ones; features and people also ask for the others. */
enum fix_slot {
	FIX_NO_SLOT,
	FIX_BEGIN_STRING,
	FIX_BODY_LENGTH,
	FIX_MSG_TYPE,
	FIX_SENDER_COMP_ID,
	FIX_TARGET_COMP_ID,
	FIX_MSG_SEQ_NUM,
	FIX_SENDING_TIME,
	FIX_POSS_DUP_FLAG,
	FIX_POSS_RESEND,
	FIX_CL_ORD_ID,
	FIX_ORIG_CL_ORD_ID,
	FIX_SYMBOL,
	FIX_SIDE,
	FIX_ORDER_QTY,
	FIX_LAST_QTY,
	FIX_PRICE,
	FIX_ORD_STATUS,
	FIX_EXEC_TYPE,
	FIX_ORDER_ID,
	FIX_EXEC_ID,
	FIX_ORD_TYPE,
	FIX_TIME_IN_FORCE,
	FIX_LAST_PX,
	FIX_CUM_QTY,
	FIX_LEAVES_QTY,
	FIX_TRANSACT_TIME,
	FIX_CHECK_SUM,
	FIX_LENGTH = 31, /* of the data field behind it */
	FIX_SLOTS,
};

#define FIX_SPANS FIX_CHECK_SUM /* slots below have spans; FIX_NO_SLOT's is empty */
/* Where a value lies, from the first byte of the body, modulo 2**16: those of
 * BeginString and BodyLength lie before it. Both 0 when it is not there. */
struct fix_span {
	an_u16 start;
	an_u16 end;
};

#define FIX_BIT(slot) (1u << (slot))

/* Fields of the standard header and trailer: never in a group. */
#define FIX_HEADER_SLOTS \
	((FIX_BIT(FIX_CL_ORD_ID) - FIX_BIT(FIX_BEGIN_STRING)) | FIX_BIT(FIX_CHECK_SUM))
/* Fields of a row; outside groups in the messages about one order. */
#define FIX_ORDER_SLOTS (FIX_BIT(FIX_EXEC_TYPE + 1) - FIX_BIT(FIX_CL_ORD_ID))

/* And what is read beside them, where a message has it. */
#define FIX_TERM_SLOTS (FIX_ORDER_SLOTS | FIX_BIT(FIX_ORD_TYPE) | FIX_BIT(FIX_LAST_PX))

#endif
