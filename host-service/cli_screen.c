/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_screen.c - A page of characters with colours, to be shown or tested
 */
#include "cli_screen.h"

#include <errno.h>
#include <stdarg.h>

int screen_init(struct screen *s, unsigned int rows, unsigned int columns)
{
	s->rows = MIN(rows, SCREEN_ROWS_MAX);
	s->columns = MIN(columns, SCREEN_COLUMNS_MAX);
	s->cells = calloc((size_t)s->rows * s->columns + 1, sizeof(*s->cells));
	if (!s->cells)
		return -ENOMEM;
	for (size_t i = 0; i < (size_t)s->rows * s->columns; i++)
		s->cells[i].code = ' ';
	return 0;
}

void screen_done(struct screen *s)
{
	free(s->cells);
	*s = (struct screen){ 0 };
}

static struct screen_cell *cell_at(struct screen *s, unsigned int row,
				   unsigned int column)
{
	if (row >= s->rows || column >= s->columns)
		return NULL;
	return &s->cells[(size_t)row * s->columns + column];
}

void screen_put(struct screen *s, unsigned int row, unsigned int column,
		enum cli_colour colour, uint32_t code)
{
	struct screen_cell *cell = cell_at(s, row, column);

	if (!cell)
		return;
	cell->code = code;
	cell->colour = (uint8_t)colour;
}

unsigned int screen_print(struct screen *s, unsigned int row,
			  unsigned int column, enum cli_colour colour,
			  const char *fmt, ...)
{
	char text[SCREEN_COLUMNS_MAX + 1];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	for (const char *c = text; *c; c++)
		screen_put(s, row, column++, colour, (unsigned char)*c);
	return column;
}

void screen_reverse(struct screen *s, unsigned int row, unsigned int column,
		    unsigned int nr)
{
	struct screen_cell *cell;

	while (nr-- && (cell = cell_at(s, row, column++)))
		cell->reverse = true;
}

static char *put_utf8(char *to, uint32_t code)
{
	if (code < 0x80) {
		*to++ = (char)code;
	} else if (code < 0x800) {
		*to++ = (char)(0xc0 | code >> 6);
		*to++ = (char)(0x80 | (code & 0x3f));
	} else {
		*to++ = (char)(0xe0 | (code >> 12 & 0xf));
		*to++ = (char)(0x80 | (code >> 6 & 0x3f));
		*to++ = (char)(0x80 | (code & 0x3f));
	}
	return to;
}

char *screen_text(const struct screen *s, unsigned int row)
{
	char *text = malloc(3 * (size_t)s->columns + 1), *to = text,
	     *end = text;

	for (unsigned int c = 0; text && c < s->columns; c++) {
		uint32_t code = s->cells[(size_t)row * s->columns + c].code;

		to = put_utf8(to, code);
		if (code != ' ')
			end = to;
	}
	if (text)
		*end = '\0';
	return text;
}
