/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_reload.c - Settings of guests: of the file, changed live, read again
 */
#include "fake_world.h"

#include "balance.h"
#include "config.h"
#include "guest_limits.h"
#include "reload.h"
#include "sim_faults.h"

static void add_rule(struct config *c, const char *guest, enum setting which,
		     uint32_t value)
{
	char why[CONFIG_TEXT_MAX];
	struct config_rule *rule;
	unsigned int line;

	assert_int_equal(config_add_rule(c, guest, &rule, why), 0);
	settings_put(&rule->set, which, value);
	assert_int_equal(config_check(c, &line, why), 0);
}

/* The world's, with the file of a test. */
static void restart(struct world *w, const struct config *c)
{
	struct guest_conf conf = {
		.retry_min_ms = 5, .retry_max_ms = 50, .file = c,
	};

	close_service(w);
	w->base = event_base_new();
	assert_int_equal(backend_sim_open(w->dir, &w->backend), 0);
	assert_int_equal(service_open(w->base, w->backend, &conf, &w->service),
			 0);
}

static uint32_t value_of(struct world *w, unsigned int i, enum setting which)
{
	return settings_value(&guest_of(w, i)->set, which);
}

static struct settings live(enum setting which, uint32_t value)
{
	struct settings s = { { false }, { 0 } };

	settings_put(&s, which, value);
	return s;
}

static void what_the_file_sets_holds_when_a_guest_appears(void **state)
{
	struct world *w = *state;
	struct config c;

	config_init(&c);
	settings_put(&c.defaults, SETTING_AUTO, 1);
	add_rule(&c, "d1", SETTING_WEIGHT, 300);
	restart(w, &c);
	assert_int_equal(value_of(w, 0, SETTING_AUTO), 1);
	assert_int_equal(value_of(w, 0, SETTING_WEIGHT), 100);
	assert_int_equal(value_of(w, 1, SETTING_WEIGHT), 300);
	restart(w, NULL);
	assert_int_equal(value_of(w, 1, SETTING_WEIGHT), 100);
	config_done(&c);
}

static void what_was_changed_live_outlives_us_and_not_the_domain(void **state)
{
	struct settings s = live(SETTING_WEIGHT, 7);
	struct world *w = *state;
	struct config c;
	uint32_t before;

	config_init(&c);
	add_rule(&c, "d0", SETTING_WEIGHT, 300);
	restart(w, &c);
	assert_int_equal(limits_store(guest_of(w, 0), &s), 0);
	restart(w, &c);
	assert_int_equal(value_of(w, 0, SETTING_WEIGHT), 7);
	assert_memory_equal(&guest_of(w, 0)->live, &s, sizeof(s));
	/* It boots anew: the file rules. */
	before = w->domids[0];
	assert_int_equal(sim_domain_destroy(w->m, before), 0);
	fake_done(&w->fakes[0]);
	add_domain(w, 0);
	restart(w, &c);
	assert_int_not_equal(before, w->domids[0]);
	assert_int_equal(value_of(w, 0, SETTING_WEIGHT), 300);
	config_done(&c);
}

static void what_is_no_settings_is_left_out(void **state)
{
	struct world *w = *state;

	assert_int_equal(sim_store_write(w->m, w->domids[0], "settings",
					 "weight=none"), 0);
	restart(w, NULL);
	assert_int_equal(value_of(w, 0, SETTING_WEIGHT), 100);
}

static void settings_that_cannot_be_read_are_read_later(void **state)
{
	struct sim_point at = { SIM_CALL_STORE_READ, 1, SIM_FAIL_BEFORE, -EIO };
	struct settings s = live(SETTING_WEIGHT, 7);
	struct world *w = *state;

	assert_int_equal(limits_store(guest_of(w, 0), &s), 0);
	/* Each read of the start once: the settings' is among them. */
	for (at.nth = 1; at.nth <= 6; at.nth++) {
		sim_arm(w->m, &at, 1);
		restart(w, NULL);
		for (int i = 0; i < 100 && w->service->incomplete; i++)
			fake_turn(&w->fakes[0]);
		assert_false(w->service->incomplete);
		assert_int_equal(value_of(w, 0, SETTING_WEIGHT), 7);
	}
	sim_arm(w->m, NULL, 0);
}

static void what_could_not_be_kept_is_not_set(void **state)
{
	struct sim_point at = { SIM_CALL_STORE_WRITE, 1, SIM_FAIL_AFTER, -EIO };
	struct settings s = live(SETTING_WEIGHT, 7);
	struct world *w = *state;

	sim_arm(w->m, &at, 1);
	assert_int_equal(limits_store(guest_of(w, 0), &s), -EIO);
	assert_false(guest_of(w, 0)->live.has[SETTING_WEIGHT]);
	restart(w, NULL);
	assert_int_equal(value_of(w, 0, SETTING_WEIGHT), 100);
}

static struct balance *balancer(struct world *w)
{
	const struct balance_conf conf = { .burst_kib = 2048 };
	struct balance *b;

	assert_int_equal(balance_open(w->service, &conf, &b), 0);
	return b;
}

static void a_file_read_again_changes_what_it_can(void **state)
{
	struct world *w = *state;
	struct config now, then;
	char why[CONFIG_TEXT_MAX];
	struct balance *b;

	config_init(&now);
	add_rule(&now, "d0", SETTING_WEIGHT, 300);
	restart(w, &now);
	b = balancer(w);
	config_init(&then);
	assert_int_equal(config_set(&then, CONFIG_RESERVE, "128M", why), 0);
	assert_int_equal(config_set(&then, CONFIG_RETRY_MIN_MS, "7", why), 0);
	assert_int_equal(config_set(&then, CONFIG_LOG_LEVEL, "error", why), 0);
	assert_int_equal(config_set(&then, CONFIG_SOCKET, "/else", why), 0);
	add_rule(&then, "d1", SETTING_WEIGHT, 200);
	reload_apply(w->service, b, &now, &then);
	config_done(&then);
	assert_int_equal(w->service->env.conf.reserve_kib, 128 * 1024);
	assert_int_equal(w->service->env.conf.retry_min_ms, 7);
	/* That needs a restart. */
	assert_string_equal(now.socket, "/run/memtide/control.sock");
	assert_int_equal(value_of(w, 0, SETTING_WEIGHT), 100);
	assert_int_equal(value_of(w, 1, SETTING_WEIGHT), 200);
	balance_close(b);
	restart(w, NULL);
	config_done(&now);
}

/* What was logged since, a line each */
static char said[1024];

static bool keep(enum log_level level, const char *line,
		 const struct log_field *fields, unsigned int nr)
{
	size_t len = strlen(said);

	for (unsigned int i = 0; i < nr; i++)
		assert_non_null(fields[i].value);
	snprintf(said + len, sizeof(said) - len, "<%d>%s\n", (int)level, line);
	return true;
}

static void reload(struct world *w, struct balance *b, struct config *now,
		   struct config *then)
{
	char why[CONFIG_TEXT_MAX];
	unsigned int line;

	assert_int_equal(config_check(then, &line, why), 0);
	said[0] = '\0';
	log_set_level(LOG_LEVEL_INFO);
	log_set_sink(keep);
	reload_apply(w->service, b, now, then);
	log_set_sink(NULL);
	log_set_level(getenv("VERBOSE") ? LOG_LEVEL_INFO : LOG_LEVEL_ERR - 1);
	config_done(then);
}

static void each_change_of_the_file_is_told_once(void **state)
{
	struct world *w = *state;
	struct config now, then;
	char why[CONFIG_TEXT_MAX];
	struct settings s = live(SETTING_WEIGHT, 7);
	struct balance *b;

	config_init(&now);
	add_rule(&now, "d0", SETTING_WEIGHT, 300);
	add_rule(&now, "gone", SETTING_MIN, 512);
	add_rule(&now, "same", SETTING_WEIGHT, 5);
	restart(w, &now);
	/* Its weight is not the file's: no word of it for the guest. */
	assert_int_equal(limits_store(guest_of(w, 1), &s), 0);
	guest_of(w, 1)->set = limits_of(guest_of(w, 1), &s);
	b = balancer(w);
	config_init(&then);
	assert_int_equal(config_set(&then, CONFIG_RESERVE, "128M", why), 0);
	assert_int_equal(config_set(&then, CONFIG_BURST_RESERVE, "1G", why), 0);
	assert_int_equal(config_set(&then, CONFIG_SOCKET, "/else", why), 0);
	settings_put(&then.defaults, SETTING_HEADROOM, 64);
	add_rule(&then, "d0", SETTING_WEIGHT, 200);
	add_rule(&then, "d1", SETTING_WEIGHT, 50);
	add_rule(&then, "same", SETTING_WEIGHT, 5);
	add_rule(&then, "to-come", SETTING_MAX, 1024);
	reload(w, b, &now, &then);
	assert_string_equal(said,
		"<6>reserve: 64 MiB -> 128 MiB\n"
		"<6>burst-reserve: share -> 1024 MiB\n"
		"<4>socket: /run/memtide/control.sock -> /else needs a restart, ignoring\n"
		"<6>defaults: headroom not set -> 128 MiB\n"
		"<6>guest d0: weight 300 -> 200\n"
		"<6>guest d1: weight not set -> 50\n"
		"<6>guest gone: min 1024 MiB -> not set\n"
		"<6>guest to-come: max not set -> 2048 MiB\n"
		"<6>guest 1/d0: weight 300 -> 200\n"
		"<6>guest 1/d0: headroom share -> 128 MiB\n"
		"<6>guest 2/d1: headroom share -> 128 MiB\n"
		"<6>the configuration was read again, 7 changes; guests have 3 other settings\n");
	/* The same once more */
	config_init(&then);
	assert_int_equal(config_set(&then, CONFIG_RESERVE, "128M", why), 0);
	assert_int_equal(config_set(&then, CONFIG_BURST_RESERVE, "1G", why), 0);
	settings_put(&then.defaults, SETTING_HEADROOM, 64);
	add_rule(&then, "d0", SETTING_WEIGHT, 200);
	add_rule(&then, "d1", SETTING_WEIGHT, 50);
	add_rule(&then, "same", SETTING_WEIGHT, 5);
	add_rule(&then, "to-come", SETTING_MAX, 1024);
	reload(w, b, &now, &then);
	assert_string_equal(said,
		"<6>the configuration was read again, 0 changes; guests have 0 other settings\n");
	balance_close(b);
	restart(w, NULL);
	config_done(&now);
}

static void a_file_read_again_does_not_change_what_was_changed_live(void **state)
{
	struct settings s = live(SETTING_WEIGHT, 7);
	struct world *w = *state;
	struct config now, then;
	struct balance *b;

	config_init(&now);
	restart(w, &now);
	b = balancer(w);
	assert_int_equal(limits_store(guest_of(w, 0), &s), 0);
	guest_of(w, 0)->set = limits_of(guest_of(w, 0), &s);
	config_init(&then);
	settings_put(&then.defaults, SETTING_WEIGHT, 400);
	settings_put(&then.defaults, SETTING_HEADROOM, 64);
	reload_apply(w->service, b, &now, &then);
	config_done(&then);
	assert_int_equal(value_of(w, 0, SETTING_WEIGHT), 7);
	assert_int_equal(value_of(w, 0, SETTING_HEADROOM), 64);
	assert_int_equal(value_of(w, 1, SETTING_WEIGHT), 400);
	balance_close(b);
	restart(w, NULL);
	config_done(&now);
}

static void what_does_not_fit_a_guest_leaves_it_as_it_was(void **state)
{
	struct world *w = *state;
	struct config now, then;
	struct balance *b;

	config_init(&now);
	restart(w, &now);
	b = balancer(w);
	greet(w, 0);
	config_init(&then);
	/* Below what it was built with */
	add_rule(&then, "d0", SETTING_MAX, 2);
	settings_put(&then.defaults, SETTING_WEIGHT, 400);
	reload_apply(w->service, b, &now, &then);
	config_done(&then);
	assert_int_equal(value_of(w, 0, SETTING_MAX), 0);
	assert_int_equal(value_of(w, 0, SETTING_WEIGHT), 100);
	/* Nothing is known of the other yet. */
	assert_int_equal(value_of(w, 1, SETTING_WEIGHT), 400);
	balance_close(b);
	restart(w, NULL);
	config_done(&now);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(what_the_file_sets_holds_when_a_guest_appears),
		CASE(what_was_changed_live_outlives_us_and_not_the_domain),
		CASE(what_is_no_settings_is_left_out),
		CASE(settings_that_cannot_be_read_are_read_later),
		CASE(what_could_not_be_kept_is_not_set),
		CASE(a_file_read_again_changes_what_it_can),
		CASE(each_change_of_the_file_is_told_once),
		CASE(a_file_read_again_does_not_change_what_was_changed_live),
		CASE(what_does_not_fit_a_guest_leaves_it_as_it_was),
	};

	if (!getenv("VERBOSE"))
		log_set_level(LOG_LEVEL_ERR - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
