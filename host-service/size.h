/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * size.h - Sizes of memory as an operator writes and reads them
 */
#ifndef MEMTIDE_SIZE_H
#define MEMTIDE_SIZE_H

#include "base.h"

enum size_mode {
	SIZE_TO,	/* "2G": this much in all */
	SIZE_ADD,	/* "+512M" */
	SIZE_SUBTRACT,	/* "-512M" */
};

struct size_arg {
	enum size_mode mode;
	uint64_t bytes;
};

/**
 * size_parse() - "1280M", "+1.5GiB", "-512m" to bytes
 * @text:	[+|-] digits [. digits] unit; the unit is K, M, G or T or KiB,
 *		MiB, GiB or TiB in any case, always a power of 1024. A bare
 *		number is refused, for tools differ in what it means.
 * @ret:	untouched on failure
 * @ret_why:	on failure a constant phrase that completes "SIZE ..."
 *
 * Return: 0, -EINVAL if it is no size or not a whole number of bytes,
 *         -ERANGE if it does not fit into 64 bits
 */
int size_parse(const char *text, struct size_arg *ret, const char **ret_why);

#define SIZE_TEXT_MAX	32u	/* holds any size in words, with the final 0 */

/**
 * size_short() - A size for a table: "1280M", rounded down to whole MiB;
 * size_parse() understands it
 *
 * Return: @buf
 */
const char *size_short(uint64_t kib, char buf[SIZE_TEXT_MAX]);

/**
 * size_words() - A size for a sentence, exact: "1280 MiB", "1019336 KiB"
 *
 * Return: @buf
 */
const char *size_words(uint64_t kib, char buf[SIZE_TEXT_MAX]);

#endif
