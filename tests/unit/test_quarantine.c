/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_quarantine.c - Guests that lie, and the way out of quarantine
 */
#include "fake_world.h"

#include "sync.h"

/* Lies about granules -------------------------------------------------- */

static void who_gives_what_it_still_uses_loses_it_alone(void **state)
{
	struct world *w = *state;
	struct sim_domain_info info;
	uint64_t total, unused;

	greet(w, 1);
	grow(w, 1, 300);
	grow_and_ask_back(w, 600);
	fake_say_pulled(&w->fakes[0], (struct granules){ 0, 600 }, true);
	expect_state(w, 0, GUEST_READY);
	obey(w, 0);
	assert_int_equal(nr_lost(w, 0), 600);
	assert_int_equal(nr_backed(w, 0), 0);
	expect_pages(w, 0);
	/* The memory is really there, and another may have all of it. */
	sim_host_pages(w->m, &total, &unused);
	assert_int_equal(unused, HOST_PAGES - 2 * BOOT_PAGES -
			 300 * GRANULE_PAGES);
	grow(w, 1, 900);
	expect_pages(w, 1);
	assert_int_equal(sim_domain_info(w->m, w->domids[0], &info), 0);
	assert_int_equal(info.pages, BOOT_PAGES);
}

static const struct {
	const char *what;
	struct granules first, second;	/* second: none if nr is 0 */
	const char *why;
} pull_lies[] = {
	{ "just behind the window", { WINDOW, 1 }, { 0, 0 }, "gave up" },
	{ "across the window's end", { WINDOW - 1, 2 }, { 0, 0 }, "gave up" },
	{ "the largest window", { 0, WINDOW_GRANULES_MAX }, { 0, 0 }, "gave up" },
	{ "far outside", { WINDOW_GRANULES_MAX - 1, 1 }, { 0, 0 }, "gave up" },
	{ "never backed", { 200, 1 }, { 0, 0 }, "granules 200+1" },
	{ "one too many", { 0, 101 }, { 0, 0 }, "granules 0+101" },
	{ "the same twice", { 50, 10 }, { 50, 10 }, "granules 50+10" },
	{ "overlapping", { 50, 10 }, { 59, 2 }, "granules 59+2" },
};

static void a_lie_about_granules_is_quarantined_and_nothing_taken(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(pull_lies); i++) {
		struct guest_msg msg = { .type = GUEST_MSG_PULL_PROGRESS };
		struct msg_pull_progress *p = &msg.pull_progress;
		struct world *w = *state;

		case_is("%s", pull_lies[i].what);
		grow_and_ask_back(w, 100);
		p->id = w->fakes[0].got.pull_request.id;
		p->ranges[0] = pull_lies[i].first;
		p->ranges[1] = pull_lies[i].second;
		p->nr_ranges = pull_lies[i].second.nr ? 2 : 1;
		fake_say(&w->fakes[0], &msg);
		expect_quarantine(w, 0, pull_lies[i].why);
		/* Not even what may have been true. */
		assert_int_equal(nr_backed(w, 0), 100);
		expect_pages(w, 0);
		assert_true(fake_cut(&w->fakes[0]));
		assert_int_equal(teardown(state) || setup(state), 0);
	}
}

static void granules_given_twice_in_two_messages_are_a_lie(void **state)
{
	struct world *w = *state;

	grow_and_ask_back(w, 100);
	fake_say_pulled(&w->fakes[0], (struct granules){ 90, 10 }, false);
	fake_say_pulled(&w->fakes[0], (struct granules){ 90, 10 }, false);
	expect_quarantine(w, 0, "granules 90+10");
	expect_pages(w, 0);
}

static void an_answer_that_was_overtaken_gives_nothing_back(void **state)
{
	struct world *w = *state;
	struct guest_msg msg = { .type = GUEST_MSG_ONLINE_REPLY };
	char why[256];

	greet(w, 0);
	assert_int_equal(set(w, 0, 32, why), 0);
	assert_true(fake_wait(&w->fakes[0], HOST_MSG_ONLINE_REQUEST));
	msg.online_reply.id = w->fakes[0].got.online_request.id;
	msg.online_reply.nr_done = 1;
	/* More than was asked is no answer. */
	msg.online_reply.done[0] = BLOCK_GRANULES_MAX;
	fake_say(&w->fakes[0], &msg);
	msg.online_reply.done[0] = 32;
	/* Given up before it was answered: the answer makes it no one's. */
	fake_say_pulled(&w->fakes[0], (struct granules){ 0, 32 }, false);
	fake_say(&w->fakes[0], &msg);
	/* The same answer again, and one to nothing */
	fake_say(&w->fakes[0], &msg);
	msg.online_reply.id += 1000;
	fake_say(&w->fakes[0], &msg);
	obey(w, 0);
	assert_int_equal(nr_backed(w, 0), 32);
	assert_int_equal(guest_of(w, 0)->flight.onlines, 0);
	expect_pages(w, 0);
}

static void why_a_kernel_refuses_is_said_in_words(void **state)
{
	static const struct {
		uint32_t error;
		const char *why;
	} said[] = {
		{ EPERM, "taken the memory block offline" },
		{ EHWPOISON, "broken" },
		{ ECANCELED, "does not accept" },
		{ 4095, "Unknown error 4095" },
	};

	for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
		struct guest_msg msg = { .type = GUEST_MSG_ONLINE_REPLY };
		struct world *w = *state;
		char why[256];

		case_is("error %u", said[i].error);
		greet(w, 0);
		assert_int_equal(set(w, 0, 32, why), 0);
		assert_true(fake_wait(&w->fakes[0], HOST_MSG_ONLINE_REQUEST));
		msg.online_reply.id = w->fakes[0].got.online_request.id;
		msg.online_reply.nr_done = 1;
		msg.online_reply.error = said[i].error;
		fake_say(&w->fakes[0], &msg);
		obey(w, 0);
		assert_non_null(strstr(guest_of(w, 0)->why, said[i].why));
		assert_int_equal(teardown(state) || setup(state), 0);
	}
}

/* Lies about the window ------------------------------------------------ */

/* With that much, boot memory goes beyond 4 GiB. */
static int setup_large(void **state)
{
	return make_world(state, 3u << 18);
}

static void a_window_over_memory_of_a_large_domain_is_refused(void **state)
{
	struct world *w = *state;
	char why[256];

	put_memory(w);
	assert_true(fake_offer(&w->fakes[0]));
	fake_say_hello(&w->fakes[0]);
	expect_quarantine(w, 0, "lies over 3 granules");
	assert_false(guest_of(w, 0)->managed);
	assert_int_equal(nr_backed(w, 0), 3);
	/* Unless an operator knows that it was restored with it. */
	assert_int_equal(service_readmit(guest_of(w, 0), why, sizeof(why)), 0);
	assert_true(fake_greet(&w->fakes[0]));
	obey(w, 0);
	assert_int_equal(guest_of(w, 0)->boot_pages, w->boot_pages);
	assert_int_equal(guest_of(w, 0)->target, 3);
	expect_pages(w, 0);
}

static const struct {
	const char *what;
	struct msg_hello hello;
} windows[] = {
	{ "moved", { .window_gfn = WINDOW_GFN + BLOCK * GRANULE_PAGES,
		     .window_granules = WINDOW - BLOCK,
		     .block_granules = BLOCK, .memmap_granules = 1 } },
	{ "smaller", { .window_gfn = WINDOW_GFN,
		       .window_granules = WINDOW - BLOCK,
		       .block_granules = BLOCK, .memmap_granules = 1 } },
	{ "huge", { .window_gfn = WINDOW_GFN,
		    .window_granules = WINDOW_GRANULES_MAX,
		    .block_granules = BLOCK, .memmap_granules = 1 } },
	{ "other blocks", { .window_gfn = WINDOW_GFN,
			    .window_granules = WINDOW,
			    .block_granules = 2 * BLOCK,
			    .memmap_granules = 1 } },
	{ "other memmap", { .window_gfn = WINDOW_GFN,
			    .window_granules = WINDOW,
			    .block_granules = BLOCK,
			    .memmap_granules = 2 } },
};

static void put_window(struct fake *f, const struct msg_hello *h)
{
	f->hello.window_gfn = h->window_gfn;
	f->hello.window_granules = h->window_granules;
	f->hello.block_granules = h->block_granules;
	f->hello.memmap_granules = h->memmap_granules;
}

static void another_window_than_before_is_quarantined(void **state)
{
	struct world *w = *state;
	char why[256];

	for (size_t i = 0; i < ARRAY_SIZE(windows); i++) {
		struct msg_hello good = w->fakes[0].hello;

		case_is("%s", windows[i].what);
		greet(w, 0);
		grow(w, 0, 70);
		put_window(&w->fakes[0], &windows[i].hello);
		assert_true(fake_offer(&w->fakes[0]));
		fake_say_hello(&w->fakes[0]);
		expect_quarantine(w, 0, "its window was");
		assert_int_equal(nr_backed(w, 0), 70);
		/* Readmitted it breaks the same rule: 70 granules hold it. */
		assert_int_equal(service_readmit(guest_of(w, 0), why, 256), 0);
		assert_true(fake_offer(&w->fakes[0]));
		fake_say_hello(&w->fakes[0]);
		expect_quarantine(w, 0, "its window was");
		assert_int_equal(service_readmit(guest_of(w, 0), why, 256), 0);
		w->fakes[0].hello = good;
	}
}

static const struct {
	const char *what;
	uint64_t gfn;
	uint32_t granules;
} no_windows[] = {
	{ "below 4 GiB", (1 << 20) - BLOCK * GRANULE_PAGES, WINDOW },
	{ "beyond the last address", UINT64_MAX - 511, WINDOW },
	{ "too large", WINDOW_GFN, WINDOW_GRANULES_MAX + BLOCK },
	{ "empty", WINDOW_GFN, 0 },
};

/* The encoder would not say it: the frame is patched by hand. */
static void say_raw_hello(struct fake *f, uint64_t gfn, uint32_t granules)
{
	uint8_t body[64], frame[80];
	size_t n = 0, at = 0;
	const uint64_t fields[][2] = {
		{ 1, PROTO_MAJOR }, { 4, GRANULE_PAGES }, { 5, BLOCK },
		{ 6, 1 }, { 7, gfn }, { 8, granules },
	};

	for (size_t i = 0; i < ARRAY_SIZE(fields); i++) {
		uint64_t v = fields[i][1];

		body[n++] = (uint8_t)(fields[i][0] << 3);
		for (; v >= 0x80; v >>= 7)
			body[n++] = (uint8_t)(v | 0x80);
		body[n++] = (uint8_t)v;
	}
	body[n++] = 9 << 3 | 2;
	body[n++] = 16;
	memset(body + n, 7, 16);
	n += 16;
	at = FRAME_HEADER_BYTES;
	frame[at++] = 1 << 3 | 2;
	frame[at++] = (uint8_t)n;
	memcpy(frame + at, body, n);
	frame_put_header(frame, at - FRAME_HEADER_BYTES + n);
	assert_true(fake_push(f, frame, at + n));
}

static void a_window_that_can_be_none_ends_the_connection(void **state)
{
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(no_windows); i++) {
		case_is("%s", no_windows[i].what);
		assert_true(fake_offer(&w->fakes[0]));
		say_raw_hello(&w->fakes[0], no_windows[i].gfn,
			      no_windows[i].granules);
		assert_true(fake_cut(&w->fakes[0]));
		assert_int_equal(guest_of(w, 0)->state, GUEST_UNMANAGED);
		assert_null(guest_of(w, 0)->ledger.backed);
	}
	/* Made in the same way, one that is right is taken. */
	assert_true(fake_offer(&w->fakes[0]));
	say_raw_hello(&w->fakes[0], WINDOW_GFN, WINDOW);
	assert_true(fake_wait(&w->fakes[0], HOST_MSG_STATE_REQUEST));
}

static void a_window_the_machine_does_not_know_is_not_managed(void **state)
{
	struct world *w = *state;

	/* Right in itself: what the machine says of it ends the matter. */
	w->fakes[0].hello.window_granules = WINDOW_GRANULES_MAX;
	assert_true(fake_offer(&w->fakes[0]));
	fake_say_hello(&w->fakes[0]);
	assert_true(fake_cut(&w->fakes[0]));
	assert_int_equal(guest_of(w, 0)->state, GUEST_UNMANAGED);
}

/* Lies about what is in use -------------------------------------------- */

static void who_uses_what_is_not_backed_is_quarantined(void **state)
{
	struct world *w = *state;

	fake_use(&w->fakes[0], (struct granules){ 130, 2 }, true);
	assert_true(fake_greet(&w->fakes[0]));
	expect_quarantine(w, 0, "uses 2 granules that the host does not back");
}

static void who_denies_what_it_uses_loses_it_alone(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	grow(w, 0, 128);
	assert_int_equal(set(w, 0, 0, why), 0);
	memset(w->fakes[0].in_use, 0, sizeof(w->fakes[0].in_use));
	assert_true(fake_greet(&w->fakes[0]));
	obey(w, 0);
	fake_use(&w->fakes[0], (struct granules){ 0, 128 }, true);
	assert_int_equal(nr_lost(w, 0), 128);
	expect_pages(w, 0);
}

static void an_audit_sees_a_state_that_has_changed(void **state)
{
	struct world *w = *state;
	struct guest *g;

	greet(w, 0);
	grow(w, 0, 128);
	g = guest_of(w, 0);
	fake_use(&w->fakes[0], (struct granules){ 100, 7 }, false);
	fake_use(&w->fakes[0], (struct granules){ 500, 2 }, true);
	assert_int_equal(sync_audit(g), 0);
	assert_true(fake_wait(&w->fakes[0], HOST_MSG_STATE_REQUEST));
	fake_say_state(&w->fakes[0]);
	for (int i = 0; i < 100 && g->sync_audit; i++)
		fake_turn(&w->fakes[0]);
	assert_int_equal(g->audit_wrong, 9);
	/* It is told, not believed: the ledger is as before. */
	assert_int_equal(g->ledger.nr_exposed, 128);
	assert_int_equal(nr_backed(w, 0), 128);
}

static void a_state_not_asked_for_changes_nothing(void **state)
{
	static struct guest_msg msg;
	struct world *w = *state;
	struct guest *g;

	greet(w, 0);
	grow(w, 0, 128);
	g = guest_of(w, 0);
	msg.type = GUEST_MSG_STATE_REPLY;
	msg.state_reply.id = g->sync_id;
	msg.state_reply.nr = WINDOW;
	memset(msg.state_reply.in_use, 0xff, WINDOW / 8);
	fake_say(&w->fakes[0], &msg);
	for (int i = 0; i < 20; i++)
		fake_turn(&w->fakes[0]);
	assert_int_equal(g->state, GUEST_READY);
	assert_int_equal(g->ledger.nr_exposed, 128);
}

/* The way out ---------------------------------------------------------- */

static void lie(struct world *w)
{
	fake_say_pulled(&w->fakes[0], (struct granules){ WINDOW - 1, 1 },
			false);
	expect_quarantine(w, 0, "gave up");
}

static void a_guest_that_is_mended_comes_back_with_what_it_has(void **state)
{
	struct world *w = *state;
	char why[256] = "";

	greet(w, 0);
	grow(w, 0, 128);
	lie(w);
	/* Offers alone do not bring it back. */
	fake_hang_up(&w->fakes[0]);
	for (int i = 0; i < 100; i++)
		fake_turn(&w->fakes[0]);
	assert_int_equal(guest_of(w, 0)->state, GUEST_QUARANTINED);
	assert_int_equal(set(w, 0, 64, why), -ENOTCONN);
	assert_non_null(strstr(why, "it is quarantined: it gave up"));
	assert_non_null(strstr(why, "memtide readmit 1"));

	assert_int_equal(service_readmit(guest_of(w, 0), why, sizeof(why)), 0);
	greet(w, 0);
	assert_int_equal(guest_of(w, 0)->ledger.nr_exposed, 128);
	assert_string_equal(guest_of(w, 0)->why, "");
	grow(w, 0, 192);
	expect_pages(w, 0);
}

static void a_guest_that_lies_again_is_back_in_quarantine(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	grow(w, 0, 128);
	lie(w);
	assert_int_equal(service_readmit(guest_of(w, 0), why, sizeof(why)), 0);
	fake_use(&w->fakes[0], (struct granules){ 500, 1 }, true);
	assert_true(fake_greet(&w->fakes[0]));
	expect_quarantine(w, 0, "uses 1 granules that the host does not back");
	assert_int_equal(nr_backed(w, 0), 128);
}

static void with_nothing_backed_another_window_is_taken(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	assert_int_equal(set(w, 0, 32, why), 0);
	assert_int_equal(set(w, 0, 0, why), 0);
	obey(w, 0);
	put_window(&w->fakes[0], &windows[0].hello);
	assert_true(fake_offer(&w->fakes[0]));
	fake_say_hello(&w->fakes[0]);
	expect_quarantine(w, 0, "its window was");
	assert_int_equal(service_readmit(guest_of(w, 0), why, sizeof(why)), 0);
	assert_false(guest_of(w, 0)->managed);
	greet(w, 0);
	assert_int_equal(guest_of(w, 0)->ledger.granules, WINDOW - BLOCK);
	assert_int_equal(guest_of(w, 0)->boot_pages, BOOT_PAGES);
}

static void another_window_must_not_lie_over_memory_either(void **state)
{
	struct world *w = *state;
	char why[256];

	/* A window of one block, and memory where the next will be. */
	w->fakes[0].hello.window_granules = BLOCK;
	greet(w, 0);
	put_memory(w);
	w->fakes[0].hello.window_granules = WINDOW;
	assert_true(fake_offer(&w->fakes[0]));
	fake_say_hello(&w->fakes[0]);
	expect_quarantine(w, 0, "its window was");
	assert_int_equal(service_readmit(guest_of(w, 0), why, sizeof(why)), 0);
	assert_true(fake_offer(&w->fakes[0]));
	fake_say_hello(&w->fakes[0]);
	expect_quarantine(w, 0, "lies over 3 granules");
}

static void who_is_not_quarantined_cannot_be_readmitted(void **state)
{
	struct world *w = *state;
	char why[256] = "";

	assert_int_equal(service_readmit(guest_of(w, 0), why, sizeof(why)),
			 -EINVAL);
	assert_string_equal(why, "it is not quarantined, it is unmanaged");
	greet(w, 0);
	assert_int_equal(service_readmit(guest_of(w, 0), why, sizeof(why)),
			 -EINVAL);
	assert_string_equal(why, "it is not quarantined, it is ready");
}

static void what_a_readmitted_guest_was_promised_stays_promised(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	assert_int_equal(set(w, 0, 900, why), 0);
	lie(w);
	/* Nothing was backed yet: the window is forgotten, the target not. */
	if (!nr_backed(w, 0)) {
		assert_int_equal(service_readmit(guest_of(w, 0), why,
						 sizeof(why)), 0);
		assert_false(guest_of(w, 0)->managed);
	}
	assert_int_equal(service_promised(w->service),
			 (900 - nr_backed(w, 0)) * 514);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(who_gives_what_it_still_uses_loses_it_alone),
		CASE(a_lie_about_granules_is_quarantined_and_nothing_taken),
		CASE(granules_given_twice_in_two_messages_are_a_lie),
		CASE(why_a_kernel_refuses_is_said_in_words),
		CASE(an_answer_that_was_overtaken_gives_nothing_back),
		cmocka_unit_test_setup_teardown(
			a_window_over_memory_of_a_large_domain_is_refused,
			setup_large, teardown),
		CASE(another_window_than_before_is_quarantined),
		CASE(a_window_that_can_be_none_ends_the_connection),
		CASE(a_window_the_machine_does_not_know_is_not_managed),
		CASE(who_uses_what_is_not_backed_is_quarantined),
		CASE(who_denies_what_it_uses_loses_it_alone),
		CASE(an_audit_sees_a_state_that_has_changed),
		CASE(a_state_not_asked_for_changes_nothing),
		CASE(a_guest_that_is_mended_comes_back_with_what_it_has),
		CASE(a_guest_that_lies_again_is_back_in_quarantine),
		CASE(with_nothing_backed_another_window_is_taken),
		CASE(another_window_must_not_lie_over_memory_either),
		CASE(who_is_not_quarantined_cannot_be_readmitted),
		CASE(what_a_readmitted_guest_was_promised_stays_promised),
	};

	/* What is refused here would fill the screen. */
	if (!getenv("VERBOSE"))
		log_set_level(LOG_LEVEL_ERR - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
