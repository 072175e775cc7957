/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_print.c - What an operator reads
 */
#include "cli_print.h"

#include <inttypes.h>
#include <string.h>

#include "cli_print_balance.h"
#include "cli_print_list.h"
#include "cli_text.h"
#include "size.h"

#define BAR_WIDTH	24u
#define MILESTONES	20u	/* lines of progress on the whole way */

static void print_field(const char *name, const char *text, FILE *out)
{
	struct text_buf buf;

	if (*text)
		fprintf(out, "  %-16s %s\n", name, text_escape(text, &buf));
}

static void print_size(const char *name, uint64_t kib, FILE *out)
{
	char buf[SIZE_TEXT_MAX];

	fprintf(out, "  %-16s %s\n", name, size_words(kib, buf));
}

static void print_guest(const struct control_guest *g, FILE *out)
{
	struct text_buf buf;

	fprintf(out, "%s (domid %" PRIu32 ")\n",
		text_escape(*g->name ? g->name : "-", &buf), g->domid);
	print_field("uuid", g->uuid, out);
	print_field("state", g->state, out);
	print_field("why", g->why, out);
	if (cli_is_quarantined(g))
		fprintf(out, "  %-16s nothing is sent, given or taken; when the cause is mended:\n"
			"  %-16s memtide readmit %" PRIu32 "\n", "so", "",
			g->domid);
	print_field("mode", g->mode, out);
	print_size("boot memory", g->boot_kib, out);
	print_size("held", g->held_kib, out);
	print_size("target", g->target_kib, out);
	print_size("online", g->online_kib, out);
	print_size("window", g->window_kib, out);
	print_size("Xen counts", g->xen_kib, out);
	if (g->guest_total_kib) {
		print_size("guest total", g->guest_total_kib, out);
		print_size("guest available", g->guest_available_kib, out);
	}
	cli_print_settings(g, out);
	print_field("agent", g->agent, out);
	print_field("kernel", g->kernel, out);
}

static void print_rounding(const struct cli_report *r, FILE *out)
{
	const struct control_set_result *s = &r->set;
	struct text_buf buf;
	char from[SIZE_TEXT_MAX], to[SIZE_TEXT_MAX];

	if (s->asked_kib == s->target_kib)
		return;
	fprintf(out, "%s: rounded %s from %s to %s (granules of 2 MiB)\n",
		text_escape(r->guest, &buf),
		s->asked_kib < s->target_kib ? "up" : "down",
		size_words(s->asked_kib, from), size_words(s->target_kib, to));
}

static void print_set(const struct cli_report *r, FILE *out)
{
	const struct control_set_result *s = &r->set;
	struct text_buf buf;
	char held[SIZE_TEXT_MAX], target[SIZE_TEXT_MAX];

	if (r->status != CONTROL_STATUS_OK)
		return;
	print_rounding(r, out);
	text_escape(r->guest, &buf);
	size_words(s->held_kib, held);
	if (s->held_kib == s->target_kib)
		fprintf(out, "%s: holds %s\n", buf.text, held);
	else
		fprintf(out, "%s: target %s accepted, holds %s now\n", buf.text,
			size_words(s->target_kib, target), held);
}

static void print_readmit(const struct cli_report *r, FILE *out)
{
	const struct control_guest *g = &r->guests[0];
	struct text_buf guest, state;
	char held[SIZE_TEXT_MAX], target[SIZE_TEXT_MAX];

	if (r->status != CONTROL_STATUS_OK)
		return;
	fprintf(out, "%s: out of quarantine, %s, holds %s, target %s\n",
		text_escape(r->guest, &guest), text_escape(g->state, &state),
		size_words(g->held_kib, held),
		size_words(g->target_kib, target));
}

static void print_audit(const struct cli_report *r, FILE *out)
{
	struct text_buf name, text;

	for (size_t i = 0; i < r->nr_findings; i++) {
		const struct control_finding *f = &r->findings[i];

		text_escape(f->text, &text);
		if (f->domid)
			fprintf(out, "guest %" PRIu32 "/%s: %s\n", f->domid,
				text_escape(f->name, &name), text.text);
		else
			fprintf(out, "host: %s\n", text.text);
	}
	if (r->has_audit)
		fprintf(out, "%zu finding%s; %" PRIu32 " guest%s and %" PRIu64 " backed granule%s looked at\n",
			r->nr_findings, r->nr_findings == 1 ? "" : "s",
			r->audit.guests, r->audit.guests == 1 ? "" : "s",
			r->audit.granules, r->audit.granules == 1 ? "" : "s");
}

static void print_version(const struct control_version *v, FILE *out)
{
	struct text_buf version, backend;

	fprintf(out, "memtided %s, backend %s, protocol %" PRIu32 ".%" PRIu32 "\n",
		text_escape(v->version, &version),
		text_escape(v->backend, &backend), v->protocol_major,
		v->protocol_minor);
}

void cli_print_report(const struct cli_report *r, const struct cli_look *look,
		      FILE *out)
{
	switch (r->command) {
	case CONTROL_LIST:
		if (r->has_host)
			cli_print_list(r, look, out);
		break;
	case CONTROL_SHOW:
		if (r->nr_guests)
			print_guest(&r->guests[0], out);
		break;
	case CONTROL_SET:
		if (r->has_set)
			print_set(r, out);
		break;
	case CONTROL_AUDIT:
		print_audit(r, out);
		break;
	case CONTROL_VERSION:
		if (r->has_version)
			print_version(&r->version, out);
		break;
	case CONTROL_READMIT:
		if (r->nr_guests)
			print_readmit(r, out);
		break;
	case CONTROL_LIMITS:
	case CONTROL_AUTO:
		cli_print_limits(r, out);
		break;
	case CONTROL_BALANCE:
		cli_print_balance(r, out);
		break;
	case CONTROL_EXPLAIN:
		cli_print_explain(r, out);
		break;
	case CONTROL_RESERVE:
		cli_print_reserve(r, out);
		break;
	case CONTROL_WATCH:
	case CONTROL_NUM_REQUESTS:
		break;
	}
}

/* What to say where the daemon gave no words of its own. */
static const char *status_words(enum control_status status)
{
	static const char *const words[] = {
		[CONTROL_STATUS_OK] = "done",
		[CONTROL_STATUS_PARTLY] = "not all was done",
		[CONTROL_STATUS_REFUSED] = "refused",
		[CONTROL_STATUS_NO_GUEST] = "there is no such guest",
		[CONTROL_STATUS_BAD_REQUEST] =
			"memtided did not understand; is it of this version?",
	};
	_Static_assert(ARRAY_SIZE(words) == CONTROL_NUM_STATUSES, "one each");

	return words[status];
}

static void print_short_of(const struct cli_report *r, FILE *err)
{
	char held[SIZE_TEXT_MAX], target[SIZE_TEXT_MAX];

	if (r->status == CONTROL_STATUS_PARTLY && r->has_set)
		fprintf(err, "holds %s, target %s: ",
			size_words(r->set.held_kib, held),
			size_words(r->set.target_kib, target));
}

/* Of these two the daemon's words name the guest: docs/protocol.md. */
static bool text_names_guest(const struct cli_report *r)
{
	return *r->text && (r->status == CONTROL_STATUS_REFUSED ||
			    r->status == CONTROL_STATUS_NO_GUEST);
}

void cli_print_problem(const struct cli_report *r, FILE *err)
{
	struct text_buf buf;

	if (r->status == CONTROL_STATUS_OK)
		return;
	fprintf(err, "memtide: %s: ", cli_command_name(r->command));
	if (r->guest && !text_names_guest(r))
		fprintf(err, "guest \"%s\": ", text_escape(r->guest, &buf));
	print_short_of(r, err);
	fputs(text_escape(*r->text ? r->text : status_words(r->status), &buf),
	      err);
	if (r->status == CONTROL_STATUS_NO_GUEST)
		fputs("; see memtide list", err);
	fputc('\n', err);
}

static uint64_t distance(uint64_t a, uint64_t b)
{
	return a > b ? a - b : b - a;
}

/* How much of the way from the start to the target is behind us. */
static unsigned int bar_filled(const struct cli_progress *p,
			       const struct control_progress *now)
{
	uint64_t way = distance(p->start_kib, now->target_kib);
	uint64_t left = distance(now->held_kib, now->target_kib);

	if (!way || left >= way)
		return left ? 0 : BAR_WIDTH;
	return (unsigned int)((way - left) / 1024 * BAR_WIDTH /
			      MAX(way / 1024, 1u));
}

static void print_bar(const struct cli_progress *p,
		      const struct control_progress *now, FILE *out)
{
	struct text_buf state;
	char bar[BAR_WIDTH + 1], held[SIZE_TEXT_MAX], target[SIZE_TEXT_MAX];
	unsigned int filled = bar_filled(p, now);

	memset(bar, '#', filled);
	memset(bar + filled, '.', BAR_WIDTH - filled);
	bar[BAR_WIDTH] = '\0';
	/* Back to the line's start; clear what a longer line left there. */
	fprintf(out, "\r[%s] %s, target %s, %.12s", bar,
		size_short(now->held_kib, held),
		size_short(now->target_kib, target),
		text_escape(now->state, &state));
	if (p->elapsed_s)
		fprintf(out, ", %u s", p->elapsed_s);
	fputs("\x1b[K", out);
}

static void print_step(const struct cli_progress *p,
		       const struct control_progress *now, FILE *out)
{
	struct text_buf guest, state;
	char held[SIZE_TEXT_MAX], target[SIZE_TEXT_MAX],
	     online[SIZE_TEXT_MAX];

	fprintf(out, "%s: %s, holds %s, target %s, %s online\n",
		text_escape(p->guest, &guest), text_escape(now->state, &state),
		size_words(now->held_kib, held),
		size_words(now->target_kib, target),
		size_words(now->online_kib, online));
}

static bool same_progress(const struct control_progress *a,
			  const struct control_progress *b)
{
	return a->held_kib == b->held_kib && a->online_kib == b->online_kib &&
	       a->target_kib == b->target_kib && !strcmp(a->state, b->state);
}

/* A log of a large guest's way wants its milestones, not its every granule. */
static bool is_milestone(const struct cli_progress *p,
			 const struct control_progress *now)
{
	uint64_t stride = distance(p->start_kib, now->target_kib) /
			  MILESTONES;

	return strcmp(now->state, p->shown.state) ||
	       now->target_kib != p->shown.target_kib ||
	       distance(now->held_kib, p->shown.held_kib) >= stride ||
	       distance(now->online_kib, p->shown.online_kib) >= stride;
}

void cli_print_progress(struct cli_progress *p,
			const struct control_progress *now, FILE *out)
{
	if (p->started && same_progress(now, &p->shown))
		return;
	if (p->started && !p->redraw && !is_milestone(p, now))
		return;
	if (!p->started)
		p->start_kib = now->held_kib;
	p->started = true;
	p->shown = *now;
	if (p->redraw)
		print_bar(p, now, out);
	else
		print_step(p, now, out);
	fflush(out);
}

void cli_print_progress_tick(struct cli_progress *p, const char *what,
			     unsigned int elapsed_s, FILE *out)
{
	p->elapsed_s = elapsed_s;
	if (!p->redraw)
		return;
	if (p->started) {
		print_bar(p, &p->shown, out);
	} else {
		fprintf(out, "\r%s: waiting, %u s\x1b[K", what,
			elapsed_s);
		p->waits = true;
	}
	fflush(out);
}

void cli_print_progress_clear(struct cli_progress *p, FILE *out)
{
	if (p->waits)
		fputs("\r\x1b[K", out);
	p->waits = false;
}

void cli_print_progress_end(struct cli_progress *p, FILE *out)
{
	if (p->started && p->redraw)
		fputc('\n', out);
}
