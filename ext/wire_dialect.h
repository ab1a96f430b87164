/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What each message of a dialect may be made of.
 *
 * Source: FIX 4.2 and 4.4 specifications, FIXT 1.1 and FIX 5.0 SP2; the required
 * fields of every message are present in every dialect.
 */
#ifndef AIRNET_WIRE_DIALECT_H
#define AIRNET_WIRE_DIALECT_H

#include "wire_text.h"
#include "world.h"

/* A value that a step writes. */
enum {
	VALUE_NONE,
	VALUE_ID,
	VALUE_ORIGINAL,
	VALUE_ORIGINAL_IF,
	VALUE_EXECUTION,
	VALUE_EXCHANGE,
	VALUE_PRICE,
	VALUE_PRICE_IF, /* left out where it is 0 */
	VALUE_LAST_PRICE,
	VALUE_AVERAGE,
	VALUE_QUANTITY,
	VALUE_LAST,
	VALUE_FILLED,
	VALUE_LEAVES,
	VALUE_SYMBOL,
	VALUE_SIDE,
	VALUE_ORDER_TYPE,
	VALUE_IN_FORCE,
	VALUE_TIME,
	VALUE_EXECUTED,
	VALUE_STATUS,
	VALUE_REASON,
	VALUE_REASON_IF,
	VALUE_TEXT_IF,
	VALUE_REFERENCE, /* RefSeqNum */
	VALUE_RESPONSE, /* CxlRejResponseTo */
	VALUE_HEARTBEAT,
	VALUE_RESET_IF, /* ResetSeqNumFlag */
	VALUE_TEST,
	VALUE_TEST_IF,
	VALUE_GAP, /* GapFillFlag */
	VALUE_BEGIN,
	VALUE_END,
	VALUE_PASSWORD_IF,
};

/* Types that we write, in the order in which they are counted. */
#define WIRE_TYPES \
	"A5012438" \
	"9jDFGqr"
#define WIRE_TYPE_COUNT 15

/* One possible field of a body. */
struct wire_field {
	an_u16 tag;
	an_u8 value; /* VALUE_*; VALUE_NONE: `text` is all of it */
	signed char optional; /* bit of dialect_row.optional; -1 = always there */
	const char *text;
};

struct wire_body {
	char type;
	an_u8 count;
	struct wire_field fields[24];
};

/* Bits of dialect_row.optional. */
enum {
	OPTIONAL_ACCOUNT,
	OPTIONAL_INSTRUCTION,
	OPTIONAL_MINIMUM,
	OPTIONAL_FLOOR,
	OPTIONAL_SECURITY,
	OPTIONAL_CURRENCY,
	OPTIONAL_RULE,
	OPTIONAL_TEXT,
	OPTIONAL_ORDER_TYPE,
	OPTIONAL_IN_FORCE,
	OPTIONAL_NEXT_NUMBER,
	OPTIONAL_SYMBOL,
	OPTIONAL_CUSTOM,
};

#define F(tag, value) {tag, value, -1, NULL}
#define C(tag, text) {tag, VALUE_NONE, -1, text}
#define O(tag, value, bit) {tag, value, OPTIONAL_##bit, NULL}
#define P(tag, text, bit) {tag, VALUE_NONE, OPTIONAL_##bit, text}

static const struct wire_body wire_bodies[WIRE_TYPE_COUNT] = {
	{'A',
	 5,
	 {C(98, "0"), F(108, VALUE_HEARTBEAT), F(141, VALUE_RESET_IF),
	  F(554, VALUE_PASSWORD_IF), C(1137, "9")}},
	{'5', 1, {F(58, VALUE_TEXT_IF)}},
	{'0', 1, {F(112, VALUE_TEST_IF)}},
	{'1', 1, {F(112, VALUE_TEST)}},
	{'2', 2, {F(7, VALUE_BEGIN), F(16, VALUE_END)}},
	{'4', 2, {F(123, VALUE_GAP), F(36, VALUE_END)}},
	{'3',
	 4,
	 {F(45, VALUE_REFERENCE), C(372, "D"), F(373, VALUE_REASON),
	  F(58, VALUE_TEXT_IF)}},
	{'8',
	 21,
	 {F(37, VALUE_EXCHANGE),
	  F(11, VALUE_ID),
	  F(41, VALUE_ORIGINAL_IF),
	  F(17, VALUE_EXECUTION),
	  C(20, "0"),
	  F(150, VALUE_EXECUTED),
	  F(39, VALUE_STATUS),
	  O(1, VALUE_NONE, ACCOUNT),
	  F(55, VALUE_SYMBOL),
	  F(54, VALUE_SIDE),
	  F(38, VALUE_QUANTITY),
	  O(40, VALUE_ORDER_TYPE, ORDER_TYPE),
	  F(44, VALUE_PRICE_IF),
	  O(59, VALUE_IN_FORCE, IN_FORCE),
	  F(32, VALUE_LAST),
	  F(31, VALUE_LAST_PRICE),
	  F(151, VALUE_LEAVES),
	  F(14, VALUE_FILLED),
	  F(6, VALUE_AVERAGE),
	  F(60, VALUE_TIME),
	  F(103, VALUE_REASON_IF)}},
	{'9',
	 7,
	 {F(37, VALUE_EXCHANGE), F(11, VALUE_ID), F(41, VALUE_ORIGINAL),
	  F(39, VALUE_STATUS), F(434, VALUE_RESPONSE), F(102, VALUE_REASON_IF),
	  F(58, VALUE_TEXT_IF)}},
	{'j',
	 4,
	 {F(45, VALUE_REFERENCE), C(372, "D"), F(380, VALUE_REASON),
	  F(58, VALUE_TEXT_IF)}},
	{'D',
	 18,
	 {F(11, VALUE_ID), O(1, VALUE_NONE, ACCOUNT), P(18, "G", INSTRUCTION),
	  C(21, "1"), P(110, "0", MINIMUM), P(111, "0", FLOOR), F(55, VALUE_SYMBOL),
	  P(48, NULL, SECURITY), P(22, "4", SECURITY), F(54, VALUE_SIDE),
	  F(60, VALUE_TIME), F(38, VALUE_QUANTITY), F(40, VALUE_ORDER_TYPE),
	  F(44, VALUE_PRICE_IF), P(15, "EUR", CURRENCY), F(59, VALUE_IN_FORCE),
	  P(47, "P", RULE), P(0, NULL, CUSTOM)}},
	{'F',
	 7,
	 {F(41, VALUE_ORIGINAL), F(11, VALUE_ID), O(1, VALUE_NONE, ACCOUNT),
	  F(55, VALUE_SYMBOL), F(54, VALUE_SIDE), F(60, VALUE_TIME),
	  F(38, VALUE_QUANTITY)}},
	{'G',
	 12,
	 {F(41, VALUE_ORIGINAL), F(11, VALUE_ID), O(1, VALUE_NONE, ACCOUNT), C(21, "1"),
	  F(55, VALUE_SYMBOL), F(54, VALUE_SIDE), F(60, VALUE_TIME),
	  F(38, VALUE_QUANTITY), F(40, VALUE_ORDER_TYPE), F(44, VALUE_PRICE_IF),
	  P(15, "EUR", CURRENCY), F(59, VALUE_IN_FORCE)}},
	{'q',
	 4,
	 {F(11, VALUE_ID), C(530, "7"), O(55, VALUE_SYMBOL, SYMBOL),
	  F(60, VALUE_TIME)}},
	{'r', 4, {F(11, VALUE_ID), F(37, VALUE_EXCHANGE), C(530, "7"), C(531, "7")}},
};

#undef F
#undef C
#undef O
#undef P

#endif
