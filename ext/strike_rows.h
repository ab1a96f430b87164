/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What attackers and the mirror do in an episode, as rows: the same layout as the
 * numpy dtypes of src/airnet/twin/rows_strike.py (tests/twin holds them equal).
 * Times are ns since the epoch; hosts and lines are rows of HOST and LINE.
 */
#ifndef AIRNET_STRIKE_ROWS_H
#define AIRNET_STRIKE_ROWS_H

#include "airnet.h"

/* strike_row.kind. `rate` counts, a second, what stands behind it. */
#define STRIKE_SYN 1 /* packets */
#define STRIKE_ACK 2 /* packets */
#define STRIKE_UDP 3 /* datagrams */
#define STRIKE_AMPLIFY 4 /* replies nobody here asked for; `service` says of what */
#define STRIKE_LOGON 5 /* connections: handshake, a stranger's Logon, refusal */
#define STRIKE_DRIP 6 /* connections opened; each then drips `bytes_min` at a time */
#define STRIKE_BRUTE 7 /* logon attempts under the CompID of `line` */
#define STRIKE_SCAN 8 /* probes over `targets` hosts */
#define STRIKE_EXFILTRATE 9 /* payload bytes over one connection to `target` */
#define STRIKE_BEACON 10 /* calls: a short exchange each `period_ns` */
#define STRIKE_TUNNEL 11 /* DNS queries with data in the name */
#define STRIKE_INJECT 12 /* forged orders in the stream of `line` */
#define STRIKE_REPLAY 13 /* copies of segments of `line`, sent again */
#define STRIKE_FLAP 14 /* cuts of the connection of `line`, or of `lines` of them */
#define STRIKE_KINDS 15

/* strike_row.service: whose replies an amplification is made of. */
#define STRIKE_DNS 1 /* RFC 1035, from port 53 */
#define STRIKE_NTP 2 /* mode 7 monlist (CVE-2013-5211), from port 123 */
#define STRIKE_MEMCACHED 3 /* from port 11211 (CVE-2018-1000115) */

struct strike_row {
	an_s64 onset_ns;
	an_s64 offset_ns;
	an_s64 ramp_ns; /* linear, from nothing to the whole rate */
	an_s64 period_ns; /* of pulses and beacons; 0 = steady */
	double rate; /* a second, at full strength */
	double duty; /* share of the period it is on; 0 and 1 = always */
	double jitter; /* of gaps: 0 = clockwork, 1 = Poisson */
	double spoof; /* share of packets from made-up addresses */
	double borrow; /* share with an address of a firm, of `lines` sessions */
	double answers; /* share of packets the target answers */
	an_u32 kind;
	an_u32 source; /* HOST: the first attacker */
	an_u32 sources; /* how many successive HOST rows attack in turn */
	an_u32 target; /* HOST: the first victim */
	an_u32 targets;
	an_u32 line; /* LINE: the victim session, or AIRNET_NONE */
	an_u32 lines;
	an_u32 incident; /* the label it belongs to, from 1; 0 = benign */
	an_u32 bytes_min; /* of payload */
	an_u32 bytes_max;
	an_u16 port; /* of the target */
	an_u8 service; /* STRIKE_DNS, ... */
	an_u8 pad[5];
};

/* sensor_row.kind: what is wrong with the mirror. `rate` is a probability a frame
 * unless something else stands behind it. */
#define SENSOR_LOSS 1 /* in bursts of `run_frames` */
#define SENSOR_OVERFLOW 2 /* rate: bytes a second the mirror port passes on */
#define SENSOR_DUPLICATE 3
#define SENSOR_ONE_WAY 4 /* the frames of `direction` are missing */
#define SENSOR_STEP 5 /* the clock is `amount_ns` off */
#define SENSOR_JITTER 6 /* stamps are up to `amount_ns` late */
#define SENSOR_REORDER 7 /* a frame comes up to `run_frames` frames late */
#define SENSOR_DRIFT 8 /* rate: ns a second by which the clock runs fast */
#define SENSOR_KINDS 9

#define SENSOR_BOTH 0xffffffffu

struct sensor_row {
	an_s64 onset_ns;
	an_s64 offset_ns;
	an_s64 ramp_ns; /* of the rate */
	an_s64 amount_ns;
	double rate;
	double run_frames;
	an_u32 kind;
	an_u32 direction; /* AIRNET_DIRECTION_*, or SENSOR_BOTH */
	an_u32 incident; /* the label it belongs to, from 1; 0 = the site's own habit */
	an_u32 pad;
};

_Static_assert(sizeof(struct strike_row) == 128, "strike_row changed size");
_Static_assert(sizeof(struct sensor_row) == 64, "sensor_row changed size");

#endif
