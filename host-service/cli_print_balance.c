/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_print_balance.c - What an operator reads of settings and balancing
 */
#include "cli_print_balance.h"

#include <inttypes.h>
#include <string.h>

#include "cli_text.h"
#include "size.h"

/* "min" in "auto min weight"? */
static const char *live_mark(const struct control_guest *g, const char *name)
{
	size_t len = strlen(name);

	for (const char *at = g->live; *at; at += strspn(at, " ")) {
		size_t word = strcspn(at, " ");

		if (word == len && !memcmp(at, name, len))
			return ", changed live";
		at += word;
	}
	return "";
}

static void print_line(const struct control_guest *g, const char *name,
		       const char *value, const char *means, FILE *out)
{
	fprintf(out, "  %-16s %s%s%s\n", name, value, means,
		live_mark(g, name));
}

static void print_limit(const struct control_guest *g, const char *name,
			uint64_t kib, uint64_t zero_kib, const char *zero_means,
			FILE *out)
{
	char size[SIZE_TEXT_MAX];

	/* Where it is not known yet, 0 is told in words alone. */
	if (!kib && !zero_kib)
		print_line(g, name, "", zero_means + 2, out);
	else
		print_line(g, name, size_words(kib ? kib : zero_kib, size),
			   kib ? "" : zero_means, out);
}

void cli_print_settings(const struct control_guest *g, FILE *out)
{
	uint64_t least = g->boot_kib - g->boot_kib % GRANULE_KIB;
	char weight[16];
	struct text_buf buf;

	if (!g->weight)
		return;
	print_line(g, "auto", g->automatic ? "on" : "off", "", out);
	print_limit(g, "min", g->min_kib, least, ", its boot memory", out);
	print_limit(g, "max", g->max_kib,
		    g->window_kib ? least + g->window_kib : 0,
		    ", the end of its window", out);
	snprintf(weight, sizeof(weight), "%" PRIu32, g->weight);
	print_line(g, "weight", weight, "", out);
	print_limit(g, "headroom", g->headroom_kib, 0,
		    ", an eighth of what it uses, or the floor of its agent", out);
	if (*g->demand)
		fprintf(out, "  %-16s %s\n", "demand",
			text_escape(g->demand, &buf));
}

static void print_title(const struct control_guest *g, FILE *out)
{
	struct text_buf buf;

	fprintf(out, "%s (domid %" PRIu32 ")",
		text_escape(*g->name ? g->name : "-", &buf), g->domid);
}

void cli_print_limits(const struct cli_report *r, FILE *out)
{
	if (!r->nr_guests)
		return;
	print_title(&r->guests[0], out);
	fputc('\n', out);
	cli_print_settings(&r->guests[0], out);
}

static void print_row(const struct control_balance_row *b, int width, FILE *out)
{
	char held[SIZE_TEXT_MAX], target[SIZE_TEXT_MAX], then[SIZE_TEXT_MAX];
	struct text_buf buf;

	fprintf(out, "%-*s %9s %9s %9s  ", width,
		text_escape(*b->name ? b->name : "-", &buf),
		size_short(b->held_kib, held),
		size_short(b->target_kib, target),
		b->then_kib == b->target_kib ? "same" :
					       size_short(b->then_kib, then));
	fprintf(out, "%s\n", text_escape(b->why, &buf));
}

void cli_print_balance(const struct cli_report *r, FILE *out)
{
	const struct control_balance *b = &r->balance;
	char unused[SIZE_TEXT_MAX], burst[SIZE_TEXT_MAX], wanted[SIZE_TEXT_MAX];
	struct text_buf buf;
	int width = (int)strlen("NAME");

	if (!r->has_balance)
		return;
	fprintf(out, "%s free for guests, %s should be for bursts",
		size_short(b->free_kib, unused), size_short(b->burst_kib, burst));
	if (b->wanted_kib)
		fprintf(out, ", reservations wait for %s",
			size_short(b->wanted_kib, wanted));
	fprintf(out, "; %" PRIu32 " of %" PRIu32 " automatic guest%s change%s\n",
		b->changes, b->guests, b->guests == 1 ? "" : "s",
		b->changes == 1 ? "s" : "");
	for (size_t i = 0; i < r->nr_rows; i++)
		width = MAX(width, (int)strlen(text_escape(r->rows[i].name,
							   &buf)));
	if (r->nr_rows)
		fprintf(out, "%-*s %9s %9s %9s  %s\n", width, "NAME", "HELD",
			"TARGET", "THEN", "WHY");
	for (size_t i = 0; i < r->nr_rows; i++)
		print_row(&r->rows[i], width, out);
}

static const char *ago(uint64_t ms, char text[32])
{
	uint64_t s = ms / 1000;

	if (s < 120)
		snprintf(text, 32, "%" PRIu64 ".%" PRIu64 " s ago", s,
			 ms % 1000 / 100);
	else if (s < 7200)
		snprintf(text, 32, "%" PRIu64 " min ago", s / 60);
	else
		snprintf(text, 32, "%" PRIu64 " h ago", s / 3600);
	return text;
}

void cli_print_explain(const struct cli_report *r, FILE *out)
{
	const struct control_guest *g = r->guests;
	char held[SIZE_TEXT_MAX], target[SIZE_TEXT_MAX], when[32];
	struct text_buf buf;

	if (!r->nr_guests)
		return;
	print_title(g, out);
	fprintf(out, " holds %s, target %s\n", size_words(g->held_kib, held),
		size_words(g->target_kib, target));
	if (*g->why)
		fprintf(out, "  %-12s %s\n", "short of it",
			text_escape(g->why, &buf));
	for (size_t i = 0; i < r->nr_stories; i++)
		fprintf(out, "  %-12s %s\n", r->stories[i].now ? "now" :
			ago(r->stories[i].ago_ms, when),
			text_escape(r->stories[i].text, &buf));
	if (!r->nr_stories)
		fprintf(out, "  %-12s %s\n", "now",
			g->automatic ? "not looked at yet" :
			"it is not automatic: it has the size it was set to");
}

void cli_print_reserve_step(struct control_reserve *shown,
			    const struct control_reserve *now, FILE *out)
{
	char size[SIZE_TEXT_MAX], held[SIZE_TEXT_MAX];

	if (shown->size_kib && shown->held_kib == now->held_kib)
		return;
	*shown = *now;
	size_words(now->size_kib, size);
	if (!now->held_kib)
		fprintf(out, "%s are being made free\n", size);
	else if (now->held_kib == now->size_kib)
		fprintf(out, "%s are held\n", size);
	else
		fprintf(out, "%s of %s are held, waiting for more\n",
			size_words(now->held_kib, held), size);
	fflush(out);
}

void cli_print_reserve(const struct cli_report *r, FILE *out)
{
	char size[SIZE_TEXT_MAX];

	if (r->has_reserve && r->status == CONTROL_STATUS_OK)
		fprintf(out, "%s were taken, nothing is held any more\n",
			size_words(r->reserve.taken_kib, size));
}
