/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How a tag finds its slot, and what leads its value. Names and types: FIX 4.4 Volume 6
 * (field definitions); the standard header and trailer: Volume 2, "Standard Message
 * Header"; order messages: Volume 4. The numbers mean the same from FIX 4.0 to 5.0 SP2.
 */
#ifndef AIRNET_FIXTAGS_H
#define AIRNET_FIXTAGS_H

#include "fixslot.h"

#define FIX_SIGNATURE 89
#define FIX_SIGNATURE_LENGTH 93

/* Tags of up to three digits find their slot by those digits in hexadecimal. */
#define FIX_PLACES 4096
#define FIX_PLACE(tag) ((tag) / 100 << 8 | (tag) / 10 % 10 << 4 | (tag) % 10)

static const an_u8 fix_slots[FIX_PLACES] = {
	[FIX_PLACE(8)] = FIX_BEGIN_STRING,
	[FIX_PLACE(9)] = FIX_BODY_LENGTH,
	[FIX_PLACE(10)] = FIX_CHECK_SUM,
	[FIX_PLACE(11)] = FIX_CL_ORD_ID,
	[FIX_PLACE(14)] = FIX_CUM_QTY,
	[FIX_PLACE(17)] = FIX_EXEC_ID,
	[FIX_PLACE(31)] = FIX_LAST_PX,
	[FIX_PLACE(32)] = FIX_LAST_QTY,
	[FIX_PLACE(34)] = FIX_MSG_SEQ_NUM,
	[FIX_PLACE(35)] = FIX_MSG_TYPE,
	[FIX_PLACE(37)] = FIX_ORDER_ID,
	[FIX_PLACE(38)] = FIX_ORDER_QTY,
	[FIX_PLACE(39)] = FIX_ORD_STATUS,
	[FIX_PLACE(40)] = FIX_ORD_TYPE,
	[FIX_PLACE(41)] = FIX_ORIG_CL_ORD_ID,
	[FIX_PLACE(43)] = FIX_POSS_DUP_FLAG,
	[FIX_PLACE(44)] = FIX_PRICE,
	[FIX_PLACE(49)] = FIX_SENDER_COMP_ID,
	[FIX_PLACE(52)] = FIX_SENDING_TIME,
	[FIX_PLACE(54)] = FIX_SIDE,
	[FIX_PLACE(55)] = FIX_SYMBOL,
	[FIX_PLACE(56)] = FIX_TARGET_COMP_ID,
	[FIX_PLACE(59)] = FIX_TIME_IN_FORCE,
	[FIX_PLACE(60)] = FIX_TRANSACT_TIME,
	[FIX_PLACE(97)] = FIX_POSS_RESEND,
	[FIX_PLACE(150)] = FIX_EXEC_TYPE,
	[FIX_PLACE(151)] = FIX_LEAVES_QTY,
	/* Fields of type data may hold <SOH>; each follows the field that holds its
	 * length, under the next number (FIX 4.4 Volume 1, "Data types"), Signature
	 * excepted. */
	[FIX_PLACE(90)] = FIX_LENGTH, /* SecureDataLen */
	[FIX_PLACE(FIX_SIGNATURE_LENGTH)] = FIX_LENGTH,
	[FIX_PLACE(95)] = FIX_LENGTH, /* RawDataLength */
	[FIX_PLACE(212)] = FIX_LENGTH, /* XmlDataLen */
	[FIX_PLACE(348)] = FIX_LENGTH, /* EncodedIssuerLen */
	[FIX_PLACE(350)] = FIX_LENGTH, /* EncodedSecurityDescLen */
	[FIX_PLACE(352)] = FIX_LENGTH, /* EncodedListExecInstLen */
	[FIX_PLACE(354)] = FIX_LENGTH, /* EncodedTextLen */
	[FIX_PLACE(356)] = FIX_LENGTH, /* EncodedSubjectLen */
	[FIX_PLACE(358)] = FIX_LENGTH, /* EncodedHeadlineLen */
	[FIX_PLACE(360)] = FIX_LENGTH, /* EncodedAllocTextLen */
	[FIX_PLACE(362)] = FIX_LENGTH, /* EncodedUnderlyingIssuerLen */
	[FIX_PLACE(364)] = FIX_LENGTH, /* EncodedUnderlyingSecurityDescLen */
	[FIX_PLACE(445)] = FIX_LENGTH, /* EncodedListStatusTextLen */
	[FIX_PLACE(618)] = FIX_LENGTH, /* EncodedLegIssuerLen */
	[FIX_PLACE(621)] = FIX_LENGTH, /* EncodedLegSecurityDescLen */
};

/* The place of the data tag that follows length tag `place`. */
static inline unsigned fix_data_place(unsigned place)
{
	if (place == FIX_PLACE(FIX_SIGNATURE_LENGTH))
		return FIX_PLACE(FIX_SIGNATURE);
	return place % 16 == 9 ? place + 7 : place + 1;
}

/* Bytes of a slot's "tag=". */
static const an_u8 fix_leads[FIX_SLOTS] = {
	0, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3, 3,
	3, 3, 4, 3, 3, 3, 3, 3, 3, 4, 3, 3, 0, 0, 0, 0,
};

/* What makes a span of the place behind a field's <SOH> and the next: the start moves
 * behind the tag, the end before <SOH>. */
#define FIX_SPAN_LEAD(lead) (0xffff0000 + (lead))
static const an_u32 fix_span_leads[FIX_SLOTS] = {
	[FIX_NO_SLOT... FIX_BODY_LENGTH] = FIX_SPAN_LEAD(2),
	[FIX_MSG_TYPE... FIX_EXEC_TYPE - 1] = FIX_SPAN_LEAD(3),
	[FIX_EXEC_TYPE] = FIX_SPAN_LEAD(4),
	[FIX_EXEC_TYPE + 1 ... FIX_LEAVES_QTY - 1] = FIX_SPAN_LEAD(3),
	[FIX_LEAVES_QTY] = FIX_SPAN_LEAD(4),
	[FIX_LEAVES_QTY + 1 ... FIX_SLOTS - 1] = FIX_SPAN_LEAD(3),
};

#endif
