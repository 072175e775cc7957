/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_sim_machine.c - The simulated machine keeps the rules of the real one
 */
#include "sim_machine.h"

#include <errno.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "cases.h"

#define BLOCK		64u
#define WINDOW		256u
#define BOOT_PAGES	65536u		/* 256 MiB */
#define HOST_PAGES	(BOOT_PAGES + 200u * GRANULE_PAGES)
#define KERNEL		1u
#define MOVABLE		2u
#define NO_FAULT	((struct sim_faults){ 0 })

static char dir[PATH_MAX];
static struct sim_machine *m;
static uint32_t dom;

static struct sim_domain_config config(const char *name)
{
	struct sim_domain_config c = {
		.uuid = { 1, 2, 3 },
		.boot_pages = BOOT_PAGES,
		.block_granules = BLOCK,
		.memmap_granules = 1,
		.window_gfn = 0x100000,
		.window_granules = WINDOW,
		.used_pages = 1000,
	};

	snprintf(c.name, sizeof(c.name), "%s", name);
	return c;
}

static int setup(void **state)
{
	struct sim_domain_config c = config("db1");
	const char *base = getenv("TMPDIR");

	(void)state;
	snprintf(dir, sizeof(dir), "%s/memtide-test.XXXXXX",
		 base ? base : "/tmp");
	if (!mkdtemp(dir) || sim_create(dir, HOST_PAGES, 3, WINDOW, 42) ||
	    sim_open(dir, &m) || sim_domain_create(m, &c, &dom))
		return -1;
	return sim_set_max(m, dom, UINT64_MAX);
}

static void remove_file(const char *name)
{
	char path[PATH_MAX + 32];

	snprintf(path, sizeof(path), "%s/%s", dir, name);
	unlink(path);
}

static int teardown(void **state)
{
	(void)state;
	sim_close(m);
	remove_file("machine");
	remove_file("domains");
	remove_file("1.lock");
	return rmdir(dir);
}

static void assert_no_violation(void)
{
	char text[128];

	if (sim_violations(m, text, sizeof(text)))
		fail_msg("%s", text);
}

static void back(uint32_t first, uint32_t nr)
{
	uint32_t done;

	assert_int_equal(sim_populate(m, dom, (struct granules){ first, nr },
				      &done), 0);
	assert_int_equal(done, nr);
}

static void put_online(uint32_t first, uint32_t nr, uint32_t zone)
{
	uint32_t done;

	assert_int_equal(sim_online(m, dom, (struct granules){ first, nr },
				    zone, &done), 0);
	assert_int_equal(done, nr);
}

static uint64_t free_pages(void)
{
	uint64_t total, left;

	sim_host_pages(m, &total, &left);
	assert_int_equal(total, HOST_PAGES);
	return left;
}

static uint64_t held_pages(void)
{
	struct sim_domain_info info;

	assert_int_equal(sim_domain_info(m, dom, &info), 0);
	return info.pages;
}

/* The ioctls' rules, one call after the other on one guest: blocks 0 and 1
 * are backed, block 2 is not, block 3 is backed in its first granule */

enum call { ONLINE, PULL, REMOVE, USED };

static const struct step {
	const char *what;
	enum call call;
	uint32_t first, nr;	/* REMOVE: @first is the block */
	uint64_t arg;		/* zone; or floor, or used, in pages */
	int rc;
	uint32_t done;
} steps[] = {
	{ "no granule", ONLINE, 0, 0, MOVABLE, -EINVAL, 0 },
	{ "no zone", ONLINE, 0, 1, 0, -EINVAL, 0 },
	{ "a zone too many", ONLINE, 0, 1, 3, -EINVAL, 0 },
	{ "two blocks", ONLINE, 0, 65, MOVABLE, -EINVAL, 0 },
	{ "across a block's end", ONLINE, 63, 2, MOVABLE, -EINVAL, 0 },
	{ "behind the window", ONLINE, WINDOW, 1, MOVABLE, -EINVAL, 0 },
	{ "a number that wraps", ONLINE, UINT32_MAX, 2, MOVABLE, -EINVAL, 0 },
	{ "an absent block's second", ONLINE, 1, 1, MOVABLE, -ENXIO, 0 },
	{ "pull from an absent block", PULL, 1, 5, 0, 0, 5 },
	{ "remove an absent block", REMOVE, 0, 0, 0, 0, 0 },
	{ "remove behind the window", REMOVE, 4, 0, 0, -EINVAL, 0 },
	{ "memmap alone", ONLINE, 0, 1, MOVABLE, 0, 1 },
	{ "more of the block", ONLINE, 1, 3, MOVABLE, 0, 3 },
	{ "the same again", ONLINE, 0, 4, MOVABLE, 0, 4 },
	{ "a whole block", ONLINE, 64, 64, KERNEL, 0, 64 },
	{ "a block with memmap only", ONLINE, 192, 1, KERNEL, 0, 1 },
	{ "pull memmap", PULL, 0, 1, 0, -EINVAL, 0 },
	{ "pull memmap and more", PULL, 0, 4, 0, -EINVAL, 0 },
	{ "pull over the end of a block", PULL, 63, 2, 0, -EINVAL, 0 },
	{ "remove a block with granules online", REMOVE, 0, 0, 0, -EBUSY, 0 },
	/* 65536 boot + 66 online granules of 512, 1000 used: 98328 available */
	{ "one page below the floor", PULL, 1, 1, 98328 - 512 + 1, -ENOSPC,
	  0 },
	{ "just the floor", PULL, 1, 1, 98328 - 512, 0, 1 },
	{ "nothing left to pull, floor or not", PULL, 1, 1, UINT64_MAX, 0, 1 },
	{ "half of it online", PULL, 1, 2, 0, 0, 2 },
	{ "the last one", PULL, 3, 1, 0, 0, 1 },
	{ "remove an empty block", REMOVE, 0, 0, 0, 0, 0 },
	{ "remove it again", REMOVE, 0, 0, 0, 0, 0 },
	{ "programs use all but one granule", USED, 0, 0,
	  BOOT_PAGES + 62 * 512, 0, 0 },
	{ "no room for two", PULL, 65, 2, 0, -ENOMEM, 0 },
	{ "room for one", PULL, 65, 1, 0, 0, 1 },
	{ "no room for another", PULL, 65, 2, 0, -ENOMEM, 1 },
	{ "more used than there is", USED, 0, 0, BOOT_PAGES + 62 * 512 + 1,
	  -ENOMEM, 0 },
};

static int do_step(const struct step *s, uint32_t *done)
{
	const struct granules r = { s->first, s->nr };

	*done = 0;
	switch (s->call) {
	case ONLINE:
		return sim_online(m, dom, r, (uint32_t)s->arg, done);
	case PULL:
		return sim_pull(m, dom, r, s->arg, done);
	case REMOVE:
		return sim_remove(m, dom, s->first);
	case USED:
		return sim_domain_set_used(m, dom, (uint32_t)s->arg);
	}
	return -1;
}

static void the_guest_kernel_answers_as_uapi_says(void **state)
{
	uint32_t done;

	(void)state;
	back(0, 2 * BLOCK);
	back(3 * BLOCK, 1);
	for (size_t i = 0; i < ARRAY_SIZE(steps); i++) {
		case_is("%s", steps[i].what);
		case_int_equal(do_step(&steps[i], &done), steps[i].rc);
		case_int_equal(done, steps[i].done);
		assert_no_violation();
	}
}

static void a_block_comes_with_all_of_its_memmap(void **state)
{
	struct sim_domain_config c = config("large blocks");
	uint32_t done, zone, online;
	uint64_t map;

	(void)state;
	assert_int_equal(sim_domain_destroy(m, dom), 0);
	c.memmap_granules = 3;
	assert_int_equal(sim_domain_create(m, &c, &dom), 0);
	assert_int_equal(sim_set_max(m, dom, UINT64_MAX), 0);
	back(0, 5);
	assert_int_equal(sim_online(m, dom, (struct granules){ 0, 2 }, KERNEL,
				    &done), -ENXIO);
	put_online(0, 3, KERNEL);
	put_online(3, 2, KERNEL);
	assert_int_equal(sim_pull(m, dom, (struct granules){ 2, 2 }, 0, &done),
			 -EINVAL);
	assert_int_equal(sim_pull(m, dom, (struct granules){ 3, 2 }, 0, &done),
			 0);
	assert_int_equal(sim_block(m, dom, 0, &zone, &online), 0);
	assert_int_equal(online, 0);
	assert_int_equal(sim_in_use(m, dom, 0, 64, &map), 0);
	assert_int_equal(map, 7);
	assert_no_violation();
}

static void state_block_and_meminfo_tell_of_every_granule(void **state)
{
	uint64_t in_use[WINDOW / 64], backed[WINDOW / 64], total, available;
	uint32_t zone, online;

	(void)state;
	back(0, 10);
	back(128, 3);
	put_online(0, 8, MOVABLE);
	put_online(128, 1, KERNEL);
	assert_int_equal(sim_in_use(m, dom, 0, WINDOW, in_use), 0);
	assert_int_equal(sim_backed(m, dom, 0, WINDOW, backed), 0);
	assert_int_equal(in_use[0], 0xff);
	assert_int_equal(backed[0], 0x3ff);
	assert_int_equal(in_use[1] | backed[1] | in_use[3] | backed[3], 0);
	assert_int_equal(in_use[2], 1);
	assert_int_equal(backed[2], 7);
	assert_int_equal(sim_in_use(m, dom, 128, 64, in_use), 0);
	assert_int_equal(in_use[0], 1);
	assert_int_equal(sim_in_use(m, dom, 1, 64, in_use), -EINVAL);
	assert_int_equal(sim_backed(m, dom, 0, 63, in_use), -EINVAL);
	assert_int_equal(sim_backed(m, dom, 64, WINDOW, backed), -EINVAL);

	assert_int_equal(sim_block(m, dom, 0, &zone, &online), 0);
	assert_int_equal(zone, MOVABLE);
	assert_int_equal(online, 7);
	assert_int_equal(sim_block(m, dom, 1, &zone, &online), 0);
	assert_int_equal(zone, 0);
	assert_int_equal(sim_block(m, dom, 2, &zone, &online), 0);
	assert_int_equal(zone, KERNEL);
	assert_int_equal(online, 0);
	assert_int_equal(sim_block(m, dom, 4, &zone, &online), -EINVAL);

	assert_int_equal(sim_meminfo(m, dom, &total, &available), 0);
	assert_int_equal(total, (BOOT_PAGES + 7 * 512) * 4);
	assert_int_equal(available, total - 1000 * 4);
	assert_no_violation();
}

static void the_host_counts_every_page(void **state)
{
	uint32_t done;

	(void)state;
	assert_int_equal(free_pages(), 200 * 512);
	back(0, 100);
	assert_int_equal(free_pages(), 100 * 512);
	assert_int_equal(held_pages(), BOOT_PAGES + 100 * 512);
	assert_int_equal(sim_populate(m, dom, (struct granules){ 100, 156 },
				      &done), -ENOMEM);
	assert_int_equal(done, 100);
	assert_int_equal(free_pages(), 0);
	assert_int_equal(sim_take(m, dom, (struct granules){ 0, 200 }, &done),
			 0);
	assert_int_equal(done, 200);
	assert_int_equal(free_pages(), 200 * 512);
	assert_int_equal(held_pages(), BOOT_PAGES);
	assert_no_violation();
}

static void a_domain_cannot_hold_more_than_its_maximum(void **state)
{
	uint32_t done;

	(void)state;
	assert_int_equal(sim_set_max(m, dom, BOOT_PAGES + 10 * 512 + 511), 0);
	assert_int_equal(sim_populate(m, dom, (struct granules){ 0, 11 },
				      &done), -ENOMEM);
	assert_int_equal(done, 10);
	assert_int_equal(sim_set_max(m, dom, BOOT_PAGES), 0);
	assert_int_equal(sim_populate(m, dom, (struct granules){ 10, 1 },
				      &done), -ENOMEM);
	assert_int_equal(done, 0);
}

static void online_of_what_is_not_backed_breaks_the_law(void **state)
{
	char text[128];
	uint32_t done;

	(void)state;
	back(0, 4);
	assert_int_equal(sim_online(m, dom, (struct granules){ 0, 5 }, KERNEL,
				    &done), -EIO);
	assert_int_equal(done, 0);
	assert_int_equal(sim_violations(m, text, sizeof(text)), 1);
	assert_string_equal(text, "online of granule 4 of domain 1 not backed");
}

static void take_of_what_is_in_use_breaks_the_law(void **state)
{
	char text[128];
	uint32_t done;

	(void)state;
	back(0, 4);
	put_online(0, 2, KERNEL);
	assert_int_equal(sim_take(m, dom, (struct granules){ 2, 1 }, &done), 0);
	assert_no_violation();
	/* The memmap of a present block is in use too. */
	assert_int_equal(sim_take(m, dom, (struct granules){ 0, 1 }, &done),
			 -EBUSY);
	assert_int_equal(done, 0);
	assert_int_equal(sim_take(m, dom, (struct granules){ 1, 1 }, &done),
			 -EBUSY);
	assert_int_equal(sim_violations(m, text, sizeof(text)), 2);
	assert_string_equal(text, "take of granule 0 of domain 1 in use");
	assert_int_equal(held_pages(), BOOT_PAGES + 3 * 512);
	/* What is not backed cannot be taken: wrong, but harmless. */
	assert_int_equal(sim_take(m, dom, (struct granules){ 3, 2 }, &done),
			 -EINVAL);
	assert_int_equal(sim_violations(m, text, sizeof(text)), 2);
}

static void populate_of_what_is_backed_breaks_the_law(void **state)
{
	char text[128];
	uint32_t done;

	(void)state;
	back(0, 4);
	assert_int_equal(sim_populate(m, dom, (struct granules){ 3, 2 }, &done),
			 -EINVAL);
	assert_int_equal(done, 0);
	assert_int_equal(sim_violations(m, text, sizeof(text)), 1);
	assert_int_equal(held_pages(), BOOT_PAGES + 4 * 512);
}

/* Faults */

static void a_fault_of_chance_1000_is_sure_and_of_0_never(void **state)
{
	struct sim_faults f = NO_FAULT;
	uint32_t done;

	(void)state;
	f.populate_refused = 1000;
	sim_set_faults(m, &f);
	assert_int_equal(sim_populate(m, dom, (struct granules){ 0, 8 }, &done),
			 -ENOMEM);
	assert_int_equal(done, 0);
	f = NO_FAULT;
	f.populate_partial = 1000;
	sim_set_faults(m, &f);
	assert_int_equal(sim_populate(m, dom, (struct granules){ 0, 64 },
				      &done), -ENOMEM);
	assert_in_range(done, 0, 63);
	assert_int_equal(held_pages(), BOOT_PAGES + done * 512);
	f = NO_FAULT;
	sim_set_faults(m, &f);
	back(done, 64 - done);

	f.take_partial = 1000;
	sim_set_faults(m, &f);
	assert_int_equal(sim_take(m, dom, (struct granules){ 32, 32 }, &done),
			 -EBUSY);
	assert_in_range(done, 0, 31);
	f = NO_FAULT;
	f.online_fails = 1000;
	sim_set_faults(m, &f);
	assert_int_equal(sim_online(m, dom, (struct granules){ 0, 8 }, KERNEL,
				    &done), -ENOMEM);
	assert_int_equal(done, 0);
	f = NO_FAULT;
	f.pull_busy = 1000;
	sim_set_faults(m, &f);
	put_online(0, 8, KERNEL);
	assert_int_equal(sim_pull(m, dom, (struct granules){ 1, 7 }, 0, &done),
			 -EBUSY);
	assert_int_equal(done, 0);
	assert_no_violation();
}

/* A populate of one granule and its taking back, @n times: the outcomes */
static uint64_t outcomes(struct sim_machine *sim, uint32_t domid)
{
	const struct granules r = { 0, 1 };
	uint64_t bits = 0;
	uint32_t done;

	for (int i = 0; i < 60; i++) {
		bool ok = !sim_populate(sim, domid, r, &done);

		bits = bits << 1 | ok;
		if (ok)
			assert_int_equal(sim_take(sim, domid, r, &done), 0);
	}
	return bits;
}

static void a_seed_gives_the_same_faults_again(void **state)
{
	static const struct sim_faults f = { .populate_refused = 500 };
	static const uint64_t seeds[] = { 7, 7, 8 };
	struct sim_domain_config c = config("db1");
	uint64_t got[ARRAY_SIZE(seeds)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(seeds); i++) {
		sim_close(m);
		remove_file("machine");
		assert_int_equal(sim_create(dir, HOST_PAGES, 3, WINDOW,
					    seeds[i]), 0);
		assert_int_equal(sim_open(dir, &m), 0);
		assert_int_equal(sim_domain_create(m, &c, &dom), 0);
		assert_int_equal(sim_set_max(m, dom, UINT64_MAX), 0);
		sim_set_faults(m, &f);
		got[i] = outcomes(m, dom);
	}
	assert_int_equal(got[0], got[1]);
	assert_int_not_equal(got[0], got[2]);
}

/* Domains */

static const struct config_case {
	const char *what;
	size_t offset;
	uint32_t value;
	int rc;
} config_cases[] = {
#define FIELD(f) offsetof(struct sim_domain_config, f)
	{ "no block size", FIELD(block_granules), 0, -EINVAL },
	{ "blocks too large", FIELD(block_granules), 2048, -EINVAL },
	{ "a block of memmap only", FIELD(memmap_granules), BLOCK, -EINVAL },
	{ "the largest window", FIELD(window_granules), WINDOW, 0 },
	{ "a window too large", FIELD(window_granules), WINDOW + BLOCK,
	  -EINVAL },
	{ "a window of half a block", FIELD(window_granules), BLOCK / 2,
	  -EINVAL },
	{ "no window", FIELD(window_granules), 0, 0 },
	{ "all boot memory used", FIELD(used_pages), 1024, 0 },
	{ "more used than boot memory", FIELD(used_pages), 1025, -EINVAL },
	{ "as much as the host has", FIELD(boot_pages), 200 * 512, 0 },
	{ "more than the host has", FIELD(boot_pages), 200 * 512 + 1, -ENOMEM },
};

static void a_domain_is_what_the_machine_can_hold(void **state)
{
	uint32_t domid = 0, last = dom;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(config_cases); i++) {
		const struct config_case *c = &config_cases[i];
		struct sim_domain_config cfg = config("other");

		case_is("%s", c->what);
		cfg.boot_pages = 1024;
		memcpy((uint8_t *)&cfg + c->offset, &c->value,
		       sizeof(c->value));
		case_int_equal(sim_domain_create(m, &cfg, &domid), c->rc);
		if (c->rc)
			continue;
		assert_true(domid > last);
		last = domid;
		case_int_equal(sim_domain_destroy(m, domid), 0);
	}
	case_int_equal(free_pages(), 200 * 512);
}

static void names_and_slots_are_taken_once(void **state)
{
	struct sim_domain_config c = config("db1");
	struct sim_domain_info infos[4];
	uint32_t a, b, nr;

	(void)state;
	assert_int_equal(sim_domain_create(m, &c, &a), -EEXIST);
	c = config("a");
	c.boot_pages = 1024;
	assert_int_equal(sim_domain_create(m, &c, &a), 0);
	strcpy(c.name, "b");
	assert_int_equal(sim_domain_create(m, &c, &b), 0);
	strcpy(c.name, "c");
	assert_int_equal(sim_domain_create(m, &c, &b), -ENOSPC);
	assert_int_equal(sim_domains(m, infos, 4, &nr), 0);
	assert_int_equal(nr, 3);
	assert_string_equal(infos[1].name, "a");
	assert_int_equal(infos[1].domid, a);
	assert_int_equal(infos[1].pages, 1024);
	assert_int_equal(infos[1].max_pages, 1024);
	assert_int_equal(sim_domains(m, infos, 2, &nr), 0);
	assert_int_equal(nr, 2);
}

static void a_destroyed_domain_gives_all_back_and_answers_esrch(void **state)
{
	struct sim_domain_config c = config("db1");
	uint64_t map[WINDOW / 64], x;
	struct sim_domain_info info;
	uint32_t old = dom, done, zone;
	char value[8];

	(void)state;
	back(0, 100);
	put_online(0, 64, KERNEL);
	assert_int_equal(sim_store_write(m, dom, "target", "1"), 0);
	assert_int_equal(sim_domain_destroy(m, dom), 0);
	assert_int_equal(free_pages(), HOST_PAGES);
	assert_int_equal(sim_domain_destroy(m, old), -ESRCH);
	assert_int_equal(sim_domain_info(m, old, &info), -ESRCH);
	assert_int_equal(sim_backed(m, old, 0, 64, map), -ESRCH);
	assert_int_equal(sim_online(m, old, (struct granules){ 0, 1 }, KERNEL,
				    &done), -ESRCH);
	assert_int_equal(sim_meminfo(m, old, &x, &x), -ESRCH);
	assert_int_equal(sim_guest_attach(m, old), -ESRCH);

	/* Its slot is as new for the next. */
	assert_int_equal(sim_domain_create(m, &c, &dom), 0);
	assert_int_equal(dom, old + 1);
	assert_int_equal(sim_backed(m, dom, 0, WINDOW, map), 0);
	assert_int_equal(map[0] | map[1], 0);
	assert_int_equal(sim_block(m, dom, 0, &zone, &done), 0);
	assert_int_equal(zone, 0);
	assert_int_equal(sim_store_read(m, dom, "target", value,
					sizeof(value)), -ENOENT);
}

static bool was_touched(int fd)
{
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf));

	return n > 0;
}

static void domains_coming_and_going_is_seen_by_inotify(void **state)
{
	struct sim_domain_config c = config("other");
	int fd = inotify_init1(IN_NONBLOCK);
	char path[PATH_MAX + 16];
	uint32_t domid;

	(void)state;
	c.boot_pages = 1024;
	snprintf(path, sizeof(path), "%s/domains", dir);
	assert_true(inotify_add_watch(fd, path, IN_CLOSE_WRITE) >= 0);
	assert_false(was_touched(fd));
	assert_int_equal(sim_domain_create(m, &c, &domid), 0);
	assert_true(was_touched(fd));
	assert_int_equal(sim_domain_destroy(m, domid), 0);
	assert_true(was_touched(fd));
	close(fd);
}

static void the_store_keeps_16_keys_and_their_last_values(void **state)
{
	char key[SIM_KEY_MAX + 1], value[SIM_VALUE_MAX + 1];

	(void)state;
	for (unsigned int i = 0; i < 2 * SIM_STORE_MAX; i++) {
		snprintf(key, sizeof(key), "key%u", i % SIM_STORE_MAX);
		snprintf(value, sizeof(value), "value%u", i);
		assert_int_equal(sim_store_write(m, dom, key, value), 0);
	}
	assert_int_equal(sim_store_write(m, dom, "one more", ""), -ENOSPC);
	assert_int_equal(sim_store_read(m, dom, "key3", value, sizeof(value)),
			 0);
	assert_string_equal(value, "value19");
	assert_int_equal(sim_store_read(m, dom, "key3", value, 8), 0);
	assert_int_equal(sim_store_read(m, dom, "key3", value, 7), -ENOBUFS);
	assert_int_equal(sim_store_read(m, dom, "none", value, sizeof(value)),
			 -ENOENT);
	memset(key, 'k', SIM_KEY_MAX);
	key[SIM_KEY_MAX] = '\0';
	assert_int_equal(sim_store_write(m, dom, key, "x"), -EINVAL);
	memset(value, 'v', SIM_VALUE_MAX);
	value[SIM_VALUE_MAX] = '\0';
	assert_int_equal(sim_store_write(m, dom, "key0", value), -EINVAL);
	value[SIM_VALUE_MAX - 1] = '\0';
	assert_int_equal(sim_store_write(m, dom, "key0", value), 0);
}

static void a_machine_is_made_once_and_only_a_machine_is_opened(void **state)
{
	struct sim_machine *other;
	char path[PATH_MAX + 16];
	FILE *f;

	(void)state;
	assert_int_equal(sim_create(dir, HOST_PAGES, 3, WINDOW, 1), -EEXIST);
	assert_int_equal(sim_create(dir, HOST_PAGES, 0, WINDOW, 1), -EINVAL);
	assert_int_equal(sim_open("/nonexistent", &other), -ENOENT);
	remove_file("machine");
	snprintf(path, sizeof(path), "%s/machine", dir);
	f = fopen(path, "w");
	assert_non_null(f);
	for (int i = 0; i < 4096; i++)
		fputc('x', f);
	fclose(f);
	assert_int_equal(sim_open(dir, &other), -EINVAL);
}

/* Processes */

static pid_t start_attached(int ready)
{
	pid_t pid = fork();
	struct sim_machine *mine;

	if (pid)
		return pid;
	if (sim_open(dir, &mine) || sim_guest_attach(mine, dom))
		_exit(1);
	if (write(ready, "x", 1) != 1)
		_exit(1);
	for (;;)
		pause();
}

static void one_process_attaches_until_it_dies(void **state)
{
	int ready[2];
	pid_t pid;
	char x;

	(void)state;
	assert_int_equal(pipe(ready), 0);
	pid = start_attached(ready[1]);
	assert_true(pid > 0);
	close(ready[1]);
	assert_int_equal(read(ready[0], &x, 1), 1);
	assert_int_equal(sim_guest_attach(m, dom), -EBUSY);
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
	assert_int_equal(sim_guest_attach(m, dom), 0);
	close(ready[0]);
}

/* Grows and shrinks a guest for ever, as its host and its kernel. */
static void churn(void)
{
	const struct granules all = { 0, BLOCK }, rest = { 1, BLOCK - 1 };
	struct sim_machine *mine;
	uint32_t done;

	if (sim_open(dir, &mine))
		_exit(1);
	for (;;) {
		for (uint32_t g = 0; g < BLOCK; g++)
			sim_populate(mine, dom, (struct granules){ g, 1 },
				     &done);
		sim_online(mine, dom, all, MOVABLE, &done);
		sim_pull(mine, dom, rest, 0, &done);
		sim_remove(mine, dom, 0);
		sim_take(mine, dom, all, &done);
	}
}

static void set_right(void)
{
	uint64_t map;
	uint32_t done;

	assert_int_equal(sim_pull(m, dom, (struct granules){ 1, BLOCK - 1 }, 0,
				  &done), 0);
	assert_int_equal(sim_remove(m, dom, 0), 0);
	assert_int_equal(sim_backed(m, dom, 0, BLOCK, &map), 0);
	for (uint32_t g = 0; g < BLOCK; g++)
		if (map >> g & 1)
			assert_int_equal(sim_take(m, dom,
						  (struct granules){ g, 1 },
						  &done), 0);
}

static void a_process_killed_anywhere_leaves_a_consistent_machine(void **state)
{
	uint64_t map, total, available;

	(void)state;
	for (int i = 0; i < 200; i++) {
		const struct timespec ts = { 0, 200000 + i % 37 * 20000 };
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (!pid)
			churn();
		nanosleep(&ts, NULL);
		kill(pid, SIGKILL);
		waitpid(pid, NULL, 0);

		assert_int_equal(sim_backed(m, dom, 0, BLOCK, &map), 0);
		assert_int_equal(held_pages(), BOOT_PAGES +
				 (uint64_t)__builtin_popcountll(map) * 512);
		assert_int_equal(sim_meminfo(m, dom, &total, &available), 0);
		set_right();
		assert_int_equal(held_pages(), BOOT_PAGES);
		assert_int_equal(free_pages(), 200 * 512);
	}
}

#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(the_guest_kernel_answers_as_uapi_says),
		T(a_block_comes_with_all_of_its_memmap),
		T(state_block_and_meminfo_tell_of_every_granule),
		T(the_host_counts_every_page),
		T(a_domain_cannot_hold_more_than_its_maximum),
		T(online_of_what_is_not_backed_breaks_the_law),
		T(take_of_what_is_in_use_breaks_the_law),
		T(populate_of_what_is_backed_breaks_the_law),
		T(a_fault_of_chance_1000_is_sure_and_of_0_never),
		T(a_seed_gives_the_same_faults_again),
		T(a_domain_is_what_the_machine_can_hold),
		T(names_and_slots_are_taken_once),
		T(a_destroyed_domain_gives_all_back_and_answers_esrch),
		T(domains_coming_and_going_is_seen_by_inotify),
		T(the_store_keeps_16_keys_and_their_last_values),
		T(a_machine_is_made_once_and_only_a_machine_is_opened),
		T(one_process_attaches_until_it_dies),
		T(a_process_killed_anywhere_leaves_a_consistent_machine),
	};

	return cmocka_run_group_tests_name("sim_machine", tests, NULL, NULL);
}
