/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * reload.c - Another configuration for a memtided that runs
 */
#include "reload.h"

#include <string.h>

#include "guest_limits.h"
#include "log.h"

struct guest_conf reload_guest_conf(const struct config *c)
{
	return (struct guest_conf){
		.reserve_kib = c->numbers[CONFIG_RESERVE],
		.retry_min_ms = (uint32_t)c->numbers[CONFIG_RETRY_MIN_MS],
		.retry_max_ms = (uint32_t)c->numbers[CONFIG_RETRY_MAX_MS],
		.file = c,
	};
}

static uint32_t reload_key(struct config *now, const struct config *then,
			   enum config_key key)
{
	char from[CONFIG_TEXT_MAX], to[CONFIG_TEXT_MAX];

	config_text(now, key, from);
	config_text(then, key, to);
	if (!strcmp(from, to))
		return 0;
	if (!config_key_is_live(key)) {
		log_warn("%s: %s -> %s needs a restart, ignoring",
			 config_key_name(key), from, to);
		return 0;
	}
	config_copy_key(now, then, key);
	log_info("%s: %s -> %s", config_key_name(key), from, to);
	return 1;
}

/* What is not set is as the defaults have it, and these as policy.h has them. */
static const char *file_text(const struct settings *s, enum setting which,
			     char text[SETTINGS_TEXT_MAX])
{
	if (!s->has[which])
		return strcpy(text, "not set");
	return setting_text(which, s->value[which], text);
}

/* A line for each of what the file sets in a section, and no longer so.
 * @guest:	NULL: the defaults */
static uint32_t log_section(const char *guest, const struct settings *from,
			    const struct settings *to)
{
	char a[SETTINGS_TEXT_MAX], b[SETTINGS_TEXT_MAX];
	uint32_t changes = 0;

	for (unsigned int i = 0; i < SETTING_NUM; i++) {
		enum setting which = (enum setting)i;

		if (from->has[i] == to->has[i] && from->value[i] == to->value[i])
			continue;
		changes++;
		log_info("%s%s: %s %s -> %s", guest ? "guest " : "defaults",
			 guest ? guest : "", setting_name(which),
			 file_text(from, which, a), file_text(to, which, b));
	}
	return changes;
}

/* Both in order of their guests: each once, in @now, in @then or in both. */
static uint32_t log_rules(const struct config *now, const struct config *then)
{
	static const struct settings none;
	uint32_t i = 0, j = 0, changes = 0;

	while (i < now->nr_rules || j < then->nr_rules) {
		const struct config_rule *a = NULL, *b = NULL;
		int order = 0;

		if (i < now->nr_rules)
			a = &now->rules[i];
		if (j < then->nr_rules)
			b = &then->rules[j];
		if (a && b)
			order = strcmp(a->guest, b->guest);
		if (order > 0)
			a = NULL;
		if (order < 0)
			b = NULL;
		changes += log_section(a ? a->guest : b->guest,
				       a ? &a->set : &none, b ? &b->set : &none);
		i += a != NULL;
		j += b != NULL;
	}
	return changes;
}

static bool same(const struct policy_settings *a,
		 const struct policy_settings *b)
{
	bool same = true;

	for (unsigned int i = 0; i < SETTING_NUM; i++)
		same &= settings_value(a, (enum setting)i) ==
			settings_value(b, (enum setting)i);
	return same;
}

static uint32_t log_guest(struct guest *g, const struct policy_settings *from,
			  const struct policy_settings *to)
{
	char a[SETTINGS_TEXT_MAX], b[SETTINGS_TEXT_MAX];
	uint32_t changes = 0;

	for (unsigned int i = 0; i < SETTING_NUM; i++) {
		enum setting which = (enum setting)i;
		uint32_t old = settings_value(from, which);
		uint32_t new = settings_value(to, which);

		if (old == new)
			continue;
		changes++;
		domain_log(LOG_LEVEL_INFO, &g->domain, ": %s %s -> %s",
			   setting_name(which), setting_text(which, old, a),
			   setting_text(which, new, b));
	}
	return changes;
}

static uint32_t reload_guest(struct guest *g)
{
	struct policy_settings then = limits_of(g, &g->live);
	struct policy_settings now = g->set;
	char why[256] = "";

	if (same(&then, &now))
		return 0;
	if (!balance_set(g, &then, why, sizeof(why)))
		return log_guest(g, &now, &then);
	domain_log(LOG_LEVEL_WARN, &g->domain,
		   ": %s; what was set before stays", why);
	return 0;
}

void reload_apply(struct service *s, struct balance *b, struct config *now,
		  struct config *then)
{
	struct config_rule *rules = now->rules;
	uint32_t nr_rules = now->nr_rules, changes = 0, of_guests = 0;

	for (unsigned int i = 0; i < CONFIG_NUM_KEYS; i++)
		changes += reload_key(now, then, (enum config_key)i);
	changes += log_section(NULL, &now->defaults, &then->defaults);
	changes += log_rules(now, then);
	now->defaults = then->defaults;
	now->rules = then->rules;
	now->nr_rules = then->nr_rules;
	then->rules = rules;
	then->nr_rules = nr_rules;
	s->env.conf = reload_guest_conf(now);
	for (uint32_t i = 0; i < s->nr_guests; i++)
		of_guests += reload_guest(s->guests[i]);
	balance_set_burst(b, now->numbers[CONFIG_BURST_RESERVE]);
	log_info("the configuration was read again, %u changes; guests have %u other settings",
		 changes, of_guests);
	/* Last, for a lower level is told of as well. */
	log_set_level((enum log_level)now->numbers[CONFIG_LOG_LEVEL]);
}
