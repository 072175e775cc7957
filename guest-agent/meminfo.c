/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * meminfo.c - Parser of /proc/meminfo
 */
#include "meminfo.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "digits.h"

enum { MEM_TOTAL, MEM_FREE, MEM_AVAILABLE, SWAP_TOTAL, SWAP_FREE, NR_KEYS };

static const char *const keys[] = {
	[MEM_TOTAL] = "MemTotal",
	[MEM_FREE] = "MemFree",
	[MEM_AVAILABLE] = "MemAvailable",
	[SWAP_TOTAL] = "SwapTotal",
	[SWAP_FREE] = "SwapFree",
};
static_assert(ARRAY_SIZE(keys) == NR_KEYS, "a name for each key");

/* Index of the line's key, or -1 for a line of no interest. */
static int line_key(const char *line, size_t len)
{
	const char *colon = memchr(line, ':', len);

	if (!colon)
		return -1;
	for (int i = 0; i < NR_KEYS; i++) {
		size_t n = strlen(keys[i]);

		if ((size_t)(colon - line) == n && !memcmp(line, keys[i], n))
			return i;
	}
	return -1;
}

/* "     12345 kB" */
static int parse_kib(const char *p, const char *end, uint64_t *ret)
{
	uint64_t value;

	while (p < end && *p == ' ')
		p++;
	if (digits_take(&p, end, &value) || end - p != 3 ||
	    memcmp(p, " kB", 3))
		return -EINVAL;
	*ret = value;
	return 0;
}

static int parse_line(const char *line, size_t len, uint64_t *values,
		      unsigned int *seen)
{
	int key = line_key(line, len);

	if (key < 0)
		return 0;
	if (*seen & 1u << key)
		return -EINVAL;
	*seen |= 1u << key;
	return parse_kib(line + strlen(keys[key]) + 1, line + len,
			 &values[key]);
}

int meminfo_parse(const char *text, size_t len, struct meminfo *ret)
{
	uint64_t v[NR_KEYS] = { 0 };
	unsigned int seen = 0;
	const char *nl;
	int rc;

	for (; (nl = memchr(text, '\n', len)); text = nl + 1) {
		size_t n = (size_t)(nl - text);

		rc = parse_line(text, n, v, &seen);
		if (rc)
			return rc;
		len -= n + 1;
	}
	if (seen != (1u << NR_KEYS) - 1 || !v[MEM_TOTAL])
		return -EINVAL;
	*ret = (struct meminfo){
		.total_kib = v[MEM_TOTAL],
		.free_kib = MIN(v[MEM_FREE], v[MEM_TOTAL]),
		.available_kib = MIN(v[MEM_AVAILABLE], v[MEM_TOTAL]),
		.swap_total_kib = v[SWAP_TOTAL],
		.swap_free_kib = MIN(v[SWAP_FREE], v[SWAP_TOTAL]),
	};
	return 0;
}
