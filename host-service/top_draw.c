/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * top_draw.c - What memtide top shows
 *
 *   memtide 0.1.0   2 guests: 1 growing                            12:00:00
 *   host [xxx######==..............rr] 8192M
 *     other 512M  guests 2048M  promised 512M  free 5056M  reserve 64M
 *   what is wrong just now
 *   NAME         DOMID STATE  ...  MEMORY
 *   db1              3 growing ...  ....::::####
 *   the last events, where there is room
 *   q quit  sort: ...
 */
#include "top_draw.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <time.h>

#include "cli_text.h"

#define ROW_HOST	1u
#define ROW_LEGEND	2u
#define ROW_MESSAGE	3u
#define ROW_TITLES	4u
#define ROW_GUESTS	5u
#define EVENTS_FROM	20u	/* rows, from which on there is room for them */
#define EVENTS_SHOWN	3u
#define WIDE		120u	/* columns, from which on there is more */
#define NAME_MAX_WIDE	32u
#define SIZE_COLUMNS	7u
#define PICTURE_MAX	60u

/* Columns of the page's table; those after COLUMN_MEMORY are of a wide one. */
enum column {
	COLUMN_NAME, COLUMN_DOMID, COLUMN_STATE, COLUMN_HELD, COLUMN_TARGET,
	COLUMN_AVAILABLE, COLUMN_DEMAND, COLUMN_PRESSURE, COLUMN_MEMORY,
	COLUMN_STALLS, COLUMN_WHY, NUM_COLUMNS,
};

static const struct {
	const char *title;
	unsigned int width;	/* 0: by the page */
	bool right;
	enum top_sort sort;	/* TOP_NUM_SORTS: none */
} columns[NUM_COLUMNS] = {
	[COLUMN_NAME] = { "NAME", 0, false, TOP_BY_NAME },
	[COLUMN_DOMID] = { "DOMID", 5, true, TOP_BY_DOMID },
	[COLUMN_STATE] = { "STATE", 11, false, TOP_NUM_SORTS },
	[COLUMN_HELD] = { "HELD", SIZE_COLUMNS, true, TOP_BY_HELD },
	[COLUMN_TARGET] = { "TARGET", SIZE_COLUMNS, true, TOP_BY_TARGET },
	[COLUMN_AVAILABLE] = { "AVAIL", SIZE_COLUMNS, true, TOP_BY_AVAILABLE },
	[COLUMN_DEMAND] = { "DEMAND", 8, false, TOP_NUM_SORTS },
	[COLUMN_PRESSURE] = { "PRESS", 6, true, TOP_BY_PRESSURE },
	[COLUMN_MEMORY] = { "MEMORY", 0, false, TOP_NUM_SORTS },
	[COLUMN_STALLS] = { "PRESSURE", 0, false, TOP_NUM_SORTS },
	[COLUMN_WHY] = { "WHY", 0, false, TOP_NUM_SORTS },
};

struct layout {
	unsigned int at[NUM_COLUMNS], width[NUM_COLUMNS];
};

static unsigned int nr_events(unsigned int rows)
{
	return rows >= EVENTS_FROM ? EVENTS_SHOWN : 0;
}

unsigned int top_page(unsigned int rows)
{
	unsigned int others = ROW_GUESTS + nr_events(rows) + 1;

	return rows > others ? rows - others : 0;
}

/* "1280M", "96.0G": never more than SIZE_COLUMNS up to 9999 GiB */
static const char *size_text(uint64_t kib, char text[32])
{
	uint64_t mib = kib / 1024;

	if (mib < 100000)
		snprintf(text, 32, "%" PRIu64 "M", mib);
	else
		snprintf(text, 32, "%" PRIu64 ".%" PRIu64 "G", mib / 1024,
			 mib % 1024 * 10 / 1024);
	return text;
}

/* The first lines ---------------------------------------------------------- */

static unsigned int count(const struct top *t, const char *state,
			  const char *demand)
{
	unsigned int nr = 0;

	for (size_t i = 0; i < t->nr_guests; i++) {
		const struct control_guest *g = &t->guests[i].now;

		nr += (state && !strcmp(g->state, state)) ||
		      (demand && !strcmp(g->demand, demand));
	}
	return nr;
}

static void draw_first(const struct top *t, const char *clock, struct screen *s)
{
	static const struct {
		const char *state, *demand, *words;
	} counts[] = {
		{ "growing", NULL, "growing" },
		{ "shrinking", NULL, "shrinking" },
		{ NULL, "pressed", "pressed" },
		{ NULL, "distress", "in distress" },
		{ "lost", NULL, "lost" },
		{ "quarantined", NULL, "quarantined" },
	};
	const char *before = ": ";
	struct text_buf buf;
	unsigned int at, nr;

	at = screen_print(s, 0, 0, COLOUR_TITLE, "memtide %s",
			  text_escape(t->version, &buf));
	at = screen_print(s, 0, at + 3, COLOUR_NONE, "%zu guest%s",
			  t->nr_guests, t->nr_guests == 1 ? "" : "s");
	for (size_t i = 0; i < ARRAY_SIZE(counts); i++) {
		const char *word = counts[i].state ? counts[i].state :
						     counts[i].demand;

		nr = count(t, counts[i].state, counts[i].demand);
		if (!nr)
			continue;
		at = screen_print(s, 0, at, COLOUR_NONE, "%s", before);
		at = screen_print(s, 0, at, cli_colour_of(word), "%u %s", nr,
				  counts[i].words);
		before = ", ";
	}
	if (at + 2 + strlen(clock) <= s->columns)
		screen_print(s, 0, s->columns - (unsigned int)strlen(clock),
			     COLOUR_NONE, "%s", clock);
}

struct part {
	const char *name;
	uint64_t kib;
	char letter;
	enum cli_colour colour;
};
#define NR_PARTS	5u

static uint64_t take(uint64_t *from, uint64_t kib)
{
	uint64_t taken = MIN(*from, kib);

	*from -= taken;
	return taken;
}

/* Together they are the host's memory, whatever is told of it. */
static void divide_host(const struct top *t, struct part parts[NR_PARTS])
{
	const struct control_host *h = &t->host;
	uint64_t used = h->total_kib, unused, held = 0;

	unused = take(&used, h->free_kib);
	for (size_t i = 0; i < t->nr_guests; i++)
		held += t->guests[i].now.held_kib;
	parts[1] = (struct part){ "guests", take(&used, held), '#',
				  COLOUR_GOOD };
	parts[0] = (struct part){ "other", used, 'x', COLOUR_NONE };
	parts[2] = (struct part){ "promised", take(&unused, h->promised_kib),
				  '=', COLOUR_BUSY };
	parts[4] = (struct part){ "reserve", take(&unused, h->reserve_kib),
				  'r', COLOUR_WARN };
	parts[3] = (struct part){ "free", unused, '.', COLOUR_NONE };
}

static void draw_bar(const struct top *t, const struct part parts[NR_PARTS],
		     struct screen *s)
{
	char total[32];
	unsigned int at = screen_print(s, ROW_HOST, 0, COLOUR_NONE, "host [");
	unsigned int width, drawn = 0;
	uint64_t kib = 0;

	size_text(t->host.total_kib, total);
	if (s->columns < at + strlen(total) + 4)
		return;
	width = s->columns - at - (unsigned int)strlen(total) - 2;
	for (unsigned int i = 0; i < NR_PARTS; i++) {
		kib += parts[i].kib;
		for (; drawn < kib * width / MAX(t->host.total_kib, 1u);
		     drawn++)
			screen_put(s, ROW_HOST, at + drawn, parts[i].colour,
				   (unsigned char)parts[i].letter);
	}
	screen_print(s, ROW_HOST, at + width, COLOUR_NONE, "] %s", total);
}

static void draw_host(const struct top *t, struct screen *s)
{
	struct part parts[NR_PARTS];
	unsigned int at = 2;
	char size[32];

	if (!t->has_host)
		return;
	divide_host(t, parts);
	draw_bar(t, parts, s);
	for (unsigned int i = 0; i < NR_PARTS; i++) {
		screen_put(s, ROW_LEGEND, at, parts[i].colour,
			   (unsigned char)parts[i].letter);
		at = screen_print(s, ROW_LEGEND, at + 2, COLOUR_NONE,
				  "%s %s", parts[i].name,
				  size_text(parts[i].kib, size)) + 2;
	}
}

/* Guests ------------------------------------------------------------------- */

/* Of three that share what is left on a wide page */
static void share_rest(struct layout *l, unsigned int left, unsigned int page)
{
	if (page < WIDE) {
		l->width[COLUMN_MEMORY] = MIN(left, PICTURE_MAX);
		return;
	}
	l->width[COLUMN_MEMORY] = MIN(left / 3, PICTURE_MAX);
	l->width[COLUMN_STALLS] = l->width[COLUMN_MEMORY] - 1;
	l->width[COLUMN_WHY] = left - 2 * l->width[COLUMN_MEMORY] - 1;
}

static unsigned int name_width(const struct top *t, unsigned int page)
{
	size_t longest = 12;
	struct text_buf buf;

	for (size_t i = 0; i < t->nr_guests; i++)
		longest = MAX(longest,
			      strlen(text_escape(t->guests[i].now.name, &buf)));
	return page < WIDE ? 12 : (unsigned int)MIN(longest, NAME_MAX_WIDE);
}

static void lay_out(const struct top *t, unsigned int page, struct layout *l)
{
	unsigned int used = 0, at = 0;

	*l = (struct layout){ { 0 }, { 0 } };
	l->width[COLUMN_NAME] = name_width(t, page);
	for (unsigned int c = 0; c < COLUMN_MEMORY; c++) {
		if (columns[c].width)
			l->width[c] = columns[c].width;
		used += l->width[c] + 1;
	}
	share_rest(l, page > used ? page - used : 0, page);
	for (unsigned int c = 0; c < NUM_COLUMNS; c++) {
		l->at[c] = at;
		at += l->width[c] + 1;
	}
}

/* In its column: cut with a mark, numbers to the right. */
static void draw_cell(struct screen *s, const struct layout *l,
		      unsigned int row, enum column c, enum cli_colour colour,
		      const char *text)
{
	unsigned int width = l->width[c], len = (unsigned int)strlen(text);
	unsigned int before = columns[c].right && len < width ? width - len : 0;

	if (!width)
		return;
	screen_print(s, row, l->at[c] + before, colour, "%.*s", (int)width,
		     text);
	if (len > width)
		screen_put(s, row, l->at[c] + width - 1, colour, '~');
}

static void draw_titles(const struct top *t, const struct layout *l,
			struct screen *s)
{
	for (unsigned int c = 0; c < NUM_COLUMNS; c++) {
		draw_cell(s, l, ROW_TITLES, (enum column)c, COLOUR_TITLE,
			  columns[c].title);
		if (columns[c].sort == t->sort)
			screen_reverse(s, ROW_TITLES, l->at[c], l->width[c]);
	}
}

/* Eight heights; the lowest is seen, too. */
static uint32_t mark(bool unicode, uint64_t value, uint64_t most)
{
	static const char ascii[] = ".:-=+*%#";
	unsigned int height = most ? (unsigned int)(value * 7 / most) : 0;

	return unicode ? 0x2581 + height : (unsigned char)ascii[height];
}

/* The last samples, the newest to the right; @most is the top. */
static void draw_memory(const struct top *t, const struct top_guest *g,
			const struct layout *l, unsigned int row,
			struct screen *s)
{
	unsigned int width = l->width[COLUMN_MEMORY];
	unsigned int nr = MIN(MIN(width, g->nr_samples), TOP_SAMPLES);
	uint64_t most = MAX(g->now.held_kib, g->now.target_kib) / 1024;

	for (unsigned int i = 1; i <= nr; i++)
		most = MAX(most, (uint64_t)g->held_mib[(g->nr_samples - i) %
						       TOP_SAMPLES]);
	for (unsigned int i = 1; i <= nr; i++)
		screen_put(s, row, l->at[COLUMN_MEMORY] + width - i,
			   COLOUR_GOOD,
			   mark(t->unicode,
				g->held_mib[(g->nr_samples - i) % TOP_SAMPLES],
				most));
}

static enum cli_colour pressure_colour(uint32_t permille)
{
	return permille >= 100 ? COLOUR_BAD :
	       permille >= 10 ? COLOUR_WARN : COLOUR_NONE;
}

static void draw_stalls(const struct top *t, const struct top_guest *g,
			const struct layout *l, unsigned int row,
			struct screen *s)
{
	unsigned int width = l->width[COLUMN_STALLS];
	unsigned int nr = MIN(MIN(width, g->nr_samples), TOP_SAMPLES);

	for (unsigned int i = 1; i <= nr; i++) {
		uint32_t permille = g->stall_permille[(g->nr_samples - i) %
						      TOP_SAMPLES];

		screen_put(s, row, l->at[COLUMN_STALLS] + width - i,
			   pressure_colour(permille),
			   mark(t->unicode, permille, 1000));
	}
}

static void draw_guest(const struct top *t, const struct top_guest *guest,
		       const struct layout *l, unsigned int row,
		       struct screen *s)
{
	const struct control_guest *g = &guest->now;
	bool has_report = g->guest_total_kib;
	struct text_buf buf;
	char text[32];

	draw_cell(s, l, row, COLUMN_NAME, COLOUR_NONE,
		  text_escape(*g->name ? g->name : "-", &buf));
	snprintf(text, sizeof(text), "%" PRIu32, g->domid);
	draw_cell(s, l, row, COLUMN_DOMID, COLOUR_NONE, text);
	draw_cell(s, l, row, COLUMN_STATE, cli_colour_of(g->state),
		  text_escape(g->state, &buf));
	draw_cell(s, l, row, COLUMN_HELD, COLOUR_NONE,
		  size_text(g->held_kib, text));
	draw_cell(s, l, row, COLUMN_TARGET, g->target_kib == g->held_kib ?
		  COLOUR_NONE : COLOUR_BUSY, size_text(g->target_kib, text));
	draw_cell(s, l, row, COLUMN_AVAILABLE, COLOUR_NONE, has_report ?
		  size_text(g->guest_available_kib, text) : "-");
	draw_cell(s, l, row, COLUMN_DEMAND, cli_colour_of(g->demand),
		  *g->demand && has_report ? text_escape(g->demand, &buf) :
					     "-");
	snprintf(text, sizeof(text), "%" PRIu32 ".%" PRIu32 "%%",
		 g->stall_permille / 10, g->stall_permille % 10);
	draw_cell(s, l, row, COLUMN_PRESSURE,
		  pressure_colour(g->stall_permille), has_report ? text : "-");
	draw_memory(t, guest, l, row, s);
	draw_stalls(t, guest, l, row, s);
	draw_cell(s, l, row, COLUMN_WHY, COLOUR_NONE,
		  text_escape(g->why, &buf));
}

static int draw_guests(const struct top *t, struct screen *s)
{
	const struct top_guest **order = calloc(t->nr_guests + 1,
						sizeof(*order));
	unsigned int page = top_page(s->rows);
	struct layout l;
	size_t first;

	if (!order)
		return -ENOMEM;
	top_order(t, order);
	lay_out(t, s->columns, &l);
	draw_titles(t, &l, s);
	/* Guests may have gone since it was scrolled. */
	first = MIN(t->first, t->nr_guests > page ? t->nr_guests - page : 0);
	for (unsigned int i = 0; i < page && first + i < t->nr_guests; i++)
		draw_guest(t, order[first + i], &l, ROW_GUESTS + i, s);
	free(order);
	return 0;
}

/* The last lines ----------------------------------------------------------- */

static void draw_events(const struct top *t, struct screen *s)
{
	unsigned int shown = MIN(nr_events(s->rows),
				 MIN(t->nr_events, TOP_EVENTS));

	for (unsigned int i = 0; i < shown; i++) {
		const struct control_event *e =
			&t->events[(t->nr_events - shown + i) % TOP_EVENTS];
		unsigned int row = s->rows - 1 - shown + i, at;
		time_t when = (time_t)(e->at_ms / 1000);
		struct text_buf buf;
		char clock[16] = "";
		struct tm tm;

		if (localtime_r(&when, &tm))
			strftime(clock, sizeof(clock), "%T", &tm);
		at = screen_print(s, row, 0, COLOUR_NONE, "%s %.24s ", clock,
				  text_escape(*e->name ? e->name : "-", &buf));
		at = screen_print(s, row, at, cli_colour_of(e->kind), "%s: ",
				  text_escape(e->kind, &buf));
		screen_print(s, row, at, COLOUR_NONE, "%s",
			     text_escape(e->text, &buf));
	}
}

static void draw_keys(struct screen *s)
{
	if (s->rows > ROW_GUESTS)
		screen_print(s, s->rows - 1, 0, COLOUR_TITLE,
			     "q quit  sort by: n name d domid m held t target a avail p press  r reverse");
}

int top_draw(const struct top *t, const char *clock, struct screen *s)
{
	int rc;
	struct text_buf buf;

	draw_first(t, clock, s);
	draw_host(t, s);
	screen_print(s, ROW_MESSAGE, 0, COLOUR_BAD, "%s",
		     text_escape(t->message, &buf));
	rc = draw_guests(t, s);
	if (rc)
		return rc;
	draw_events(t, s);
	draw_keys(s);
	return 0;
}
