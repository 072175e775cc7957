/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_reserve.c - Memory set aside for domains that are to be built
 *
 * The service and the balancer are the real ones, on the simulated machine.
 */
#include "fake_world.h"

#include <errno.h>

#include "reserve.h"

#define GRANULE_COST	514u	/* pages that a guest's granule is admitted for */

struct desk {
	struct world *w;
	struct balance *balance;
	struct reserve *reserve;
	struct reserve_status told[4];
	unsigned int nr_told;
	struct reservation *drop;	/* once told of */
};

static struct desk desk;

static void on_changed(void *ctx, const struct reserve_status *now)
{
	struct desk *d = ctx;

	assert_true(d->nr_told < ARRAY_SIZE(d->told));
	d->told[d->nr_told++] = *now;
	reserve_drop(d->drop);
	d->drop = NULL;
}

static void on_granted(void *ctx, uint32_t granules)
{
	reserve_granted(((struct desk *)ctx)->reserve, granules);
}

static int open_desk(void **state)
{
	struct balance_conf conf = {
		.burst_kib = 2048, .granted = on_granted, .ctx = &desk,
	};

	if (setup(state))
		return -1;
	desk = (struct desk){ .w = *state };
	assert_int_equal(balance_open(desk.w->service, &conf, &desk.balance),
			 0);
	assert_int_equal(reserve_open(desk.w->service, desk.balance,
				      &desk.reserve), 0);
	return 0;
}

static int close_desk(void **state)
{
	reserve_close(desk.reserve);
	balance_close(desk.balance);
	return teardown(state);
}

static struct reservation *add(uint32_t granules, const char *domain)
{
	struct reservation *v = NULL;
	char why[256] = "";

	if (reserve_add(desk.reserve, granules, domain, on_changed, &desk, &v,
			why, sizeof(why)))
		fail_msg("%u granules for \"%s\": %s", granules, domain, why);
	return v;
}

static void refuse(uint32_t granules, const char *domain, int error,
		   const char *why)
{
	struct reservation *v = NULL;
	char text[256] = "";

	assert_int_equal(reserve_add(desk.reserve, granules, domain,
				     on_changed, &desk, &v, text,
				     sizeof(text)), error);
	assert_null(v);
	if (!strstr(text, why))
		fail_msg("\"%s\" does not say \"%s\"", text, why);
}

static uint32_t held(const struct reservation *v)
{
	return reserve_status(v).held;
}

static void settle(void)
{
	for (int i = 0; i < 100; i++)
		fake_turn(&desk.w->fakes[0]);
}

/* Until the domains were looked at, and a bit. */
static void look(void)
{
	int64_t end_us = guest_now_us() + 3 * RESERVE_LOOK_MS * 1000;

	while (guest_now_us() < end_us)
		fake_turn(&desk.w->fakes[0]);
}

static uint64_t free_pages(void)
{
	uint64_t total, unused;

	sim_host_pages(desk.w->m, &total, &unused);
	return unused;
}

static uint32_t build(const char *name, uint32_t pages)
{
	struct sim_domain_config c = config;
	uint32_t domid;

	snprintf(c.name, sizeof(c.name), "%s", name);
	c.boot_pages = pages;
	c.uuid[0] = 0x77;
	assert_int_equal(sim_domain_create(desk.w->m, &c, &domid), 0);
	return domid;
}

static void what_is_free_is_set_aside_and_promised(void **state)
{
	struct reservation *v = add(100, "");
	char why[256];

	(void)state;
	settle();
	assert_int_equal(held(v), 100);
	assert_int_equal(desk.nr_told, 1);
	assert_int_equal(desk.told[0].held, 100);
	assert_int_equal(service_promised(desk.w->service), 100 * 512);
	/* I4: no guest gets any of it, and all of the rest. */
	greet(desk.w, 0);
	assert_int_equal(set(desk.w, 0, (uint32_t)(free_pages() / GRANULE_COST),
			     why), -ENOMEM);
	assert_int_equal(set(desk.w, 0, (uint32_t)((free_pages() - 100 * 512) /
						   GRANULE_COST), why), 0);
	reserve_drop(v);
	assert_int_equal(desk.w->service->reserved, 0);
}

static void what_is_impossible_is_refused_with_what_is_possible(void **state)
{
	struct reservation *v;

	(void)state;
	/* HOST_PAGES leaves 1028 granules of 512 pages and some for tables */
	refuse(2000, "", -ENOMEM, "4000 MiB are not possible: 2048 MiB are");
	v = add(1000, "");
	settle();
	refuse(200, "", -ENOMEM, "400 MiB are not possible: 54 MiB are");
	reserve_drop(v);
	v = add(1000, "");
	/* What another waits for is not possible either. */
	refuse(200, "", -ENOMEM, "400 MiB are not possible: 48 MiB are");
	reserve_drop(v);
	refuse(10, "d1", -EEXIST, "\"d1\" is there already");
}

static void several_are_served_in_their_order(void **state)
{
	struct reservation *first, *second;

	(void)state;
	first = add(10, "");
	second = add(20, "");
	reserve_granted(desk.reserve, 15);
	assert_int_equal(held(first), 10);
	assert_int_equal(held(second), 5);
	assert_int_equal(desk.w->service->reserved, 15 * 512);
	settle();
	assert_int_equal(held(second), 20);
	assert_int_equal(desk.w->service->reserved, 30 * 512);
	reserve_drop(first);
	assert_int_equal(desk.w->service->reserved, 20 * 512);
	reserve_drop(second);
	/* What nobody waits for any longer is nobody's. */
	reserve_granted(desk.reserve, 5);
	assert_int_equal(desk.w->service->reserved, 0);
}

static void what_the_domain_takes_is_not_promised_twice(void **state)
{
	struct reservation *v = add(100, "new");
	uint32_t domid;

	(void)state;
	settle();
	domid = build("new", 60 * 512 + 7);
	look();
	assert_int_equal(reserve_status(v).taken, 60);
	assert_int_equal(held(v), 100);
	assert_int_equal(desk.w->service->reserved, 40 * 512 - 7);
	/* The build failed: what it gave back is set aside again. */
	assert_int_equal(sim_domain_destroy(desk.w->m, domid), 0);
	look();
	assert_int_equal(reserve_status(v).taken, 0);
	assert_int_equal(desk.w->service->reserved, 100 * 512);
	build("new", 100 * 512);
	look();
	assert_int_equal(desk.told[desk.nr_told - 1].taken, 100);
	assert_int_equal(desk.w->service->reserved, 0);
	reserve_drop(v);
}

static void a_domain_is_known_by_its_uuid_as_well(void **state)
{
	struct reservation *v =
		add(10, "77000000-0000-0000-0000-000000000000");

	(void)state;
	settle();
	build("whatever", 4 * 512);
	look();
	assert_int_equal(reserve_status(v).taken, 4);
	reserve_drop(v);
}

static void a_domain_that_is_faster_than_its_reservation_uses_it_up(void **state)
{
	struct reservation *v = add(100, "new");

	(void)state;
	build("new", 70 * 512);
	look();
	/* Only what is missing was set aside. */
	assert_int_equal(reserve_status(v).taken, 70);
	assert_int_equal(held(v), 100);
	assert_int_equal(desk.w->service->reserved, 30 * 512);
	reserve_drop(v);
}

static void whoever_is_told_may_drop_it(void **state)
{
	struct reservation *other = add(5, "");

	(void)state;
	desk.drop = add(10, "");
	settle();
	assert_int_equal(held(other), 5);
	assert_int_equal(desk.w->service->reserved, 5 * 512);
	reserve_drop(other);
	desk.drop = NULL;
}

#define DESK(f) cmocka_unit_test_setup_teardown(f, open_desk, close_desk)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DESK(what_is_free_is_set_aside_and_promised),
		DESK(what_is_impossible_is_refused_with_what_is_possible),
		DESK(several_are_served_in_their_order),
		DESK(what_the_domain_takes_is_not_promised_twice),
		DESK(a_domain_is_known_by_its_uuid_as_well),
		DESK(a_domain_that_is_faster_than_its_reservation_uses_it_up),
		DESK(whoever_is_told_may_drop_it),
	};

	if (!getenv("VERBOSE"))
		log_set_level(LOG_LEVEL_ERR - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
