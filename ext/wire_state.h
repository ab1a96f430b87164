/* SPDX-License-Identifier: Apache-2.0 */
/* What frames are made of, for those who have them made (ext/wire.h). */
#ifndef AIRNET_WIRE_STATE_H
#define AIRNET_WIRE_STATE_H

#include "airnet.h"

/* From where to where. Header trivia (MAC, TTL, VLAN, identification) are the source
 * HOST's. Where `spoof` or `to` is not zero, it is written instead of the source's or
 * the target's own address; `to` may be a group. */
struct wire_ends {
	an_u32 source; /* HOST */
	an_u32 target;
	an_u16 source_port;
	an_u16 target_port;
	an_u32 pad;
	an_u8 spoof[16];
	an_u8 to[16];
};

struct wire_segment {
	struct wire_ends ends;
	an_u32 sequence;
	an_u32 acknowledged;
	an_u32 echo; /* TSecr */
	an_u16 payload_bytes;
	an_u8 flags; /* AIRNET_TCP_*; a SYN carries the host's options */
	an_u8 direction; /* as the venue sees it, AIRNET_DIRECTION_* */
	const an_u8 *payload;
};

struct wire_datagram {
	struct wire_ends ends;
	an_u16 payload_bytes;
	an_u8 protocol; /* 17 UDP; 1 ICMP: the ports are type and code */
	an_u8 direction;
	an_u32 pad;
	const an_u8 *payload;
};

/* The headers of one direction between two ports, made once (ext/wire.h). */
struct wire_path {
	an_u8 bytes[80]; /* Ethernet, IP, ports */
	an_u64 pseudo; /* the pseudo header's sum */
	an_u32 host; /* HOST whose counters it uses */
	an_u16 window;
	an_u8 ip_at;
	an_u8 at; /* of the transport header */
	an_u8 protocol;
	an_u8 direction;
	an_u8 is_v6;
	an_u8 is_padded;
	an_u8 has_stamps;
	an_u8 has_sack;
	an_u8 pad[2];
};

/* A Logon under any name, in a line's dialect. */
struct wire_stranger {
	an_u32 line; /* whose dialect and, where text is empty, CompIDs */
	an_u32 number; /* MsgSeqNum */
	const char *sender;
	const char *target;
	const char *password; /* tag 554, NULL = none */
};

#endif
