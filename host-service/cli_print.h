/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_print.h - What an operator reads
 *
 * Pure: writes to a FILE, asks nothing. Text of others is escaped here.
 */
#ifndef MEMTIDE_CLI_PRINT_H
#define MEMTIDE_CLI_PRINT_H

#include "cli_look.h"
#include "cli_report.h"

/** cli_print_report() - What was done, to standard output */
void cli_print_report(const struct cli_report *r, const struct cli_look *look,
		      FILE *out);

/**
 * cli_print_problem() - Why not all was done, to standard error
 *
 * Prints nothing if the report says that all was done.
 */
void cli_print_problem(const struct cli_report *r, FILE *err);

/**
 * struct cli_progress - how a set goes on
 * @guest:	GUEST as typed, borrowed
 * @redraw:	one line drawn again and again, for a terminal; else a line for
 *		each change of state and each twentieth of the way
 * @started:	@start_kib is known
 * @start_kib:	held when the first progress came
 * @shown:	the last progress printed
 * @elapsed_s:	since it began, in the bar; 0: not told
 * @waits:	a line says that nothing has come yet
 */
struct cli_progress {
	const char *guest;
	bool redraw;
	bool started;
	uint64_t start_kib;
	struct control_progress shown;
	unsigned int elapsed_s;
	bool waits;
};

/** cli_print_progress() - Print @now, if it says more than was printed last */
void cli_print_progress(struct cli_progress *p,
			const struct control_progress *now, FILE *out);

/**
 * cli_print_progress_tick() - Another second without an answer
 *
 * On a terminal alone: the bar tells the time, and before there is one, a line
 * says that @what waits.
 */
void cli_print_progress_tick(struct cli_progress *p, const char *what,
			     unsigned int elapsed_s, FILE *out);

/** cli_print_progress_clear() - Something has come: take that line away */
void cli_print_progress_clear(struct cli_progress *p, FILE *out);

/** cli_print_progress_end() - Leave the line that was redrawn, if any */
void cli_print_progress_end(struct cli_progress *p, FILE *out);

#endif
