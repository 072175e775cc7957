/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_print_balance.h - What an operator reads of settings and balancing
 *
 * Pure, as cli_print.h, whose part it is.
 */
#ifndef MEMTIDE_CLI_PRINT_BALANCE_H
#define MEMTIDE_CLI_PRINT_BALANCE_H

#include "cli_report.h"

/** cli_print_settings() - Lines of show; none if memtided tells no settings */
void cli_print_settings(const struct control_guest *g, FILE *out);

/* For the commands of these names; limits is auto's as well. */
void cli_print_limits(const struct cli_report *r, FILE *out);
void cli_print_balance(const struct cli_report *r, FILE *out);
void cli_print_explain(const struct cli_report *r, FILE *out);
void cli_print_reserve(const struct cli_report *r, FILE *out);

/**
 * cli_print_reserve_step() - How a reservation goes on, a line a change
 * @shown:	what was said last; zero at first
 */
void cli_print_reserve_step(struct control_reserve *shown,
			    const struct control_reserve *now, FILE *out);

#endif
