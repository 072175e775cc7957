/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * status.h - Host, guests and what happened to them, as JSON for the page
 *
 * Written in parts, as metrics.h does. docs/metrics.md describes it.
 */
#ifndef MEMTIDE_STATUS_H
#define MEMTIDE_STATUS_H

#include "history.h"

struct evbuffer;

#define STATUS_PART	(64u * 1024)

struct status_source {
	struct service *service;
	const struct balance *balance;	/* or NULL */
	const struct history *history;
};

/* struct status_place - where to go on; zero: at the beginning */
struct status_place {
	bool begun, has_guest;
	uint32_t domid;
};

/* struct status_known - what a reader was told; zero: nothing */
struct status_known {
	uint64_t change;	/* history.h */
	uint64_t event;
};

/**
 * status_next() - Append the next part of all there is
 *
 * One object: version, change, host, samples, events (the oldest first), guests.
 *
 * Return: true if there is more
 */
bool status_next(const struct status_source *src, struct status_place *at,
		 struct evbuffer *out);

/**
 * status_news() - Append what has changed since
 * @known:	brought up to date
 *
 * One object, without newlines: change, host, sample (as of now), events,
 * guests that have changed. If that is more than STATUS_PART, or a guest has
 * gone, "all" in it is true: then all there is should be asked for anew.
 */
void status_news(const struct status_source *src, struct status_known *known,
		 struct evbuffer *out);

#endif
