/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * config.c - All that can be set for memtided, with units, ranges and defaults
 */
#include "config.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "control_codec.h"
#include "size.h"

#define RESERVE_KIB_MAX	(UINT64_C(1) << 34)	/* 16 TiB */

enum kind { KIND_SIZE, KIND_MS, KIND_LEVEL, KIND_PATH, KIND_PORT };

static const struct {
	const char *name;
	enum kind kind;
	bool live;
	const char *zero;	/* a word for 0; NULL: there is none */
	const char *by_default;
} keys[] = {
	[CONFIG_RESERVE] = { "reserve", KIND_SIZE, true, NULL, "64M" },
	[CONFIG_BURST_RESERVE] = { "burst-reserve", KIND_SIZE, true, "share",
				 "share" },
	[CONFIG_RETRY_MIN_MS] = { "retry-min-ms", KIND_MS, true, NULL, "1000" },
	[CONFIG_RETRY_MAX_MS] = { "retry-max-ms", KIND_MS, true, NULL, "60000" },
	[CONFIG_LOG_LEVEL] = { "log-level", KIND_LEVEL, true, NULL, "info" },
	[CONFIG_SOCKET] = { "socket", KIND_PATH, false, NULL,
			  CONTROL_SOCKET_DEFAULT },
	[CONFIG_METRICS_PORT] = { "metrics-port", KIND_PORT, false, "none",
				"none" },
};
static_assert(ARRAY_SIZE(keys) == CONFIG_NUM_KEYS, "one a key");

#define MS_MAX	3600000u

static const char *const levels[] = {
	[LOG_LEVEL_ERR] = "error",
	[LOG_LEVEL_WARN] = "warning",
	[LOG_LEVEL_INFO] = "info",
	[LOG_LEVEL_DEBUG] = "debug",
};

const char *config_key_name(enum config_key key)
{
	return keys[key].name;
}

bool config_key_is_live(enum config_key key)
{
	return keys[key].live;
}

void config_init(struct config *c)
{
	char why[CONFIG_TEXT_MAX];

	*c = (struct config){ .nr_rules = 0 };
	for (unsigned int i = 0; i < CONFIG_NUM_KEYS; i++) {
		if (config_set(c, (enum config_key)i, keys[i].by_default, why))
			ASSERT(!"a default is in its range");
	}
}

void config_done(struct config *c)
{
	free(c->rules);
	c->rules = NULL;
	c->nr_rules = 0;
}

__attribute__((format(printf, 2, 3)))
static int fail(char why[CONFIG_TEXT_MAX], const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(why, CONFIG_TEXT_MAX, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

static int parse_size(const char *text, uint64_t *ret, char *why)
{
	const char *reason;
	struct size_arg size;

	if (*text == '+' || *text == '-')
		return fail(why, "size \"%.64s\" must have no sign", text);
	if (size_parse(text, &size, &reason))
		return fail(why, "size \"%.64s\" %s", text, reason);
	if (size.bytes / 1024 > RESERVE_KIB_MAX)
		return fail(why, "size \"%.64s\" is more than 16 TiB", text);
	*ret = size.bytes / 1024;
	return 0;
}

static int parse_number(const char *text, unsigned int most, uint64_t *ret,
			char *why)
{
	unsigned long long value = 0;
	char *end = NULL;

	errno = 0;
	if (isdigit((unsigned char)*text))
		value = strtoull(text, &end, 10);
	if (!end || *end || errno || !value || value > most)
		return fail(why, "\"%.64s\" is not a number from 1 to %u", text,
			    most);
	*ret = value;
	return 0;
}

static int parse_level(const char *text, uint64_t *ret, char *why)
{
	enum log_level level;

	if (log_parse_level(text, &level))
		return fail(why, "\"%.64s\" is none of error, warning, info, debug",
			    text);
	*ret = level;
	return 0;
}

static int parse_path(const char *text, char path[CONFIG_PATH_MAX], char *why)
{
	if (!*text || strlen(text) >= CONFIG_PATH_MAX)
		return fail(why, "a path of 1 to %u characters is needed",
			    CONFIG_PATH_MAX - 1);
	strcpy(path, text);
	return 0;
}

int config_set(struct config *c, enum config_key key, const char *text,
	     char why[CONFIG_TEXT_MAX])
{
	if (keys[key].zero && !strcmp(text, keys[key].zero)) {
		c->numbers[key] = 0;
		return 0;
	}
	switch (keys[key].kind) {
	case KIND_SIZE:
		return parse_size(text, &c->numbers[key], why);
	case KIND_MS:
		return parse_number(text, MS_MAX, &c->numbers[key], why);
	case KIND_PORT:
		return parse_number(text, UINT16_MAX, &c->numbers[key], why);
	case KIND_LEVEL:
		return parse_level(text, &c->numbers[key], why);
	case KIND_PATH:
		return parse_path(text, c->socket, why);
	}
	return -EINVAL;
}

const char *config_text(const struct config *c, enum config_key key,
		      char text[CONFIG_TEXT_MAX])
{
	uint64_t number = c->numbers[key];
	char size[SIZE_TEXT_MAX];

	if (keys[key].zero && !number)
		return strcpy(text, keys[key].zero);
	switch (keys[key].kind) {
	case KIND_SIZE:
		return strcpy(text, size_words(number, size));
	case KIND_MS:
	case KIND_PORT:
		snprintf(text, CONFIG_TEXT_MAX, "%" PRIu64, number);
		break;
	case KIND_LEVEL:
		return strcpy(text, levels[number]);
	case KIND_PATH:
		return strcpy(text, c->socket);
	}
	return text;
}

void config_copy_key(struct config *to, const struct config *from, enum config_key key)
{
	to->numbers[key] = from->numbers[key];
	if (keys[key].kind == KIND_PATH)
		strcpy(to->socket, from->socket);
}

static bool is_uuid(const char *text)
{
	for (unsigned int i = 0; i < CONTROL_UUID_MAX - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return !text[CONTROL_UUID_MAX - 1];
}

/* A domid says nothing about who will have it tomorrow. */
static int check_name(const char *guest, char why[CONFIG_TEXT_MAX])
{
	if (!*guest || strlen(guest) >= CONFIG_NAME_MAX)
		return fail(why, "a guest's name or uuid, of 1 to %u characters, is needed",
			    CONFIG_NAME_MAX - 1);
	if (!guest[strspn(guest, "0123456789")])
		return fail(why, "guest \"%.64s\" is a domid, and who has it changes; a name or uuid is needed",
			    guest);
	return 0;
}

int config_add_rule(struct config *c, const char *guest, struct config_rule **ret,
		  char why[CONFIG_TEXT_MAX])
{
	struct config_rule *rules, *rule;
	int rc = check_name(guest, why);

	if (rc)
		return rc;
	if (c->nr_rules == CONFIG_RULES_MAX) {
		fail(why, "more than %u guests", CONFIG_RULES_MAX);
		return -ENOSPC;
	}
	/* A power of two of them at a time */
	if (!(c->nr_rules & (c->nr_rules - 1))) {
		rules = reallocarray(c->rules, c->nr_rules ? c->nr_rules * 2 : 1,
				     sizeof(*rules));
		if (!rules) {
			fail(why, "no memory for guest \"%.64s\"", guest);
			return -ENOMEM;
		}
		c->rules = rules;
	}
	rule = &c->rules[c->nr_rules++];
	*rule = (struct config_rule){ .guest = "" };
	strcpy(rule->guest, guest);
	if (is_uuid(guest)) {
		for (char *at = rule->guest; *at; at++)
			*at = (char)tolower((unsigned char)*at);
	}
	*ret = rule;
	return 0;
}

static int by_guest(const void *a, const void *b)
{
	return strcmp(((const struct config_rule *)a)->guest,
		      ((const struct config_rule *)b)->guest);
}

/* Of two of the same, the second in the file is the one too many. */
static int by_guest_and_line(const void *a, const void *b)
{
	const struct config_rule *left = a, *right = b;
	int order = by_guest(a, b);

	return order ? order : (left->line > right->line) -
			       (left->line < right->line);
}

static const struct config_rule *find_rule(const struct config *c,
					 const char *guest)
{
	struct config_rule key = { .guest = "" };

	if (!c->nr_rules || strlen(guest) >= sizeof(key.guest))
		return NULL;
	strcpy(key.guest, guest);
	return bsearch(&key, c->rules, c->nr_rules, sizeof(key), by_guest);
}

/* Both given as sizes: "boot" and "window" fit whatever the other is. */
static bool is_crossed(const struct settings *s)
{
	return s->value[SETTING_MIN] && s->value[SETTING_MAX] &&
	       s->value[SETTING_MIN] > s->value[SETTING_MAX];
}

static int check_rule(const struct config *c, uint32_t i, char *why)
{
	struct settings set = c->defaults;

	if (i && !by_guest(&c->rules[i], &c->rules[i - 1]))
		return fail(why, "guest \"%s\" has two sections",
			    c->rules[i].guest);
	settings_add(&set, &c->rules[i].set);
	if (is_crossed(&set))
		return fail(why, "guest \"%s\": min is above max",
			    c->rules[i].guest);
	return 0;
}

int config_check(struct config *c, unsigned int *ret_line, char why[CONFIG_TEXT_MAX])
{
	uint64_t min = c->numbers[CONFIG_RETRY_MIN_MS];
	uint64_t max = c->numbers[CONFIG_RETRY_MAX_MS];

	*ret_line = MAX(c->lines[CONFIG_RETRY_MIN_MS],
			c->lines[CONFIG_RETRY_MAX_MS]);
	if (max < min)
		return fail(why, "%s %" PRIu64 " is below %s %" PRIu64,
			    config_key_name(CONFIG_RETRY_MAX_MS), max,
			    config_key_name(CONFIG_RETRY_MIN_MS), min);
	*ret_line = c->defaults_line;
	if (is_crossed(&c->defaults))
		return fail(why, "defaults: min is above max");
	if (c->nr_rules)
		qsort(c->rules, c->nr_rules, sizeof(*c->rules),
		      by_guest_and_line);
	for (uint32_t i = 0; i < c->nr_rules; i++) {
		*ret_line = c->rules[i].line;
		if (check_rule(c, i, why))
			return -EINVAL;
	}
	return 0;
}

void config_guest(const struct config *c, const char *name, const char *uuid,
		struct settings *ret)
{
	const struct config_rule *by_name = find_rule(c, name);
	const struct config_rule *by_uuid = find_rule(c, uuid);

	*ret = c->defaults;
	if (by_name)
		settings_add(ret, &by_name->set);
	if (by_uuid)
		settings_add(ret, &by_uuid->set);
}
