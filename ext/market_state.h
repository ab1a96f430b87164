/* SPDX-License-Identifier: Apache-2.0 */
/* What the market remembers: books, orders from both ends, accounts, agents. */
#ifndef AIRNET_MARKET_STATE_H
#define AIRNET_MARKET_STATE_H

#include "book.h"
#include "market_rows.h"
#include "world.h"

#define MARKET_NONE BOOK_NONE
#define MARKET_PULSE_NS 10000000 /* how often activity is worked out */
#define MARKET_SCALES 3 /* of the slow factor: slow_ns, a tenth, a hundredth */
#define MAKER_LEVELS_MAX 16
#define PARENTS_MAX 8 /* that an execution algorithm works on at once */

/* Roles of chance streams. */
enum { CHANCE_AGENT = 0x100, CHANCE_VALUE, CHANCE_VENUE, CHANCE_FAULT, CHANCE_DIRECT };

/* What happens to a market (event.kind). */
enum {
	MARKET_PULSE = WORLD_MARKET,
	MARKET_MOVE, /* who: symbol */
	MARKET_FACTOR,
	MARKET_SHOW, /* who: symbol; value: a move its makers see now */
	MARKET_STEP, /* who: symbol; value: its share of a common move */
	MARKET_PHASE, /* who: symbol; value: phase */
	MARKET_CLOSE,
	VENUE_SERVE, /* who: gateway */
	DESK_LOOK, /* who: desk; something changed */
	DESK_ROUTINE, /* who: desk */
	TAKER_OWN, /* who: agent; value: 1 = acts, 0 = draws again */
	TAKER_CHILD, /* who: agent; value: symbol * 2 + side */
	TICKET_DUE, /* who: slot; value: the ticket's number when it was scheduled */
	PARENT_OWN, /* who: agent */
	PARENT_SLICE, /* who: agent; value: parent */
	ARBITRAGE_LOOK, /* who: agent; value: symbol */
	AGENT_START, /* who: agent */
	AGENT_STOP,
	FAULT_BEGIN, /* who: fault */
	FAULT_STEP,
	FAULT_OVER,
	DIRECT_ARRIVES /* of the line without wire (ext/direct.h) */
};

#define PHASE_OPEN 1
#define PHASE_CALL 2
#define PHASE_HALT 3

/* Where an order is at the venue: one final state, once. */
enum {
	VENUE_UNKNOWN, /* has not arrived */
	VENUE_LIVE,
	VENUE_FILLED,
	VENUE_CANCELLED,
	VENUE_EXPIRED,
	VENUE_REJECTED,
	VENUE_STATES
};

/* An order as the venue knows it; beside struct order, by the same slot. */
struct venue_order {
	an_u64 id; /* ClOrdID now */
	an_u64 exchange;
	an_u32 line;
	an_u32 account;
	an_u32 quantity;
	an_u32 filled;
	an_u32 previous; /* of the line's live orders */
	an_u32 next;
	an_u8 state;
	an_u8 is_fault;
	an_u8 pad[6];
};

/* What a ticket is for. */
enum { TICKET_LOOSE, TICKET_QUOTE, TICKET_REST, TICKET_CHILD, TICKET_FAULT };
/* Where the trader believes it is. */
enum { TICKET_NONE, TICKET_PENDING, TICKET_LIVE, TICKET_CHANGING, TICKET_CANCELLING };

/* An order as its trader knows it; by the same slot. */
struct ticket {
	an_u64 born; /* first ClOrdID said */
	an_u64 id; /* last */
	an_s64 price;
	an_u64 number; /* never used twice: tells late events from fresh ones */
	an_u32 quantity;
	an_u32 filled;
	an_u32 agent;
	an_u32 place; /* where a quote's desk keeps its slot; a child's parent */
	an_u32 previous; /* of the agent's tickets */
	an_u32 next;
	an_u16 symbol;
	an_u16 steps; /* chases done */
	an_u8 side; /* BOOK_BUY, BOOK_SELL */
	an_u8 state;
	an_u8 use;
	an_u8 pad;
};

struct gateway {
	struct app *queue; /* a ring */
	an_u32 *lines;
	an_u32 head;
	an_u32 count;
	an_u32 is_serving;
	an_u32 most; /* waiting at once */
	an_u32 strangers; /* their Logons among those that wait */
	an_u32 pad;
	an_s64 strangers_ns; /* what they will take */
	an_u64 served;
	an_u64 overrun;
	an_s64 stalled_until_ns;
	double slow; /* service takes so many times as long */
};

/* What a line did at the venue, healthy and (fault) while failing. */
struct tally {
	an_s64 cash; /* cents */
	an_s64 given; /* cents paid above, or taken below, what was traded was worth */
	an_u64 orders;
	an_u64 cancels;
	an_u64 replaces;
	an_u64 trades;
	an_u64 rejects;
	an_u64 notional; /* ordered, cents */
	an_u64 traded; /* cents */
	an_u64 contained; /* new orders that a containment refused */
};

struct account {
	struct tally all;
	struct tally fault;
	an_u64 ids; /* ClOrdIDs given out */
	an_u64 throttled;
	an_u64 late; /* messages that found a queue longer than is promised */
	an_s64 late_ns;
	an_u64 unanswered; /* messages whose answer never came, or that found no room */
	double tokens;
	an_s64 tokened_ns;
	an_s64 throttle_until_ns;
	an_u32 per_second;
	an_u32 burst;
	an_u32 first; /* of its live orders at the venue */
	an_u32 live;
	an_u32 drop; /* line of its firm's drop copy, MARKET_NONE */
	an_u8 is_up; /* the trader may speak */
	an_u8 is_disabled;
	an_u8 cancels_on_loss;
	an_u8 gateway;
};

struct holding {
	an_s64 all; /* shares */
	an_s64 fault;
};

struct symbol {
	struct book book;
	double value; /* cents: what it is worth */
	double seen; /* what its makers see of that; later, when it follows a leader */
	double transient; /* cents, on top */
	double activity;
	double volatility; /* news: times it */
	double tilt;
	an_s64 last_price;
	an_u64 width; /* cents between bid and ask, summed over pulses */
	an_u64 widths; /* how many pulses */
	an_u64 taken; /* shares, by orders that took */
	an_u32 desks; /* first of its desks in market.desk_of */
	an_u32 desk_count;
	an_u32 takers;
	an_u32 taker_count;
	an_u32 racers;
	an_u32 racer_count;
	an_u32 phase;
	an_u32 phases; /* calls and halts that hold it now */
};

/* One maker in one symbol. */
struct desk {
	double centre; /* what its quotes lie about, cents */
	double threshold; /* of its first level, cents */
	double opinion; /* how much dearer it thinks the symbol, cents */
	an_s64 position; /* shares */
	an_s64 shy_until_ns; /* it was refused: no new orders before */
	an_u32 agent;
	an_u32 symbol;
	an_u32 is_woken;
	an_u32 pad;
	an_u32 slots[2][MAKER_LEVELS_MAX];
};

struct parent {
	an_u32 symbol;
	an_u32 quantity; /* of a slice */
	an_u16 left; /* slices */
	an_u8 side;
	an_u8 is_used;
	an_u32 pad;
};

struct agent {
	struct chance chance;
	const struct agent_row *row;
	an_u64 sent; /* messages */
	an_u64 held; /* tickets */
	double suppressed; /* share of its healthy flow a fault takes the place of */
	double size; /* a fault: times its sizes */
	an_u32 first; /* of its tickets */
	an_u32 desks; /* first desk; makers have one a symbol */
	an_u32 is_active;
	an_u32 is_stale; /* a fault: sees `desk.centre` and nothing newer */
	an_u32 is_fat; /* a fault: what it sends is too big */
	an_u32 pad;
	struct parent parents[PARENTS_MAX];
};

struct fault {
	struct chance chance;
	double base; /* messages a second of the agent until onset */
	double full; /* messages a second of the fault at full strength */
	an_u64 sent;
	an_u64 number; /* of its ticket in `slot` */
	an_s64 price;
	an_u32 quantity;
	an_u32 slot; /* the order that a loop works on */
	an_u32 is_on;
	an_u32 side;
	an_u32 symbol;
	an_u32 pad;
};

struct news_state {
	double progress; /* of the jump */
};

struct market {
	struct symbol *symbols;
	struct pool pool;
	struct venue_order *orders;
	an_u8 *ids; /* live orders by line and id; see venue_mark */
	struct ticket *tickets;
	struct gateway *gateways;
	struct account *accounts;
	struct holding *holdings; /* line * symbols + symbol */
	struct agent *agents;
	struct desk *desks;
	struct fault *faults;
	struct news_state *news;
	an_u32 *desk_of;
	an_u32 *taker_of;
	an_u32 *racer_of;
	struct venue_row venue;
	struct chance value_chance;
	struct chance venue_chance;
	double slow[MARKET_SCALES];
	double common; /* activity of all */
	an_u32 symbol_count;
	an_u32 line_count;
	an_u32 agent_count;
	an_u32 desk_count;
	an_u32 fault_count;
	an_u32 news_count;
	an_u32 gateway_count;
	an_u32 queue_limit;
	an_u32 is_failing; /* what is sent now is a fault's */
	an_u64 states[VENUE_STATES]; /* orders that ended so */
	an_u64 received; /* orders */
	an_u64 exchange_ids;
	an_u64 executions;
	an_u64 tickets_given;
	an_u64 no_slot; /* orders not sent: the pool was empty */
	an_u64 unheard; /* line_say refused */
	an_u64 updates;
	an_u64 too_late;
};

#endif
