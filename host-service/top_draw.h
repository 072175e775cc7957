/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * top_draw.h - What memtide top shows
 */
#ifndef MEMTIDE_TOP_DRAW_H
#define MEMTIDE_TOP_DRAW_H

#include "top.h"

/** top_page() - Rows of guests on a page of that many rows */
unsigned int top_page(unsigned int rows);

/**
 * top_draw() - The whole page; pure
 * @clock:	time of day, for the first line
 *
 * Return: 0 or -ENOMEM
 */
int top_draw(const struct top *t, const char *clock, struct screen *s);

#endif
