/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * meminfo.h - Parser of /proc/meminfo
 */
#ifndef MEMTIDE_MEMINFO_H
#define MEMTIDE_MEMINFO_H

#include "base.h"

/**
 * struct meminfo - the guest kernel's own view [KiB]
 *
 * Free and available never exceed the total, nor free swap all swap: the
 * kernel takes no lock for /proc/meminfo, so each is cut to it.
 */
struct meminfo {
	uint64_t total_kib;
	uint64_t free_kib;
	uint64_t available_kib;
	uint64_t swap_total_kib;
	uint64_t swap_free_kib;
};

/**
 * meminfo_parse() - Text in the format of /proc/meminfo to numbers
 * @text:	@len bytes, no final 0 needed
 * @ret:	untouched on failure
 *
 * Return: 0, or -EINVAL if one of the five lines is missing, repeated, not
 *         ended by a newline, or not "Name: number kB", or MemTotal is 0
 */
int meminfo_parse(const char *text, size_t len, struct meminfo *ret);

#endif
