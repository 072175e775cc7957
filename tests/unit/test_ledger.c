/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_ledger.c - The ledger against tables, and against arrays of bools
 *
 * Windows are drawn as text, a letter a granule: '.' empty, 'o' idle, '#'
 * exposed; what is not drawn is empty.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ledger.h"

#define WINDOW		64u	/* of the tables, blocks of 8 granules */
#define BLOCK		8u
#define ROUNDS		20000u

static void draw(struct ledger *l, uint32_t memmap, const char *text)
{
	assert_int_equal(ledger_init(l, WINDOW, BLOCK, memmap), 0);
	for (uint32_t i = 0; text[i]; i++) {
		if (text[i] != '.')
			ledger_set_backed(l, (struct granules){ i, 1 });
		if (text[i] == '#')
			ledger_set_exposed(l, (struct granules){ i, 1 });
	}
}

/**
 * struct find_case - a window, a limit, and the run to be found
 * @nr:	0 if there is none
 */
struct find_case {
	const char *text;
	uint32_t memmap, max, first, nr;
};

static void check_find(const struct find_case *c, size_t nr,
		       bool (*find)(const struct ledger *l, uint32_t max,
				    struct granules *ret))
{
	for (size_t i = 0; i < nr; i++, c++) {
		struct granules r = { 77, 77 };
		struct ledger l;

		draw(&l, c->memmap, c->text);
		assert_int_equal(find(&l, c->max, &r), c->nr != 0);
		assert_int_equal(r.first, c->nr ? c->first : 77);
		assert_int_equal(r.nr, c->nr ? c->nr : 77);
		ledger_done(&l);
	}
}

static void test_the_highest_idle_run_is_given_back_first(void **state)
{
	static const struct find_case cases[] = {
		{ "", 1, 8, 0, 0 },
		{ "########", 1, 8, 0, 0 },
		{ "o", 1, 8, 0, 1 },
		{ "oooo", 1, 8, 0, 4 },
		{ "oooo", 1, 2, 2, 2 },
		{ "oo#oo#..", 1, 8, 3, 2 },
		{ "oooooooooooo", 1, 64, 0, 12 },	/* across blocks */
		{ "o..................................o", 1, 9, 35, 1 },
	};

	(void)state;
	check_find(cases, ARRAY_SIZE(cases), ledger_last_idle);
}

static void test_a_block_is_exposed_with_its_memmap_first(void **state)
{
	static const struct find_case cases[] = {
		{ "", 1, 8, 0, 0 },
		{ "########", 1, 8, 0, 0 },
		{ "oooooooo", 1, 8, 0, 8 },
		{ "oooooooo", 1, 3, 0, 3 },
		{ "#ooooooo", 1, 8, 1, 7 },
		{ "#..oo..o", 1, 8, 3, 2 },
		/* No memmap: not to be exposed, but the next block may be. */
		{ ".ooooooo", 1, 8, 0, 0 },
		{ ".ooooooooooooooo", 1, 8, 8, 8 },
		/* Not all of the memmap. */
		{ "o.oooooo", 2, 8, 0, 0 },
		{ "oo", 2, 8, 0, 2 },
		{ "#o.ooooo", 2, 8, 0, 0 },
		{ "##.ooooo", 2, 8, 3, 5 },
		/* Never across a block. */
		{ "#####ooooooo", 1, 64, 5, 3 },
		/* Without memmap, anything goes. */
		{ "...oo", 0, 8, 3, 2 },
	};

	(void)state;
	check_find(cases, ARRAY_SIZE(cases), ledger_next_ready);
}

static void test_holes_are_filled_before_a_new_block_is_opened(void **state)
{
	static const struct find_case cases[] = {
		{ "", 1, 64, 0, 8 },
		{ "", 1, 3, 0, 3 },
		{ "####", 1, 64, 4, 4 },
		{ "########", 1, 64, 8, 8 },
		{ "........##.o####", 1, 64, 10, 1 },
		{ "........########", 1, 64, 0, 8 },
		{ "################################"
		  "################################", 1, 64, 0, 0 },
		{ "################################"
		  "###############################.", 1, 64, 63, 1 },
	};

	(void)state;
	check_find(cases, ARRAY_SIZE(cases), ledger_next_empty);
}

static void test_a_run_outside_of_the_window_is_not_contained(void **state)
{
	static const struct {
		struct granules r;
		bool contained;
	} cases[] = {
		{ { 0, 1 }, true },	{ { 0, WINDOW }, true },
		{ { 63, 1 }, true },	{ { 0, 0 }, false },
		{ { 64, 1 }, false },	{ { 63, 2 }, false },
		{ { 1, WINDOW }, false }, { { UINT32_MAX, 2 }, false },
		{ { 1, UINT32_MAX }, false },
	};
	struct ledger l;

	(void)state;
	draw(&l, 1, "");
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
		assert_int_equal(ledger_contains(&l, cases[i].r),
				 cases[i].contained);
	ledger_done(&l);
}

static void test_what_is_exposed_and_not_backed_is_told_and_not_taken(void **state)
{
	struct ledger l;

	(void)state;
	draw(&l, 1, "");
	assert_int_equal(ledger_load_backed(&l, 0, 0x0f), 0);
	assert_int_equal(ledger_load_exposed(&l, 0, 0x33), 0x30);
	assert_int_equal(l.exposed[0], 0x03);
	assert_int_equal(l.nr_backed, 4);
	assert_int_equal(l.nr_exposed, 2);
	ledger_clear(&l);
	assert_int_equal(l.nr_backed + l.nr_exposed, 0);
	assert_int_equal(l.backed[0] | l.exposed[0], 0);
	ledger_done(&l);
}

/* The same said simply ------------------------------------------------- */

#define NAIVE_MAX	256u

struct naive {
	uint32_t granules, block, memmap;
	bool backed[NAIVE_MAX], exposed[NAIVE_MAX];
};

static bool naive_idle(const struct naive *n, uint32_t i)
{
	return n->backed[i] && !n->exposed[i];
}

static bool naive_last_idle(const struct naive *n, uint32_t max,
			    struct granules *ret)
{
	ret->nr = 0;
	for (uint32_t i = n->granules; i-- > 0 && ret->nr < max;) {
		if (naive_idle(n, i))
			*ret = (struct granules){ i, ret->nr + 1 };
		else if (ret->nr)
			break;
	}
	return ret->nr;
}

/* Granules from @first, to the block's end, that are idle or that are empty */
static uint32_t naive_run(const struct naive *n, uint32_t first, uint32_t max,
			  bool idle)
{
	uint32_t nr = 0;

	do {
		uint32_t i = first + nr;

		if (idle ? !naive_idle(n, i) : n->backed[i])
			break;
		nr++;
	} while (nr < max && (first + nr) % n->block);
	return nr;
}

static bool naive_next_ready(const struct naive *n, uint32_t max,
			     struct granules *ret)
{
	for (uint32_t i = 0; i < n->granules; i++) {
		uint32_t start = i / n->block * n->block, exposed = 0;

		*ret = (struct granules){ i, naive_run(n, i, max, true) };
		for (uint32_t k = start; k < start + n->memmap; k++)
			exposed += n->exposed[k];
		if (ret->nr && (exposed == n->memmap ||
				(i == start && ret->nr >= n->memmap)))
			return true;
	}
	return false;
}

static bool naive_next_empty(const struct naive *n, uint32_t max,
			     struct granules *ret)
{
	for (unsigned int touched = 2; touched-- > 0;) {
		for (uint32_t i = 0; i < n->granules; i++) {
			uint32_t start = i / n->block * n->block, backed = 0;

			for (uint32_t k = start; k < start + n->block; k++)
				backed += n->backed[k];
			*ret = (struct granules){ i, naive_run(n, i, max,
							       false) };
			if (ret->nr && (backed > 0) == touched)
				return true;
		}
	}
	return false;
}

static void compare_run(bool found, struct granules r, bool expected,
			struct granules e)
{
	assert_int_equal(found, expected);
	if (found) {
		assert_int_equal(r.first, e.first);
		assert_int_equal(r.nr, e.nr);
	}
}

static void compare(const struct ledger *l, const struct naive *n)
{
	uint32_t backed = 0, exposed = 0;
	uint32_t max = 1 + n->memmap + (uint32_t)rand() % 64;
	struct granules r, e;
	bool found;

	for (uint32_t i = 0; i < n->granules; i++) {
		backed += n->backed[i];
		exposed += n->exposed[i];
		assert_int_equal(l->backed[i / 64] >> i % 64 & 1, n->backed[i]);
		assert_int_equal(ledger_is_exposed(l, (struct granules){ i, 1 }),
				 n->exposed[i]);
	}
	assert_int_equal(l->nr_backed, backed);
	assert_int_equal(l->nr_exposed, exposed);
	assert_int_equal(ledger_nr_idle(l), backed - exposed);
	found = ledger_last_idle(l, max, &r);
	compare_run(found, r, naive_last_idle(n, max, &e), e);
	found = ledger_next_ready(l, max, &r);
	compare_run(found, r, naive_next_ready(n, max, &e), e);
	found = ledger_next_empty(l, max, &r);
	compare_run(found, r, naive_next_empty(n, max, &e), e);
}

static bool all_of(const bool *map, struct granules r, bool value)
{
	for (uint32_t i = r.first; i < r.first + r.nr; i++) {
		if (map[i] != value)
			return false;
	}
	return true;
}

static void set_all(bool *map, struct granules r, bool value)
{
	for (uint32_t i = r.first; i < r.first + r.nr; i++)
		map[i] = value;
}

static void load(struct ledger *l, struct naive *n)
{
	uint32_t first = (uint32_t)rand() % (n->granules / 64) * 64;
	uint64_t backed = (uint64_t)rand() << 33 ^ (uint64_t)rand() << 11;
	uint64_t exposed = (uint64_t)rand() << 32 ^ (uint64_t)rand();

	assert_int_equal(ledger_load_backed(l, first, backed), 0);
	assert_int_equal(ledger_load_exposed(l, first, exposed),
			 exposed & ~backed);
	for (uint32_t i = 0; i < 64; i++) {
		n->backed[first + i] = backed >> i & 1;
		n->exposed[first + i] = backed & exposed & 1ull << i;
	}
}

/* Only what I1 allows: what it forbids is an ASSERT. */
static void change(struct ledger *l, struct naive *n)
{
	struct granules r;

	r.first = (uint32_t)rand() % n->granules;
	r.nr = 1 + (uint32_t)rand() % MIN(n->granules - r.first, 20u);
	switch (rand() % 9) {
	case 0:
		load(l, n);
		break;
	case 1:
	case 2:
		ledger_set_backed(l, r);
		set_all(n->backed, r, true);
		break;
	case 3:
	case 4:
		if (!all_of(n->exposed, r, false))
			break;
		ledger_clear_backed(l, r);
		set_all(n->backed, r, false);
		break;
	case 5:
	case 6:
		if (!all_of(n->backed, r, true))
			break;
		ledger_set_exposed(l, r);
		set_all(n->exposed, r, true);
		break;
	default:
		ledger_clear_exposed(l, r);
		set_all(n->exposed, r, false);
		break;
	}
}

static void test_random_changes_agree_with_arrays_of_bools(void **state)
{
	static const struct { uint32_t granules, block, memmap; } shapes[] = {
		{ 64, 8, 1 }, { 64, 8, 0 }, { 128, 64, 1 }, { 192, 64, 3 },
		{ 256, 128, 16 }, { 64, 1, 0 },
	};

	(void)state;
	srand(1);
	for (size_t i = 0; i < ARRAY_SIZE(shapes); i++) {
		struct naive n = { shapes[i].granules, shapes[i].block,
				   shapes[i].memmap, { 0 }, { 0 } };
		struct ledger l;

		assert_int_equal(ledger_init(&l, n.granules, n.block, n.memmap),
				 0);
		for (uint32_t k = 0; k < ROUNDS; k++) {
			change(&l, &n);
			compare(&l, &n);
		}
		ledger_done(&l);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_the_highest_idle_run_is_given_back_first),
		cmocka_unit_test(test_a_block_is_exposed_with_its_memmap_first),
		cmocka_unit_test(test_holes_are_filled_before_a_new_block_is_opened),
		cmocka_unit_test(test_a_run_outside_of_the_window_is_not_contained),
		cmocka_unit_test(test_what_is_exposed_and_not_backed_is_told_and_not_taken),
		cmocka_unit_test(test_random_changes_agree_with_arrays_of_bools),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
