/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_watch.h - memtide watch
 */
#ifndef MEMTIDE_CLI_WATCH_H
#define MEMTIDE_CLI_WATCH_H

#include "cli_args.h"
#include "cli_io.h"

/** cli_watch_wants() - Is an event of one of @nr guests, or of any if none? */
bool cli_watch_wants(const struct guest_selector *guests, unsigned int nr,
		     const struct control_event *e);

/** cli_watch_print() - A line an event; pure but for the time zone */
void cli_watch_print(const struct control_event *e,
		     const struct cli_look *look, FILE *out);

/**
 * cli_watch() - Until it is over
 *
 * Return: the exit code
 */
enum cli_exit cli_watch(const struct cli_args *args, const struct cli_io *io);

#endif
