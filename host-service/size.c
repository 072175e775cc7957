/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * size.c - Sizes of memory as an operator writes and reads them
 */
#include "size.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* 10^18 is the largest power of ten that fits into 64 bits with room to spare;
 * what needs more digits is no size that anybody writes. */
#define FRACTION_DIGITS_MAX	18u

static const struct {
	const char *letter;
	const char *word;
	unsigned int shift;	/* a unit is 1 << shift bytes */
} size_units[] = {
	{ "K", "KiB", 10 },
	{ "M", "MiB", 20 },
	{ "G", "GiB", 30 },
	{ "T", "TiB", 40 },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int parse_unit(const char *text, unsigned int *ret_shift,
		      const char **ret_why)
{
	for (size_t i = 0; i < ARRAY_SIZE(size_units); i++) {
		if (!strcasecmp(text, size_units[i].letter) ||
		    !strcasecmp(text, size_units[i].word)) {
			*ret_shift = size_units[i].shift;
			return 0;
		}
	}
	*ret_why = *text ? "has an unknown unit; write K, M, G or T"
			 : "needs a unit: K, M, G or T";
	return -EINVAL;
}

/* The run of digits at *@text as a number; *@text moves behind it. */
static int parse_digits(const char **text, uint64_t *ret)
{
	uint64_t sum = 0;

	for (; is_digit(**text); (*text)++) {
		if (__builtin_mul_overflow(sum, (uint64_t)10, &sum) ||
		    __builtin_add_overflow(sum, (uint64_t)(**text - '0'), &sum))
			return -ERANGE;
	}
	*ret = sum;
	return 0;
}

struct fraction {
	uint64_t num;
	uint64_t den;		/* a power of ten */
};

/* What follows the point, zeros at its end left out. */
static int parse_fraction(const char **text, struct fraction *ret,
			  const char **ret_why)
{
	const char *end = *text;
	struct fraction f = { 0, 1 };
	size_t len;

	while (is_digit(*end))
		end++;
	len = (size_t)(end - *text);
	if (!len) {
		*ret_why = "has no digits after the point";
		return -EINVAL;
	}
	while (len && (*text)[len - 1] == '0')
		len--;
	if (len > FRACTION_DIGITS_MAX) {
		*ret_why = "is not a whole number of bytes";
		return -EINVAL;
	}
	for (size_t i = 0; i < len; i++) {
		f.num = f.num * 10 + (uint64_t)((*text)[i] - '0');
		f.den *= 10;
	}
	*text = end;
	*ret = f;
	return 0;
}

static int to_bytes(uint64_t whole, struct fraction f, unsigned int shift,
		    uint64_t *ret, const char **ret_why)
{
	unsigned __int128 part = (unsigned __int128)f.num << shift;
	uint64_t bytes;

	if (part % f.den) {
		*ret_why = "is not a whole number of bytes";
		return -EINVAL;
	}
	if (__builtin_mul_overflow(whole, (uint64_t)1 << shift, &bytes) ||
	    __builtin_add_overflow(bytes, (uint64_t)(part / f.den), &bytes)) {
		*ret_why = "is too large";
		return -ERANGE;
	}
	*ret = bytes;
	return 0;
}

static enum size_mode parse_sign(const char **text)
{
	if (**text != '+' && **text != '-')
		return SIZE_TO;
	return *(*text)++ == '+' ? SIZE_ADD : SIZE_SUBTRACT;
}

int size_parse(const char *text, struct size_arg *ret, const char **ret_why)
{
	struct size_arg size = { .mode = parse_sign(&text) };
	struct fraction f = { 0, 1 };
	unsigned int shift;
	uint64_t whole;
	int rc;

	if (!is_digit(*text)) {
		*ret_why = "is not a number with a unit, such as 1280M or +1G";
		return -EINVAL;
	}
	if (parse_digits(&text, &whole)) {
		*ret_why = "is too large";
		return -ERANGE;
	}
	if (*text == '.') {
		text++;
		rc = parse_fraction(&text, &f, ret_why);
		if (rc)
			return rc;
	}
	rc = parse_unit(text, &shift, ret_why);
	if (!rc)
		rc = to_bytes(whole, f, shift, &size.bytes, ret_why);
	if (!rc)
		*ret = size;
	return rc;
}

const char *size_short(uint64_t kib, char buf[SIZE_TEXT_MAX])
{
	snprintf(buf, SIZE_TEXT_MAX, "%" PRIu64 "M", kib / 1024);
	return buf;
}

const char *size_words(uint64_t kib, char buf[SIZE_TEXT_MAX])
{
	if (kib % 1024)
		snprintf(buf, SIZE_TEXT_MAX, "%" PRIu64 " KiB", kib);
	else
		snprintf(buf, SIZE_TEXT_MAX, "%" PRIu64 " MiB", kib / 1024);
	return buf;
}
