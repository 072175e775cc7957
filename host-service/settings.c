/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * settings.c - What is set for a guest: some of it in a file, some live
 */
#include "settings.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#include "size.h"

#define KIB_OF_GRANULES(n)	((uint64_t)(n) * GRANULE_KIB)

static const struct {
	const char *name;
	const char *zero;	/* what 0 granules are called; NULL: no size */
	uint32_t least, most;
} kinds[] = {
	[SETTING_AUTO] = { "auto", NULL, 0, 1 },
	[SETTING_MIN] = { "min", "boot", 0, SETTING_GRANULES_MAX },
	[SETTING_MAX] = { "max", "window", 0, SETTING_GRANULES_MAX },
	[SETTING_WEIGHT] = { "weight", NULL, 1, POLICY_WEIGHT_MAX },
	[SETTING_HEADROOM] = { "headroom", "share", 0, SETTING_GRANULES_MAX },
};
static_assert(ARRAY_SIZE(kinds) == SETTING_NUM, "one a setting");

const char *setting_name(enum setting which)
{
	return kinds[which].name;
}

bool setting_is_size(enum setting which)
{
	return kinds[which].zero;
}

const char *setting_zero_word(enum setting which)
{
	return kinds[which].zero;
}

void settings_put(struct settings *s, enum setting which, uint32_t value)
{
	ASSERT(value >= kinds[which].least && value <= kinds[which].most);
	s->has[which] = true;
	s->value[which] = value;
}

void settings_clear(struct settings *s, enum setting which)
{
	s->has[which] = false;
	s->value[which] = 0;
}

void settings_add(struct settings *s, const struct settings *more)
{
	for (unsigned int i = 0; i < SETTING_NUM; i++) {
		if (more->has[i])
			settings_put(s, (enum setting)i, more->value[i]);
	}
}

struct policy_settings settings_policy(const struct settings *s)
{
	return (struct policy_settings){
		.automatic = s->value[SETTING_AUTO],
		.floor = s->value[SETTING_MIN],
		.ceiling = s->value[SETTING_MAX],
		.weight = s->has[SETTING_WEIGHT] ? s->value[SETTING_WEIGHT] :
						   POLICY_WEIGHT_DEFAULT,
		.headroom = s->value[SETTING_HEADROOM],
	};
}

uint32_t settings_value(const struct policy_settings *set, enum setting which)
{
	switch (which) {
	case SETTING_AUTO:
		return set->automatic;
	case SETTING_MIN:
		return set->floor;
	case SETTING_MAX:
		return set->ceiling;
	case SETTING_WEIGHT:
		return set->weight;
	case SETTING_HEADROOM:
		return set->headroom;
	case SETTING_NUM:
		break;
	}
	return 0;
}

int setting_from_bytes(enum setting which, uint64_t bytes, uint32_t *ret,
		       char why[SETTINGS_WHY_MAX])
{
	uint64_t granules = bytes / GRANULE_BYTES;

	if (bytes % GRANULE_BYTES && which != SETTING_MAX)
		granules++;
	if (granules > SETTING_GRANULES_MAX) {
		snprintf(why, SETTINGS_WHY_MAX, "is more than %u TiB",
			 SETTING_GRANULES_MAX >> 19);
		return -EINVAL;
	}
	if (!granules) {
		snprintf(why, SETTINGS_WHY_MAX,
			 "is less than 2 MiB; write \"%s\" if that is meant",
			 kinds[which].zero);
		return -EINVAL;
	}
	*ret = (uint32_t)granules;
	return 0;
}

static int parse_size(enum setting which, const char *text, uint32_t *ret,
		      char why[SETTINGS_WHY_MAX])
{
	struct size_arg size;
	const char *reason;

	if (!strcmp(text, kinds[which].zero)) {
		*ret = 0;
		return 0;
	}
	if (*text == '+' || *text == '-')
		reason = "must have no sign";
	else if (!size_parse(text, &size, &reason))
		return setting_from_bytes(which, size.bytes, ret, why);
	snprintf(why, SETTINGS_WHY_MAX, "%s, and it is not \"%s\"", reason,
		 kinds[which].zero);
	return -EINVAL;
}

static int parse_auto(const char *text, uint32_t *ret,
		      char why[SETTINGS_WHY_MAX])
{
	if (!strcmp(text, "on") || !strcmp(text, "off")) {
		*ret = text[1] == 'n';
		return 0;
	}
	snprintf(why, SETTINGS_WHY_MAX, "is neither on nor off");
	return -EINVAL;
}

/* Digits up to @end: signs and spaces would do for strtoul(). */
static int parse_number(const char *text, char **end, enum setting which,
			uint32_t *ret)
{
	unsigned long long value;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, end, 10);
	if (errno || value < kinds[which].least || value > kinds[which].most)
		return -EINVAL;
	*ret = (uint32_t)value;
	return 0;
}

int setting_parse(enum setting which, const char *text, uint32_t *ret,
		  char why[SETTINGS_WHY_MAX])
{
	uint32_t value;
	char *end;

	if (which == SETTING_AUTO)
		return parse_auto(text, ret, why);
	if (setting_is_size(which))
		return parse_size(which, text, ret, why);
	if (!parse_number(text, &end, which, &value) && !*end) {
		*ret = value;
		return 0;
	}
	snprintf(why, SETTINGS_WHY_MAX, "is not a number from %u to %u",
		 kinds[which].least, kinds[which].most);
	return -EINVAL;
}

const char *setting_text(enum setting which, uint32_t value,
			 char text[SETTINGS_TEXT_MAX])
{
	char size[SIZE_TEXT_MAX];

	if (which == SETTING_AUTO)
		snprintf(text, SETTINGS_TEXT_MAX, value ? "on" : "off");
	else if (!setting_is_size(which))
		snprintf(text, SETTINGS_TEXT_MAX, "%" PRIu32, value);
	else
		snprintf(text, SETTINGS_TEXT_MAX, "%s", value ?
			 size_words(KIB_OF_GRANULES(value), size) :
			 kinds[which].zero);
	return text;
}

void settings_store_text(const struct settings *s, char text[SETTINGS_TEXT_MAX])
{
	int at = 0;

	*text = 0;
	for (unsigned int i = 0; i < SETTING_NUM; i++) {
		if (!s->has[i])
			continue;
		at += snprintf(text + at, SETTINGS_TEXT_MAX - (size_t)at,
			       "%s%s=%" PRIu32, at ? " " : "", kinds[i].name,
			       s->value[i]);
		ASSERT(at < (int)SETTINGS_TEXT_MAX);
	}
}

/* NAME=NUMBER, @len octets at @text */
static int load_word(const char *text, size_t len, struct settings *s)
{
	const char *equals = memchr(text, '=', len);
	uint32_t value;
	char *end;

	if (!equals)
		return -EINVAL;
	for (unsigned int i = 0; i < SETTING_NUM; i++) {
		size_t name = strlen(kinds[i].name);

		if (name != (size_t)(equals - text) ||
		    memcmp(text, kinds[i].name, name))
			continue;
		if (parse_number(equals + 1, &end, (enum setting)i, &value) ||
		    end != text + len)
			return -EINVAL;
		settings_put(s, (enum setting)i, value);
	}
	return 0;
}

int settings_load_text(const char *text, struct settings *ret)
{
	struct settings s = { { false }, { 0 } };

	while (*text) {
		size_t len = strcspn(text, " ");

		if (load_word(text, len, &s))
			return -EINVAL;
		text += len;
		text += *text == ' ';
	}
	*ret = s;
	return 0;
}
