/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ledger.c - What one guest was given
 */
#include "ledger.h"

#include <errno.h>
#include <string.h>

static bool bit_get(const uint64_t *map, uint32_t i)
{
	return map[i / 64] >> (i % 64) & 1;
}

/* The only writer of a bit, so that a count cannot drift from its map. */
static void bit_set(uint64_t *map, uint32_t *count, uint32_t i, bool value)
{
	if (bit_get(map, i) == value)
		return;
	map[i / 64] ^= 1ull << (i % 64);
	*count += value ? 1 : -1;
}

int ledger_init(struct ledger *l, uint32_t granules, uint32_t block,
		uint32_t memmap)
{
	ASSERT(granules && granules % 64 == 0 && granules % block == 0);
	ASSERT(memmap < block);
	*l = (struct ledger){ granules, block, memmap, NULL, NULL, 0, 0 };
	l->backed = calloc(granules / 64, sizeof(uint64_t));
	l->exposed = calloc(granules / 64, sizeof(uint64_t));
	return l->backed && l->exposed ? 0 : -ENOMEM;
}

void ledger_done(struct ledger *l)
{
	free(l->backed);
	free(l->exposed);
	*l = (struct ledger){ 0 };
}

void ledger_clear(struct ledger *l)
{
	memset(l->backed, 0, l->granules / 8);
	memset(l->exposed, 0, l->granules / 8);
	l->nr_backed = 0;
	l->nr_exposed = 0;
}

bool ledger_contains(const struct ledger *l, struct granules r)
{
	return r.nr && r.first < l->granules && r.nr <= l->granules - r.first;
}

void ledger_set_backed(struct ledger *l, struct granules r)
{
	ASSERT(ledger_contains(l, r));
	for (uint32_t i = r.first; i < r.first + r.nr; i++)
		bit_set(l->backed, &l->nr_backed, i, true);
}

void ledger_clear_backed(struct ledger *l, struct granules r)
{
	ASSERT(ledger_contains(l, r));
	for (uint32_t i = r.first; i < r.first + r.nr; i++) {
		ASSERT(!bit_get(l->exposed, i));	/* I1 */
		bit_set(l->backed, &l->nr_backed, i, false);
	}
}

void ledger_set_exposed(struct ledger *l, struct granules r)
{
	ASSERT(ledger_contains(l, r));
	for (uint32_t i = r.first; i < r.first + r.nr; i++) {
		ASSERT(bit_get(l->backed, i));		/* I1 */
		bit_set(l->exposed, &l->nr_exposed, i, true);
	}
}

void ledger_clear_exposed(struct ledger *l, struct granules r)
{
	ASSERT(ledger_contains(l, r));
	for (uint32_t i = r.first; i < r.first + r.nr; i++)
		bit_set(l->exposed, &l->nr_exposed, i, false);
}

bool ledger_is_exposed(const struct ledger *l, struct granules r)
{
	ASSERT(ledger_contains(l, r));
	for (uint32_t i = r.first; i < r.first + r.nr; i++) {
		if (!bit_get(l->exposed, i))
			return false;
	}
	return true;
}

static void load_word(uint64_t *map, uint32_t *count, uint32_t first,
		      uint64_t bits)
{
	*count += __builtin_popcountll(bits);
	*count -= __builtin_popcountll(map[first / 64]);
	map[first / 64] = bits;
}

uint64_t ledger_load_backed(struct ledger *l, uint32_t first, uint64_t bits)
{
	ASSERT(first % 64 == 0 && first < l->granules);
	load_word(l->backed, &l->nr_backed, first, bits);
	return 0;
}

uint64_t ledger_load_exposed(struct ledger *l, uint32_t first, uint64_t bits)
{
	uint64_t backed;

	ASSERT(first % 64 == 0 && first < l->granules);
	backed = l->backed[first / 64];
	load_word(l->exposed, &l->nr_exposed, first, bits & backed);
	return bits & ~backed;
}

uint32_t ledger_nr_idle(const struct ledger *l)
{
	return l->nr_backed - l->nr_exposed;
}

static bool is_idle(const struct ledger *l, uint32_t i)
{
	return bit_get(l->backed, i) && !bit_get(l->exposed, i);
}

static bool is_empty(const struct ledger *l, uint32_t i)
{
	return !bit_get(l->backed, i);
}

/* The idle granules among the 64 from @first, a multiple of 64. */
static uint64_t idle_word(const struct ledger *l, uint32_t first)
{
	return l->backed[first / 64] & ~l->exposed[first / 64];
}

bool ledger_last_idle(const struct ledger *l, uint32_t max,
		      struct granules *ret)
{
	uint32_t end = l->granules, first;

	if (!ledger_nr_idle(l))
		return false;
	while (!idle_word(l, end - 64))
		end -= 64;
	while (!is_idle(l, end - 1))
		end--;
	for (first = end - 1; first && end - first < max; first--) {
		if (!is_idle(l, first - 1))
			break;
	}
	*ret = (struct granules){ first, end - first };
	return true;
}

/* Leading granules from @first, to the block's end, for which @pred holds. */
static uint32_t run_in_block(const struct ledger *l, uint32_t first,
			     uint32_t max,
			     bool (*pred)(const struct ledger *, uint32_t))
{
	uint32_t end = first - first % l->block + l->block;
	uint32_t i = first;

	while (i < end && i - first < max && pred(l, i))
		i++;
	return i - first;
}

/* A block is present in the guest if its memmap granules are exposed. */
static bool block_present(const struct ledger *l, uint32_t start)
{
	return !l->memmap ||
	       ledger_is_exposed(l, (struct granules){ start, l->memmap });
}

static bool block_touched(const struct ledger *l, uint32_t start)
{
	for (uint32_t i = start; i < start + l->block; i++) {
		if (i % 64 == 0 && !l->backed[i / 64])
			i += 63;
		else if (bit_get(l->backed, i))
			return true;
	}
	return false;
}

bool ledger_next_ready(const struct ledger *l, uint32_t max,
		       struct granules *ret)
{
	uint32_t left = ledger_nr_idle(l);
	uint32_t start = 0, i, nr;

	for (i = 0; left && i < l->granules; i++) {
		if (i % 64 == 0 && !idle_word(l, i)) {
			i += 63;
			continue;
		}
		if (!is_idle(l, i))
			continue;
		left--;
		start = i - i % l->block;
		nr = run_in_block(l, i, max, is_idle);
		if (block_present(l, start) ||
		    (i == start && nr >= l->memmap)) {
			*ret = (struct granules){ i, nr };
			return true;
		}
	}
	return false;
}

static bool empty_in_block(const struct ledger *l, uint32_t start, uint32_t max,
			   struct granules *ret)
{
	for (uint32_t i = start; i < start + l->block; i++) {
		if (!is_empty(l, i))
			continue;
		*ret = (struct granules){ i, run_in_block(l, i, max, is_empty) };
		return true;
	}
	return false;
}

bool ledger_next_empty(const struct ledger *l, uint32_t max,
		       struct granules *ret)
{
	uint32_t start;

	for (start = 0; l->nr_backed && start < l->granules; start += l->block) {
		if (block_touched(l, start) &&
		    empty_in_block(l, start, max, ret))
			return true;
	}
	for (start = 0; start < l->granules; start += l->block) {
		if (!block_touched(l, start))
			return empty_in_block(l, start, max, ret);
	}
	return false;
}
