/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * top.h - What memtide top knows, and what its keys do
 *
 * Pure: time is the caller's. Each look at memtided, a reply after the other,
 * goes in with top_reply(), and top_draw() makes a page of it.
 */
#ifndef MEMTIDE_TOP_H
#define MEMTIDE_TOP_H

#include "cli_report.h"
#include "cli_screen.h"

#define TOP_SAMPLES	240u
#define TOP_SAMPLE_S	2u	/* so eight minutes in all */
#define TOP_EVENTS	8u
#define TOP_MESSAGE_MAX	512u

/**
 * struct top_guest - a row
 * @held_mib, @stall_permille: samples, the next goes to @nr_samples modulo
 *		their number
 * @round:	of the list in which it was last
 */
struct top_guest {
	struct control_guest now;
	uint32_t held_mib[TOP_SAMPLES];
	uint16_t stall_permille[TOP_SAMPLES];
	unsigned int nr_samples;
	unsigned int round;
};

enum top_sort {
	TOP_BY_DOMID,
	TOP_BY_NAME,
	TOP_BY_HELD,
	TOP_BY_TARGET,
	TOP_BY_AVAILABLE,
	TOP_BY_PRESSURE,
	TOP_NUM_SORTS,
};

/**
 * struct top - zero: nothing is known
 * @has_host:	@host is
 * @guests:	owned, in no order
 * @events:	the last, the next goes to @nr_events modulo their number
 * @round:	of lists that have begun
 * @sort, @reverse: order of the rows
 * @first:	row shown first
 * @version:	of memtided
 * @message:	what is wrong just now, or empty
 * @unicode:	the terminal shows more than ASCII
 */
struct top {
	bool has_host;
	struct control_host host;
	struct top_guest *guests;
	size_t nr_guests;
	struct control_event events[TOP_EVENTS];
	unsigned int nr_events;
	unsigned int round;
	enum top_sort sort;
	bool reverse;
	size_t first;
	char version[CONTROL_WORD_MAX];
	char message[TOP_MESSAGE_MAX];
	bool unicode;
};

void top_done(struct top *t);

/** top_begin_list() - What comes up to top_end_list() is a list of all */
void top_begin_list(struct top *t);

/** top_end_list() - Who was not in it is gone */
void top_end_list(struct top *t);

/**
 * top_reply() - Take in a reply of memtided
 *
 * Return: 0 or -ENOMEM
 */
int top_reply(struct top *t, const struct control_reply *r);

/** top_sample() - Once in TOP_SAMPLE_S: as it is now goes into the pictures */
void top_sample(struct top *t);

/**
 * top_key() - A key was pressed
 * @page:	rows of guests that are shown
 *
 * Return: false if that was the key to quit
 */
bool top_key(struct top *t, int key, unsigned int page);

/** top_order() - The guests as they are shown, in @ret, of @t->nr_guests */
void top_order(const struct top *t, const struct top_guest **ret);

#endif
