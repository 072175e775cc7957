/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * plot.h - A scenario under some policies over time, as SVG
 *
 * Of each policy a panel: what each guest holds, one upon the other, what all
 * of them need as a line, and below how many are pressed.
 */
#ifndef MEMTIDE_TEST_PLOT_H
#define MEMTIDE_TEST_PLOT_H

#include "run.h"

struct plot;

/** plot_open() - Begin a file for @panels policies; 0 or a negative errno */
int plot_open(const char *path, const struct scenario *s, uint32_t panels,
	      struct plot **ret);

/** plot_watch() - To be given to the next run; valid until then */
const struct run_watch *plot_watch(struct plot *p);

/** plot_panel() - Draw what was watched */
void plot_panel(struct plot *p, const char *name);

/** plot_close() - Return: 0, or a negative errno if it could not be written */
int plot_close(struct plot *p);

#endif
