/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * quote.c - Texts of others within a text of ours
 */
#include "quote.h"

#include <string.h>

#define REPLACEMENT	"\xef\xbf\xbd"	/* U+FFFD */
#define QUOTE_PART	8u		/* the longest, and its end */

/*
 * Bytes of the character at @s, 0 if it is not UTF-8 as RFC 3629 has it: no
 * overlong forms, no surrogates, nothing beyond U+10FFFF.
 */
static size_t utf8_length(const unsigned char *s)
{
	unsigned char low = 0x80, high = 0xbf;
	size_t len;

	if (s[0] < 0x80)
		return 1;
	if (s[0] < 0xc2 || s[0] > 0xf4)
		return 0;
	len = s[0] < 0xe0 ? 2 : s[0] < 0xf0 ? 3 : 4;
	if (s[0] == 0xe0)
		low = 0xa0;
	else if (s[0] == 0xed)
		high = 0x9f;
	else if (s[0] == 0xf0)
		low = 0x90;
	else if (s[0] == 0xf4)
		high = 0x8f;
	if (s[1] < low || s[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++) {
		if (s[i] < 0x80 || s[i] > 0xbf)
			return 0;
	}
	return len;
}

/* U+0000..1F, U+7F..9F */
static bool is_control(const unsigned char *s)
{
	return s[0] < ' ' || s[0] == 0x7f || (s[0] == 0xc2 && s[1] < 0xa0);
}

/* What the character at @s becomes, in @part; returns its length in @s. */
static size_t quote_one(const unsigned char *s, char part[QUOTE_PART])
{
	size_t len = utf8_length(s);

	if (*s == '\n') {
		strcpy(part, "\\n");
		return 1;
	}
	if (!len || is_control(s)) {
		strcpy(part, REPLACEMENT);
		return len ? len : 1;
	}
	if (*s == '"' || *s == '\\')
		*part++ = '\\';
	memcpy(part, s, len);
	part[len] = '\0';
	return len;
}

const char *quote(const char *text, char *ret, size_t size)
{
	const unsigned char *s = (const unsigned char *)text;
	char part[QUOTE_PART], *end = ret;

	while (*s) {
		s += quote_one(s, part);
		if ((size_t)(end - ret) + strlen(part) + 1 > size)
			break;
		end = stpcpy(end, part);
	}
	*end = '\0';
	return ret;
}
