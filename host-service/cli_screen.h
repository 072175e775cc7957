/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_screen.h - A page of characters with colours, to be shown or tested
 */
#ifndef MEMTIDE_CLI_SCREEN_H
#define MEMTIDE_CLI_SCREEN_H

#include "cli_look.h"

#define SCREEN_ROWS_MAX		500u
#define SCREEN_COLUMNS_MAX	1000u

/* What a terminal sends besides printable ASCII */
enum screen_key {
	SCREEN_UP = 256, SCREEN_DOWN, SCREEN_PAGE_UP, SCREEN_PAGE_DOWN,
	SCREEN_HOME, SCREEN_END, SCREEN_OTHER,
};

/**
 * struct screen_cell - one character
 * @code:	Unicode, one column wide
 */
struct screen_cell {
	uint32_t code;
	uint8_t colour;		/* enum cli_colour */
	bool reverse;
};

struct screen {
	unsigned int rows, columns;
	struct screen_cell *cells;
};

/**
 * screen_init() - An empty page
 *
 * More than SCREEN_ROWS_MAX rows or SCREEN_COLUMNS_MAX columns are not used.
 *
 * Return: 0 or -ENOMEM
 */
int screen_init(struct screen *s, unsigned int rows, unsigned int columns);

void screen_done(struct screen *s);

/** screen_put() - One character; beyond the page it is nowhere */
void screen_put(struct screen *s, unsigned int row, unsigned int column,
		enum cli_colour colour, uint32_t code);

/**
 * screen_print() - printable ASCII, cut at the end of the row
 *
 * Return: the column after it
 */
unsigned int screen_print(struct screen *s, unsigned int row,
			  unsigned int column, enum cli_colour colour,
			  const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

/** screen_reverse() - Of @nr characters from there on */
void screen_reverse(struct screen *s, unsigned int row, unsigned int column,
		    unsigned int nr);

/** screen_text() - A row as UTF-8 without blanks at its end, to be freed, or
 * NULL */
char *screen_text(const struct screen *s, unsigned int row);

#endif
