/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * window.c - The driver and the map of its window, kept in step
 */
#include "window.h"

#include <errno.h>
#include <string.h>

/* Granules asked for in one state call. */
#define STATE_CHUNK	4096u

static void forget_block(struct window_map *m, uint32_t block)
{
	if (m->blocks[block].zone == BLOCK_ABSENT)
		return;
	window_map_set_online(m, window_map_usable(m, block), false);
	window_map_set_zone(m, block, BLOCK_ABSENT);
}

/* @words: state of the granules from @base on */
static void set_from_words(struct window_map *m, struct granules r,
			   uint32_t base, const uint64_t *words)
{
	for (uint32_t g = r.first; g < r.first + r.nr; g++) {
		uint32_t bit = g - base;

		if (words[bit / 64] >> (bit % 64) & 1)
			window_map_set_online(m, (struct granules){ g, 1 },
					      true);
	}
}

static int reload_block(struct window *w, uint32_t block,
			const uint64_t *words, uint32_t base)
{
	struct window_map *m = &w->map;
	struct window_block found;
	int rc = w->kdev->ops->block(w->kdev, block, &found);

	if (rc)
		return rc;
	forget_block(m, block);
	if (found.zone == BLOCK_ABSENT)
		return 0;
	window_map_set_zone(m, block, found.zone);
	set_from_words(m, window_map_usable(m, block), base, words);
	return m->blocks[block].online == found.online ? 0 : -EIO;
}

/* @r: whole blocks, at most STATE_CHUNK granules, ends multiples of 64 */
static int reload_chunk(struct window *w, struct granules r)
{
	uint64_t words[STATE_CHUNK / 64];
	uint32_t per_block = w->map.geo.block_granules;
	int rc = w->kdev->ops->state(w->kdev, r.first, r.nr, words);

	for (uint32_t g = r.first; !rc && g < r.first + r.nr; g += per_block)
		rc = reload_block(w, g / per_block, words, r.first);
	return rc;
}

int window_reload(struct window *w)
{
	uint32_t nr = w->map.geo.window_granules;
	int rc = 0;

	for (uint32_t g = 0; !rc && g < nr; g += STATE_CHUNK)
		rc = reload_chunk(w, (struct granules){
			g, MIN(STATE_CHUNK, nr - g),
		});
	w->unknown = rc != 0;
	return rc;
}

int window_init(struct window *w, struct kdev *k)
{
	int rc;

	*w = (struct window){ .kdev = k };
	k->ops->info(k, &w->info);
	rc = window_map_init(&w->map, &w->info.geo);
	if (!rc)
		rc = window_reload(w);
	if (rc)
		window_done(w);
	return rc;
}

void window_done(struct window *w)
{
	window_map_done(&w->map);
}

/* What the driver says goes. Return: false if it says nothing */
static bool resync(struct window *w, uint32_t block)
{
	uint32_t per_block = w->map.geo.block_granules;
	uint32_t span = MAX(per_block, 64u);
	uint32_t first = block * per_block / span * span;

	if (reload_chunk(w, (struct granules){ first, span }))
		w->unknown = true;
	return !w->unknown;
}

static uint32_t leading_in_use(const struct window_map *m, struct granules r)
{
	uint32_t n = 0;

	while (n < r.nr && window_map_in_use(m, r.first + n))
		n++;
	return n;
}

static bool none_in_use(const struct window_map *m, struct granules r)
{
	for (uint32_t g = r.first; g < r.first + r.nr; g++) {
		if (window_map_in_use(m, g))
			return false;
	}
	return true;
}

static void note_online(struct window *w, struct kdev_range *r)
{
	uint32_t block = window_map_block_of(&w->map, r->r.first);

	if (r->ret_rc == -EAGAIN)
		return;
	if (r->ret_rc || r->ret_done != r->r.nr) {
		if (resync(w, block))
			r->ret_done = leading_in_use(&w->map, r->r);
		return;
	}
	if (w->map.blocks[block].zone == BLOCK_ABSENT)
		window_map_set_zone(&w->map, block, r->zone);
	window_map_set_online(&w->map, r->r, true);
}

void window_online(struct window *w, struct kdev_range *ranges, uint32_t nr)
{
	w->kdev->ops->online(w->kdev, ranges, nr);
	for (uint32_t i = 0; i < nr; i++)
		note_online(w, &ranges[i]);
}

/* A range is taken as a whole or not at all. */
static void note_pull(struct window *w, struct kdev_range *r)
{
	switch (r->ret_rc) {
	case 0:
		window_map_set_online(&w->map, r->r, false);
		break;
	case -EAGAIN:
	case -EINTR:
	case -EBUSY:
	case -ENOMEM:
	case -ENOSPC:
		break;
	default:
		if (resync(w, window_map_block_of(&w->map, r->r.first)) &&
		    none_in_use(&w->map, r->r))
			r->ret_rc = 0;
	}
}

void window_pull(struct window *w, struct kdev_range *ranges, uint32_t nr)
{
	w->kdev->ops->pull(w->kdev, ranges, nr, w->pull_as_is);
	for (uint32_t i = 0; i < nr; i++)
		note_pull(w, &ranges[i]);
}

int window_remove(struct window *w, uint32_t block)
{
	int rc = w->kdev->ops->remove(w->kdev, block);

	if (!rc)
		window_map_set_zone(&w->map, block, BLOCK_ABSENT);
	else if (resync(w, block) &&
		 w->map.blocks[block].zone == BLOCK_ABSENT)
		rc = 0;
	return rc;
}

int window_state(struct window *w, uint32_t first, uint32_t nr,
		 uint64_t *ret_words)
{
	int rc = w->kdev->ops->state(w->kdev, first, nr, ret_words);

	if (!rc && memcmp(ret_words, &w->map.in_use[first / 64], nr / 8))
		rc = window_reload(w);
	return rc;
}
