/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_text.c - Text of others made fit for a terminal and for JSON
 */
#include "cli_text.h"

#include <string.h>

const char *text_escape(const char *text, struct text_buf *buf)
{
	static const char hex[] = "0123456789abcdef";
	char *to = buf->text;

	for (size_t i = 0; i < TEXT_IN_MAX && text[i]; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c > 0x7e) {
			*to++ = '\\';
			*to++ = 'x';
			*to++ = hex[c >> 4];
			*to++ = hex[c & 15];
			continue;
		}
		if (c == '\\')
			*to++ = '\\';
		*to++ = (char)c;
	}
	*to = '\0';
	return buf->text;
}

/* Shortest code point that a sequence of this many bytes may carry. */
static const uint32_t utf8_least[] = { 0, 0, 0x80, 0x800, 0x10000 };

/* Bytes of the valid UTF-8 sequence at @s, 0 if there is none. */
static size_t utf8_len(const unsigned char *s)
{
	size_t len = s[0] < 0x80 ? 1 : s[0] < 0xc2 ? 0 : s[0] < 0xe0 ? 2 :
		     s[0] < 0xf0 ? 3 : s[0] < 0xf5 ? 4 : 0;
	uint32_t code;

	if (len < 2)
		return len;
	code = s[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		/* The final 0 is no continuation: never read beyond it. */
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		code = code << 6 | (s[i] & 0x3f);
	}
	if (code < utf8_least[len] || code > 0x10ffff ||
	    (code >= 0xd800 && code <= 0xdfff))
		return 0;
	return len;
}

const char *text_to_utf8(const char *text, struct text_buf *buf)
{
	const unsigned char *from = (const unsigned char *)text;
	const unsigned char *end = from + strnlen(text, TEXT_IN_MAX);
	char *to = buf->text;

	while (from < end) {
		size_t len = utf8_len(from);

		if (len && len <= (size_t)(end - from)) {
			memcpy(to, from, len);
			to += len;
			from += len;
		} else {
			memcpy(to, "\xef\xbf\xbd", 3);
			to += 3;
			from++;
		}
	}
	*to = '\0';
	return buf->text;
}
