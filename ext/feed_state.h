/* SPDX-License-Identifier: Apache-2.0 */
/* What a book tells the feed. */
#ifndef AIRNET_FEED_STATE_H
#define AIRNET_FEED_STATE_H

#include "airnet.h"

/* feed_update.type: the letters of Nasdaq TotalView-ITCH 5.0. */
#define FEED_ADD 'A'
#define FEED_EXECUTED 'E'
#define FEED_CANCELLED 'X' /* a part of it */
#define FEED_DELETED 'D'
#define FEED_REPLACED 'U'
#define FEED_TRADE 'P' /* against an order nobody saw */
#define FEED_CROSS 'Q' /* auction */
#define FEED_SYSTEM 'S' /* `code` says which event */
#define FEED_ACTION 'H' /* trading action: `code` H halted, T trading */

struct feed_update {
	an_u64 order; /* reference number */
	an_u64 fresh; /* FEED_REPLACED: the new reference; executions: match number */
	an_s64 price; /* cents */
	an_u32 quantity;
	an_u16 symbol;
	char type;
	char side; /* '1' buy, '2' sell, as tag 54 */
	char code;
	an_u8 pad[7];
};

#endif
