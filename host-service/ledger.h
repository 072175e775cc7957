/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * ledger.h - What one guest was given: which granules are backed, which exposed
 *
 * A cache of two truths, Xen's p2m and the guest's word, rebuilt whenever
 * either connection is new (docs/design.md §4). Two bits a granule:
 *
 *   backed    the granule has host memory behind it
 *   exposed   the guest was told to use it and has not said that it stopped;
 *             set before the request leaves, so it errs to the safe side
 *
 * I1 is exposed ⊆ backed, and only ledger_set_*() and ledger_clear_*() write:
 * they keep the counts and assert it.
 *
 *   backed exposed
 *     0      0     empty
 *     1      0     idle: may be given back, or exposed
 *     1      1     in use, or on the way there
 *     0      1     impossible
 */
#ifndef MEMTIDE_LEDGER_H
#define MEMTIDE_LEDGER_H

#include "base.h"

/**
 * struct ledger - one guest's granules
 * @granules:	size of the window in granules, whole blocks, multiple of 64
 * @block:	granules in a memory block
 * @memmap:	leading granules of each block that carry its memmap
 * @backed, @exposed: bitmaps of @granules bits, owned
 * @nr_backed, @nr_exposed: bits set in them
 */
struct ledger {
	uint32_t granules;
	uint32_t block;
	uint32_t memmap;
	uint64_t *backed;
	uint64_t *exposed;
	uint32_t nr_backed;
	uint32_t nr_exposed;
};

/**
 * ledger_init() - An empty ledger; all memory it will ever need is taken here
 *
 * Return: 0 or -ENOMEM, and then ledger_done() is still allowed
 */
int ledger_init(struct ledger *l, uint32_t granules, uint32_t block,
		uint32_t memmap);
void ledger_done(struct ledger *l);

/** ledger_clear() - Forget everything, keep the size */
void ledger_clear(struct ledger *l);

/** ledger_contains() - Does the run lie within the window? */
bool ledger_contains(const struct ledger *l, struct granules r);

void ledger_set_backed(struct ledger *l, struct granules r);
/** ledger_clear_backed() - ASSERTs that none of @r is exposed (I1) */
void ledger_clear_backed(struct ledger *l, struct granules r);
/** ledger_set_exposed() - ASSERTs that all of @r is backed (I1) */
void ledger_set_exposed(struct ledger *l, struct granules r);
void ledger_clear_exposed(struct ledger *l, struct granules r);

bool ledger_is_exposed(const struct ledger *l, struct granules r);

/**
 * ledger_load_backed(), ledger_load_exposed() - Take 64 granules from a bitmap
 * @first:	granule, multiple of 64
 * @bits:	bit i for granule @first + i
 *
 * ledger_load_exposed() takes only what is backed.
 *
 * Return: the bits that broke I1 (exposed, not backed); 0 from _backed()
 */
uint64_t ledger_load_backed(struct ledger *l, uint32_t first, uint64_t bits);
uint64_t ledger_load_exposed(struct ledger *l, uint32_t first, uint64_t bits);

/** ledger_nr_idle() - Granules backed and not exposed */
uint32_t ledger_nr_idle(const struct ledger *l);

/**
 * ledger_last_idle() - The highest idle run, to be given back
 * @max:	granules at most, >= 1
 *
 * From the top, so that a block's memmap granules go last.
 *
 * Return: false if nothing is idle
 */
bool ledger_last_idle(const struct ledger *l, uint32_t max,
		      struct granules *ret);

/**
 * ledger_next_ready() - The lowest idle run that the guest could expose now
 * @max:	granules at most, >= the block's memmap granules + 1
 *
 * A run never crosses a block. A block whose memmap is not yet exposed needs
 * all its memmap granules, first.
 *
 * Return: false if there is none
 */
bool ledger_next_ready(const struct ledger *l, uint32_t max,
		       struct granules *ret);

/**
 * ledger_next_empty() - Where to back the next granules
 * @max:	granules at most, >= 1
 *
 * Holes in blocks the guest already has come first, then the lowest absent
 * block from its start. A run never crosses a block.
 *
 * Return: false if the window is full
 */
bool ledger_next_empty(const struct ledger *l, uint32_t max,
		       struct granules *ret);

#endif
