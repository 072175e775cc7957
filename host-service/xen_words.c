/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * xen_words.c - Xen's own command line
 */
#include "xen_words.h"

#include <string.h>

static bool is_one_of(const char *value, size_t len, const char *const *words)
{
	for (; *words; words++) {
		if (strlen(*words) == len && !strncmp(value, *words, len))
			return true;
	}
	return false;
}

/* @len bytes of text in place of a value, as parse_bool() of Xen reads them */
static bool value_is_on(const char *value, size_t len, bool otherwise)
{
	static const char *const on[] = { "1", "yes", "on", "true", "enable",
					  NULL };
	static const char *const off[] = { "0", "no", "off", "false",
					   "disable", NULL };

	if (is_one_of(value, len, on))
		return true;
	return is_one_of(value, len, off) ? false : otherwise;
}

bool xen_word_is_on(const char *commandline, const char *word, bool otherwise)
{
	size_t len = strlen(word);
	bool is_on = otherwise;

	for (const char *at = commandline; *at;) {
		size_t size = strcspn(at, " ");
		bool no = !strncmp(at, "no-", 3);
		const char *name = no ? at + 3 : at;

		if (!strncmp(name, word, len)) {
			if (name + len == at + size)
				is_on = !no;
			else if (name[len] == '=' && !no)
				is_on = value_is_on(name + len + 1,
						    size - len - 1, is_on);
		}
		at += size;
		at += strspn(at, " ");
	}
	return is_on;
}
