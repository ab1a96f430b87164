/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The FIX tags we read. Names and types: FIX 4.4 Volume 6 (field definitions); the
 * standard header and trailer: Volume 2, "Standard Message Header"; order messages:
 * Volume 4. The numbers mean the same from FIX 4.0 to 5.0 SP2.
 */
#ifndef AIRNET_FIXTAGS_H
#define AIRNET_FIXTAGS_H

#define FIX_BEGIN_STRING 8
#define FIX_BODY_LENGTH 9
#define FIX_CHECK_SUM 10
#define FIX_CL_ORD_ID 11
#define FIX_LAST_QTY 32
#define FIX_MSG_SEQ_NUM 34
#define FIX_MSG_TYPE 35
#define FIX_ORDER_QTY 38
#define FIX_ORD_STATUS 39
#define FIX_ORIG_CL_ORD_ID 41
#define FIX_POSS_DUP_FLAG 43
#define FIX_PRICE 44
#define FIX_SENDER_COMP_ID 49
#define FIX_SENDING_TIME 52
#define FIX_SIDE 54
#define FIX_SYMBOL 55
#define FIX_TARGET_COMP_ID 56
#define FIX_SIGNATURE 89
#define FIX_SIGNATURE_LENGTH 93
#define FIX_POSS_RESEND 97
#define FIX_EXEC_TYPE 150

/* Fields of type data may hold <SOH>; each follows the field that holds its length,
 * under the next number (FIX 4.4 Volume 1, "Data types"), Signature excepted. */
static inline unsigned fix_data_tag(unsigned length_tag)
{
	switch (length_tag) {
	case 90: /* SecureDataLen */
	case 95: /* RawDataLength */
	case 212: /* XmlDataLen */
	case 348: /* EncodedIssuerLen */
	case 350: /* EncodedSecurityDescLen */
	case 352: /* EncodedListExecInstLen */
	case 354: /* EncodedTextLen */
	case 356: /* EncodedSubjectLen */
	case 358: /* EncodedHeadlineLen */
	case 360: /* EncodedAllocTextLen */
	case 362: /* EncodedUnderlyingIssuerLen */
	case 364: /* EncodedUnderlyingSecurityDescLen */
	case 445: /* EncodedListStatusTextLen */
	case 618: /* EncodedLegIssuerLen */
	case 621: /* EncodedLegSecurityDescLen */
		return length_tag + 1;
	case FIX_SIGNATURE_LENGTH:
		return FIX_SIGNATURE;
	default:
		return 0;
	}
}

#endif
