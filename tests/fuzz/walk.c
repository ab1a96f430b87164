/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One raw frame, walked to its ports as the guard does: bounded, inside its bytes. What
 * select.h reads at once, the walk must read the same.
 */
#include "harness.h"

#include "walk.h"

static void walk_all(struct walk *walk, const struct walk_bytes *frame)
{
	int i;

	walk->next = WALK_ETHERNET;
	for (i = 0; i < WALK_STEPS && walk->end == WALK_ON; i++)
		walk->end = walk_step(frame, walk);
	if (walk->end == WALK_ON)
		walk->end = WALK_UNREAD;
}

/* The same addresses and ports, whichever way they were found. */
static void check_same(const struct walk *walk, const struct select_fields *fields)
{
	CHECK(walk->end == WALK_READ);
	CHECK(!walk->outer.is_ip && !walk->is_first);
	CHECK(walk->fields.is_ip == fields->is_ip);
	CHECK(walk->fields.protocol == fields->protocol);
	CHECK(walk->fields.source_port == fields->source_port);
	CHECK(walk->fields.target_port == fields->target_port);
	CHECK(!memcmp(walk->fields.source, fields->source, 16));
	CHECK(!memcmp(walk->fields.target, fields->target, 16));
}

int LLVMFuzzerTestOneInput(const an_u8 *data, size_t size)
{
	static struct arena arena;
	struct select_fields fields = {.ethertype = 0};
	struct walk walk = {.at = 0};
	struct walk_bytes frame = {.count = (an_u32)size};

	frame.at = arena_alone(&arena, data, size);
	walk_all(&walk, &frame);
	CHECK(walk.end == WALK_READ || walk.end == WALK_LATER ||
	      walk.end == WALK_UNREAD);
	CHECK(walk.at <= WALK_STEPS * 2048 + 14);
	CHECK(walk.outer.is_ip <= walk.fields.is_ip);
	CHECK(!walk.is_first || walk.fields.is_ip);
	if (walk.end == WALK_LATER)
		CHECK(!walk.fields.source_port && !walk.fields.target_port);
	select_read(&fields, frame.at, frame.at + size);
	if (!fields.is_opaque)
		check_same(&walk, &fields);
	return 0;
}
