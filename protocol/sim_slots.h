/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sim_slots.h - The machine's file: its layout, its lock, and the setters that
 * keep the counts
 *
 * Private to sim_machine.c and to the judge of tests/sim, who must see all of
 * it at one moment. sim_machine.c's theory of operation says what may be torn
 * by a kill and what not.
 */
#ifndef MEMTIDE_SIM_SLOTS_H
#define MEMTIDE_SIM_SLOTS_H

#include <errno.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>

#include "sim_faults.h"
#include "sim_machine.h"

#define SIM_MAGIC	0x316d69736d656d74ull	/* "tmemsim1" */
#define SIM_TEXT_MAX	128u
#define WORD_BITS	64u
#define PERMILLE	1000u

/* As in uapi/memtide.h, which belongs to kdev alone. */
#define SIM_ZONE_NONE		0u
#define SIM_ZONE_KERNEL		1u
#define SIM_ZONE_MOVABLE	2u

/**
 * struct sim_entry - one key of a domain's store
 * @used:	the entry exists
 * @current:	which of @value is valid; the other is written first
 */
struct sim_entry {
	uint32_t used;
	uint32_t current;
	char key[SIM_KEY_MAX];
	char value[2][SIM_VALUE_MAX];
};

/**
 * struct sim_slot - a domain, followed in the file by its maps
 * @alive:	0 = a free slot, whose other fields mean nothing
 * @restarts:	it has shut down and is to be created again
 * @ballooned:	pages of boot memory that its balloon driver has given away
 * @nr_backed, @nr_online: bits in the maps; made anew after a crash
 */
struct sim_slot {
	uint32_t alive;
	uint32_t domid;
	uint32_t restarts;
	struct sim_domain_config config;
	uint64_t max_pages;
	uint64_t ballooned;
	uint32_t nr_backed;
	uint32_t nr_online;
	struct sim_entry store[SIM_STORE_MAX];
};

struct sim_file {
	uint64_t magic;
	uint64_t file_bytes;
	uint64_t slot_bytes;
	uint64_t host_pages;
	uint32_t max_domains;
	uint32_t window_granules_max;
	uint32_t next_domid;
	uint64_t random;
	struct sim_faults faults;
	struct sim_plan plan;
	uint64_t nr_violations;
	char first_violation[SIM_TEXT_MAX];
	pthread_mutex_t lock;
};

/**
 * struct sim_machine - one process's view
 * @lock_fd:	of the domain this handle has attached to, or -1
 */
struct sim_machine {
	struct sim_file *file;
	int lock_fd;
	char dir[PATH_MAX];
};

/**
 * struct sim_domain - a slot with its maps, found under the lock
 * @backed, @online:	bit per granule
 * @zone:		enum memtide_zone per block
 */
struct sim_domain {
	struct sim_slot *slot;
	uint64_t *backed;
	uint64_t *online;
	uint8_t *zone;
};

/* Slots and maps */

static inline size_t sim_round_up(size_t n, size_t align)
{
	return (n + align - 1) / align * align;
}

static inline size_t sim_map_words(const struct sim_file *f)
{
	return (f->window_granules_max + WORD_BITS - 1) / WORD_BITS;
}

static inline struct sim_domain sim_domain_at(const struct sim_machine *m,
					      uint32_t i)
{
	uint8_t *base = (uint8_t *)m->file +
			sim_round_up(sizeof(struct sim_file), WORD_BITS) +
			i * m->file->slot_bytes;
	struct sim_domain d;

	d.slot = (struct sim_slot *)base;
	d.backed = (uint64_t *)(base + sim_round_up(sizeof(struct sim_slot),
						    WORD_BITS));
	d.online = d.backed + sim_map_words(m->file);
	d.zone = (uint8_t *)(d.online + sim_map_words(m->file));
	return d;
}

static inline bool map_test(const uint64_t *map, uint32_t i)
{
	return map[i / WORD_BITS] >> (i % WORD_BITS) & 1;
}

static inline void map_set(uint64_t *map, uint32_t i)
{
	map[i / WORD_BITS] |= 1ull << (i % WORD_BITS);
}

static inline void map_clear(uint64_t *map, uint32_t i)
{
	map[i / WORD_BITS] &= ~(1ull << (i % WORD_BITS));
}

static inline uint32_t map_count(const uint64_t *map, size_t words)
{
	uint32_t n = 0;

	for (size_t i = 0; i < words; i++)
		n += (uint32_t)__builtin_popcountll(map[i]);
	return n;
}

/* The only writers of the maps; the counts move along. */
static inline void granule_set_backed(struct sim_domain *d, uint32_t g,
				      bool backed)
{
	if (map_test(d->backed, g) == backed)
		return;
	if (backed) {
		map_set(d->backed, g);
		d->slot->nr_backed++;
	} else {
		map_clear(d->backed, g);
		d->slot->nr_backed--;
	}
}

static inline void granule_set_online(struct sim_domain *d, uint32_t g,
				      bool online)
{
	if (map_test(d->online, g) == online)
		return;
	if (online) {
		map_set(d->online, g);
		d->slot->nr_online++;
	} else {
		map_clear(d->online, g);
		d->slot->nr_online--;
	}
}

static inline bool granule_is_memmap(const struct sim_domain *d, uint32_t g)
{
	const struct sim_domain_config *c = &d->slot->config;

	return g % c->block_granules < c->memmap_granules;
}

static inline bool granule_in_use(const struct sim_domain *d, uint32_t g)
{
	if (d->zone[g / d->slot->config.block_granules] == SIM_ZONE_NONE)
		return false;
	return granule_is_memmap(d, g) || map_test(d->online, g);
}

static inline uint64_t domain_pages(const struct sim_domain *d)
{
	return d->slot->config.boot_pages - d->slot->ballooned +
	       (uint64_t)d->slot->nr_backed * GRANULE_PAGES;
}

/* Pages the guest's allocator owns */
static inline uint64_t guest_pages(const struct sim_domain *d)
{
	return d->slot->config.boot_pages - d->slot->ballooned +
	       (uint64_t)d->slot->nr_online * GRANULE_PAGES;
}

static inline uint64_t host_free_pages(const struct sim_machine *m)
{
	uint64_t held = 0;

	for (uint32_t i = 0; i < m->file->max_domains; i++) {
		struct sim_domain d = sim_domain_at(m, i);

		if (d.slot->alive)
			held += domain_pages(&d);
	}
	return m->file->host_pages - held;
}

/* Lock */

static inline void sim_recover(struct sim_machine *m)
{
	size_t words = sim_map_words(m->file);

	for (uint32_t i = 0; i < m->file->max_domains; i++) {
		struct sim_domain d = sim_domain_at(m, i);

		if (!d.slot->alive)
			continue;
		d.slot->nr_backed = map_count(d.backed, words);
		d.slot->nr_online = map_count(d.online, words);
	}
}

static inline void sim_lock(struct sim_machine *m)
{
	int rc = pthread_mutex_lock(&m->file->lock);

	if (rc == EOWNERDEAD) {
		sim_recover(m);
		rc = pthread_mutex_consistent(&m->file->lock);
	}
	ASSERT(!rc);
}

static inline void sim_unlock(struct sim_machine *m)
{
	ASSERT(!pthread_mutex_unlock(&m->file->lock));
}

/* Locks and finds; on failure the lock is not held. */
static inline int sim_lock_domain(struct sim_machine *m, uint32_t domid,
				  struct sim_domain *ret)
{
	sim_lock(m);
	for (uint32_t i = 0; i < m->file->max_domains; i++) {
		struct sim_domain d = sim_domain_at(m, i);

		if (d.slot->alive && d.slot->domid == domid) {
			*ret = d;
			return 0;
		}
	}
	sim_unlock(m);
	return -ESRCH;
}

/* The same for a range of granules in the window */
static inline int sim_lock_range(struct sim_machine *m, uint32_t domid,
				 struct granules r, struct sim_domain *ret)
{
	int rc = sim_lock_domain(m, domid, ret);
	uint32_t window;

	if (rc)
		return rc;
	window = ret->slot->config.window_granules;
	if (r.nr >= 1 && r.nr <= window && r.first <= window - r.nr)
		return 0;
	sim_unlock(m);
	return -EINVAL;
}

/* Faults and violations */

/* splitmix64, Steele, Lea and Flood 2014 */
static inline uint64_t sim_random(struct sim_machine *m)
{
	uint64_t z = m->file->random += 0x9e3779b97f4a7c15ull;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9ull;
	z = (z ^ z >> 27) * 0x94d049bb133111ebull;
	return z ^ z >> 31;
}

static inline bool sim_chance(struct sim_machine *m, uint32_t permille)
{
	return permille && sim_random(m) % PERMILLE < permille;
}

static inline uint32_t sim_random_below(struct sim_machine *m, uint32_t limit)
{
	return (uint32_t)(sim_random(m) % limit);
}

__attribute__((format(printf, 2, 3)))
static inline void sim_violation(struct sim_machine *m, const char *fmt, ...)
{
	va_list ap;

	if (!m->file->nr_violations) {
		va_start(ap, fmt);
		vsnprintf(m->file->first_violation, SIM_TEXT_MAX, fmt, ap);
		va_end(ap);
	}
	m->file->nr_violations++;
}

#endif
