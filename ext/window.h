/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What the window kernel remembers: layouts and limits.
 *
 * Everything is an integer; rates are Q16 counts per 100 ms slot, so that the same
 * frames give the same rows on every machine. window_session.h, window_flood.h,
 * window_venue.h and window_host.h hold the parts, window_step.h the order of events.
 */
#ifndef AIRNET_WINDOW_H
#define AIRNET_WINDOW_H

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "airnet.h"
#include "window_columns.h"
#include "window_number.h"
#include "window_sketch.h"

#define WINDOW_TICK_NS 10000000ull
#define WINDOW_SLOT_NS 100000000ull
#define WINDOW_SLOT_US 100000ull
#define WINDOW_JUMP_NS 1000000000ull
#define WINDOW_ORDERS_MAX 16 /* order messages that close a session window */
#define WINDOW_FLOOD_MIN 10 /* flood-like packets that close a gateway window */
/* As many close it before its tick, 1 ms after the first of them at the earliest, while
 * a flood is this young; later they wait for it. */
#define WINDOW_EARLY_NS 1000000ull
#define WINDOW_YOUNG_NS 50000000ull

/* What a session slot counts. */
enum {
	C_NEW,
	C_CANCEL,
	C_REPLACE,
	C_QUOTE,
	C_REPORT,
	C_FILL,
	C_REJECT,
	C_RESEND,
	C_POSS_DUP,
	C_GAP,
	C_DUPLICATE,
	C_REPEAT,
	C_IDENTICAL,
	C_SAME_SIDE,
	C_SAME_SYMBOL,
	C_NEW_PRICE,
	C_UP,
	C_ACKS,
	C_ACK_US,
	C_SENT, /* orders as RTS 9 counts them */
	C_VOLUME, /* hundredths of a unit, ordered and filled */
	C_BOUGHT,
	C_SOLD,
	C_RETRY, /* orders refused like one refused lately */
	C_ANSWER, /* of the gateway; and refusals among them */
	C_REFUSED,
	C_AGED, /* cancels and replaces of orders whose age is known */
	C_AGE_US,
	C_KINDS
};

#define WINDOW_RECENT 8 /* last orders compared for repetition */
#define WINDOW_ECHOES 32 /* order messages remembered for loops and their rhythm */
#define WINDOW_RHYTHM 16 /* of which so many are looked at */
#define WINDOW_LAGS 8 /* loops of up to so many messages are found */
#define WINDOW_REFUSED 4 /* refused orders, to know one that comes again */
#define WINDOW_CHAINS 4 /* orders being replaced */
#define WINDOW_CHAIN_NS 200000000ull /* a replace so late starts a new run */
#define WINDOW_AGE_US 1000000ull /* no order counts as older than 1 s */
#define WINDOW_SIZES 64 /* the memory of an order's usual quantity, in orders */
#define WINDOW_SIZES_MIN 8 /* before that nothing is usual */
#define WINDOW_FIRST_SLOTS 50 /* 5 s: the first baseline, which never changes again */
#define WINDOW_HOT_SLOTS 10 /* 1 s: elevated lately */
#define WINDOW_SYMBOLS 32 /* groups of symbols, by hash */
#define WINDOW_NAMES 64 /* symbols that a session is remembered to have ordered */
#define WINDOW_PRICES 4
#define WINDOW_KEY_SETS 64 /* recent ClOrdIDs: sets of WINDOW_KEY_WAYS, FIFO */
#define WINDOW_KEY_WAYS 4
#define WINDOW_PENDING 128 /* orders waiting for their first report */
#define WINDOW_BASE_SLOTS 300 /* 30 s: the baseline's memory once it is full */
#define WINDOW_LEARN_SLOTS 20 /* 2 s: before that nothing counts as elevated */
#define WINDOW_MARKET_SLOTS 10 /* 1 s of history makes a session part of it */
#define WINDOW_IDLE_SLOTS 20 /* 2 s without an order: not active */
#define WINDOW_DORMANT_SLOTS 100
#define WINDOW_FROZEN_SLOTS 600 /* 60 s: a new regime is learned after that */
#define WINDOW_CLIP 16 /* one session's share of the market: at most 16 baselines */
#define WINDOW_SLOW_PRIOR 19661ull /* Q16 0.3: the prior of one-second ratios */

/* The order messages of a group of symbols: of everybody, or of one session. */
struct window_symbol {
	uint64_t slot, fast, base; /* Q16: 1 s, 30 s */
	uint32_t current, slots;
};

/* A session's last symbol of a group: where its prices are kept, and the session's last
 * new order in it. */
struct window_name {
	uint64_t key, order_ns;
	int64_t price, quantity;
	uint32_t row;
	uint8_t is_buy, is_filled; /* anything in the symbol, since that order */
};

/* What a session's client said to nobody: Heartbeats and TestRequests in a row, since
 * the gateway's last message. */
struct window_unheard {
	uint64_t first_ns, last_ns, heard_ns;
	uint32_t count;
	uint8_t counted; /* of these, as a session that is not heard */
	uint8_t logged_out, parted; /* either end said Logout; FIN or RST */
};

/* One direction of a session: by which path its segments come, and where it is. */
struct window_trace {
	uint64_t usual, odd, run_ns;
	uint32_t next;
	uint8_t run, run_new, run_old;
};

struct window_session {
	uint64_t first_order_ns, open_ns, window_first_ns, streak_ns, accepted_ns;
	uint64_t sequence[2];
	uint64_t current[C_KINDS], previous[C_KINDS];
	uint64_t fast, fast_new, fast_fill, slow; /* Q16: 1 s, 1 s, 1 s, 10 s */
	uint64_t base, base_new, base_fill, first, deviation, peak;
	uint64_t fast_answer, fast_refused; /* Q16, 1 s */
	uint64_t slow_sent, slow_fill, slow_resend; /* Q16, 10 s */
	uint64_t slow_gap, slow_retry;
	uint64_t slow_volume, slow_bought, slow_sold; /* 10 s */
	uint64_t size_mean, largest, largest_before;
	uint64_t ack_slow_us16;
	uint64_t messages;
	uint64_t layouts[AIRNET_LAYOUTS / 64]; /* of this window's orders */
	uint64_t data_ns, logon_ns; /* not answered yet; 0 = nothing waits */
	uint32_t venue, venue_generation; /* its row; 0 = not looked up */
	uint32_t answered, rejected; /* in which slot, by venue_epoch */
	uint32_t slots, idle, frozen, outstanding;
	uint32_t market_current, market_previous, clip, elevated_at;
	uint32_t run, window_orders, target;
	uint32_t side_run, unfilled, sizes, hot, echoes;
	uint32_t chain_longest, chain_before;
	uint32_t unspoken; /* the target's generation while only one end has spoken */
	uint8_t in_market, elevated, active, listed, heard, closed, established;
	uint8_t spoke; /* in this slot */
	uint8_t last_side, recent_at, price_at, refused_at, chain_at, symbol;
	uint8_t client[16];
	uint64_t last_symbol;
	uint32_t recent[WINDOW_RECENT];
	int64_t prices[WINDOW_PRICES];
	uint32_t echo[WINDOW_ECHOES];
	uint64_t echo_ns[WINDOW_ECHOES];
	uint32_t refused_like[WINDOW_REFUSED];
	uint64_t chain_key[WINDOW_CHAINS], chain_origin[WINDOW_CHAINS];
	uint64_t chain_ns[WINDOW_CHAINS];
	uint32_t chain_run[WINDOW_CHAINS];
	struct window_symbol symbols[WINDOW_SYMBOLS];
	uint8_t key_at[WINDOW_KEY_SETS];
	uint64_t keys[WINDOW_KEY_SETS][WINDOW_KEY_WAYS];
	uint64_t key_ns[WINDOW_KEY_SETS][WINDOW_KEY_WAYS];
	uint64_t pending_key[WINDOW_PENDING];
	uint64_t pending_ns[WINDOW_PENDING];
	uint32_t pending_like[WINDOW_PENDING];
	struct window_trace traces[2];
	struct window_unheard unheard; /* window_parting.h */
	uint32_t comp; /* its client's CompID, 0 = not read */
	uint32_t own_host, own_generation, rival, rival_generation;
	uint16_t version; /* of a Logon: a hash of what it named, 0 = none */
	uint8_t asking, asked, contesting, is_own;
	uint8_t contested; /* messages that prove its CompID's holder alive */
	uint8_t loss_heard; /* which ends spoke since the other's last spell */
	uint64_t far_tick_ns; /* the tick of its last row of an order; window_price.h */
	uint64_t turn_ns, undone_ns; /* window_turn.h */
	uint32_t far_run, far_left, turns, undone;
	uint64_t met_ns; /* window_meet.h */
	uint32_t met, met_with, refused_run;
	struct window_name names[WINDOW_NAMES];
	uint64_t loss_first_ns, loss_ns[2], loss_epoch; /* window_loss.h */
	uint32_t loss_now, loss_before, loss_old;
	uint8_t agreed; /* its handshake is complete, and nothing was read of it yet */
	uint8_t begun; /* the same, and nobody has logged on; window_unasked.h */
	uint32_t unread, unread_host, unread_generation; /* window_unread.h */
	uint32_t mute; /* segments up since a message ended in one */
	uint32_t unasked; /* orders of who has not logged on */
};

#define WINDOW_TARGET_SETS 64
#define WINDOW_TARGET_WAYS 16
#define WINDOW_TARGETS (WINDOW_TARGET_SETS * WINDOW_TARGET_WAYS)
#define WINDOW_SOURCE_SETS 2048
#define WINDOW_SOURCE_WAYS 8
#define WINDOW_SOURCES (WINDOW_SOURCE_SETS * WINDOW_SOURCE_WAYS)
#define WINDOW_KNOWN 32768 /* places of known addresses: open addressing */
#define WINDOW_KNOWN_MAX (WINDOW_KNOWN / 4 * 3)
#define WINDOW_PROBES 256 /* the longest chain; at three quarters some have 150 */
#define WINDOW_TOP 8
#define WINDOW_TOP_MIN 2 /* flood-like packets that make a source window */
#define WINDOW_SEEDS 5 /* of the keyed hash: four words of an address, and a sum */
#define WINDOW_STREAK_GAP_NS 200000000ull /* a source silent so long starts anew */
#define WINDOW_VENUE_SETS 64
#define WINDOW_VENUE_WAYS 16
#define WINDOW_VENUES (WINDOW_VENUE_SETS * WINDOW_VENUE_WAYS)
#define WINDOW_FEEDS 256
#define WINDOW_WATCH (WINDOW_FEEDS + 1) /* rows of a slot: feeds, and the mirror's */
#define WINDOW_HOSTS 2048
#define WINDOW_BAND_SETS 2048 /* of symbols */
#define WINDOW_BAND_WAYS 4
#define WINDOW_BANDS (WINDOW_BAND_SETS * WINDOW_BAND_WAYS)
/* A tick closes at most every active session, venue and host; of a target 9. */
#define WINDOW_ROWS \
	(AIRNET_SESSIONS_MAX + WINDOW_VENUES + WINDOW_TARGETS * (1 + WINDOW_TOP) + \
	 WINDOW_WATCH + WINDOW_HOSTS + 1024)

#include "window_tally.h"

struct window_known {
	uint8_t address[16];
	uint32_t sessions;
	uint8_t registered, traded, lawful;
	uint64_t path; /* that its sessions come by, window_trace.h */
};

struct window_counters {
	uint64_t time_backwards, targets_full, sources_full, known_full;
	uint64_t sources_evicted, targets_evicted, multicast, windows;
	uint64_t venues_full, venues_evicted, feeds_full;
	uint64_t hosts_full, hosts_evicted, hosts_skipped, edges_evicted;
	uint64_t symbols_evicted;
};

/* An order gateway that the site file lists. */
struct window_endpoint {
	uint8_t address[16];
	uint16_t port;
};

struct window_venue; /* window_venue.h */
struct window_host; /* window_host.h */
struct window_edge;
struct window_comp;
struct window_price;

#define WINDOW_NETWORKS 64
struct window_state {
	struct window_session *sessions;
	struct window_target *targets;
	struct window_source *sources;
	struct window_known *known;
	struct window_venue *venues; /* and one more, where those without a place go */
	struct window_mirror *mirror; /* window_witness.h */
	struct window_witness *witnesses; /* by session */
	struct window_feeds *feeds; /* window_feed.h */
	struct window_host *hosts;
	struct window_edge *edges;
	struct window_comp *comps;
	struct window_price *prices; /* window_price.h */
	uint64_t *price_tags; /* keys of their symbols, 0 = none */
	uint64_t *target_tags, *source_tags, *host_tags, *edge_tags;
	uint64_t *source_last_ns; /* when each of `sources` sent its last packet */
	uint64_t target_bits[WINDOW_TARGET_SETS]; /* top six bits of a set's tags */
	uint64_t known_bits[WINDOW_KNOWN / 64]; /* which of `known_slots` are used */
	uint16_t known_slots[WINDOW_KNOWN]; /* index in `known` */
	uint8_t gateways[WINDOW_TARGETS][16]; /* the configured ones */
	uint64_t venue_tags[WINDOW_VENUES];
	struct window_endpoint endpoints[WINDOW_VENUES]; /* the configured ones */
	uint32_t active_venues[WINDOW_VENUES];
	uint32_t active_venue_count, endpoint_count, venue_epoch, venue_generation;
	uint64_t seed[WINDOW_SEEDS];
	uint64_t networks[WINDOW_NETWORKS]; /* where who trades lives */
	uint64_t start_ns, answered_ns; /* the first frame; the last SYN answered */
	uint64_t opened_ns; /* the last address at which a session was the first */
	uint64_t newcomer_ns; /* the last host that was let in for the first time */
	uint32_t network_count, active_host_count, comp_count, host_generation;
	uint64_t refused_epoch; /* in which `refused_hosts` were refused a Logon */
	uint32_t refused_hosts, left_strange,
		left_familiar; /* frames to look up in this tick */
	uint64_t lossy_epoch, move_epoch;
	uint32_t lossy_hosts, moves, moves_before;
	uint32_t *active_hosts;
	uint32_t *active_sessions, *active_targets;
	uint32_t active_session_count, active_target_count, known_count, gateway_count;
	uint32_t last_target; /* where the last packet outside sessions went */
	uint32_t generation, row_count, market_sessions, elevated, hot, started;
	uint64_t now_ns, next_ns, frame_ns, frame_count, slot;
	uint64_t market_current, market_previous, market_base, market_fast;
	uint64_t market_first;
	struct window_symbol symbols[WINDOW_SYMBOLS];
	struct window_estimates estimates;
	struct airnet_window *windows;
	float *rows;
	struct window_counters counters;
};

#endif
