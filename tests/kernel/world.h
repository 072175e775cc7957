/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * world.h - The driver's calls, and all that can be seen of their effect
 *
 * The test keeps its own record of which granules are in use. check_world()
 * compares it with the driver's state bitmap and block counts, MemTotal to the
 * kB, and the flags of each page of each block in /proc/kpageflags.
 */

#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "memtide.h"

#define PAGE		4096UL
#define GRANULE		(2UL << 20)
#define GRANULE_KB	2048L
#define NR_BLOCKS	12	/* of the window, that tests use */
#define MAX_GRANULES	(NR_BLOCKS * 1024)

/* Source: include/uapi/linux/kernel-page-flags.h */
#define KPF_LRU		5
#define KPF_BUDDY	10
#define KPF_HWPOISON	19
#define KPF_NOPAGE	20
#define KPF_OFFLINE	23

struct world {
	int fd;			/* of the device, -1 if closed */
	struct memtide_info info;
	uint32_t per_block;	/* granules */
	uint32_t pull_flags;	/* MEMTIDE_PULL_* */
	long base_kb;		/* MemTotal with nothing added */
	bool used[MAX_GRANULES];
	bool touched[MAX_GRANULES];	/* has ever been in use */
};

extern struct world world;
extern char why[256];	/* why the present test failed */

/* Note why a test fails. Return: -1, for the test to return */
__attribute__((format(printf, 1, 2))) int fail(const char *format, ...);

#define CHECK(cond, ...) do { if (!(cond)) return fail(__VA_ARGS__); } while (0)
#define TRY(call) do { if (call) return -1; } while (0)

/* The number after @key in a file like /proc/meminfo, or -1 */
long read_value(const char *path, const char *key);
long mem_total_kb(void);
int write_text(const char *path, const char *text);
uint64_t granule_pfn(uint32_t granule);

/* The flags of pages in kpageflags: the number read, less if there is no page */
ssize_t read_page_flags(uint64_t pfn, uint64_t *flags, size_t nr);

/* The page frame that a page of this process lies in, 0 if in none */
uint64_t page_frame(const void *p);

/* The memory block's state in sysfs: offline, online_movable, ... */
int set_state(uint32_t block, const char *state);
bool block_is_online(uint32_t block);

/* 0 or -errno */
int load_module(const char *path, const char *parameters);
int unload_module(const char *name);

/* The driver's calls: 0 or -errno. They keep the record of what is in use. */
int open_device(void);
void close_device(void);
int call(unsigned long cmd, void *arg);
int batch(unsigned long cmd, struct memtide_range *ranges, uint32_t nr,
	  uint32_t budget_ms);	/* note_used() what it did */
void note_used(uint32_t first, uint32_t nr, bool used);
int online(uint32_t first, uint32_t nr, uint32_t zone);
int pull(uint32_t first, uint32_t nr, uint64_t floor_pages);
int block_info(uint32_t index, struct memtide_block *block);
int remove_block(uint32_t index);
int read_used(bool *used);

/* 0, or -1 with the reason noted */
int check_world(void);
int pull_patiently(uint32_t first, uint32_t nr);	/* while -EBUSY */
int remove_all(void);

#endif /* WORLD_H */
