/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * storm.h - Everything at once: what the storm's processes share
 */

#ifndef STORM_H
#define STORM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "world.h"

#define STORM_BLOCKS	8	/* of the window */
#define STORM_KERNEL	6	/* blocks from here on are in the kernel's zone */

/**
 * struct storm - in memory shared by all its processes
 * @stop:	workers end
 * @hold:	asks the worker that offlines blocks to rest with all online
 * @held:	it does
 * @changes:	of each granule: odd while a call that may change it runs
 * @used:	of each granule: in use, if @changes is even
 */
struct storm {
	volatile bool stop;
	volatile bool hold;
	volatile bool held;
	volatile uint32_t changes[STORM_BLOCKS * 64];
	volatile bool used[STORM_BLOCKS * 64];
};

/*
 * A worker runs until told to stop, in a process of its own. It counts what it
 * got done in @done: one that did nothing was no test. Return: 0, or -1 with
 * the reason noted, which ends the storm
 */
struct worker {
	const char *name;
	int (*work)(struct storm *s, uint64_t *seed, volatile long *done);
};

/* storm_load.c: memory in use, and checked */
int work_anon(struct storm *s, uint64_t *seed, volatile long *done);
int work_thp(struct storm *s, uint64_t *seed, volatile long *done);
int work_tmpfs(struct storm *s, uint64_t *seed, volatile long *done);
int work_fork(struct storm *s, uint64_t *seed, volatile long *done);
int work_pipe_pins(struct storm *s, uint64_t *seed, volatile long *done);
int work_ring_pins(struct storm *s, uint64_t *seed, volatile long *done);
int work_hugetlb(struct storm *s, uint64_t *seed, volatile long *done);

/* storm_look.c: who looks at all pages, or moves them */
int work_compact(struct storm *s, uint64_t *seed, volatile long *done);
int work_page_files(struct storm *s, uint64_t *seed, volatile long *done);
int work_kcore(struct storm *s, uint64_t *seed, volatile long *done);
int work_toggle(struct storm *s, uint64_t *seed, volatile long *done);
int work_poison(struct storm *s, uint64_t *seed, volatile long *done);

static inline uint32_t draw(uint64_t *seed, uint32_t below)
{
	*seed = *seed * 6364136223846793005 + 1442695040888963407;
	return (*seed >> 33) % below;
}

/* storm.c: the whole, for as many seconds as the command line says */
int test_storm(void);

#endif /* STORM_H */
