/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_metrics.c - What is counted, kept and told
 */
#include "fake_world.h"

#include <ctype.h>
#include <event2/buffer.h>

#include "balance.h"
#include "history.h"
#include "metrics.h"
#include "quote.h"
#include "status.h"

#define MIB_BYTES	UINT64_C(1048576)
#define DOCS		"docs/metrics.md"

/* Quoting ---------------------------------------------------------------- */

#define BAD	"\xef\xbf\xbd"

static const struct quote_case {
	const char *name, *text, *quoted;
} quotes[] = {
	{ "plain", "db1", "db1" },
	{ "empty", "", "" },
	{ "quote", "a\"b", "a\\\"b" },
	{ "backslash", "a\\", "a\\\\" },
	{ "newline", "a\nb", "a\\nb" },
	{ "end of a label", "a\"} 1\nup 1", "a\\\"} 1\\nup 1" },
	{ "letters of others", "\xc3\xa4\xe2\x82\xac\xf0\x9f\x92\xbe",
	  "\xc3\xa4\xe2\x82\xac\xf0\x9f\x92\xbe" },
	{ "tab and escape", "a\t\x1b[31m", "a" BAD BAD "[31m" },
	{ "delete", "a\x7f", "a" BAD },
	{ "C1 control", "a\xc2\x9b" "1m", "a" BAD "1m" },
	{ "no UTF-8", "a\xff\xfe", "a" BAD BAD },
	{ "a byte that goes on", "a\x80z", "a" BAD "z" },
	{ "half a letter", "a\xc3", "a" BAD },
	{ "half a letter, quote", "a\xc3\"", "a" BAD "\\\"" },
	{ "three quarters", "a\xf0\x9f\x92", "a" BAD BAD BAD },
	{ "overlong", "\xc0\xaf\xe0\x80\xaf", BAD BAD BAD BAD BAD },
	{ "surrogate", "\xed\xa0\x80", BAD BAD BAD },
	{ "beyond the last", "\xf4\x90\x80\x80", BAD BAD BAD BAD },
	{ "the last", "\xf4\x8f\xbf\xbf", "\xf4\x8f\xbf\xbf" },
};

static void test_names_of_others_stay_within_quotes(void **state)
{
	char text[64];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(quotes); i++) {
		case_is("%s", quotes[i].name);
		case_string_equal(quote(quotes[i].text, text, sizeof(text)),
				  quotes[i].quoted);
	}
}

static void test_what_does_not_fit_is_left_out_whole(void **state)
{
	char text[8];

	(void)state;
	assert_string_equal(quote("1234567", text, 8), "1234567");
	assert_string_equal(quote("12345678", text, 8), "1234567");
	assert_string_equal(quote("123456\"", text, 8), "123456");
	assert_string_equal(quote("12345\xe2\x82\xac", text, 8), "12345");
	assert_string_equal(quote("x", text, 1), "");
}

/* Histograms ------------------------------------------------------------- */

static void test_a_bucket_holds_its_bound(void **state)
{
	struct histogram h = { 0 };

	(void)state;
	for (unsigned int i = 0; i < HISTOGRAM_BUCKETS; i++) {
		histogram_add(&h, histogram_bound_us(i));
		histogram_add(&h, histogram_bound_us(i) + 1);
		assert_true(!i || histogram_bound_us(i) >
				  histogram_bound_us(i - 1));
	}
	assert_int_equal(h.nr[0], 1);
	for (unsigned int i = 1; i < HISTOGRAM_BUCKETS; i++)
		assert_int_equal(h.nr[i], 2);
	assert_int_equal(h.nr[HISTOGRAM_BUCKETS], 1);
	histogram_add(&h, -5);
	assert_int_equal(h.nr[0], 2);
}

/* The text --------------------------------------------------------------- */

static struct balance *balance;

static int setup_balance(void **state)
{
	static const struct balance_conf conf = { .burst_kib = 1 };
	struct world *w;

	if (setup(state))
		return -1;
	w = *state;
	return balance_open(w->service, &conf, &balance);
}

static int teardown_balance(void **state)
{
	balance_close(balance);
	balance = NULL;
	return teardown(state);
}

/* All of it; to be freed */
static char *text_of(struct world *w)
{
	const struct metrics_source src = { w->service, balance };
	struct metrics_place at = { 0 };
	struct evbuffer *out = evbuffer_new();
	char *text;

	assert_non_null(out);
	while (metrics_next(&src, &at, out))
		;
	evbuffer_add(out, "", 1);
	text = strdup((char *)evbuffer_pullup(out, -1));
	evbuffer_free(out);
	assert_non_null(text);
	return text;
}

/* The value of the one line that begins so */
static double value_of(struct world *w, const char *line)
{
	char *text = text_of(w), *at, wanted[256];
	double value = -1;

	snprintf(wanted, sizeof(wanted), "\n%s ", line);
	at = strstr(text, wanted);
	if (!at)
		fail_msg("no line \"%s\" in:\n%s", line, text);
	else
		value = atof(at + strlen(wanted));
	free(text);
	return value;
}

static void expect_number(struct world *w, const char *line, uint64_t value)
{
	case_is("%.90s", line);
	case_int_equal(value_of(w, line), value);
}

static bool ends_in(const char *text, const char *end)
{
	size_t len = strlen(text), n = strlen(end);

	return len >= n && !strcmp(text + len - n, end);
}

/* The names in the order in which they come, each after its HELP and TYPE */
struct names {
	unsigned int nr;
	char name[96][80];
};

static void check_labels(const char *line, const char *s)
{
	while (*s != '}') {
		if (!islower((unsigned char)*s))
			fail_msg("labels of %s: %s", line, s);
		s += strspn(s, "abcdefghijklmnopqrstuvwxyz_");
		if (strncmp(s, "=\"", 2))
			fail_msg("labels of %s", line);
		for (s += 2; *s != '"'; s++) {
			if (!*s || (*s == '\\' && !strchr("\\\"n", *++s)))
				fail_msg("a label's value in %s", line);
		}
		s++;
		s += *s == ',' && s[1] != '}';
	}
	if (s[1] != ' ')
		fail_msg("no value in %s", line);
}

static void check_sample(const struct names *n, const char *type,
			 const char *line)
{
	const char *name = n->name[n->nr - 1], *rest;

	if (strncmp(line, name, strlen(name)))
		fail_msg("%s among those of %s", line, name);
	rest = line + strlen(name);
	if (!strcmp(type, "histogram"))
		rest += strcspn(rest, "{");
	if (*rest == '{')
		check_labels(line, rest + 1);
	else if (*rest != ' ')
		fail_msg("%s among those of %s", line, name);
}

static void check_name(const struct names *n, const char *type)
{
	const char *name = n->name[n->nr - 1];

	for (unsigned int i = 0; i + 1 < n->nr; i++) {
		if (!strcmp(n->name[i], name))
			fail_msg("%s twice", name);
	}
	if (ends_in(name, "_total") != !strcmp(type, "counter"))
		fail_msg("%s is a %s", name, type);
}

/* Takes the text apart, and to pieces. */
static void check_text(char *text, struct names *n)
{
	char type[16] = "", *save = NULL;

	n->nr = 0;
	for (char *line = strtok_r(text, "\n", &save); line;
	     line = strtok_r(NULL, "\n", &save)) {
		char name[80], help[8];

		if (sscanf(line, "# HELP %79s %7s", name, help) == 2) {
			assert_true(n->nr < ARRAY_SIZE(n->name));
			strcpy(n->name[n->nr++], name);
			*type = '\0';
		} else if (sscanf(line, "# TYPE %79s %15s", name, type) == 2) {
			assert_true(n->nr > 0);
			assert_string_equal(name, n->name[n->nr - 1]);
			check_name(n, type);
		} else {
			assert_true(*type);
			check_sample(n, type, line);
		}
	}
}

static void test_the_text_is_as_the_format_has_it(void **state)
{
	struct world *w = *state;
	struct names *n = calloc(1, sizeof(*n));
	char *text;

	assert_non_null(n);
	greet(w, 0);
	grow(w, 0, 10);
	strcpy(guest_of(w, 1)->domain.name, "x\"} 1\n\\up{\xff");
	strcpy(guest_of(w, 1)->hello.kernel_release, "6.12\"}\\");
	text = text_of(w);
	assert_non_null(strstr(text, "{guest=\"x\\\"} 1\\n\\\\up{" BAD "\",uuid=\"02000000-"));
	assert_non_null(strstr(text, ",kernel=\"6.12\\\"}\\\\\"} 1\n"));
	check_text(text, n);
	assert_true(n->nr > 40);
	free(text);
	free(n);
}

static bool is_described(const char *docs, const char *name)
{
	char row[96];

	snprintf(row, sizeof(row), "\n| `%s` |", name);
	return strstr(docs, row) != NULL;
}

static char *read_docs(void)
{
	FILE *in = fopen(DOCS, "re");
	size_t len;
	char *text = calloc(1, 1 << 17);

	assert_non_null(text);
	if (!in)
		fail_msg("run from the top of the tree: there is no " DOCS);
	len = fread(text, 1, (1 << 17) - 1, in);
	assert_true(len && len < (1 << 17) - 1);
	fclose(in);
	return text;
}

static void test_every_metric_is_described_and_the_reverse(void **state)
{
	struct names *n = calloc(1, sizeof(*n));
	char *text = text_of(*state), *docs = read_docs();
	unsigned int rows = 0;

	assert_non_null(n);
	check_text(text, n);
	for (unsigned int i = 0; i < n->nr; i++) {
		if (!is_described(docs, n->name[i]))
			fail_msg("%s is not in " DOCS, n->name[i]);
	}
	for (char *at = docs; (at = strstr(at, "\n| `memtide_")); at++)
		rows++;
	/* All of the first are among the second, and these are no more. */
	assert_int_equal(rows, n->nr);
	free(text);
	free(docs);
	free(n);
}

/* Numbers ---------------------------------------------------------------- */

#define LABELS		"{guest=\"d0\",uuid=\"01000000-0000-0000-0000-000000000000\"}"

static void test_sizes_are_told_in_bytes(void **state)
{
	struct world *w = *state;

	greet(w, 0);
	grow(w, 0, 10);
	expect_number(w, "memtide_host_total_bytes", HOST_PAGES * 4096ull);
	expect_number(w, "memtide_host_up", 1);
	expect_number(w, "memtide_guest_boot_bytes" LABELS, 128 * MIB_BYTES);
	expect_number(w, "memtide_guest_held_bytes" LABELS, 148 * MIB_BYTES);
	expect_number(w, "memtide_guest_target_bytes" LABELS,
		     148 * MIB_BYTES);
	expect_number(w, "memtide_guest_online_bytes" LABELS,
		     20 * MIB_BYTES);
	expect_number(w, "memtide_guests{state=\"ready\"}", 1);
	expect_number(w, "memtide_guests{state=\"unmanaged\"}", 1);
}

#define GROWS		"{direction=\"grow\",result=\"reached\"}"
#define SHORT		"{direction=\"shrink\",result=\"short\"}"
#define TOOK(op)	"memtide_operation_duration_seconds_count{operation=\"" op "\"}"

static void test_a_resize_is_counted(void **state)
{
	struct world *w = *state;

	greet(w, 0);
	grow(w, 0, 10);
	expect_number(w, "memtide_resizes_total" GROWS, 1);
	expect_number(w, "memtide_populated_bytes_total", 20 * MIB_BYTES);
	expect_number(w, "memtide_given_back_bytes_total", 0);
	assert_true(value_of(w, TOOK("populate")) >= 1);
	assert_true(value_of(w, TOOK("online")) >= 1);
	expect_number(w, TOOK("grow"), 1);
	expect_number(w, TOOK("pull"), 0);
}

static void say_last(struct world *w, struct granules r, enum pull_reason why)
{
	struct guest_msg msg = { .type = GUEST_MSG_PULL_PROGRESS };

	msg.pull_progress.id = w->fakes[0].got.pull_request.id;
	msg.pull_progress.nr_ranges = r.nr > 0;
	msg.pull_progress.ranges[0] = r;
	msg.pull_progress.last = true;
	msg.pull_progress.reason = why;
	fake_use(&w->fakes[0], r, false);
	fake_say(&w->fakes[0], &msg);
	rest(w, 20);
}

static void test_a_guest_that_gives_less_is_counted(void **state)
{
	struct world *w = *state;

	grow_and_ask_back(w, 10);
	say_last(w, (struct granules){ 8, 2 }, PULL_REASON_FLOOR);
	expect_number(w, "memtide_pull_shortfalls_total{reason=\"floor\"}", 1);
	expect_number(w, "memtide_given_back_bytes_total", 4 * MIB_BYTES);
	expect_number(w, TOOK("pull"), 1);
	assert_true(value_of(w, TOOK("give_back")) >= 1);
	assert_true(value_of(w, "memtide_resizes_total" SHORT) >= 1);
}

/* Answers to nothing that was asked are no round trips. */
static void test_what_was_not_asked_does_not_count_as_slow(void **state)
{
	struct world *w = *state;
	struct guest_msg msg = { .type = GUEST_MSG_PULL_PROGRESS };

	greet(w, 0);
	msg.pull_progress.last = true;
	fake_say(&w->fakes[0], &msg);
	rest(w, 20);
	expect_number(w, TOOK("pull"), 0);
}

static void test_a_guest_that_refuses_is_counted(void **state)
{
	struct guest_msg msg = { .type = GUEST_MSG_ONLINE_REPLY };
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	assert_int_equal(set(w, 0, 5, why), 0);
	assert_true(fake_wait(&w->fakes[0], HOST_MSG_ONLINE_REQUEST));
	msg.online_reply.id = w->fakes[0].got.online_request.id;
	msg.online_reply.nr_done = 1;
	msg.online_reply.error = ENOMEM;
	fake_say(&w->fakes[0], &msg);
	rest(w, 20);
	assert_true(value_of(w, "memtide_online_refusals_total{reason=\"no_memory\"}") >= 1);
}

static void test_a_guest_that_lies_is_counted(void **state)
{
	static const uint8_t nonsense[] = { 0, 0, 0, 2, 0xff, 0xff };
	struct world *w = *state;

	grow_and_ask_back(w, 10);
	fake_say_pulled(&w->fakes[0], (struct granules){ 500, 1 }, false);
	expect_quarantine(w, 0, "gave up");
	expect_number(w, "memtide_quarantines_total", 1);
	expect_number(w, "memtide_guests{state=\"quarantined\"}", 1);
	expect_number(w, "memtide_guest_messages_refused_total", 0);
	assert_true(fake_offer(&w->fakes[1]));
	assert_true(fake_push(&w->fakes[1], nonsense, sizeof(nonsense)));
	assert_true(fake_cut(&w->fakes[1]));
	expect_number(w, "memtide_agent_connections_total", 2);
	expect_number(w, "memtide_agent_disconnections_total", 1);
}

static void test_pressure_is_told_if_there_is_some(void **state)
{
	struct guest_msg msg = { .type = GUEST_MSG_REPORT };
	struct world *w = *state;
	char *text;

	greet(w, 0);
	text = text_of(w);
	assert_null(strstr(text, "memtide_guest_total_bytes{"));
	assert_null(strstr(text, "memtide_guest_pressure_waiting_seconds_total{"));
	free(text);
	msg.report = (struct msg_report){
		.mem_total_kib = 2048, .mem_available_kib = 1024,
		.time_us = 5, .stall_some_us = 1500000, .refault_pages = 3,
		.has_pressure = true,
	};
	fake_say(&w->fakes[0], &msg);
	rest(w, 20);
	expect_number(w, "memtide_guest_available_bytes" LABELS, MIB_BYTES);
	assert_true(value_of(w, "memtide_guest_pressure_waiting_seconds_total"
				LABELS) == 1.5);
	expect_number(w, "memtide_guest_refault_bytes_total" LABELS, 12288);
}

/* History ---------------------------------------------------------------- */

static struct history *history;

static int setup_history(void **state)
{
	if (setup(state))
		return -1;
	return history_open(((struct world *)*state)->service, NULL, &history);
}

static int teardown_history(void **state)
{
	history_close(history);
	return teardown(state);
}

static void expect_event(uint64_t nr, enum history_kind kind, const char *text)
{
	const struct history_event *e = history_event(history, nr);

	case_is("event %u", (unsigned int)nr);
	if (nr > history->nr_events)
		fail_msg("there are %u events", (unsigned int)history->nr_events);
	case_int_equal(e->nr, nr);
	case_string_equal(e->text, text);
	case_int_equal(e->kind, kind);
}

static void test_events_tell_what_happened(void **state)
{
	struct world *w = *state;

	greet(w, 0);
	grow(w, 0, 10);
	fake_done(&w->fakes[0]);
	expect_state(w, 0, GUEST_LOST);
	assert_int_equal(sim_domain_destroy(w->m, w->domids[1]), 0);
	rest(w, 20);
	expect_event(1, HISTORY_READY, "is ready, holds 128 MiB");
	expect_event(2, HISTORY_TARGET, "was set to 148 MiB, holds 128 MiB");
	expect_event(3, HISTORY_SETTLED, "holds 148 MiB");
	expect_event(4, HISTORY_LOST, "its agent is gone");
	expect_event(5, HISTORY_GONE, "is gone, held 128 MiB");
	assert_int_equal(history->nr_events, 5);
	assert_true(history->gone == history->change ||
		    history->gone + 1 == history->change);
}

/* At each retry the guest says the same. */
static void test_the_same_news_are_told_once(void **state)
{
	struct world *w = *state;

	grow_and_ask_back(w, 10);
	for (unsigned int i = 0; i < 3; i++) {
		say_last(w, (struct granules){ 8, 0 }, PULL_REASON_FLOOR);
		w->fakes[0].got.type = HOST_MSG_UNKNOWN;
		if (i < 2)
			assert_true(fake_wait(&w->fakes[0],
					      HOST_MSG_PULL_REQUEST));
	}
	assert_int_equal(history->nr_events, 5);
	expect_event(5, HISTORY_SHORT,
		     "holds 148 MiB, was set to 128 MiB: the guest gave 0 of 20 MiB: the guest needs what it has left");
}

static void test_the_rings_keep_the_last(void **state)
{
	struct world *w = *state;
	struct guest *g = guest_of(w, 0);

	greet(w, 0);
	for (unsigned int i = 0; i < HISTORY_EVENTS + 10; i++) {
		guest_set_state(g, GUEST_LOST);
		guest_set_state(g, GUEST_READY);
	}
	assert_int_equal(history->nr_events, 1 + 2 * (HISTORY_EVENTS + 10));
	assert_int_equal(history_first_event(history),
			 history->nr_events - HISTORY_EVENTS + 1);
	expect_event(history->nr_events, HISTORY_READY,
		     "is ready, holds 128 MiB");
	expect_event(history_first_event(history), HISTORY_LOST,
		     "its agent is gone");
	for (unsigned int i = 0; i < HISTORY_SAMPLES + 5; i++) {
		event_del(history->sample_event);
		history->sampled_us = 0;
		guest_set_state(g, g->state == GUEST_READY ? GUEST_LOST :
							     GUEST_READY);
		rest(w, 1);
		history->samples[(history->nr_samples - 1) % HISTORY_SAMPLES]
			.at_s = i;
	}
	assert_int_equal(history_nr_samples(history), HISTORY_SAMPLES);
	assert_int_equal(history_sample(history, 0)->at_s, 5);
	assert_int_equal(history_sample(history, HISTORY_SAMPLES - 1)->at_s,
			 HISTORY_SAMPLES + 4);
}

static void say_available(struct world *w, uint64_t kib)
{
	struct guest_msg msg = { .type = GUEST_MSG_REPORT };

	/* It would be in need without the kernel's word that it is not. */
	msg.report.has_pressure = true;
	msg.report.mem_total_kib = 128 * 1024;
	msg.report.mem_available_kib = kib;
	fake_say(&w->fakes[0], &msg);
	rest(w, 20);
	assert_int_equal(guest_of(w, 0)->report.mem_available_kib, kib);
}

static void test_a_host_at_rest_is_not_sampled(void **state)
{
	struct world *w = *state;
	uint64_t before;
	int events = event_base_get_num_events(w->base,
					       EVENT_BASE_COUNT_ADDED);

	/* The first is due at once. */
	rest(w, 5);
	assert_int_equal(history->nr_samples, 1);
	assert_int_equal(event_base_get_num_events(w->base,
						   EVENT_BASE_COUNT_ADDED),
			 events - 1);
	/* Changes close to each other are one. */
	greet(w, 0);
	rest(w, 20);
	assert_int_equal(history->nr_samples, 1);
	assert_true(event_pending(history->sample_event, EV_TIMEOUT, NULL));
	/* Nor is a guest that says little else than it has said: looking at the
	 * host is a hypercall. The first tells how it fares. */
	say_available(w, 0);
	event_del(history->sample_event);
	before = history->change;
	say_available(w, 15 * 1024);
	say_available(w, 0);
	assert_false(event_pending(history->sample_event, EV_TIMEOUT, NULL));
	assert_int_equal(history->change, before);
	say_available(w, 16 * 1024);
	assert_true(event_pending(history->sample_event, EV_TIMEOUT, NULL));
	assert_int_equal(history->change, before + 1);
}

static void test_the_parts_are_the_host(void **state)
{
	struct world *w = *state;
	struct history_sample s;
	char why[256];

	greet(w, 0);
	grow(w, 0, 10);
	assert_int_equal(set(w, 0, 30, why), 0);
	w->service->env.conf.reserve_kib = 4096;
	guest_of(w, 1)->report.mem_available_kib = 1024;
	assert_int_equal(history_look(history, &s), 0);
	assert_int_equal(s.other + s.in_use + s.available + s.promised +
			 s.reserve + s.free, HOST_PAGES * 4ull);
	assert_int_equal(s.in_use, 148 * 1024 + 127 * 1024);
	assert_int_equal(s.available, 1024);
	assert_int_equal(s.reserve, 4096);
	assert_true(s.promised >= 40 * 1024);
	/* A guest may say that more is available than it holds. */
	guest_of(w, 1)->report.mem_available_kib = UINT64_C(1) << 40;
	assert_int_equal(history_look(history, &s), 0);
	assert_int_equal(s.in_use, 148 * 1024);
	assert_int_equal(s.available, 128 * 1024);
}

#define BALANCE_CASE(f) \
	cmocka_unit_test_setup_teardown(f, setup_balance, teardown_balance)
#define HISTORY_CASE(f) \
	cmocka_unit_test_setup_teardown(f, setup_history, teardown_history)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_names_of_others_stay_within_quotes),
		cmocka_unit_test(test_what_does_not_fit_is_left_out_whole),
		cmocka_unit_test(test_a_bucket_holds_its_bound),
		BALANCE_CASE(test_the_text_is_as_the_format_has_it),
		BALANCE_CASE(test_every_metric_is_described_and_the_reverse),
		CASE(test_sizes_are_told_in_bytes),
		CASE(test_a_resize_is_counted),
		CASE(test_a_guest_that_gives_less_is_counted),
		CASE(test_what_was_not_asked_does_not_count_as_slow),
		CASE(test_a_guest_that_refuses_is_counted),
		CASE(test_a_guest_that_lies_is_counted),
		CASE(test_pressure_is_told_if_there_is_some),
		HISTORY_CASE(test_events_tell_what_happened),
		HISTORY_CASE(test_the_same_news_are_told_once),
		HISTORY_CASE(test_the_rings_keep_the_last),
		HISTORY_CASE(test_a_host_at_rest_is_not_sampled),
		HISTORY_CASE(test_the_parts_are_the_host),
	};

	return cmocka_run_group_tests_name("metrics", tests, NULL, NULL);
}
