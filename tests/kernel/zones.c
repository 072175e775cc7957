/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * zones.c - Managed pages of every node and zone, exact to the page
 */

#include "zones.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "world.h"

#define MAX_ZONES	32

struct zone {
	int node;
	char name[16];
	long managed;		/* pages */
};

static struct zone base[MAX_ZONES];
static int nr_base;

static int read_zones(struct zone *zones)
{
	char line[256];
	int nr = 0;
	FILE *f = fopen("/proc/zoneinfo", "re");

	while (f && nr < MAX_ZONES && fgets(line, sizeof(line), f)) {
		struct zone *z = &zones[nr];

		if (sscanf(line, "Node %d, zone %15s", &z->node, z->name) == 2)
			z->managed = 0;
		else if (sscanf(line, " managed %ld", &z->managed) == 1)
			nr++;
	}
	if (f)
		fclose(f);
	return nr;
}

static struct zone *find(struct zone *zones, int *nr, int node,
			 const char *name)
{
	struct zone *z;

	for (int i = 0; i < *nr; i++) {
		if (zones[i].node == node && !strcmp(zones[i].name, name))
			return &zones[i];
	}
	z = &zones[(*nr)++];
	*z = (struct zone){ .node = node };
	strcpy(z->name, name);
	return z;
}

int zones_note(void)
{
	nr_base = read_zones(base);
	CHECK(nr_base, "nothing in zoneinfo");
	return 0;
}

int block_node(uint32_t block)
{
	uint64_t id = granule_pfn(block * world.per_block) * PAGE /
		      (world.per_block * GRANULE);
	char path[96];

	for (int node = 0; node < 8; node++) {
		snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%"
			 PRIu64 "/node%d", id, node);
		if (!access(path, F_OK))
			return node;
	}
	return -1;
}

int zones_check(void)
{
	struct zone now[MAX_ZONES], want[MAX_ZONES];
	int nr_now = read_zones(now), nr_want = nr_base;

	memcpy(want, base, sizeof(want));
	for (uint32_t b = 0; b < NR_BLOCKS; b++) {
		struct memtide_block block;
		const char *name;

		CHECK(!block_info(b, &block), "BLOCK %u", b);
		if (block.zone == MEMTIDE_ZONE_NONE)
			continue;
		name = block.zone == MEMTIDE_ZONE_KERNEL ? "Normal" : "Movable";
		CHECK(block_node(b) >= 0, "block %u has no node", b);
		find(want, &nr_want, block_node(b), name)->managed +=
			block.online * (GRANULE / PAGE);
	}
	for (int i = 0; i < nr_want; i++) {
		const struct zone *w = &want[i];
		struct zone *z = find(now, &nr_now, w->node, w->name);

		CHECK(z->managed == w->managed,
		      "node %d zone %s: %ld pages managed, expected %ld",
		      w->node, w->name, z->managed, w->managed);
	}
	CHECK(nr_now == nr_want, "%d zones, expected %d", nr_now, nr_want);
	return 0;
}
