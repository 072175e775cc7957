/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_service.c - Guests that lie, the way out of quarantine, others of the
 * toolstack, and calls that fail
 */
#include "fake_world.h"

#include "sim_faults.h"
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

/* Three granules that memtided has not given in the life of this domain */
static void put_memory(struct world *w)
{
	uint32_t done;

	assert_int_equal(sim_set_max(w->m, w->domids[0],
				     w->boot_pages + WINDOW * 512), 0);
	assert_int_equal(sim_populate(w->m, w->domids[0],
				      (struct granules){ 640, 3 }, &done), 0);
}

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

/* The toolstack -------------------------------------------------------- */

static void what_the_toolstack_asks_for_is_a_target(void **state)
{
	struct world *w = *state;

	greet(w, 0);
	grow(w, 0, 64);
	assert_int_equal(read_target(w, 0), 64 * 2048);
	write_target(w, 0, 200 * 2048);
	rest(w, 3);
	/* All that is to come is told: it could be saved at any time. */
	assert_int_equal(read_target(w, 0), 200 * 2048);
	assert_int_equal(guest_of(w, 0)->target, 200);
	obey(w, 0);
	assert_int_equal(nr_backed(w, 0), 200);
	assert_int_equal(read_target(w, 0), 200 * 2048);
	/* Not in whole granules: up, as with an operator */
	write_target(w, 0, 201 * 2048 - 1);
	rest(w, 3);
	obey(w, 0);
	assert_int_equal(read_target(w, 0), 201 * 2048);
	expect_pages(w, 0);
}

static void what_we_tell_ourselves_is_not_asked_of_us(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	grow(w, 0, 64);
	/* The target moves on while what was told before comes back. */
	grow(w, 0, 100);
	assert_int_equal(set(w, 0, 164, why), 0);
	rest(w, 20);
	assert_int_equal(guest_of(w, 0)->target, 164);
	obey(w, 0);
	rest(w, 20);
	assert_int_equal(guest_of(w, 0)->target, 164);
	/* Written again by somebody: no request either. */
	write_target(w, 0, 164 * 2048);
	rest(w, 20);
	assert_true(guest_of(w, 0)->settled);
}

static const struct {
	const char *what;
	int64_t kib;
} refused_targets[] = {
	{ "more than the window", (WINDOW + 1) * 2048 },
	{ "more than the host has", 1023 * 2048 },
	{ "less than boot memory", -64 * 1024 },
	{ "less than nothing", INT64_MIN },
	{ "more than there can be", INT64_MAX },
};

static void what_the_toolstack_cannot_have_is_put_back(void **state)
{
	struct world *w = *state;
	struct sim_domain_info info;

	greet(w, 1);
	grow(w, 1, 300);
	greet(w, 0);
	grow(w, 0, 64);
	for (size_t i = 0; i < ARRAY_SIZE(refused_targets); i++) {
		case_is("%s", refused_targets[i].what);
		/* xl mem-set moves the maximum too. */
		assert_int_equal(sim_set_max(w->m, w->domids[0], HOST_PAGES),
				 0);
		write_target(w, 0, refused_targets[i].kib);
		rest(w, 5);
		obey(w, 0);
		assert_int_equal(guest_of(w, 0)->target, 64);
		assert_int_equal(read_target(w, 0), 64 * 2048);
		expect_pages(w, 0);
	}
	/* xl mem-max writes no node: the next resize puts it right. */
	assert_int_equal(sim_set_max(w->m, w->domids[0], HOST_PAGES), 0);
	rest(w, 5);
	assert_int_equal(sim_domain_info(w->m, w->domids[0], &info), 0);
	assert_int_equal(info.max_pages, HOST_PAGES);
	grow(w, 0, 70);
	expect_pages(w, 0);
}

static void a_target_of_a_guest_we_know_nothing_of_is_left_alone(void **state)
{
	struct world *w = *state;

	write_target(w, 0, 100 * 2048);
	rest(w, 5);
	assert_int_equal(read_target(w, 0), 100 * 2048);
	/* Greeting, our own target stands, and is told. */
	greet(w, 0);
	obey(w, 0);
	assert_int_equal(guest_of(w, 0)->target, 0);
	assert_int_equal(read_target(w, 0), 0);
}

static void a_guest_that_was_restored_is_taken_over(void **state)
{
	struct world *w = *state;

	put_memory(w);
	assert_true(fake_greet(&w->fakes[0]));
	obey(w, 0);
	assert_int_equal(guest_of(w, 0)->boot_pages, BOOT_PAGES);
	assert_int_equal(guest_of(w, 0)->target, 3);
	assert_int_equal(read_target(w, 0), 3 * 2048);
	grow(w, 0, 64);
	expect_pages(w, 0);
}

/* As after a reboot: another domain, of the same uuid */
static void a_domain_of_a_known_uuid_has_its_target_again(void **state)
{
	struct world *w = *state;
	uint32_t old = w->domids[0];

	greet(w, 0);
	grow(w, 0, 64);
	fake_done(&w->fakes[0]);
	assert_int_equal(sim_domain_destroy(w->m, old), 0);
	rest(w, 5);
	add_domain(w, 0);
	rest(w, 5);
	assert_true(fake_greet(&w->fakes[0]));
	obey(w, 0);
	assert_int_equal(guest_of(w, 0)->boot_pages, BOOT_PAGES);
	assert_int_equal(guest_of(w, 0)->target, 64);
	assert_int_equal(nr_backed(w, 0), 64);
	expect_pages(w, 0);
}

static void our_target_stands_until_it_was_told_after_a_restart(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	grow(w, 0, 64);
	assert_int_equal(set(w, 0, 100, why), 0);
	close_service(w);
	open_service(w);
	write_target(w, 0, 200 * 2048);
	rest(w, 5);
	assert_true(fake_greet(&w->fakes[0]));
	expect_state(w, 0, GUEST_GROWING);
	assert_int_equal(guest_of(w, 0)->target, 100);
	obey(w, 0);
	assert_int_equal(nr_backed(w, 0), 100);
	assert_int_equal(read_target(w, 0), 100 * 2048);
}

/* Calls that fail -------------------------------------------------------- */

static void fail_call(struct world *w, enum sim_call call, uint32_t nth,
		      enum sim_mode mode)
{
	struct sim_point point = { call, nth, mode, -EIO };

	sim_arm(w->m, &point, 1);
}

static void expect_failed(struct world *w)
{
	struct sim_plan plan;

	sim_plan(w->m, &plan);
	assert_int_equal(plan.next, 1);
}

static void a_target_that_was_refused_is_not_kept(void **state)
{
	struct world *w = *state;
	char why[256], text[SIM_VALUE_MAX];

	greet(w, 0);
	grow(w, 0, 64);
	fail_call(w, SIM_CALL_STORE_WRITE, 1, SIM_FAIL_AFTER);
	assert_int_equal(set(w, 0, 200, why), -EIO);
	assert_string_equal(why, "cannot store its target: Input/output error");
	expect_failed(w);
	rest(w, 5);
	assert_int_equal(sim_store_read(w->m, w->domids[0], "target-granules",
					text, sizeof(text)), 0);
	assert_string_equal(text, "64");
	assert_int_equal(guest_of(w, 0)->target, 64);
}

static void an_agent_that_comes_back_does_not_bring_it_back(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	grow(w, 0, 64);
	fake_done(&w->fakes[0]);
	expect_state(w, 0, GUEST_LOST);
	fail_call(w, SIM_CALL_STORE_WRITE, 1, SIM_FAIL_AFTER);
	assert_int_equal(set(w, 0, 200, why), -EIO);
	greet(w, 0);
	assert_int_equal(guest_of(w, 0)->target, 64);
}

static void nothing_is_promised_before_all_promises_are_known(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	greet(w, 1);
	assert_int_equal(set(w, 0, 900, why), 0);
	close_service(w);
	/* boot-pages of the first guest */
	fail_call(w, SIM_CALL_STORE_READ, 1, SIM_FAIL_BEFORE);
	open_service(w);
	expect_failed(w);
	fail_call(w, SIM_CALL_STORE_READ, 1000, SIM_FAIL_BEFORE);
	assert_true(w->service->incomplete);
	assert_true(fake_greet(&w->fakes[1]));
	if (w->service->incomplete)
		assert_int_equal(set(w, 1, 900, why), -ENOTCONN);
	for (unsigned int n = 0; w->service->incomplete; n++) {
		assert_true(n < FAKE_TURNS);
		fake_turn(&w->fakes[1]);
	}
	expect_state(w, 1, GUEST_READY);
	assert_int_equal(service_promised(w->service),
			 (900 - nr_backed(w, 0)) * 514);
	assert_int_equal(set(w, 1, 900, why), -ENOMEM);
}

static void domains_that_could_not_be_listed_are_listed_later(void **state)
{
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	fail_call(w, SIM_CALL_LIST, 1, SIM_FAIL_BEFORE);
	service_rescan(w->service);
	rest(w, 1);
	expect_failed(w);
	if (w->service->incomplete) {
		assert_int_equal(set(w, 0, 1, why), -EIO);
		assert_non_null(strstr(why, "try again"));
	}
	for (unsigned int n = 0; w->service->incomplete; n++) {
		assert_true(n < FAKE_TURNS);
		fake_turn(&w->fakes[0]);
	}
	grow(w, 0, 64);
}

/* What fell short is tried again, by itself. */
static void obey_until(struct world *w, uint32_t granules)
{
	for (unsigned int n = 0; !guest_of(w, 0)->settled ||
	     !guest_arrived(guest_of(w, 0)); n++) {
		assert_true(n < FAKE_TURNS);
		fake_turn(&w->fakes[0]);
		obey(w, 0);
	}
	assert_int_equal(nr_backed(w, 0), granules);
}

static void what_a_failed_step_has_done_is_looked_up(void **state)
{
	static const struct {
		enum sim_call call;
		enum sim_mode mode;
	} cases[] = {
		{ SIM_CALL_POPULATE, SIM_FAIL_AFTER },
		{ SIM_CALL_POPULATE, SIM_FAIL_PARTLY },
		{ SIM_CALL_GIVE_BACK, SIM_FAIL_AFTER },
		{ SIM_CALL_GIVE_BACK, SIM_FAIL_PARTLY },
	};
	struct world *w = *state;
	char why[256];

	greet(w, 0);
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		case_is("%s %s", sim_call_name(cases[i].call),
			sim_mode_name(cases[i].mode));
		fail_call(w, cases[i].call, 1, cases[i].mode);
		assert_int_equal(set(w, 0, 100, why), 0);
		obey_until(w, 100);
		assert_int_equal(set(w, 0, 0, why), 0);
		assert_true(fake_wait(&w->fakes[0], HOST_MSG_PULL_REQUEST));
		fake_say_pulled(&w->fakes[0], (struct granules){ 0, 100 },
				true);
		obey_until(w, 0);
		expect_failed(w);
		expect_pages(w, 0);
	}
}

static void what_could_not_be_told_is_told_later(void **state)
{
	struct world *w = *state;
	struct sim_domain_info info;

	greet(w, 0);
	/* The second of a step: the first lets it grow. */
	fail_call(w, SIM_CALL_PUBLISH, 1, SIM_FAIL_BEFORE);
	grow(w, 0, 64);
	expect_failed(w);
	for (unsigned int n = 0; read_target(w, 0) != 64 * 2048; n++) {
		assert_true(n < FAKE_TURNS);
		fake_turn(&w->fakes[0]);
	}
	assert_int_equal(sim_domain_info(w->m, w->domids[0], &info), 0);
	assert_int_equal(info.max_pages, info.pages);
}

static void what_was_told_in_spite_of_an_error_is_not_asked_of_us(void **state)
{
	struct sim_point points[] = {
		{ SIM_CALL_GIVE_BACK, 1, SIM_FAIL_PARTLY, -EIO },
		{ SIM_CALL_PUBLISH, 1, SIM_FAIL_AFTER, -EIO },
	};
	struct world *w = *state;
	struct sim_plan plan;

	grow_and_ask_back(w, 64);
	sim_arm(w->m, points, 2);
	/* What is left settles short, and is told. */
	fake_say_pulled(&w->fakes[0], (struct granules){ 0, 64 }, true);
	obey_until(w, 0);
	sim_plan(w->m, &plan);
	assert_int_equal(plan.next, 2);
	assert_int_equal(guest_of(w, 0)->target, 0);
}

static void what_cannot_be_read_of_the_toolstack_does_not_stay(void **state)
{
	struct world *w = *state;

	greet(w, 0);
	grow(w, 0, 64);
	rest(w, 3);
	fail_call(w, SIM_CALL_WANTED, 1, SIM_FAIL_BEFORE);
	write_target(w, 0, 200 * 2048);
	rest(w, 5);
	expect_failed(w);
	assert_int_equal(guest_of(w, 0)->target, 64);
	assert_int_equal(read_target(w, 0), 64 * 2048);
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
		CASE(a_guest_that_was_restored_is_taken_over),
		CASE(a_domain_of_a_known_uuid_has_its_target_again),
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
		CASE(what_the_toolstack_asks_for_is_a_target),
		CASE(what_we_tell_ourselves_is_not_asked_of_us),
		CASE(what_the_toolstack_cannot_have_is_put_back),
		CASE(a_target_of_a_guest_we_know_nothing_of_is_left_alone),
		CASE(our_target_stands_until_it_was_told_after_a_restart),
		CASE(a_target_that_was_refused_is_not_kept),
		CASE(an_agent_that_comes_back_does_not_bring_it_back),
		CASE(nothing_is_promised_before_all_promises_are_known),
		CASE(domains_that_could_not_be_listed_are_listed_later),
		CASE(what_a_failed_step_has_done_is_looked_up),
		CASE(what_could_not_be_told_is_told_later),
		CASE(what_was_told_in_spite_of_an_error_is_not_asked_of_us),
		CASE(what_cannot_be_read_of_the_toolstack_does_not_stay),
	};

	/* What is refused here would fill the screen. */
	if (!getenv("VERBOSE"))
		log_set_level(LOG_LEVEL_ERR - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
