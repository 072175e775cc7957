/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * base.h - The few words that host, guest and tests all speak
 */
#ifndef MEMTIDE_BASE_H
#define MEMTIDE_BASE_H

#include <assert.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#define ARRAY_SIZE(a)	(sizeof(a) / sizeof((a)[0]))
#define MIN(a, b)	((a) < (b) ? (a) : (b))
#define MAX(a, b)	((a) > (b) ? (a) : (b))

#define PAGE_BYTES	4096u		/* a frame, everywhere on x86 */
#define PAGE_KIB	4u
#define GRANULE_ORDER	9u		/* Xen extent order of a granule */
#define GRANULE_PAGES	512u
#define GRANULE_KIB	2048u
#define GRANULE_BYTES	(2048u * 1024u)

/* Granules in the largest window a guest may announce: 1 TiB. */
#define WINDOW_GRANULES_MAX	(512u * 1024u)
/* Granules in the largest memory block Linux makes on x86: 2 GiB. */
#define BLOCK_GRANULES_MAX	1024u

/**
 * struct granules - a run of granules of one guest's window
 * @first:	number of the first granule, 0 = start of the window
 * @nr:		granules, at least 1 unless said otherwise
 */
struct granules {
	uint32_t first;
	uint32_t nr;
};

/* For our own invariants, never for data from a guest, file or operator. */
#define ASSERT(cond)							\
	do {								\
		if (!(cond)) {						\
			fprintf(stderr, "<2>%s:%d: %s: ASSERT(%s)\n",	\
				__FILE__, __LINE__, __func__, #cond);	\
			abort();					\
		}							\
	} while (0)

#endif
