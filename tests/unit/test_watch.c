/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_watch.c - Who watches is told all, in order, or that it was not
 */
#include "fake_world.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>

#include "cli_json.h"
#include "cli_watch.h"
#include "control.h"
#include "control_client.h"
#include "control_watch.h"
#include "frame.h"
#include "link.h"

#define TURNS	2000u

static struct history *history;
static struct control *control;
static char socket_path[128];

static int setup_control(void **state)
{
	struct world *w;

	signal(SIGPIPE, SIG_IGN);
	if (setup(state))
		return -1;
	w = *state;
	snprintf(socket_path, sizeof(socket_path), "%s/control.sock", w->dir);
	assert_int_equal(history_open(w->service, NULL, &history), 0);
	return control_open(w->base, w->service, NULL, NULL, history,
			    socket_path, &control);
}

static int teardown_control(void **state)
{
	control_close(control);
	history_close(history);
	return teardown(state);
}

#define WATCH_CASE(f)							\
	cmocka_unit_test_setup_teardown(f, setup_control, teardown_control)

/* A client in this process: between its looks memtided has its turn. */
static int next(struct world *w, struct control_client *c,
		struct control_reply *ret)
{
	const char *why = "";
	int rc = -ETIMEDOUT;

	for (unsigned int n = 0; n < TURNS && rc == -ETIMEDOUT; n++) {
		turn(w);
		rc = control_client_next(c, 0, ret, &why);
		if (rc == -ETIMEDOUT)
			poll(NULL, 0, 1);
	}
	return rc;
}

static void hear(struct world *w, struct control_client *c,
		 enum control_body body, struct control_reply *ret)
{
	int rc = next(w, c, ret);

	if (rc)
		fail_msg("%s: nothing came: %d", case_name, rc);
	case_int_equal(ret->end, false);
	case_int_equal(ret->body, body);
}

static struct control_client *watch(struct world *w, uint32_t last, bool sizes)
{
	struct control_request req = { .type = CONTROL_WATCH, .last = last,
				       .sizes = sizes };
	struct control_client *c;
	struct control_reply r;

	assert_int_equal(control_client_open(socket_path, &c), 0);
	assert_int_equal(control_client_send(c, &req, 1000), 0);
	case_is("the beginning");
	hear(w, c, CONTROL_BODY_VERSION, &r);
	return c;
}

static void expect_silence(struct world *w, struct control_client *c)
{
	struct control_reply r;
	const char *why = "";

	for (unsigned int n = 0; n < 20; n++) {
		turn(w);
		assert_int_equal(control_client_next(c, 0, &r, &why),
				 -ETIMEDOUT);
		poll(NULL, 0, 1);
	}
}

static void expect(struct world *w, struct control_client *c, uint64_t nr,
		   const char *kind, const char *text)
{
	struct control_reply r;

	case_is("event %u", (unsigned int)nr);
	hear(w, c, CONTROL_BODY_EVENT, &r);
	case_int_equal(r.event.nr, nr);
	case_string_equal(r.event.kind, kind);
	case_string_equal(r.event.text, text);
	case_string_equal(r.event.name, "d0");
	case_string_equal(r.event.uuid, "01000000-0000-0000-0000-000000000000");
	case_int_equal(r.event.domid, w->domids[0]);
	assert_true(r.event.at_ms > UINT64_C(1700000000000));
}

static void test_what_happens_is_told_in_order(void **state)
{
	struct world *w = *state;
	struct control_client *c = watch(w, 0, false);

	expect_silence(w, c);
	greet(w, 0);
	grow(w, 0, 10);
	expect(w, c, 1, "ready", "is ready, holds 128 MiB");
	expect(w, c, 2, "target", "was set to 148 MiB, holds 128 MiB");
	expect(w, c, 3, "settled", "holds 148 MiB");
	expect_silence(w, c);
	control_client_close(c);
}

static void test_the_last_events_come_first(void **state)
{
	struct world *w = *state;
	struct control_client *none, *two, *all;

	greet(w, 0);
	grow(w, 0, 10);
	none = watch(w, 0, false);
	two = watch(w, 2, false);
	all = watch(w, CONTROL_LAST_MAX, false);
	expect(w, two, 2, "target", "was set to 148 MiB, holds 128 MiB");
	expect(w, two, 3, "settled", "holds 148 MiB");
	expect(w, all, 1, "ready", "is ready, holds 128 MiB");
	expect_silence(w, none);
	fake_done(&w->fakes[0]);
	expect_state(w, 0, GUEST_LOST);
	expect(w, none, 4, "lost", "its agent is gone");
	expect(w, two, 4, "lost", "its agent is gone");
	control_client_close(none);
	control_client_close(two);
	control_client_close(all);
}

static const struct control_guest *hear_guest(struct world *w,
					      struct control_client *c,
					      struct control_reply *r)
{
	hear(w, c, CONTROL_BODY_GUEST, r);
	return &r->guest;
}

static void test_sizes_are_told_once_then_who_changes(void **state)
{
	struct world *w = *state;
	struct control_client *c;
	struct control_reply r;
	uint64_t held = 0;

	greet(w, 0);
	c = watch(w, 0, true);
	assert_int_equal(hear_guest(w, c, &r)->domid, w->domids[0]);
	assert_int_equal(hear_guest(w, c, &r)->domid, w->domids[1]);
	hear(w, c, CONTROL_BODY_HOST, &r);
	assert_int_equal(r.host.guests, 2);
	expect_silence(w, c);
	grow(w, 0, 10);
	expect(w, c, 2, "target", "was set to 148 MiB, holds 128 MiB");
	expect(w, c, 3, "settled", "holds 148 MiB");
	case_is("the guest that changes");
	for (unsigned int n = 0; n < 10 && held != 148 * 1024; n++) {
		if (next(w, c, &r))
			break;
		if (r.body == CONTROL_BODY_GUEST) {
			case_int_equal(r.guest.domid, w->domids[0]);
			held = r.guest.held_kib;
		}
	}
	case_int_equal(held, 148 * 1024);
	control_client_close(c);
}

/* An automatic guest's target has its reason from the balancer; of pressure
 * alone there is no event, only sizes. */
static void test_pressure_is_told_with_the_sizes(void **state)
{
	struct guest_msg msg = { .type = GUEST_MSG_REPORT };
	struct world *w = *state;
	struct control_client *c;
	struct control_reply r;

	greet(w, 0);
	msg.report = (struct msg_report){
		.mem_total_kib = 2048, .mem_available_kib = 1024,
		.time_us = 1000000, .has_pressure = true,
	};
	fake_say(&w->fakes[0], &msg);
	rest(w, 20);
	c = watch(w, 0, true);
	case_is("at first");
	assert_int_equal(hear_guest(w, c, &r)->stall_permille, 0);
	hear_guest(w, c, &r);
	hear(w, c, CONTROL_BODY_HOST, &r);
	msg.report.time_us += 1000000;
	msg.report.stall_some_us += 500000;
	fake_say(&w->fakes[0], &msg);
	case_is("in distress");
	hear_guest(w, c, &r);
	case_int_equal(r.guest.domid, w->domids[0]);
	case_string_equal(r.guest.demand, "distress");
	case_int_equal(r.guest.stall_permille, 500);
	control_client_close(c);
}

/* Bounded memory ---------------------------------------------------------- */

static void flip(struct guest *g)
{
	guest_set_state(g, GUEST_LOST);
	guest_set_state(g, GUEST_READY);
}

static void test_who_does_not_read_is_dropped_with_the_reason(void **state)
{
	struct world *w = *state;
	struct control_client *c;
	struct control_reply r;
	struct guest *g = guest_of(w, 0);
	uint64_t nr = 0;
	int rc;

	greet(w, 0);
	c = watch(w, 0, false);
	for (unsigned int i = 0; i < 20000; i++) {
		flip(g);
		if (i % 64 == 0)
			turn(w);
	}
	case_is("up to where it was dropped");
	do {
		rc = next(w, c, &r);
		case_int_equal(rc, 0);
		if (r.body == CONTROL_BODY_EVENT) {
			case_int_equal(r.event.nr, nr ? nr + 1 : r.event.nr);
			nr = r.event.nr;
		}
	} while (!r.end);
	/* What it was told went before it: all of it, without a gap. */
	assert_in_range(nr, 1000, 30000);
	case_int_equal(r.status, CONTROL_STATUS_PARTLY);
	assert_non_null(strstr(r.text, "was not read in time"));
	control_client_close(c);
}

static void test_who_reads_slowly_is_not(void **state)
{
	struct world *w = *state;
	struct control_client *c;
	struct control_reply r;
	struct guest *g = guest_of(w, 0);
	uint64_t nr = 1;

	greet(w, 0);
	c = watch(w, 0, false);
	for (unsigned int i = 0; i < 2000; i++) {
		flip(g);
		/* Two are told each time, and one is read. */
		if (i < 500)
			continue;
		hear(w, c, CONTROL_BODY_EVENT, &r);
		case_int_equal(r.event.nr, ++nr);
	}
	while (nr < history->nr_events) {
		hear(w, c, CONTROL_BODY_EVENT, &r);
		case_int_equal(r.event.nr, ++nr);
	}
	control_client_close(c);
}

static void test_a_watcher_may_go_at_any_time(void **state)
{
	struct world *w = *state;
	struct guest *g = guest_of(w, 0);
	struct control_client *c, *other;

	greet(w, 0);
	c = watch(w, 0, true);
	other = watch(w, 128, true);
	flip(g);
	control_client_close(c);
	flip(g);
	turn(w);
	flip(g);
	control_client_close(other);
	for (unsigned int n = 0; n < 20; n++) {
		turn(w);
		poll(NULL, 0, 1);
	}
	flip(g);
	assert_null(history->watchers);
}

/* The command line --------------------------------------------------------- */

static const struct control_event event = {
	.nr = 7, .at_ms = UINT64_C(1795000000123), .kind = "target", .domid = 3,
	.uuid = "3f2a0000-1111-2222-3333-444455556666", .name = "db\x1b",
	.text = "grew to 512 MiB",
};

static void test_an_event_is_a_line(void **state)
{
	struct cli_look colour = { .colour = true }, plain = { 0, false };
	char *text;
	size_t len;
	FILE *out;

	(void)state;
	assert_int_equal(setenv("TZ", "UTC", 1), 0);
	out = open_memstream(&text, &len);
	cli_watch_print(&event, &plain, out);
	cli_watch_print(&event, &colour, out);
	assert_int_equal(cli_json_event(&event, out), 0);
	assert_int_equal(cli_json_end(CLI_EXIT_PARTLY, "why", out), 0);
	fclose(out);
	assert_string_equal(text,
		"2026-11-18 11:06:40  db\\x1b      target       grew to 512 MiB\n"
		"2026-11-18 11:06:40  db\\x1b      \x1b[36mtarget     \x1b[0m  grew to 512 MiB\n"
		"{\"nr\":7,\"at_ms\":1795000000123,\"kind\":\"target\",\"domid\":3,\"uuid\":\"3f2a0000-1111-2222-3333-444455556666\",\"name\":\"db\\u001b\",\"text\":\"grew to 512 MiB\"}\n"
		"{\"status\":\"partly\",\"text\":\"why\"}\n");
	free(text);
}

static void test_events_of_some_guests_alone(void **state)
{
	static const struct {
		struct guest_selector by[2];
		unsigned int nr;
		bool wants;
	} cases[] = {
		{ { { 0 } }, 0, true },
		{ { { SELECT_DOMID, 3, "" } }, 1, true },
		{ { { SELECT_DOMID, 4, "" } }, 1, false },
		{ { { SELECT_NAME, 0, "db\x1b" } }, 1, true },
		{ { { SELECT_NAME, 0, "db" } }, 1, false },
		{ { { SELECT_UUID, 0, "3f2a0000-1111-2222-3333-444455556666" } },
		  1, true },
		{ { { SELECT_NAME, 0, "web" }, { SELECT_DOMID, 3, "" } }, 2,
		  true },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		case_is("case %zu", i);
		case_int_equal(cli_watch_wants(cases[i].by, cases[i].nr,
					       &event), cases[i].wants);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		WATCH_CASE(test_what_happens_is_told_in_order),
		WATCH_CASE(test_the_last_events_come_first),
		WATCH_CASE(test_sizes_are_told_once_then_who_changes),
		WATCH_CASE(test_pressure_is_told_with_the_sizes),
		WATCH_CASE(test_who_does_not_read_is_dropped_with_the_reason),
		WATCH_CASE(test_who_reads_slowly_is_not),
		WATCH_CASE(test_a_watcher_may_go_at_any_time),
		cmocka_unit_test(test_an_event_is_a_line),
		cmocka_unit_test(test_events_of_some_guests_alone),
	};

	log_set_level(LOG_LEVEL_ERR);
	return cmocka_run_group_tests_name("watch", tests, NULL, NULL);
}
