/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_io.h - Where a command writes
 */
#ifndef MEMTIDE_CLI_IO_H
#define MEMTIDE_CLI_IO_H

#include "cli_look.h"

/**
 * struct cli_io
 * @out:	results
 * @err:	what went wrong
 * @look:	of @out
 * @redraw:	@out is a terminal on which a line can be drawn again
 */
struct cli_io {
	FILE *out;
	FILE *err;
	struct cli_look look;
	bool redraw;
};

#endif
