/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_json.c - What a script reads
 */
#include "cli_json.h"

#include <errno.h>

#include <json-c/json.h>

#include "cli_text.h"

/* json-c answers NULL and -1 when memory is out. Each adder below is a no-op
 * on a NULL object, and one look at @failed ends it. */
struct writer {
	bool failed;
};

static void add(struct writer *w, struct json_object *to, const char *key,
		struct json_object *value)
{
	if (to && value && !json_object_object_add(to, key, value))
		return;
	w->failed = true;
	json_object_put(value);
}

static void add_text(struct writer *w, struct json_object *to, const char *key,
		     const char *text)
{
	struct text_buf buf;

	add(w, to, key, json_object_new_string(text_to_utf8(text, &buf)));
}

static void add_number(struct writer *w, struct json_object *to,
		       const char *key, uint64_t number)
{
	add(w, to, key, json_object_new_uint64(number));
}

static void add_bool(struct writer *w, struct json_object *to, const char *key,
		     bool value)
{
	add(w, to, key, json_object_new_boolean(value));
}

static struct json_object *add_object(struct writer *w, struct json_object *to,
				      const char *key)
{
	struct json_object *o = json_object_new_object();

	add(w, to, key, o);
	return w->failed ? NULL : o;
}

static struct json_object *add_array(struct writer *w, struct json_object *to,
				     const char *key)
{
	struct json_object *a = json_object_new_array();

	add(w, to, key, a);
	return w->failed ? NULL : a;
}

static struct json_object *append_object(struct writer *w,
					 struct json_object *array)
{
	struct json_object *o = json_object_new_object();

	if (array && o && !json_object_array_add(array, o))
		return o;
	w->failed = true;
	json_object_put(o);
	return NULL;
}

static void fill_host(struct writer *w, struct json_object *o,
		      const struct control_host *h)
{
	add_number(w, o, "total_kib", h->total_kib);
	add_number(w, o, "free_kib", h->free_kib);
	add_number(w, o, "promised_kib", h->promised_kib);
	add_number(w, o, "reserve_kib", h->reserve_kib);
	add_number(w, o, "guests", h->guests);
	add_number(w, o, "reserved_kib", h->reserved_kib);
}

static void fill_guest(struct writer *w, struct json_object *o,
		       const struct control_guest *g)
{
	add_number(w, o, "domid", g->domid);
	add_text(w, o, "uuid", g->uuid);
	add_text(w, o, "name", g->name);
	add_text(w, o, "state", g->state);
	add_text(w, o, "why", g->why);
	add_text(w, o, "mode", g->mode);
	add_number(w, o, "boot_kib", g->boot_kib);
	add_number(w, o, "held_kib", g->held_kib);
	add_number(w, o, "target_kib", g->target_kib);
	add_number(w, o, "online_kib", g->online_kib);
	add_number(w, o, "window_kib", g->window_kib);
	add_number(w, o, "xen_kib", g->xen_kib);
	add_number(w, o, "guest_total_kib", g->guest_total_kib);
	add_number(w, o, "guest_available_kib", g->guest_available_kib);
	add_text(w, o, "agent", g->agent);
	add_text(w, o, "kernel", g->kernel);
	add_bool(w, o, "auto", g->automatic);
	add_number(w, o, "min_kib", g->min_kib);
	add_number(w, o, "max_kib", g->max_kib);
	add_number(w, o, "weight", g->weight);
	add_number(w, o, "headroom_kib", g->headroom_kib);
	add_text(w, o, "live", g->live);
	add_text(w, o, "demand", g->demand);
	add_number(w, o, "stall_permille", g->stall_permille);
}

static void fill_list(struct writer *w, struct json_object *o,
		      const struct cli_report *r)
{
	struct json_object *guests;

	fill_host(w, add_object(w, o, "host"), &r->host);
	guests = add_array(w, o, "guests");
	for (size_t i = 0; i < r->nr_guests; i++)
		fill_guest(w, append_object(w, guests), &r->guests[i]);
}

static void fill_set(struct writer *w, struct json_object *o,
		     const struct control_set_result *s)
{
	add_number(w, o, "asked_kib", s->asked_kib);
	add_number(w, o, "target_kib", s->target_kib);
	add_number(w, o, "held_kib", s->held_kib);
	add_bool(w, o, "settled", s->settled);
}

static void fill_audit(struct writer *w, struct json_object *o,
		       const struct cli_report *r)
{
	struct json_object *findings = add_array(w, o, "findings");

	for (size_t i = 0; i < r->nr_findings; i++) {
		struct json_object *f = append_object(w, findings);

		add_number(w, f, "domid", r->findings[i].domid);
		add_text(w, f, "name", r->findings[i].name);
		add_text(w, f, "text", r->findings[i].text);
	}
	if (!r->has_audit)
		return;
	o = add_object(w, o, "audit");
	add_number(w, o, "guests", r->audit.guests);
	add_number(w, o, "granules", r->audit.granules);
}

static void fill_version(struct writer *w, struct json_object *o,
			 const struct control_version *v)
{
	add_text(w, o, "version", v->version);
	add_text(w, o, "backend", v->backend);
	add_number(w, o, "protocol_major", v->protocol_major);
	add_number(w, o, "protocol_minor", v->protocol_minor);
}

static void fill_balance(struct writer *w, struct json_object *o,
			 const struct cli_report *r)
{
	struct json_object *rows;

	if (!r->has_balance)
		return;
	rows = add_array(w, o, "guests");
	for (size_t i = 0; i < r->nr_rows; i++) {
		struct json_object *row = append_object(w, rows);

		add_number(w, row, "domid", r->rows[i].domid);
		add_text(w, row, "name", r->rows[i].name);
		add_number(w, row, "held_kib", r->rows[i].held_kib);
		add_number(w, row, "target_kib", r->rows[i].target_kib);
		add_number(w, row, "then_kib", r->rows[i].then_kib);
		add_text(w, row, "why", r->rows[i].why);
	}
	o = add_object(w, o, "balance");
	add_number(w, o, "guests", r->balance.guests);
	add_number(w, o, "changes", r->balance.changes);
	add_number(w, o, "free_kib", r->balance.free_kib);
	add_number(w, o, "burst_kib", r->balance.burst_kib);
	add_number(w, o, "wanted_kib", r->balance.wanted_kib);
}

static void fill_explain(struct writer *w, struct json_object *o,
			 const struct cli_report *r)
{
	struct json_object *stories;

	if (!r->nr_guests)
		return;
	fill_guest(w, add_object(w, o, "guest"), &r->guests[0]);
	stories = add_array(w, o, "stories");
	for (size_t i = 0; i < r->nr_stories; i++) {
		struct json_object *story = append_object(w, stories);

		add_bool(w, story, "now", r->stories[i].now);
		add_number(w, story, "ago_ms", r->stories[i].ago_ms);
		add_text(w, story, "text", r->stories[i].text);
	}
}

static void fill_reserve(struct writer *w, struct json_object *o,
			 const struct control_reserve *v)
{
	add_number(w, o, "size_kib", v->size_kib);
	add_number(w, o, "held_kib", v->held_kib);
	add_number(w, o, "taken_kib", v->taken_kib);
}

static void fill_report(struct writer *w, struct json_object *o,
			const struct cli_report *r)
{
	switch (r->command) {
	case CONTROL_LIST:
		if (r->has_host)
			fill_list(w, o, r);
		break;
	case CONTROL_SHOW:
	case CONTROL_READMIT:
	case CONTROL_LIMITS:
	case CONTROL_AUTO:
		if (r->nr_guests)
			fill_guest(w, add_object(w, o, "guest"), &r->guests[0]);
		break;
	case CONTROL_SET:
		if (r->has_set)
			fill_set(w, add_object(w, o, "set"), &r->set);
		break;
	case CONTROL_AUDIT:
		fill_audit(w, o, r);
		break;
	case CONTROL_VERSION:
		add_text(w, o, "client", MEMTIDE_VERSION);
		if (r->has_version)
			fill_version(w, add_object(w, o, "daemon"),
				     &r->version);
		break;
	case CONTROL_BALANCE:
		fill_balance(w, o, r);
		break;
	case CONTROL_EXPLAIN:
		fill_explain(w, o, r);
		break;
	case CONTROL_RESERVE:
		if (r->has_reserve)
			fill_reserve(w, add_object(w, o, "reserve"),
				     &r->reserve);
		break;
	case CONTROL_WATCH:
	case CONTROL_NUM_REQUESTS:
		break;
	}
}

#define PRETTY	(JSON_C_TO_STRING_PRETTY | JSON_C_TO_STRING_SPACED)

static int print_document(struct writer *w, struct json_object *o, int how,
			  FILE *out)
{
	const char *text = NULL;

	if (o && !w->failed)
		text = json_object_to_json_string_ext(o,
			how | JSON_C_TO_STRING_NOSLASHESCAPE);
	if (text)
		fprintf(out, "%s\n", text);
	json_object_put(o);
	return text ? 0 : -ENOMEM;
}

static struct json_object *start_document(struct writer *w, enum cli_exit code,
					  const char *text)
{
	struct json_object *o = json_object_new_object();

	add_text(w, o, "status", cli_exit_name(code));
	add_text(w, o, "text", text);
	return o;
}

int cli_json_report(const struct cli_report *r, FILE *out)
{
	struct writer w = { false };
	struct json_object *o = start_document(&w, cli_report_exit(r), r->text);

	if (r->guest && r->command == CONTROL_SET)
		add_text(&w, o, "guest", r->guest);
	fill_report(&w, o, r);
	return print_document(&w, o, PRETTY, out);
}

int cli_json_failure(enum cli_exit code, const char *text, FILE *out)
{
	struct writer w = { false };

	return print_document(&w, start_document(&w, code, text), PRETTY, out);
}

int cli_json_doctor(const struct doctor *d, enum cli_exit code, FILE *out)
{
	struct writer w = { false };
	struct json_object *o = start_document(&w, code, "");
	struct json_object *checks = add_array(&w, o, "checks");

	for (size_t i = 0; i < d->nr; i++) {
		struct json_object *f = append_object(&w, checks);

		add_text(&w, f, "level",
			 doctor_level_name(d->findings[i].level));
		add_text(&w, f, "what", d->findings[i].what);
		add_text(&w, f, "state", d->findings[i].state);
		add_text(&w, f, "remedy", d->findings[i].remedy);
	}
	return print_document(&w, o, PRETTY, out);
}

int cli_json_event(const struct control_event *e, FILE *out)
{
	struct writer w = { false };
	struct json_object *o = json_object_new_object();

	add_number(&w, o, "nr", e->nr);
	add_number(&w, o, "at_ms", e->at_ms);
	add_text(&w, o, "kind", e->kind);
	add_number(&w, o, "domid", e->domid);
	add_text(&w, o, "uuid", e->uuid);
	add_text(&w, o, "name", e->name);
	add_text(&w, o, "text", e->text);
	return print_document(&w, o, JSON_C_TO_STRING_PLAIN, out);
}

int cli_json_end(enum cli_exit code, const char *text, FILE *out)
{
	struct writer w = { false };

	return print_document(&w, start_document(&w, code, text),
			      JSON_C_TO_STRING_PLAIN, out);
}
