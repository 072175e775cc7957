/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * talk.c - What a schedule asks of memtided
 */
#include "talk.h"

#include <errno.h>
#include <string.h>
#include <unistd.h>
#include <time.h>

#define AGAIN_NS	300000	/* memtided is starting: look again */

static bool not_yet(int rc)
{
	return rc == -ENOENT || rc == -ECONNREFUSED || rc == -EACCES;
}

static struct control_client *dial(struct world *w)
{
	static const struct timespec pause = { 0, AGAIN_NS };
	int64_t end_us = world_now_us() + WORLD_PATIENCE_MS * 1000;
	struct control_client *c;
	int rc;

	while ((rc = control_client_open(w->socket, &c))) {
		world_check_alive(w);
		if (!not_yet(rc) || world_now_us() > end_us)
			world_fail(w, "memtided does not listen: %s",
				   strerror(-rc));
		nanosleep(&pause, NULL);
	}
	return c;
}

struct control_client *talk_open(struct world *w,
				 const struct control_request *req)
{
	struct control_client *c;
	int rc;

	ASSERT(w->daemon);
	c = dial(w);
	rc = control_client_send(c, req, WORLD_PATIENCE_MS);
	world_check_alive(w);
	if (rc)
		world_fail(w, "cannot ask memtided: %s", strerror(-rc));
	return c;
}

static int next_reply(struct world *w, struct control_client *c,
		      int timeout_ms, struct control_reply *ret)
{
	const char *why = "";
	int rc = control_client_next(c, timeout_ms, ret, &why);

	if (!rc || rc == -ETIMEDOUT)
		return rc;
	world_check_alive(w);
	world_fail(w, "no answer from memtided: %s %s", strerror(-rc), why);
}

int talk_end(struct world *w, struct control_client *c, int timeout_ms,
	     struct control_reply *ret)
{
	int64_t end_us = world_now_us() + timeout_ms * INT64_C(1000);
	int64_t left;
	int rc;

	do {
		left = MAX(end_us - world_now_us(), 0) / 1000;
		rc = next_reply(w, c, (int)left, ret);
		if (!rc && ret->body == CONTROL_BODY_FINDING)
			world_fail(w, "audit: domain %u: %s",
				   ret->finding.domid, ret->finding.text);
	} while (!rc && !ret->end);
	control_client_close(c);
	return rc;
}

void talk(struct world *w, const struct control_request *req,
	  struct control_reply *ret)
{
	if (talk_end(w, talk_open(w, req), WORLD_PATIENCE_MS, ret))
		world_fail(w, "memtided does not answer");
}

void talk_list(struct world *w, struct talk_list *ret)
{
	static const struct control_request req = { .type = CONTROL_LIST };
	struct control_client *c = talk_open(w, &req);
	struct control_reply r;

	ret->nr = 0;
	do {
		if (next_reply(w, c, WORLD_PATIENCE_MS, &r))
			world_fail(w, "memtided does not list its guests");
		if (r.body == CONTROL_BODY_GUEST && ret->nr < WORLD_DOMAINS_MAX)
			ret->guests[ret->nr++] = r.guest;
	} while (!r.end);
	control_client_close(c);
}

const struct control_guest *talk_find(const struct talk_list *l, uint32_t domid)
{
	for (uint32_t i = 0; i < l->nr; i++) {
		if (l->guests[i].domid == domid)
			return &l->guests[i];
	}
	return NULL;
}

uint64_t talk_kib(const struct world_domain *d, uint32_t granules)
{
	return (uint64_t)d->config.boot_pages * PAGE_KIB +
	       (uint64_t)granules * GRANULE_KIB;
}

struct control_request talk_set(const struct world_domain *d,
				uint32_t granules, bool wait)
{
	struct control_request req = {
		.type = CONTROL_SET,
		.guest = { .by = SELECT_DOMID, .domid = d->domid },
		.set_mode = CONTROL_SET_TO,
		.wait = wait,
	};
	uint64_t boot = d->config.boot_pages / GRANULE_PAGES;

	req.size_bytes = (boot + granules) * GRANULE_BYTES;
	return req;
}

void talk_set_patiently(struct world *w, struct world_domain *d,
			uint32_t granules, bool wait)
{
	struct control_request req = talk_set(d, granules, wait);
	int64_t start_us = world_now_us();
	struct control_reply r;

	for (;;) {
		talk(w, &req, &r);
		if (r.status == CONTROL_STATUS_OK)
			break;
		if (r.status != CONTROL_STATUS_REFUSED ||
		    world_now_us() - start_us > WORLD_PATIENCE_MS * 1000)
			world_fail(w, "domain %u: set: %s", d->domid, r.text);
		usleep(500);
	}
	d->target = d->maybe = granules;
}
