/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * digits.h - A decimal number out of a text without final 0
 */
#ifndef MEMTIDE_DIGITS_H
#define MEMTIDE_DIGITS_H

#include <errno.h>

#include "base.h"

/* 16 digits are 317 years in us and 9 EiB in KiB: more is nonsense, and a few
 * of these may be added and none overflows. */
#define DIGITS_MAX	16

/**
 * digits_take() - Read digits from *@p on, at least one
 * @p:		moved behind them on success
 * @ret:	untouched on failure
 *
 * Return: 0, or -EINVAL if there is none, or more than DIGITS_MAX
 */
static inline int digits_take(const char **p, const char *end, uint64_t *ret)
{
	const char *at = *p;
	uint64_t value = 0;

	for (; at < end && *at >= '0' && *at <= '9'; at++) {
		if (at - *p == DIGITS_MAX)
			return -EINVAL;
		value = value * 10 + (uint64_t)(*at - '0');
	}
	if (at == *p)
		return -EINVAL;
	*p = at;
	*ret = value;
	return 0;
}

#endif
