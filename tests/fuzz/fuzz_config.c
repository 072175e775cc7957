/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fuzz_config.c - Any file as memtided.conf, any text as settings kept
 *
 * Below libconfuse, the first octet chooses which of our parsers gets the rest
 * as a value. What is refused has a reason, and what is taken is in its range
 * and can be written and read again.
 */
#include <string.h>

#include "config_file.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define TEXT_MAX	4096u

static void count(void *ctx, const char *text)
{
	ASSERT(*text);
	++*(unsigned int *)ctx;
}

static void check_settings(const struct settings *s)
{
	char text[SETTINGS_TEXT_MAX];
	struct settings again;

	settings_store_text(s, text);
	ASSERT(!settings_load_text(text, &again));
	ASSERT(!memcmp(s, &again, sizeof(again)));
}

static void check_config(struct config *c)
{
	char text[CONFIG_TEXT_MAX];

	for (unsigned int i = 0; i < CONFIG_NUM_KEYS; i++)
		ASSERT(*config_text(c, (enum config_key)i, text));
	check_settings(&c->defaults);
	for (uint32_t i = 0; i < c->nr_rules; i++) {
		struct settings s;

		config_guest(c, c->rules[i].guest, "", &s);
		check_settings(&s);
	}
}

static void fuzz_file(const char *text, size_t len)
{
	char why[CONFIG_TEXT_MAX];
	unsigned int errors = 0, line;
	struct config c;
	int rc;

	config_init(&c);
	rc = config_file_load(text, len, "f", &c, count, &errors);
	ASSERT(!rc == !errors);
	if (!rc && !config_check(&c, &line, why))
		check_config(&c);
	config_done(&c);
}

static void fuzz_value(enum config_key key, const char *text)
{
	char why[CONFIG_TEXT_MAX] = "";
	struct config c;

	config_init(&c);
	if (config_set(&c, key, text, why))
		ASSERT(*why);
	check_config(&c);
}

static void fuzz_setting(enum setting which, const char *text)
{
	struct settings s = { { false }, { 0 } };
	char why[SETTINGS_WHY_MAX] = "";
	uint32_t value;

	if (setting_parse(which, text, &value, why))
		ASSERT(*why);
	else
		settings_put(&s, which, value);
	check_settings(&s);
	if (!settings_load_text(text, &s))
		check_settings(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned int kind;
	char *text;

	if (!size || size > TEXT_MAX)
		return 0;
	/* Just as long as it is, for the address sanitizer to guard. */
	text = malloc(size);
	ASSERT(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	kind = *data % (1 + CONFIG_NUM_KEYS + SETTING_NUM);
	if (!kind)
		fuzz_file(text, size - 1);
	else if (kind <= CONFIG_NUM_KEYS)
		fuzz_value((enum config_key)(kind - 1), text);
	else
		fuzz_setting((enum setting)(kind - 1 - CONFIG_NUM_KEYS), text);
	free(text);
	return 0;
}
