/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * poison.c - Memory errors in pages that are offline, exposed and taken
 */

#include "poison.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "world.h"
#include "zones.h"

#define PAGES	(GRANULE / PAGE)

static int report(uint32_t granule, uint32_t page)
{
	char addr[32];

	snprintf(addr, sizeof(addr), "%#" PRIx64,
		 (granule_pfn(granule) + page) * PAGE);
	return write_text("/sys/devices/system/memory/hard_offline_page", addr);
}

static int forget(uint32_t granule, uint32_t page)
{
	char pfn[32];

	snprintf(pfn, sizeof(pfn), "%" PRIu64, granule_pfn(granule) + page);
	return write_text("/sys/kernel/debug/hwpoison/unpoison-pfn", pfn);
}

static uint64_t flag(uint32_t granule, uint32_t page, unsigned int bit)
{
	uint64_t flags = 0;

	read_page_flags(granule_pfn(granule) + page, &flags, 1);
	return flags >> bit & 1;
}

static int ignored(uint32_t granule)
{
	for (uint32_t page = 0; page < PAGES; page += 73) {
		CHECK(report(granule, page), "acted upon");
		CHECK(!flag(granule, page, KPF_HWPOISON), "noted");
	}
	return 0;
}

/* The page allocator does not have them, so it has nothing to avoid. */
int test_errors_where_nothing_is_ignored(void)
{
	CHECK(!online(0, 10, MEMTIDE_ZONE_MOVABLE), "online");
	TRY(ignored(30));	/* never online */
	CHECK(!pull(5, 2, 0), "pull");
	TRY(ignored(5));	/* taken back */
	TRY(check_world());
	CHECK(!online(5, 2, MEMTIDE_ZONE_MOVABLE) &&
	      !online(30, 1, MEMTIDE_ZONE_MOVABLE), "online");
	TRY(check_world());
	TRY(zones_check());
	return remove_all();
}

/* A page of the granule that is free, -1 if there is none */
static int free_page(uint32_t granule)
{
	for (uint32_t page = 17; page < PAGES; page++) {
		if (flag(granule, page, KPF_BUDDY))
			return page;
	}
	return -1;
}

/*
 * A granule with an error in it is not given back: neither is the page the
 * host's any more, nor may the error be forgotten. All else is.
 */
int test_granule_with_error_stays(void)
{
	int page, ret;

	CHECK(!online(0, 10, MEMTIDE_ZONE_MOVABLE), "online");
	page = free_page(7);
	CHECK(page >= 0, "no free page");
	ret = report(7, page);
	CHECK(!ret && flag(7, page, KPF_HWPOISON), "report: %s",
	      strerror(-ret));
	TRY(check_world());
	ret = pull(7, 1, 0);
	CHECK(ret == -EBUSY, "pull: %s", strerror(-ret));
	CHECK(!pull(3, 3, 0), "pull of others");
	TRY(check_world());
	TRY(zones_check());

	CHECK(!forget(7, page) && !flag(7, page, KPF_HWPOISON), "unpoison");
	TRY(pull_patiently(7, 1));
	TRY(check_world());
	TRY(zones_check());
	return remove_all();
}

/* The kernel does not bring it back online; the driver can still remove it. */
int test_block_with_error_goes_offline(void)
{
	int page, ret;

	CHECK(!online(0, 10, MEMTIDE_ZONE_MOVABLE), "online");
	page = free_page(7);
	CHECK(page >= 0, "no free page");
	ret = report(7, page);
	CHECK(!ret, "report: %s", strerror(-ret));
	CHECK(!set_state(0, "offline"), "offline");
	CHECK(mem_total_kb() == world.base_kb, "MemTotal %ld, was %ld",
	      mem_total_kb(), world.base_kb);
	ret = set_state(0, "online_movable");
	CHECK(ret == -EHWPOISON, "online: %s", strerror(-ret));
	CHECK(!pull(1, 63, 0), "pull");
	CHECK(!remove_block(0), "removal");
	TRY(check_world());
	TRY(zones_check());

	CHECK(!online(0, 10, MEMTIDE_ZONE_MOVABLE), "added anew");
	TRY(check_world());
	TRY(zones_check());
	return remove_all();
}
