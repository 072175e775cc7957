/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * metrics.h - Host, guests and counters as Prometheus reads them
 *
 * DOC: Theory of operation
 *
 * All lines of a metric stand together, so a text for 10,000 guests goes through
 * the guests once for each metric. It is written in parts of METRICS_PART bytes
 * or a little more; who sends them asks for the next when the last has gone, so
 * that a slow reader costs that much memory. Between two parts guests come and
 * go: where to go on is remembered by domid. Each metric is described in
 * docs/metrics.md.
 *
 * What a guest says of itself (MemTotal, pressure) is told as it said it.
 */
#ifndef MEMTIDE_METRICS_H
#define MEMTIDE_METRICS_H

#include "balance.h"

struct evbuffer;

#define METRICS_PART	(64u * 1024)

/**
 * struct metrics_source - what is told of
 * @balance:	NULL: no policy runs, and what it would say is left out
 */
struct metrics_source {
	struct service *service;
	const struct balance *balance;
};

/* struct metrics_place - where to go on; zero: at the beginning */
struct metrics_place {
	unsigned int family;
	uint32_t domid;
	bool begun;
};

/**
 * metrics_next() - Append the next part
 *
 * Return: true if there is more
 */
bool metrics_next(const struct metrics_source *src, struct metrics_place *at,
		  struct evbuffer *out);

#endif
