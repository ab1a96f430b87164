/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Messages of one kind from one sender have the same tags in the same order: a layout.
 * Where one was seen twice, its tags are kept, and a message is held against them
 * instead of walked. Every tag of every message is compared, so a layout never hides,
 * adds or doubles a field; what does not match is walked. The table is fixed and
 * direct-mapped; a layout gives way only to one that was seen twice itself. What is in
 * it changes how long a message takes, never what is read.
 */
#ifndef AIRNET_FIXLAYOUT_H
#define AIRNET_FIXLAYOUT_H

#include "fixtime.h"
#include "fixsum.h"

#define FIX_LAYOUTS 128
#define FIX_LAYOUT_SHIFT 57 /* leaves a number below FIX_LAYOUTS */
#define FIX_LAST 64
#define FIX_LAST_SHIFT 26 /* leaves of 32 bits a number below FIX_LAST */
#define FIX_LAYOUT_LEAST (FIX_FIRST + 4)
#define FIX_LAYOUT_FIELDS 128 /* with BeginString and BodyLength */
#define FIX_LAYOUT_TAGS 1024 /* bytes of text, with every '=' */
#define FIX_LINE 64 /* bytes */
#define FIX_TAGS_BEFORE 64 /* '=' before the text of tags */
#define FIX_PLACES_MAX (FIX_MESSAGE_BYTES + 3 * FIX_BLOCK)

struct fix_layout {
	an_u32 count;
	struct fix_fields fields;
	an_u32 tag_bytes;
	an_u16 plan[2 * FIX_SLOTS]; /* of paths that have a use for one */
	union {
		/* A tag with its '=' in the high bytes; in the low byte, by how many
		 * bits eight bytes of the message are shifted left to leave just
		 * that. */
		an_u64 keys[FIX_LAYOUT_FIELDS];
		/* Of paths whose scan writes such text; some is read behind it. */
		an_u8 tags[FIX_LAYOUT_TAGS + 2 * FIX_BLOCK];
	};
};

/* What reading remembers between messages, and room to work in. */
struct fix_reader {
	enum fix_path path;
	an_u32 has_layouts; /* 0: walk every message */
	struct fix_day day;
	struct fix_fields fields; /* of the last message walked */
	struct fix_lookup lookup;
	struct fix_scan scan; /* of paths that keep it here, as are the spans */
	struct fix_span *spans;
	struct fix_layout *last[FIX_LAST]; /* by type */
	/* Of hashes the low half, apart from the layouts, which are far from one
	 * another: that of each, and that of the last message that had another. */
	an_u32 hashes[FIX_LAYOUTS];
	an_u32 candidates[FIX_LAYOUTS];
	struct fix_layout layouts[FIX_LAYOUTS];
	/* The pairs of what is not there, then the places of a message; spans. Both
	 * are used from where a cache line begins, which is known when it runs: what
	 * is stored over two lines is slow to load again. */
	an_u16 place_room[FIX_LINE / 2 + FIX_ABSENT + FIX_PLACES_MAX];
	struct fix_span span_room[FIX_LINE / 4 + FIX_SLOTS];
	an_u8 tag_room[FIX_LINE + FIX_TAGS_BEFORE + FIX_LAYOUT_TAGS + 2 * FIX_BLOCK];
	struct fix_senses senses; /* last: where layouts begin is measured */
};

static inline void *fix_line(void *at)
{
	return (an_u8 *)at + (FIX_LINE - (size_t)at % FIX_LINE) % FIX_LINE;
}

/* `reader` is all zero; it stays where it is from now on. */
static inline void fix_reader_begin(struct fix_reader *reader)
{
	an_u16 *absent;
	an_u32 lead, i;

	reader->path = fix_path_best();
	reader->has_layouts = 1;
	memcpy(&reader->day.date, "19700101", 8);
	fix_lookup_begin(&reader->lookup);
	reader->scan.places =
		(an_u16 *)fix_line(reader->place_room + FIX_ABSENT - 1) + 1;
	absent = reader->scan.places - FIX_ABSENT;
	reader->spans = fix_line(reader->span_room);
	reader->scan.tags = fix_line(reader->tag_room + FIX_TAGS_BEFORE);
	memset(reader->tag_room, '=', 2 * FIX_LINE);
	for (i = 0; i < FIX_LAST; i++)
		reader->last[i] = &reader->layouts[0];
	for (lead = 2; lead <= 4; lead++)
		absent[FIX_ABSENT_PAIR(lead)] = (an_u16)(0 - lead);
}

/* A number that differs between most layouts: of how many fields there are, and how
 * MsgType and three fields begin. */
FIX_INLINE an_u64 fix_layout_hash(const struct fix_walk *walk)
{
	an_u32 last = walk->count - 1, step = (last - FIX_FIRST) / 4;
	an_u16 parts[4];
	an_u64 hash;

	memcpy(&parts[0], walk->body + 3, 2);
	memcpy(&parts[1], walk->body + fix_start(walk, last), 2);
	memcpy(&parts[2], walk->body + fix_start(walk, last - step), 2);
	memcpy(&parts[3], walk->body + fix_start(walk, last - 2 * step), 2);
	hash = parts[0] | (an_u64)parts[1] << 16 | (an_u64)parts[2] << 32 |
	       (an_u64)parts[3] << 48;
	hash = (hash ^ walk->count) * FIX_KEY_FACTOR;
	return (hash ^ hash >> 32) * FIX_KEY_START;
}

/* The bits in which a field's tag is not the key's. */
FIX_INLINE an_u64 fix_differs(const an_u8 *at, an_u64 key)
{
	return (fix_word(at) << (key & 63)) ^ key;
}

/* Whether the message has the layout's tags, and no others. Four at a time; the last
 * four again rather than what is left. */
FIX_INLINE int fix_layout_fits(const struct fix_layout *layout,
			       const struct fix_walk *walk)
{
	const an_u16 *place = walk->places + FIX_FIRST - 1;
	const an_u64 *key = layout->keys;
	an_u32 n = walk->count - FIX_FIRST, i;
	an_u64 differs = 0;

	if (layout->count != walk->count)
		return 0;
	for (i = 0; i < n; i += 4) {
		if (i + 4 > n)
			i = n - 4;
		differs |= fix_differs(walk->body + place[i], key[i]);
		differs |= fix_differs(walk->body + place[i + 1], key[i + 1]);
		differs |= fix_differs(walk->body + place[i + 2], key[i + 2]);
		differs |= fix_differs(walk->body + place[i + 3], key[i + 3]);
	}
	return differs >> 8 == 0;
}

#define FIX_WAYS 4 /* places that a layout may have */

/* The number of the layout that has this hash, if there is one; no branch says which of
 * its places that has. */
FIX_INLINE an_u32 fix_layout_number(const struct fix_reader *reader, an_u64 hash)
{
	an_u32 number = (an_u32)(hash >> FIX_LAYOUT_SHIFT), found = number;
	an_u32 way;

#pragma GCC unroll 4
	for (way = 0; way < FIX_WAYS; way++)
		found = reader->hashes[number ^ way] == (an_u32)hash ? number ^ way
								     : found;
	return found;
}

/* The number that a layout without one gets: of a free place, or its first; one whose
 * hash is the same it replaces. */
static inline an_u32 fix_layout_place(const struct fix_reader *reader, an_u64 hash)
{
	an_u32 number = (an_u32)(hash >> FIX_LAYOUT_SHIFT), way;

	for (way = 0; way < FIX_WAYS; way++)
		if (!reader->hashes[number ^ way] ||
		    reader->hashes[number ^ way] == (an_u32)hash)
			return number ^ way;
	return number;
}

/* Keep the layout of a message just walked. */
static inline void fix_layout_keep(struct fix_layout *layout,
				   const struct fix_walk *walk,
				   const struct fix_fields *fields)
{
	an_u32 i, n = walk->count - FIX_FIRST;
	an_u64 word, shift;

	for (i = 0; i < n; i++) {
		word = fix_word(walk->body + fix_start(walk, i + FIX_FIRST));
		shift = (an_u64)__builtin_ctzll(fix_first_zero(word ^ FIX_EACH('=')));
		shift = 56 - (shift & 56);
		layout->keys[i] = word << shift | shift;
	}
	layout->count = walk->count;
	layout->fields = *fields;
}

FIX_INLINE int fix_layout_may_be(const struct fix_reader *reader,
				 const struct fix_walk *walk, an_u32 has_empty)
{
	return walk->count >= FIX_LAYOUT_LEAST && walk->count <= FIX_LAYOUT_FIELDS &&
	       !has_empty && reader->has_layouts;
}

/* Where the type of a message has the layout that it had last. */
static inline an_u32 fix_last(const an_u8 *body)
{
	an_u16 type;

	memcpy(&type, body + 3, 2);
	return type * 0x9e3779b1U >> FIX_LAST_SHIFT;
}

/* Whether a layout that was just walked was the last of its place to be. */
static inline int fix_layout_is_second(struct fix_reader *reader, an_u64 hash)
{
	an_u32 *candidate = &reader->candidates[hash >> FIX_LAYOUT_SHIFT];
	int is_second = *candidate == (an_u32)hash;

	*candidate = (an_u32)hash;
	return is_second;
}

/* Walk a message that no layout fits; its layout may be kept if it has a hash. */
FIX_INLINE const struct fix_fields *fix_miss(struct fix_reader *reader,
					     const struct fix_walk *walk, an_u64 hash)
{
	struct fix_fields *fields = &reader->fields;
	an_u32 number;

	fix_find(walk, fields);
	if (!hash || fields->has_bad_field | fields->has_bad_type | fields->is_special)
		return fields;
	if (fix_layout_is_second(reader, hash)) {
		number = fix_layout_place(reader, hash);
		reader->hashes[number] = (an_u32)hash;
		fields->layout = fix_layout_sum(&reader->senses, walk);
		fix_layout_keep(&reader->layouts[number], walk, fields);
	}
	return fields;
}

/* The layout of a scanned message that has a hash, looked up by that. */
FIX_INLINE struct fix_layout *fix_known(struct fix_reader *reader,
					const struct fix_walk *walk, an_u64 hash)
{
	an_u32 number = fix_layout_number(reader, hash);
	struct fix_layout *layout = &reader->layouts[number];

	if (reader->hashes[number] != (an_u32)hash || !fix_layout_fits(layout, walk))
		return NULL;
	return layout;
}

/* The fields of a scanned message. */
FIX_INLINE const struct fix_fields *
fix_fields(struct fix_reader *reader, const struct fix_walk *walk, an_u32 has_empty)
{
	const struct fix_layout *layout;
	an_u64 hash = 0;

	if (fix_layout_may_be(reader, walk, has_empty)) {
		hash = fix_layout_hash(walk);
		layout = fix_known(reader, walk, hash);
		if (layout)
			return &layout->fields;
	}
	return fix_miss(reader, walk, hash);
}

#endif
