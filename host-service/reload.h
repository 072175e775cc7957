/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * reload.h - Another configuration for a memtided that runs
 */
#ifndef MEMTIDE_RELOAD_H
#define MEMTIDE_RELOAD_H

#include "balance.h"
#include "config.h"

/**
 * reload_apply() - What can change does; the log says what did, and what needs
 *	a restart
 * @now:	what rules, @s->env.conf.file; takes over what @then holds
 * @then:	what is to rule; checked; to be freed by the caller, as ever
 */
void reload_apply(struct service *s, struct balance *b, struct config *now,
		  struct config *then);

/** reload_guest_conf() - What the service needs of a configuration */
struct guest_conf reload_guest_conf(const struct config *c);

#endif
