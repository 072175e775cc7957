/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * world.c - The driver's calls, and all that can be seen of their effect
 */

#include "world.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

struct world world = { .fd = -1 };
char why[256];

/* Note why a test fails. Return: -1, for the test to return */
int fail(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	if (!why[0])
		vsnprintf(why, sizeof(why), format, args);
	va_end(args);
	return -1;
}

/* Seeing what the kernel says */

long read_value(const char *path, const char *key)
{
	char line[256];
	long value = -1;
	FILE *f = fopen(path, "re");

	if (!f)
		return -1;
	while (value < 0 && fgets(line, sizeof(line), f)) {
		if (!strncmp(line, key, strlen(key)))
			value = strtol(line + strlen(key), NULL, 10);
	}
	fclose(f);
	return value;
}

long mem_total_kb(void)
{
	return read_value("/proc/meminfo", "MemTotal:");
}

int write_text(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC), ret = 0;

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		ret = -errno;
	if (fd >= 0)
		close(fd);
	return ret;
}

uint64_t granule_pfn(uint32_t granule)
{
	return world.info.window_gfn + granule * (GRANULE / PAGE);
}

ssize_t read_page_flags(uint64_t pfn, uint64_t *flags, size_t nr)
{
	int fd = open("/proc/kpageflags", O_RDONLY | O_CLOEXEC);
	ssize_t len = pread(fd, flags, nr * 8, pfn * 8);

	close(fd);
	return len < 0 ? 0 : len / 8;
}

uint64_t page_frame(const void *p)
{
	int fd = open("/proc/self/pagemap", O_RDONLY | O_CLOEXEC);
	uint64_t entry = 0;

	if (pread(fd, &entry, 8, (uintptr_t)p / PAGE * 8) != 8)
		entry = 0;
	close(fd);
	return entry >> 63 ? entry & ((1UL << 55) - 1) : 0;
}

static const char *state_path(uint32_t block)
{
	uint64_t pfn = granule_pfn(block * world.per_block);
	static char path[96];

	snprintf(path, sizeof(path), "/sys/devices/system/memory/memory%"
		 PRIu64 "/state", pfn * PAGE / (world.per_block * GRANULE));
	return path;
}

int set_state(uint32_t block, const char *state)
{
	return write_text(state_path(block), state);
}

bool block_is_online(uint32_t block)
{
	int fd = open(state_path(block), O_RDONLY | O_CLOEXEC);
	char text[16] = "";
	bool online = read(fd, text, sizeof(text) - 1) > 0 &&
		      !strncmp(text, "online", 6);

	close(fd);
	return online;
}

int load_module(const char *path, const char *parameters)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	int ret = syscall(SYS_finit_module, fd, parameters, 0) ? -errno : 0;

	close(fd);
	return ret;
}

int unload_module(const char *name)
{
	return syscall(SYS_delete_module, name, O_NONBLOCK) ? -errno : 0;
}

/* The driver's calls: 0 or -errno */

int call(unsigned long cmd, void *arg)
{
	return ioctl(world.fd, cmd, arg) ? -errno : 0;
}

int open_device(void)
{
	world.fd = open("/dev/memtide", O_RDWR | O_CLOEXEC);
	return world.fd < 0 ? -errno : 0;
}

void close_device(void)
{
	close(world.fd);
	world.fd = -1;
}

void note_used(uint32_t first, uint32_t nr, bool used)
{
	for (uint32_t i = first; i < first + nr; i++) {
		world.used[i] = used;
		world.touched[i] |= used;
	}
}

int batch(unsigned long cmd, struct memtide_range *ranges, uint32_t nr,
	  uint32_t budget_ms)
{
	struct memtide_batch req = {
		.ranges = (uintptr_t)ranges, .nr = nr, .budget_ms = budget_ms,
		.flags = cmd == MEMTIDE_IOC_PULL ? world.pull_flags : 0,
	};

	return call(cmd, &req);
}

/* A batch of one: its error, or that of the call */
static int one_range(unsigned long cmd, struct memtide_range *r)
{
	int ret = batch(cmd, r, 1, 0);

	if (!ret && !r->error && r->done != r->nr)
		return -EPROTO;
	return ret ? ret : r->error;
}

int online(uint32_t first, uint32_t nr, uint32_t zone)
{
	struct memtide_range r = { .first = first, .nr = nr, .zone = zone };
	int ret = one_range(MEMTIDE_IOC_ONLINE, &r);

	note_used(first, r.done, true);
	return ret;
}

int pull(uint32_t first, uint32_t nr, uint64_t floor_pages)
{
	struct memtide_range r = {
		.first = first, .nr = nr, .floor_pages = floor_pages,
	};
	int ret = one_range(MEMTIDE_IOC_PULL, &r);

	if (!ret)
		note_used(first, nr, false);
	return ret;
}

int block_info(uint32_t index, struct memtide_block *block)
{
	*block = (struct memtide_block){ .index = index };
	return call(MEMTIDE_IOC_BLOCK, block);
}

int remove_block(uint32_t index)
{
	struct memtide_block block = { .index = index };
	int ret = call(MEMTIDE_IOC_REMOVE, &block);

	if (!ret)
		note_used(index * world.per_block, world.info.memmap_granules,
		     false);
	return ret;
}

int read_used(bool *used)
{
	uint64_t words[MAX_GRANULES / 64] = { 0 };
	uint32_t nr = NR_BLOCKS * world.per_block;
	struct memtide_state req = { .nr = nr, .bitmap = (uintptr_t)words };
	int ret = call(MEMTIDE_IOC_STATE, &req);

	for (uint32_t i = 0; i < nr; i++)
		used[i] = words[i / 64] >> (i % 64) & 1;
	return ret;
}

/* Comparing all that can be seen with the test's own record */

static int check_page_flags(uint32_t block, bool present)
{
	static uint64_t flags[1024 * 512];
	uint64_t first = granule_pfn(block * world.per_block);
	size_t nr = world.per_block * (GRANULE / PAGE);
	ssize_t len = read_page_flags(first, flags, nr);

	if (!present) {
		CHECK(!len || flags[0] >> KPF_NOPAGE & 1,
		      "absent block %u has pages", block);
		return 0;
	}
	CHECK(len == (ssize_t)nr, "kpageflags of block %u: %zd", block, len);
	for (size_t i = 0; i < nr; i++) {
		bool used = world.used[block * world.per_block + i / 512];
		bool offline = flags[i] >> KPF_OFFLINE & 1;
		bool other = flags[i] & (1 << KPF_LRU | 1 << KPF_BUDDY |
					 1 << KPF_NOPAGE);

		CHECK(offline != used && !(offline && other),
		      "page %zu of block %u: flags %" PRIx64 ", %s", i, block,
		      flags[i], used ? "in use" : "not in use");
	}
	return 0;
}

int check_world(void)
{
	static bool used[MAX_GRANULES];
	long expected_kb = world.base_kb;
	int ret = read_used(used);

	CHECK(!ret, "STATE: %s", strerror(-ret));
	for (uint32_t i = 0; i < NR_BLOCKS * world.per_block; i++) {
		CHECK(used[i] == world.used[i], "granule %u: %s in use", i,
		      used[i] ? "is" : "is not");
		if (used[i] &&
		    i % world.per_block >= world.info.memmap_granules)
			expected_kb += GRANULE_KB;
	}
	CHECK(mem_total_kb() == expected_kb, "MemTotal %ld, expected %ld",
	      mem_total_kb(), expected_kb);

	for (uint32_t b = 0; b < NR_BLOCKS; b++) {
		bool *mine = &used[b * world.per_block];
		struct memtide_block block;
		uint32_t nr = 0;

		for (uint32_t i = world.info.memmap_granules;
		     i < world.per_block; i++)
			nr += mine[i];
		CHECK(!block_info(b, &block), "BLOCK %u", b);
		CHECK(block.online == nr, "block %u: %u online, expected %u", b,
		      block.online, nr);
		CHECK((block.zone == MEMTIDE_ZONE_NONE) == !mine[0],
		      "block %u in zone %u", b, block.zone);
		TRY(check_page_flags(b, mine[0]));
	}
	return 0;
}

int pull_patiently(uint32_t first, uint32_t nr)
{
	int ret = -EBUSY;

	for (int i = 0; i < 100 && ret == -EBUSY; i++)
		ret = pull(first, nr, 0);
	CHECK(!ret, "pull of %u at %u: %s", nr, first, strerror(-ret));
	return 0;
}

int remove_all(void)
{
	for (uint32_t b = 0; b < NR_BLOCKS; b++) {
		uint32_t first = b * world.per_block + world.info.memmap_granules;
		uint32_t nr = world.per_block - world.info.memmap_granules;
		int ret;

		TRY(pull_patiently(first, nr));
		ret = remove_block(b);
		CHECK(!ret, "removal of block %u: %s", b, strerror(-ret));
	}
	TRY(check_world());
	CHECK(mem_total_kb() == world.base_kb, "MemTotal not back");
	return 0;
}
