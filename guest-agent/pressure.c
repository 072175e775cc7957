/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * pressure.c - Parsers of /proc/pressure/memory and /proc/vmstat
 */
#include "pressure.h"

#include <assert.h>
#include <errno.h>
#include <string.h>

#include "digits.h"

/* Counters that a file has one a line, by the word a line begins with */
#define NR_KEYS_MAX	4u

enum { STALL_SOME, STALL_FULL, NR_STALL };

static const char *const stall_keys[] = {
	[STALL_SOME] = "some",
	[STALL_FULL] = "full",
};
static_assert(ARRAY_SIZE(stall_keys) == NR_STALL, "a name for each key");
static_assert(NR_STALL <= NR_KEYS_MAX, "room for each key");

/* Before Linux 5.9 refaults of files only were counted, as REFAULT_OLD. */
enum { REFAULT_ANON, REFAULT_FILE, REFAULT_OLD, SWAP_IN, NR_VMSTAT };

static const char *const vmstat_keys[] = {
	[REFAULT_ANON] = "workingset_refault_anon",
	[REFAULT_FILE] = "workingset_refault_file",
	[REFAULT_OLD] = "workingset_refault",
	[SWAP_IN] = "pswpin",
};
static_assert(ARRAY_SIZE(vmstat_keys) == NR_VMSTAT, "a name for each key");
static_assert(NR_VMSTAT <= NR_KEYS_MAX, "room for each key");

/**
 * struct counters - what is looked for in a file, and found
 * @keys:	@nr first words of lines
 * @mark:	what stands before the number
 * @seen:	bit of each key that was found
 */
struct counters {
	const char *const *keys;
	unsigned int nr;
	const char *mark;
	unsigned int seen;
	uint64_t values[NR_KEYS_MAX];
};

/* Index of the line's first word, or -1 for a line of no interest. */
static int line_key(const struct counters *c, const char *line, size_t len)
{
	const char *space = memchr(line, ' ', len);

	if (!space)
		return -1;
	for (unsigned int i = 0; i < c->nr; i++) {
		size_t n = strlen(c->keys[i]);

		if ((size_t)(space - line) == n && !memcmp(line, c->keys[i], n))
			return (int)i;
	}
	return -1;
}

static int parse_line(struct counters *c, const char *line, size_t len)
{
	const char *at, *end = line + len;
	int key = line_key(c, line, len);

	if (key < 0)
		return 0;
	if (c->seen & 1u << key)
		return -EINVAL;
	c->seen |= 1u << key;
	at = line + strlen(c->keys[key]);
	at = memmem(at, (size_t)(end - at), c->mark, strlen(c->mark));
	if (!at)
		return -EINVAL;
	at += strlen(c->mark);
	if (digits_take(&at, end, &c->values[key]) || at != end)
		return -EINVAL;
	return 0;
}

static int parse(struct counters *c, const char *text, size_t len)
{
	const char *nl;

	for (; (nl = memchr(text, '\n', len)); text = nl + 1) {
		int rc = parse_line(c, text, (size_t)(nl - text));

		if (rc)
			return rc;
		len -= (size_t)(nl - text) + 1;
	}
	return len ? -EINVAL : 0;
}

int pressure_parse_stall(const char *text, size_t len, struct pressure *p)
{
	struct counters c = {
		.keys = stall_keys, .nr = NR_STALL, .mark = " total=",
	};
	int rc = parse(&c, text, len);

	if (rc)
		return rc;
	if (c.seen != (1u << NR_STALL) - 1)
		return -EINVAL;
	p->has_stall = true;
	p->stall_some_us = c.values[STALL_SOME];
	/* The kernel may count on between the two lines. */
	p->stall_full_us = MIN(c.values[STALL_FULL], c.values[STALL_SOME]);
	return 0;
}

int pressure_parse_vmstat(const char *text, size_t len, struct pressure *p)
{
	struct counters c = {
		.keys = vmstat_keys, .nr = NR_VMSTAT, .mark = " ",
	};
	int rc = parse(&c, text, len);

	if (rc)
		return rc;
	p->refault_pages = c.values[REFAULT_ANON] + c.values[REFAULT_FILE] +
			   c.values[REFAULT_OLD];
	p->swap_in_pages = c.values[SWAP_IN];
	return 0;
}
