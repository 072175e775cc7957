/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * tunables.h - Limits that Linux sized at boot follow the memory
 *
 * DOC: Theory of operation
 *
 * Linux computes some limits once, from the memory it has at boot: how many
 * threads there may be, open files, watches, socket buffers. A guest that is
 * built small and grows has them too small by the same factor, and nothing in
 * the kernel raises them (what it does raise on its own when memory is added,
 * such as vm.min_free_kbytes, is not here). The table is in tunables.c, with
 * the place in Linux 6.12 each rule is from.
 *
 * A limit is raised in proportion to the memory, so it is about what Linux
 * would have chosen with that memory at boot, and never beyond the bound that
 * Linux has for it. It is raised when memory has become larger by a quarter,
 * and never lowered: what is in use stays allowed.
 *
 * The administrator's word stands. A limit is touched only if its value, when
 * first seen, is within a quarter of Linux's own rule for the memory at boot or
 * at that time, and only as long as nobody else changes it. What was changed is
 * left alone for the rest of the agent's life.
 *
 * A limit that is not there (a module that is not loaded, another network
 * namespace) is looked for again with the next growth.
 */
#ifndef MEMTIDE_TUNABLES_H
#define MEMTIDE_TUNABLES_H

#include <sys/types.h>

#include "base.h"

#define TUNABLES_MAX	24u
#define TUNABLE_NUMBERS	3u	/* in one file */

enum tunable_state {
	TUNABLE_UNSEEN,	/* has not been there yet */
	TUNABLE_OURS,	/* Linux's value, or what we made of it */
	TUNABLE_THEIRS,	/* somebody chose it: left alone */
};

/**
 * struct tunable - what is known of one row of the table
 * @base:	the value when first seen, with @base_kib of memory
 * @last:	what it should be if nobody else has changed it
 */
struct tunable {
	enum tunable_state state;
	uint64_t base_kib;
	uint64_t base[TUNABLE_NUMBERS], last[TUNABLE_NUMBERS];
};

/**
 * struct tunables
 * @proc:	"/proc", borrowed
 * @first:	the process that all others come from: 1
 * @shm:	"/dev/shm", borrowed
 * @boot_kib:	memory at boot, 0 before the first tunables_follow()
 * @done_kib:	memory that the limits are right for, but for a quarter
 */
struct tunables {
	const char *proc, *shm;
	pid_t first;
	uint64_t boot_kib, done_kib;
	struct tunable rows[TUNABLES_MAX];
};

void tunables_init(struct tunables *t, const char *proc, pid_t first,
		   const char *shm);

/**
 * tunables_follow() - The guest has this much memory
 * @boot_kib:	of that, what it was built with
 * @all_kib:	MemTotal
 * @kernel_kib:	of that, what may hold what cannot be moved
 *
 * Logs what it changes and what it cannot. Does nothing until memory has grown
 * by a quarter since the last time.
 */
void tunables_follow(struct tunables *t, uint64_t boot_kib, uint64_t all_kib,
		     uint64_t kernel_kib);

#endif
