/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_pull_plan.c - What a pull tries, in which order, and what it gives
 *
 * Windows are drawn as text, a letter a granule, blocks of 8 with one of
 * memmap: 'm' 'k' memmap of a movable or kernel-zone block, '#' online, '!'
 * online and cannot be pulled, '.' not in use. A block that begins with '.' is
 * absent; one that begins with 'M' or 'K' cannot be removed.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <string.h>

#include "kdev.h"
#include "pull_job.h"
#include "pull_plan.h"

#define WINDOW	64u
#define BLOCK	8u

/* A kernel that is a text. */
struct text_kdev {
	struct kdev kdev;
	char text[WINDOW + 1];
	uint32_t memmap;	/* granules of each block */
	uint32_t floor_online;	/* pulls below so many online: -ENOSPC */
	unsigned int calls;
	int fault;		/* answer of every pull, if not 0 */
	unsigned int slow;	/* but every so many calls, time is up after
				 * the first range; 0: never */
};

static void text_info(struct kdev *k, struct kdev_info *ret)
{
	*ret = (struct kdev_info){
		1 << 20, { BLOCK, ((struct text_kdev *)k)->memmap, WINDOW },
	};
}

static uint32_t text_count(const char *text, uint32_t first, uint32_t nr)
{
	uint32_t n = 0;

	for (uint32_t i = first; i < first + nr; i++)
		n += text[i] == '#' || text[i] == '!';
	return n;
}

static void text_online(struct kdev *k, struct kdev_range *ranges, uint32_t nr)
{
	(void)k;
	for (uint32_t i = 0; i < nr; i++)
		ranges[i].ret_rc = -ENOMEM;
}

static int text_pull_range(struct text_kdev *t, struct granules r)
{
	assert_true(r.nr && r.first % BLOCK >= t->memmap);
	assert_true(r.first % BLOCK + r.nr <= BLOCK);
	if (t->fault)
		return t->fault;
	if (text_count(t->text, 0, WINDOW) <
	    t->floor_online + text_count(t->text, r.first, r.nr))
		return -ENOSPC;
	if (memchr(t->text + r.first, '!', r.nr))
		return -EBUSY;
	memset(t->text + r.first, '.', r.nr);
	return 0;
}

static void text_pull(struct kdev *k, struct kdev_range *ranges, uint32_t nr,
		      bool as_is)
{
	struct text_kdev *t = (struct text_kdev *)k;
	int rc = 0;

	(void)as_is;
	t->calls++;
	assert_true(nr && nr <= KDEV_BATCH_MAX);
	for (uint32_t i = 0; i < nr; i++) {
		bool begin = !kdev_ends_batch(rc) &&
			     !(t->slow && i && t->calls % t->slow);

		rc = begin ? text_pull_range(t, ranges[i].r) : -EAGAIN;
		ranges[i].ret_rc = rc;
	}
}

static int text_block(struct kdev *k, uint32_t index, struct window_block *ret)
{
	const char *b = ((struct text_kdev *)k)->text + index * BLOCK;

	ret->zone = *b == '.' ? BLOCK_ABSENT :
		    strchr("kK", *b) ? BLOCK_KERNEL : BLOCK_MOVABLE;
	ret->online = text_count(b, 0, BLOCK);
	return 0;
}

static int text_remove(struct kdev *k, uint32_t index)
{
	struct text_kdev *t = (struct text_kdev *)k;
	char *b = t->text + index * BLOCK;

	t->calls++;
	assert_int_equal(text_count(b, 0, BLOCK), 0);
	if (*b == 'M' || *b == 'K')
		return -EBUSY;
	memset(b, '.', t->memmap);
	return 0;
}

static int text_state(struct kdev *k, uint32_t first, uint32_t nr,
		      uint64_t *bitmap)
{
	memset(bitmap, 0, nr / 8);
	for (uint32_t i = 0; i < nr; i++)
		if (((struct text_kdev *)k)->text[first + i] != '.')
			bitmap[i / 64] |= UINT64_C(1) << (i % 64);
	return 0;
}

static const struct kdev_ops text_ops = {
	.info = text_info, .online = text_online, .pull = text_pull,
	.block = text_block, .remove = text_remove, .state = text_state,
};

static struct text_kdev text_kdev(const char *blocks)
{
	struct text_kdev t = { .kdev.ops = &text_ops, .memmap = 1 };

	memset(t.text, '.', WINDOW);
	memcpy(t.text, blocks, strlen(blocks));
	return t;
}

/* Everything said to be released was in use before and is not after; nothing
 * else changed. Return: granules released */
static uint32_t judge(const char *before, const char *after, uint32_t memmap,
		      const bool *released)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WINDOW; i++) {
		n += released[i];
		assert_int_equal(released[i],
				 before[i] != '.' && after[i] == '.');
		if (!released[i])
			assert_int_equal(before[i], after[i]);
		/* memmap goes only with its whole block */
		if (i % BLOCK < memmap && released[i])
			assert_int_equal(text_count(after, i / BLOCK * BLOCK,
						    BLOCK), 0);
	}
	return n;
}

static void note_pending(struct pull_job *j, bool *released)
{
	const struct msg_pull_progress *p = &j->pending;

	for (uint32_t i = 0; i < p->nr_ranges; i++) {
		for (uint32_t n = 0; n < p->ranges[i].nr; n++) {
			uint32_t g = p->ranges[i].first + n;

			assert_true(g < WINDOW);
			assert_false(released[g]);
			released[g] = true;
		}
	}
}

/* Run a pull to its end. Return: its reason */
static enum pull_reason run_job(struct text_kdev *t, uint32_t nr, int *ret_rc,
				uint32_t *ret_released)
{
	const struct msg_pull_request req = { 1, nr, 60000 };
	char before[WINDOW + 1];
	bool released[WINDOW] = { 0 }, last = false;
	enum pull_reason reason = PULL_NUM_REASONS;
	struct window w;
	struct pull_job j;
	uint64_t now = 5;

	memcpy(before, t->text, sizeof(before));
	assert_int_equal(window_init(&w, &t->kdev), 0);
	assert_int_equal(pull_job_init(&j, &w, 1), 0);
	*ret_rc = 0;
	pull_job_start(&j, &req, 65536, now);
	for (int turns = 0; !last; turns++) {
		int rc = pull_job_turn(&j, now);

		assert_true(turns < 1000);
		if (rc)
			*ret_rc = rc;
		now = MAX(now + 1, pull_job_wake_ms(&j));
		if (!pull_job_due(&j, now))
			continue;
		note_pending(&j, released);
		last = j.pending.last;
		reason = j.pending.reason;
		pull_job_sent(&j);
	}
	assert_int_equal(j.state, PULL_JOB_IDLE);
	*ret_released = judge(before, t->text, t->memmap, released);
	assert_true(*ret_released <= nr);
	pull_job_done(&j);
	window_done(&w);
	return reason;
}

static const struct {
	const char *name, *before;
	uint32_t nr;
	const char *after;
	enum pull_reason reason;
	unsigned int calls;	/* 0: not looked at */
} plans[] = {
	{ "a whole block takes one pull and one removal",
	  "m#######", 8, "........", PULL_REASON_DONE, 2 },
	{ "memmap is never given beyond what was asked",
	  "m#######", 7, "m.......", PULL_REASON_DONE, 1 },
	{ "an empty block is removed",
	  "m.......", 1, "........", PULL_REASON_DONE, 1 },
	{ "the highest of equal blocks goes first",
	  "m#######m#######", 8, "m#######........", PULL_REASON_DONE, 2 },
	{ "a movable block goes before a higher kernel-zone one",
	  "m#######k#######", 8, "........k#######", PULL_REASON_DONE, 2 },
	{ "the emptiest block goes first",
	  "m##.....m#######", 3, "........m#######", PULL_REASON_DONE, 2 },
	{ "a whole block and the rest from a partial one",
	  "m#######m###....m#######", 10,
	  "m#######........m#.....", PULL_REASON_DONE, 0 },
	{ "the rest comes from what is partial already",
	  "k###....m#######", 2, "k#......m#######", PULL_REASON_DONE, 1 },
	{ "the rest comes from the top of the highest movable block",
	  "m#######m#######k#######", 3,
	  "m#######m####...k#######", PULL_REASON_DONE, 1 },
	{ "what cannot move stays, all else goes",
	  "m###!###", 8, "m...!...", PULL_REASON_BUSY, 0 },
	{ "a block that cannot be emptied makes room for one that can",
	  "m#######m######!", 8, "........m######!", PULL_REASON_DONE, 0 },
	{ "a block that cannot be removed keeps its memmap",
	  "M#######", 8, "M.......", PULL_REASON_BUSY, 0 },
	{ "nothing in use", "", 5, "", PULL_REASON_NOTHING, 0 },
	{ "more asked than there is",
	  "m#######", 20, "........", PULL_REASON_NOTHING, 2 },
	/* All 7; 3, 3 and 1; three single ones; the last in two more passes */
	{ "the pieces of a partial block are tried in one call",
	  "m#####!#", 7, "m.....!.", PULL_REASON_BUSY, 5 },
	{ "holes in a block cost no extra call",
	  "m#.#.#.#", 5, "........", PULL_REASON_DONE, 2 },
};

static void each_window_ends_as_drawn(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(plans); i++) {
		struct text_kdev t = text_kdev(plans[i].before);
		struct text_kdev want = text_kdev(plans[i].after);
		uint32_t released;
		int rc;
		enum pull_reason reason = run_job(&t, plans[i].nr, &rc,
						  &released);

		if (strcmp(t.text, want.text) || rc ||
		    reason != plans[i].reason)
			fail_msg("%s: %s, %s", plans[i].name, t.text,
				 pull_reason_text(reason));
		if (plans[i].calls && t.calls != plans[i].calls)
			fail_msg("%s: %u calls", plans[i].name, t.calls);
	}
}

static void a_pull_stops_exactly_at_the_floor(void **state)
{
	(void)state;
	for (uint32_t floor = 0; floor <= 21; floor++) {
		struct text_kdev t = text_kdev("m#######m#######k#######");
		uint32_t released;
		int rc;
		enum pull_reason reason;

		t.floor_online = floor;
		reason = run_job(&t, 24, &rc, &released);
		assert_int_equal(text_count(t.text, 0, WINDOW), floor);
		assert_int_equal(reason, floor ? PULL_REASON_FLOOR :
						 PULL_REASON_DONE);
	}
}

static void a_fault_of_the_driver_ends_the_pull_and_is_told(void **state)
{
	struct text_kdev t = text_kdev("m#######");
	uint32_t released;
	int rc;

	(void)state;
	t.fault = -EIO;
	assert_int_equal(run_job(&t, 3, &rc, &released), PULL_REASON_FAULT);
	assert_int_equal(rc, -EIO);
	assert_int_equal(t.calls, 1);
}

static void no_room_is_told_as_such(void **state)
{
	struct text_kdev t = text_kdev("m#######");
	uint32_t released;
	int rc;

	(void)state;
	t.fault = -ENOMEM;
	assert_int_equal(run_job(&t, 3, &rc, &released), PULL_REASON_NO_ROOM);
	assert_int_equal(rc, 0);
}

static void draw_window(struct text_kdev *t)
{
	for (uint32_t b = 0; b < WINDOW; b += BLOCK) {
		int kind = (int)(random() % 6);

		if (!kind)
			continue;
		memset(t->text + b, "mmmkMK"[kind], t->memmap);
		for (uint32_t g = b + t->memmap; g < b + BLOCK; g++)
			t->text[g] = "####.!"[random() % 6];
	}
}

/* What a pull of @nr could have given, were it to know everything. */
static uint32_t movable_granules(const char *text)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < WINDOW; i++)
		n += text[i] == '#';
	return n;
}

static void what_was_not_begun_comes_next(void **state)
{
	(void)state;
	for (unsigned int slow = 0; slow < 4; slow++) {
		struct text_kdev t = text_kdev("m#!##!##m#####!#");
		uint32_t released;
		int rc;

		t.slow = slow;
		assert_int_equal(run_job(&t, 12, &rc, &released),
				 PULL_REASON_BUSY);
		assert_int_equal(released, 11);
		assert_string_equal(t.text, text_kdev("m.!..!..m.....!.").text);
	}
}

static void random_windows_give_all_they_can_and_never_more(void **state)
{
	(void)state;
	for (unsigned int seed = 1; seed <= 5000; seed++) {
		struct text_kdev t = text_kdev("");
		uint32_t nr, can, released;
		enum pull_reason reason;
		int rc;

		srandom(seed);
		t.memmap = 1 + (uint32_t)random() % 3;
		t.slow = (unsigned int)random() % 3;
		draw_window(&t);
		nr = 1 + (uint32_t)random() % 70;
		can = movable_granules(t.text);
		reason = run_job(&t, nr, &rc, &released);
		if (rc || released < MIN(nr, can) ||
		    (released == nr) != (reason == PULL_REASON_DONE))
			fail_msg("seed %u: asked %u, could %u, gave %u, %s",
				 seed, nr, can, released,
				 pull_reason_text(reason));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_window_ends_as_drawn),
		cmocka_unit_test(a_pull_stops_exactly_at_the_floor),
		cmocka_unit_test(
			a_fault_of_the_driver_ends_the_pull_and_is_told),
		cmocka_unit_test(no_room_is_told_as_such),
		cmocka_unit_test(what_was_not_begun_comes_next),
		cmocka_unit_test(
			random_windows_give_all_they_can_and_never_more),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
