/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * crowd.h - Ten thousand agents in a process of their own
 *
 * They answer as memtide-agent does, and say what they are told to. Each is
 * known by the name of the socket that connects to it, as a guest is by its
 * domain. All that a daemon uses is then its own.
 */
#ifndef MEMTIDE_TEST_CROWD_H
#define MEMTIDE_TEST_CROWD_H

#include "transport.h"

/* What all guests have */
#define CROWD_BOOT_PAGES	131072u		/* 512 MiB */
#define CROWD_WINDOW_GFN	(UINT64_C(1) << 20)
#define CROWD_WINDOW		4096u		/* granules: 8 GiB */
#define CROWD_BLOCK		64u

enum crowd_word {
	CROWD_CALM,	/* so many report that all is well */
	CROWD_DISTRESS,	/* so many report a stall, and that it is over once
			 * they have got something */
};

struct crowd;

/** crowd_start() - Fork @nr agents; 0 or a negative errno */
int crowd_start(uint32_t nr, struct crowd **ret);

/** crowd_stop() - Their end, awaited */
void crowd_stop(struct crowd *c);

/** crowd_connect() - As backend's connect(), to agent @number */
int crowd_connect(struct crowd *c, uint32_t number, struct transport **ret);

/** crowd_tell() - Have the first @nr say something, soon */
void crowd_tell(struct crowd *c, enum crowd_word word, uint32_t nr);

#endif
