/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_print_list.c - The table of guests
 */
#include "cli_print_list.h"

#include <inttypes.h>
#include <string.h>

#include "cli_text.h"
#include "size.h"

#define CELL_MAX	(4 * CONTROL_NAME_MAX + 1)
#define NAME_LEAST	8	/* columns that a name keeps */
#define WIDE		120u	/* columns of a terminal with room for more */
#define GAP		2

enum column {
	NAME, DOMID, STATE, HELD, TARGET, ONLINE, AVAILABLE, MODE, DEMAND,
	MIN_SIZE, MAX_SIZE, WEIGHT, AGENT, WHY, NUM_COLUMNS,
};

/* One row of the list, ready to print. */
struct row {
	char cells[NUM_COLUMNS][CELL_MAX];
};

static const struct {
	const char *title;
	bool number;		/* aligned to the right */
	bool extra;		/* on a wide terminal alone */
} columns[] = {
	[NAME] = { "NAME", false, false },
	[DOMID] = { "DOMID", true, false },
	[STATE] = { "STATE", false, false },
	[HELD] = { "HELD", true, false },
	[TARGET] = { "TARGET", true, false },
	[ONLINE] = { "ONLINE", true, false },
	[AVAILABLE] = { "AVAILABLE", true, false },
	[MODE] = { "MODE", false, false },
	[DEMAND] = { "DEMAND", false, false },
	[MIN_SIZE] = { "MIN", true, true },
	[MAX_SIZE] = { "MAX", true, true },
	[WEIGHT] = { "WEIGHT", true, true },
	[AGENT] = { "AGENT", false, true },
	[WHY] = { "WHY", false, true },
};
_Static_assert(ARRAY_SIZE(columns) == NUM_COLUMNS, "one a column");

/* What is left out first where there is no room */
static const enum column dispensable[] = {
	WHY, AGENT, WEIGHT, MIN_SIZE, MAX_SIZE, ONLINE, MODE, AVAILABLE, DEMAND,
};

/**
 * struct table
 * @width:	of each column; 0: it is left out
 * @last:	column that is there
 */
struct table {
	struct row *rows;
	size_t nr;
	const struct cli_look *look;
	int width[NUM_COLUMNS];
	enum column last;
};

/* A size for a table; what is not known is a minus sign. */
static void size_cell(char *cell, uint64_t kib, bool known)
{
	if (known)
		size_short(kib, cell);
	else
		strcpy(cell, "-");
}

static void text_cell(char *cell, const char *text)
{
	struct text_buf buf;

	snprintf(cell, CELL_MAX, "%s", text_escape(*text ? text : "-", &buf));
}

static void fill_settings(struct row *row, const struct control_guest *g)
{
	/* 0 is boot memory and the end of the window, without a number. */
	size_cell(row->cells[MIN_SIZE], g->min_kib, g->min_kib);
	size_cell(row->cells[MAX_SIZE], g->max_kib, g->max_kib);
	if (g->weight)
		snprintf(row->cells[WEIGHT], CELL_MAX, "%" PRIu32, g->weight);
	else
		strcpy(row->cells[WEIGHT], "-");
	text_cell(row->cells[AGENT], g->agent);
	text_cell(row->cells[WHY], g->why);
}

static void row_fill(struct row *row, const struct control_guest *g)
{
	text_cell(row->cells[NAME], g->name);
	snprintf(row->cells[DOMID], CELL_MAX, "%" PRIu32, g->domid);
	text_cell(row->cells[STATE], g->state);
	size_cell(row->cells[HELD], g->held_kib, g->held_kib);
	size_cell(row->cells[TARGET], g->target_kib, g->target_kib);
	size_cell(row->cells[ONLINE], g->online_kib, g->window_kib);
	size_cell(row->cells[AVAILABLE], g->guest_available_kib,
		  g->guest_total_kib);
	/* A memtided that does not tell knows of one mode, and of no demand. */
	text_cell(row->cells[MODE], g->automatic ? "auto" : g->mode);
	text_cell(row->cells[DEMAND], strcmp(g->demand, "unknown") ?
		  g->demand : "");
	fill_settings(row, g);
}

/* Width ------------------------------------------------------------------- */

static int total_width(const struct table *t)
{
	int total = -GAP;

	for (unsigned int c = 0; c < NUM_COLUMNS; c++)
		total += t->width[c] ? t->width[c] + GAP : 0;
	return total;
}

static void measure(struct table *t)
{
	bool wide = t->look->columns >= WIDE;

	for (unsigned int c = 0; c < NUM_COLUMNS; c++) {
		t->width[c] = 0;
		if (columns[c].extra && !wide)
			continue;
		t->width[c] = (int)strlen(columns[c].title);
		for (size_t i = 0; i < t->nr; i++)
			t->width[c] = MAX(t->width[c],
					  (int)strlen(t->rows[i].cells[c]));
	}
}

/* Why it is so may be cut before it is left out. */
static void cut_why(struct table *t, int most)
{
	int over = total_width(t) - most;

	if (t->width[WHY] && over > 0)
		t->width[WHY] = MAX(t->width[WHY] - over, 0);
	if (t->width[WHY] < (int)strlen(columns[WHY].title))
		t->width[WHY] = 0;
}

static void fit(struct table *t)
{
	int most = (int)t->look->columns;

	measure(t);
	if (most) {
		cut_why(t, most);
		for (size_t i = 0; i < ARRAY_SIZE(dispensable) &&
		     total_width(t) > most; i++) {
			/* A name is cut before a size is missed. */
			if (!columns[dispensable[i]].extra &&
			    total_width(t) - t->width[NAME] + NAME_LEAST <=
			    most)
				break;
			t->width[dispensable[i]] = 0;
		}
		t->width[NAME] = MAX(MIN(t->width[NAME], NAME_LEAST),
				     t->width[NAME] -
				     MAX(total_width(t) - most, 0));
	}
	for (unsigned int c = 0; c < NUM_COLUMNS; c++) {
		if (t->width[c])
			t->last = (enum column)c;
	}
}

/* Printing ---------------------------------------------------------------- */

static void print_cell(const struct table *t, enum column c, const char *text,
		       enum cli_colour colour, FILE *out)
{
	int width = t->width[c], len = (int)strlen(text);
	int after = c == t->last ? 0 : MAX(width - len, 0);

	if (!width)
		return;
	if (columns[c].number)
		fprintf(out, "%*s", MAX(width - len, 0), "");
	fputs(cli_colour_on(t->look, colour), out);
	if (len > width)
		fprintf(out, "%.*s~", width - 1, text);
	else
		fputs(text, out);
	fputs(cli_colour_off(t->look, colour), out);
	if (!columns[c].number)
		fprintf(out, "%*s", after, "");
	fputs(c == t->last ? "\n" : "  ", out);
}

static void print_table(const struct table *t, FILE *out)
{
	for (unsigned int c = 0; c < NUM_COLUMNS; c++)
		print_cell(t, (enum column)c, columns[c].title, COLOUR_TITLE,
			   out);
	for (size_t i = 0; i < t->nr; i++) {
		for (unsigned int c = 0; c < NUM_COLUMNS; c++) {
			const char *text = t->rows[i].cells[c];
			bool word = c == STATE || c == DEMAND;

			print_cell(t, (enum column)c, text, word ?
				   cli_colour_of(text) : COLOUR_NONE, out);
		}
	}
}

static void print_host(const struct control_host *h, FILE *out)
{
	char a[SIZE_TEXT_MAX], b[SIZE_TEXT_MAX], c[SIZE_TEXT_MAX],
	     d[SIZE_TEXT_MAX];

	fprintf(out, "host %s, free %s, promised %s", size_short(h->total_kib, a),
		size_short(h->free_kib, b), size_short(h->promised_kib, c));
	if (h->reserved_kib)
		fprintf(out, " (%s to domains to be built)",
			size_short(h->reserved_kib, d));
	fprintf(out, ", reserve %s; %" PRIu32 " guest%s\n",
		size_short(h->reserve_kib, d), h->guests,
		h->guests == 1 ? "" : "s");
}

bool cli_is_quarantined(const struct control_guest *g)
{
	return !strcmp(g->state, "quarantined");
}

/* Below the table, since it is nothing to be overlooked. */
static void print_quarantine(const struct control_guest *g,
			     const struct cli_look *look, FILE *out)
{
	struct text_buf name, why;

	if (!cli_is_quarantined(g))
		return;
	fprintf(out, "%s%s is quarantined and left alone%s: %s\n"
		"  when that is mended: memtide readmit %" PRIu32 "\n",
		cli_colour_on(look, COLOUR_BAD),
		text_escape(*g->name ? g->name : "-", &name),
		cli_colour_off(look, COLOUR_BAD),
		text_escape(g->why, &why), g->domid);
}

/* A size that is not reached because nobody minds it, likewise. */
static void print_balloon(const struct control_guest *g, FILE *out)
{
	struct text_buf name, why;

	if (!strcmp(g->mode, "balloon") && *g->why)
		fprintf(out, "%s: %s\n",
			text_escape(*g->name ? g->name : "-", &name),
			text_escape(g->why, &why));
}

void cli_print_list(const struct cli_report *r, const struct cli_look *look,
		    FILE *out)
{
	struct table t = { .nr = r->nr_guests, .look = look };

	print_host(&r->host, out);
	if (!r->nr_guests)
		return;
	t.rows = calloc(r->nr_guests, sizeof(*t.rows));
	if (!t.rows) {
		fputs("out of memory\n", out);
		return;
	}
	for (size_t i = 0; i < r->nr_guests; i++)
		row_fill(&t.rows[i], &r->guests[i]);
	fit(&t);
	print_table(&t, out);
	free(t.rows);
	for (size_t i = 0; i < r->nr_guests; i++) {
		print_quarantine(&r->guests[i], look, out);
		print_balloon(&r->guests[i], out);
	}
}
