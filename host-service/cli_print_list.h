/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_print_list.h - The table of guests
 *
 * Pure, as cli_print.h, whose part it is.
 */
#ifndef MEMTIDE_CLI_PRINT_LIST_H
#define MEMTIDE_CLI_PRINT_LIST_H

#include "cli_look.h"
#include "cli_report.h"

/**
 * cli_print_list() - Of list
 *
 * Without a width, the columns that there always are, and nothing is cut. On a
 * terminal that is too narrow for them those that matter least are left out,
 * then names are cut; on a wide one there are more.
 */
void cli_print_list(const struct cli_report *r, const struct cli_look *look,
		    FILE *out);

/** cli_is_quarantined() */
bool cli_is_quarantined(const struct control_guest *g);

#endif
