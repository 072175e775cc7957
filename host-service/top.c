/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * top.c - What memtide top knows, and what its keys do
 */
#include "top.h"

#include <errno.h>
#include <string.h>

void top_done(struct top *t)
{
	free(t->guests);
	*t = (struct top){ 0 };
}

void top_begin_list(struct top *t)
{
	t->round++;
}

static void remove_guest(struct top *t, size_t i)
{
	t->guests[i] = t->guests[--t->nr_guests];
}

void top_end_list(struct top *t)
{
	for (size_t i = t->nr_guests; i--; ) {
		if (t->guests[i].round != t->round)
			remove_guest(t, i);
	}
}

/* A domid is used again: it is that guest with its uuid alone. */
static struct top_guest *find_guest(struct top *t, uint32_t domid,
				    const char *uuid)
{
	for (size_t i = 0; i < t->nr_guests; i++) {
		const struct control_guest *g = &t->guests[i].now;

		if (g->domid == domid && !strcmp(g->uuid, uuid))
			return &t->guests[i];
	}
	return NULL;
}

static int take_guest(struct top *t, const struct control_guest *now)
{
	struct top_guest *g = find_guest(t, now->domid, now->uuid);

	if (!g) {
		g = reallocarray(t->guests, t->nr_guests + 1, sizeof(*g));
		if (!g)
			return -ENOMEM;
		t->guests = g;
		g += t->nr_guests++;
		memset(g, 0, sizeof(*g));
	}
	g->now = *now;
	g->round = t->round;
	return 0;
}

static void take_event(struct top *t, const struct control_event *e)
{
	struct top_guest *g = find_guest(t, e->domid, e->uuid);

	t->events[t->nr_events++ % TOP_EVENTS] = *e;
	if (g && !strcmp(e->kind, "gone"))
		remove_guest(t, (size_t)(g - t->guests));
}

int top_reply(struct top *t, const struct control_reply *r)
{
	switch (r->body) {
	case CONTROL_BODY_GUEST:
		return take_guest(t, &r->guest);
	case CONTROL_BODY_HOST:
		t->host = r->host;
		t->has_host = true;
		return 0;
	case CONTROL_BODY_EVENT:
		take_event(t, &r->event);
		return 0;
	case CONTROL_BODY_VERSION:
		memcpy(t->version, r->version.version, sizeof(t->version));
		return 0;
	case CONTROL_BODY_NONE:
	case CONTROL_BODY_PROGRESS:
	case CONTROL_BODY_SET:
	case CONTROL_BODY_FINDING:
	case CONTROL_BODY_AUDIT:
	case CONTROL_BODY_BALANCE_ROW:
	case CONTROL_BODY_BALANCE:
	case CONTROL_BODY_EXPLAIN:
	case CONTROL_BODY_RESERVE:
		break;
	}
	return 0;
}

void top_sample(struct top *t)
{
	for (size_t i = 0; i < t->nr_guests; i++) {
		struct top_guest *g = &t->guests[i];
		unsigned int at = g->nr_samples++ % TOP_SAMPLES;

		g->held_mib[at] = (uint32_t)MIN(g->now.held_kib / 1024,
						UINT32_MAX);
		g->stall_permille[at] =
			(uint16_t)MIN(g->now.stall_permille, 1000u);
	}
}

static bool sort_key(struct top *t, int key)
{
	static const char keys[] = {
		[TOP_BY_DOMID] = 'd', [TOP_BY_NAME] = 'n',
		[TOP_BY_HELD] = 'm', [TOP_BY_TARGET] = 't',
		[TOP_BY_AVAILABLE] = 'a', [TOP_BY_PRESSURE] = 'p',
	};
	_Static_assert(ARRAY_SIZE(keys) == TOP_NUM_SORTS, "a key each");

	for (unsigned int i = 0; i < TOP_NUM_SORTS; i++) {
		if (keys[i] != key)
			continue;
		t->sort = (enum top_sort)i;
		t->reverse = false;
		t->first = 0;
		return true;
	}
	return false;
}

static void scroll(struct top *t, int key, unsigned int page)
{
	size_t last = t->nr_guests > page ? t->nr_guests - page : 0;

	switch (key) {
	case SCREEN_UP:
		t->first -= t->first > 0;
		break;
	case SCREEN_DOWN:
		t->first++;
		break;
	case SCREEN_PAGE_UP:
		t->first -= MIN(t->first, page);
		break;
	case SCREEN_PAGE_DOWN:
		t->first += page;
		break;
	case SCREEN_HOME:
		t->first = 0;
		break;
	case SCREEN_END:
		t->first = last;
		break;
	default:
		break;
	}
	t->first = MIN(t->first, last);
}

bool top_key(struct top *t, int key, unsigned int page)
{
	if (key == 'q' || key == 'Q')
		return false;
	if (key == 'r')
		t->reverse = !t->reverse;
	else if (!sort_key(t, key))
		scroll(t, key, page);
	return true;
}

/* Order -------------------------------------------------------------------- */

static int compare_numbers(uint64_t a, uint64_t b)
{
	return (a > b) - (a < b);
}

/* The largest first, but for names and domids. */
static int compare(const struct control_guest *a, const struct control_guest *b,
		   enum top_sort by)
{
	switch (by) {
	case TOP_BY_DOMID:
		break;
	case TOP_BY_NAME:
		return strcmp(a->name, b->name);
	case TOP_BY_HELD:
		return compare_numbers(b->held_kib, a->held_kib);
	case TOP_BY_TARGET:
		return compare_numbers(b->target_kib, a->target_kib);
	case TOP_BY_AVAILABLE:
		return compare_numbers(b->guest_available_kib,
				       a->guest_available_kib);
	case TOP_BY_PRESSURE:
		return compare_numbers(b->stall_permille, a->stall_permille);
	case TOP_NUM_SORTS:
		break;
	}
	return 0;
}

/* Never the same for two guests: rows must not jump. */
static int compare_rows(const void *a, const void *b, void *ctx)
{
	const struct top_guest *x = *(const struct top_guest *const *)a;
	const struct top_guest *y = *(const struct top_guest *const *)b;
	const struct top *t = ctx;
	int order = compare(&x->now, &y->now, t->sort);

	if (t->reverse)
		order = -order;
	if (!order)
		order = compare_numbers(x->now.domid, y->now.domid);
	if (t->sort == TOP_BY_DOMID && t->reverse)
		order = -order;
	return order ? order : strcmp(x->now.uuid, y->now.uuid);
}

void top_order(const struct top *t, const struct top_guest **ret)
{
	for (size_t i = 0; i < t->nr_guests; i++)
		ret[i] = &t->guests[i];
	if (t->nr_guests)
		qsort_r(ret, t->nr_guests, sizeof(*ret), compare_rows,
			(void *)(uintptr_t)t);
}
