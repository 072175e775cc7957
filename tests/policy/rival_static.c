/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * rival_static.c - Everyone has an equal part for ever
 */
#include "rival.h"

static void run(struct rival *r, const struct rival_host *host,
		struct rival_guest *guests, uint32_t nr)
{
	(void)r;
	for (uint32_t i = 0; i < nr; i++)
		guests[i].target = MIN(host->total / nr, guests[i].max);
}

const struct rival_ops rival_static = { "static", run };
