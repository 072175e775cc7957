/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pressure.h - Parsers of /proc/pressure/memory and /proc/vmstat
 */
#ifndef MEMTIDE_PRESSURE_H
#define MEMTIDE_PRESSURE_H

#include "base.h"

/**
 * struct pressure - what has been counted since boot
 * @time_us:		when that was, on the monotonic clock
 * @has_stall:		the kernel counts stalls; else both are 0
 * @stall_some_us:	time in which some task waited for memory
 * @stall_full_us:	time in which all that could have run did; at most
 *			@stall_some_us
 * @refault_pages:	pages read back that had been reclaimed while in use
 * @swap_in_pages:	pages read from swap
 */
struct pressure {
	uint64_t time_us;
	bool has_stall;
	uint64_t stall_some_us;
	uint64_t stall_full_us;
	uint64_t refault_pages;
	uint64_t swap_in_pages;
};

/**
 * pressure_parse_stall() - Text in the format of /proc/pressure/memory
 * @text:	@len bytes, no final 0 needed
 * @p:		has_stall and the stalls are set; untouched on failure
 *
 * Return: 0, or -EINVAL if one of the two lines is missing, repeated, not ended
 *         by a newline, or has no total
 */
int pressure_parse_stall(const char *text, size_t len, struct pressure *p);

/**
 * pressure_parse_vmstat() - Text in the format of /proc/vmstat
 * @text, @len:	likewise
 * @p:		the pages are set, of which the kernel does not count any are
 *		0; untouched on failure
 *
 * Return: 0, or -EINVAL if a line of interest is repeated, not ended by a
 *         newline, or not "name number"
 */
int pressure_parse_vmstat(const char *text, size_t len, struct pressure *p);

#endif
