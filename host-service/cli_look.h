/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_look.h - How wide and how colourful it may be
 */
#ifndef MEMTIDE_CLI_LOOK_H
#define MEMTIDE_CLI_LOOK_H

#include "base.h"

/**
 * struct cli_look - zero: what is read by programs as well
 * @columns:	of the terminal; 0: there is none, nothing is cut or left out
 * @colour:	escape sequences will do
 */
struct cli_look {
	unsigned int columns;
	bool colour;
};

enum cli_colour {
	COLOUR_NONE,
	COLOUR_TITLE,	/* bold */
	COLOUR_GOOD,	/* green */
	COLOUR_BUSY,	/* cyan: it moves */
	COLOUR_WARN,	/* yellow */
	COLOUR_BAD,	/* red */
	CLI_NUM_COLOURS,
};

/** cli_look_of() - What there is at a descriptor, by TERM and NO_COLOR, too */
struct cli_look cli_look_of(int fd);

/** cli_colour_on(), cli_colour_off() - The escape sequence, or nothing */
const char *cli_colour_on(const struct cli_look *look, enum cli_colour colour);
const char *cli_colour_off(const struct cli_look *look, enum cli_colour colour);

/** cli_colour_of() - Of a state, a level of demand or a kind of event */
enum cli_colour cli_colour_of(const char *word);

#endif
