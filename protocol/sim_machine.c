/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * sim_machine.c - A machine that exists only in a shared file
 *
 * Theory of operation
 *
 * The file is one header and a fixed number of domain slots, mapped shared by
 * everyone. Truth is only what survives a kill between any two stores: the
 * @alive word of a slot, a bit in @backed or @online for each granule, and a
 * zone octet for each block. Everything else that could disagree is either
 * derived when asked (a present block's memmap is in use because its zone is
 * set) or a count, and the counts are made anew when the lock's last owner
 * died in it. A slot is filled before it is made alive, so what can be torn
 * cannot be seen.
 *
 * One robust mutex covers all of the file. It is held for microseconds; slow
 * guest kernels sleep before and after, not inside.
 */
#include "sim_machine.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "sim_slots.h"

#define SIM_FIRST_DOMID	1u

/* How long the guest's kernel takes for this call: to be slept in two halves,
 * so that a kill can hit what is not done yet and what is done but not told */
static uint32_t sim_draw_delay(struct sim_machine *m)
{
	uint32_t us = 0;

	sim_lock(m);
	if (m->file->faults.slow_us)
		us = sim_random_below(m, m->file->faults.slow_us + 1) / 2;
	sim_unlock(m);
	return us;
}

static void sim_sleep(uint32_t us)
{
	struct timespec ts = {
		.tv_sec = us / 1000000,
		.tv_nsec = (long)(us % 1000000) * 1000,
	};

	while (us && clock_nanosleep(CLOCK_MONOTONIC, 0, &ts, &ts) == EINTR)
		;
}

/* The file */

__attribute__((format(printf, 3, 4)))
static int sim_path(const char *dir, char *path, const char *fmt, ...)
{
	int len = snprintf(path, PATH_MAX, "%s/", dir);
	va_list ap;
	int n;

	if (len < 0 || len >= PATH_MAX)
		return -ENAMETOOLONG;
	va_start(ap, fmt);
	n = vsnprintf(path + len, (size_t)(PATH_MAX - len), fmt, ap);
	va_end(ap);
	return n < 0 || n >= PATH_MAX - len ? -ENAMETOOLONG : 0;
}

static void sim_init_file(struct sim_file *f, size_t file_bytes,
			  size_t slot_bytes)
{
	pthread_mutexattr_t attr;

	f->file_bytes = file_bytes;
	f->slot_bytes = slot_bytes;
	f->next_domid = SIM_FIRST_DOMID;
	ASSERT(!pthread_mutexattr_init(&attr));
	pthread_mutexattr_setpshared(&attr, PTHREAD_PROCESS_SHARED);
	pthread_mutexattr_setrobust(&attr, PTHREAD_MUTEX_ROBUST);
	ASSERT(!pthread_mutex_init(&f->lock, &attr));
	pthread_mutexattr_destroy(&attr);
	f->magic = SIM_MAGIC;
}

/* Makes the file under @path, which nobody opens yet. */
static int sim_write_file(const char *path, const struct sim_file *init)
{
	size_t slot_bytes, bytes;
	struct sim_file *f;
	int fd, rc;

	slot_bytes = sim_round_up(sizeof(struct sim_slot), WORD_BITS) +
		     2 * sizeof(uint64_t) * sim_map_words(init) +
		     init->window_granules_max;
	slot_bytes = sim_round_up(slot_bytes, WORD_BITS);
	bytes = sim_round_up(sizeof(*f), WORD_BITS) +
		init->max_domains * slot_bytes;

	fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0)
		return -errno;
	rc = ftruncate(fd, (off_t)bytes) ? -errno : 0;
	if (!rc) {
		f = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
			 0);
		rc = f == MAP_FAILED ? -errno : 0;
	}
	close(fd);
	if (rc)
		return rc;
	*f = *init;
	sim_init_file(f, bytes, slot_bytes);
	munmap(f, bytes);
	return 0;
}

/* Rewritten in place, for those who watch it with inotify. */
static int sim_write_domains(const char *dir, struct sim_machine *m)
{
	char path[PATH_MAX];
	FILE *out;
	int rc = sim_path(dir, path, "domains");

	if (rc)
		return rc;
	out = fopen(path, "we");
	if (!out)
		return -errno;
	for (uint32_t i = 0; m && i < m->file->max_domains; i++) {
		struct sim_domain d = sim_domain_at(m, i);

		if (d.slot->alive)
			fprintf(out, "%u %s\n", d.slot->domid,
				d.slot->config.name);
	}
	return fclose(out) ? -errno : 0;
}

int sim_create(const char *dir, uint64_t host_pages, uint32_t max_domains,
	       uint32_t window_granules_max, uint64_t seed)
{
	char temp[PATH_MAX], path[PATH_MAX];
	const struct sim_file init = {
		.host_pages = host_pages,
		.max_domains = max_domains,
		.window_granules_max = window_granules_max,
		.random = seed,
	};
	int rc;

	if (!max_domains || !window_granules_max ||
	    window_granules_max > WINDOW_GRANULES_MAX)
		return -EINVAL;
	rc = sim_path(dir, path, "machine");
	if (!rc)
		rc = sim_path(dir, temp, "machine.%ld", (long)getpid());
	if (!rc)
		rc = sim_write_domains(dir, NULL);
	if (rc)
		return rc;
	rc = sim_write_file(temp, &init);
	/* link(), unlike rename(), does not replace a machine. */
	if (!rc && link(temp, path))
		rc = -errno;
	unlink(temp);
	return rc;
}

static int sim_map(int fd, struct sim_file **ret)
{
	struct sim_file *f;
	struct stat st;

	if (fstat(fd, &st))
		return -errno;
	if (st.st_size < (off_t)sizeof(*f))
		return -EINVAL;
	f = mmap(NULL, (size_t)st.st_size, PROT_READ | PROT_WRITE, MAP_SHARED,
		 fd, 0);
	if (f == MAP_FAILED)
		return -errno;
	if (f->magic != SIM_MAGIC || f->file_bytes != (uint64_t)st.st_size) {
		munmap(f, (size_t)st.st_size);
		return -EINVAL;
	}
	*ret = f;
	return 0;
}

int sim_open(const char *dir, struct sim_machine **ret)
{
	char path[PATH_MAX];
	struct sim_machine *m;
	int fd, rc;

	rc = sim_path(dir, path, "machine");
	if (rc)
		return rc;
	m = calloc(1, sizeof(*m));
	if (!m)
		return -ENOMEM;
	m->lock_fd = -1;
	memcpy(m->dir, dir, strlen(dir) + 1);
	fd = open(path, O_RDWR | O_CLOEXEC);
	rc = fd < 0 ? -errno : sim_map(fd, &m->file);
	if (fd >= 0)
		close(fd);
	if (rc) {
		free(m);
		return rc;
	}
	*ret = m;
	return 0;
}

void sim_close(struct sim_machine *m)
{
	if (!m)
		return;
	if (m->lock_fd >= 0)
		close(m->lock_fd);
	munmap(m->file, m->file->file_bytes);
	free(m);
}

void sim_set_faults(struct sim_machine *m, const struct sim_faults *faults)
{
	sim_lock(m);
	m->file->faults = *faults;
	sim_unlock(m);
}

uint64_t sim_violations(struct sim_machine *m, char *ret_first, size_t size)
{
	uint64_t n;

	sim_lock(m);
	n = m->file->nr_violations;
	if (size)
		snprintf(ret_first, size, "%s",
			 n ? m->file->first_violation : "");
	sim_unlock(m);
	return n;
}

/* Domains */

static bool sim_config_ok(const struct sim_machine *m,
			  const struct sim_domain_config *c)
{
	size_t len = strnlen(c->name, SIM_NAME_MAX);

	return len > 0 && len < SIM_NAME_MAX &&
	       !strpbrk(c->name, "\n") &&
	       c->block_granules >= 1 &&
	       c->block_granules <= BLOCK_GRANULES_MAX &&
	       c->memmap_granules < c->block_granules &&
	       c->window_granules <= m->file->window_granules_max &&
	       c->window_granules % c->block_granules == 0 &&
	       c->window_granules % WORD_BITS == 0 &&
	       c->used_pages <= c->boot_pages;
}

static int sim_find_slot(struct sim_machine *m,
			 const struct sim_domain_config *config,
			 struct sim_domain *ret)
{
	bool found = false;

	*ret = sim_domain_at(m, 0);
	for (uint32_t i = 0; i < m->file->max_domains; i++) {
		struct sim_domain d = sim_domain_at(m, i);

		if (d.slot->alive && !strcmp(d.slot->config.name, config->name))
			return -EEXIST;
		if (!d.slot->alive && !found) {
			*ret = d;
			found = true;
		}
	}
	return found ? 0 : -ENOSPC;
}

static int sim_fill_slot(struct sim_machine *m,
			 const struct sim_domain_config *config)
{
	struct sim_domain d;
	int rc = sim_find_slot(m, config, &d);

	if (rc)
		return rc;
	if (host_free_pages(m) < config->boot_pages)
		return -ENOMEM;
	memset(d.slot, 0, m->file->slot_bytes);
	d.slot->config = *config;
	d.slot->max_pages = config->boot_pages;
	d.slot->domid = m->file->next_domid++;
	__atomic_store_n(&d.slot->alive, 1, __ATOMIC_RELEASE);
	return (int)d.slot->domid;
}

int sim_domain_create(struct sim_machine *m,
		      const struct sim_domain_config *config,
		      uint32_t *ret_domid)
{
	int rc;

	if (!sim_config_ok(m, config))
		return -EINVAL;
	sim_lock(m);
	rc = sim_fill_slot(m, config);
	if (rc > 0) {
		*ret_domid = (uint32_t)rc;
		rc = sim_write_domains(m->dir, m);
	}
	sim_unlock(m);
	return rc;
}

int sim_domain_destroy(struct sim_machine *m, uint32_t domid)
{
	char path[PATH_MAX];
	struct sim_domain d;
	int rc = sim_lock_domain(m, domid, &d);

	if (rc)
		return rc;
	__atomic_store_n(&d.slot->alive, 0, __ATOMIC_RELEASE);
	rc = sim_write_domains(m->dir, m);
	sim_unlock(m);
	/* No other domain ever has this domid, so nobody misses its lock. */
	if (!sim_path(m->dir, path, "%u.lock", domid))
		unlink(path);
	return rc;
}

int sim_domain_reboot(struct sim_machine *m, uint32_t domid)
{
	struct sim_domain d;
	int rc = sim_lock_domain(m, domid, &d);

	if (rc)
		return rc;
	d.slot->restarts = 1;
	rc = sim_write_domains(m->dir, m);
	sim_unlock(m);
	return rc;
}

int sim_domain_config(struct sim_machine *m, uint32_t domid,
		      struct sim_domain_config *ret)
{
	struct sim_domain d;
	int rc = sim_lock_domain(m, domid, &d);

	if (rc)
		return rc;
	*ret = d.slot->config;
	sim_unlock(m);
	return 0;
}

int sim_domain_set_used(struct sim_machine *m, uint32_t domid, uint32_t pages)
{
	struct sim_domain d;
	int rc = sim_lock_domain(m, domid, &d);

	if (rc)
		return rc;
	if (pages > guest_pages(&d))
		rc = -ENOMEM;
	else
		d.slot->config.used_pages = pages;
	sim_unlock(m);
	return rc;
}

static void sim_fill_info(const struct sim_domain *d,
			  struct sim_domain_info *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->domid = d->slot->domid;
	memcpy(ret->name, d->slot->config.name, sizeof(ret->name));
	memcpy(ret->uuid, d->slot->config.uuid, sizeof(ret->uuid));
	ret->pages = domain_pages(d);
	ret->max_pages = d->slot->max_pages;
	ret->restarts = d->slot->restarts;
}

int sim_domains(struct sim_machine *m, struct sim_domain_info *ret,
		uint32_t max, uint32_t *ret_nr)
{
	uint32_t nr = 0;

	sim_lock(m);
	for (uint32_t i = 0; i < m->file->max_domains && nr < max; i++) {
		struct sim_domain d = sim_domain_at(m, i);

		if (d.slot->alive)
			sim_fill_info(&d, &ret[nr++]);
	}
	sim_unlock(m);
	*ret_nr = nr;
	return 0;
}

int sim_domain_info(struct sim_machine *m, uint32_t domid,
		    struct sim_domain_info *ret)
{
	struct sim_domain d;
	int rc = sim_lock_domain(m, domid, &d);

	if (rc)
		return rc;
	sim_fill_info(&d, ret);
	sim_unlock(m);
	return 0;
}

/* The hypervisor's side */

void sim_host_pages(struct sim_machine *m, uint64_t *ret_total,
		    uint64_t *ret_free)
{
	sim_lock(m);
	*ret_total = m->file->host_pages;
	*ret_free = host_free_pages(m);
	sim_unlock(m);
}

int sim_set_max(struct sim_machine *m, uint32_t domid, uint64_t max_pages)
{
	struct sim_domain d;
	int rc = sim_lock_domain(m, domid, &d);

	if (rc)
		return rc;
	d.slot->max_pages = max_pages;
	sim_unlock(m);
	return 0;
}

/* How many leading granules of a populate will arrive? */
static uint32_t populate_allowed(struct sim_machine *m,
				 const struct sim_domain *d, uint32_t nr)
{
	const struct sim_faults *faults = &m->file->faults;
	uint64_t room = host_free_pages(m), pages = domain_pages(d);

	room = MIN(room, d->slot->max_pages > pages ?
		   d->slot->max_pages - pages : 0);
	if (sim_chance(m, faults->populate_refused))
		return 0;
	if (sim_chance(m, faults->populate_partial))
		nr = sim_random_below(m, nr);
	return (uint32_t)MIN(nr, room / GRANULE_PAGES);
}

int sim_populate(struct sim_machine *m, uint32_t domid, struct granules r,
		 uint32_t *ret_done)
{
	struct sim_domain d;
	uint32_t allowed;
	int rc;

	*ret_done = 0;
	rc = sim_lock_range(m, domid, r, &d);
	if (rc)
		return rc;
	for (uint32_t g = r.first; g < r.first + r.nr; g++) {
		if (!map_test(d.backed, g))
			continue;
		/* Xen would keep the old pages with no frame to find them. */
		sim_violation(m, "populate of backed granule %u of domain %u",
			      g, domid);
		sim_unlock(m);
		return -EINVAL;
	}
	allowed = populate_allowed(m, &d, r.nr);
	for (uint32_t i = 0; i < allowed; i++)
		granule_set_backed(&d, r.first + i, true);
	*ret_done = allowed;
	sim_unlock(m);
	return allowed < r.nr ? -ENOMEM : 0;
}

/* Return: 0 if the host may take back the whole range */
static int take_check(struct sim_machine *m, const struct sim_domain *d,
		      struct granules r)
{
	for (uint32_t g = r.first; g < r.first + r.nr; g++) {
		if (!map_test(d->backed, g))
			return -EINVAL;
		if (!granule_in_use(d, g))
			continue;
		sim_violation(m, "take of granule %u of domain %u in use", g,
			      d->slot->domid);
		return -EBUSY;
	}
	return 0;
}

int sim_take(struct sim_machine *m, uint32_t domid, struct granules r,
	     uint32_t *ret_done)
{
	uint32_t allowed = r.nr;
	struct sim_domain d;
	int rc;

	*ret_done = 0;
	rc = sim_lock_range(m, domid, r, &d);
	if (rc)
		return rc;
	rc = take_check(m, &d, r);
	if (rc)
		goto out_unlock;
	if (sim_chance(m, m->file->faults.take_partial)) {
		allowed = sim_random_below(m, r.nr);
		rc = -EBUSY;
	}
	for (uint32_t i = 0; i < allowed; i++)
		granule_set_backed(&d, r.first + i, false);
	*ret_done = allowed;
out_unlock:
	sim_unlock(m);
	return rc;
}

/* Locks for a read of a map in whole words */
static int sim_lock_words(struct sim_machine *m, uint32_t domid,
			  struct granules r, struct sim_domain *ret)
{
	if (r.first % WORD_BITS || r.nr % WORD_BITS)
		return -EINVAL;
	return sim_lock_range(m, domid, r, ret);
}

int sim_backed(struct sim_machine *m, uint32_t domid, uint32_t first,
	       uint32_t nr, uint64_t *bitmap)
{
	const struct granules r = { first, nr };
	struct sim_domain d;
	int rc = sim_lock_words(m, domid, r, &d);

	if (rc)
		return rc;
	memcpy(bitmap, d.backed + first / WORD_BITS, nr / 8);
	sim_unlock(m);
	return 0;
}

static struct sim_entry *store_find(struct sim_domain *d, const char *key)
{
	for (uint32_t i = 0; i < SIM_STORE_MAX; i++) {
		struct sim_entry *e = &d->slot->store[i];

		if (e->used && !strcmp(e->key, key))
			return e;
	}
	return NULL;
}

static struct sim_entry *store_find_free(struct sim_domain *d)
{
	for (uint32_t i = 0; i < SIM_STORE_MAX; i++)
		if (!d->slot->store[i].used)
			return &d->slot->store[i];
	return NULL;
}

static int store_set(struct sim_domain *d, const char *key, const char *value)
{
	struct sim_entry *e = store_find(d, key);
	uint32_t next;

	if (!e)
		e = store_find_free(d);
	if (!e)
		return -ENOSPC;
	next = !e->current;
	memcpy(e->value[next], value, strlen(value) + 1);
	if (!e->used)
		memcpy(e->key, key, strlen(key) + 1);
	__atomic_store_n(&e->current, next, __ATOMIC_RELEASE);
	__atomic_store_n(&e->used, 1, __ATOMIC_RELEASE);
	return 0;
}

int sim_store_write(struct sim_machine *m, uint32_t domid, const char *key,
		    const char *value)
{
	struct sim_domain d;
	int rc;

	if (strlen(key) >= SIM_KEY_MAX || strlen(value) >= SIM_VALUE_MAX)
		return -EINVAL;
	rc = sim_lock_domain(m, domid, &d);
	if (rc)
		return rc;
	rc = store_set(&d, key, value);
	sim_unlock(m);
	return rc;
}

int sim_store_read(struct sim_machine *m, uint32_t domid, const char *key,
		   char *value, size_t size)
{
	const struct sim_entry *e;
	struct sim_domain d;
	int rc = sim_lock_domain(m, domid, &d);

	if (rc)
		return rc;
	e = store_find(&d, key);
	if (!e)
		rc = -ENOENT;
	else if (strlen(e->value[e->current]) >= size)
		rc = -ENOBUFS;
	else
		memcpy(value, e->value[e->current],
		       strlen(e->value[e->current]) + 1);
	sim_unlock(m);
	return rc;
}

/* The guest kernel's side */

/* Locks for an ioctl on a range, which must be within one block */
static int sim_lock_in_block(struct sim_machine *m, uint32_t domid,
			     struct granules r, struct sim_domain *ret)
{
	int rc = sim_lock_range(m, domid, r, ret);
	uint32_t size;

	if (rc)
		return rc;
	size = ret->slot->config.block_granules;
	if (r.first % size + r.nr <= size)
		return 0;
	sim_unlock(m);
	return -EINVAL;
}

static uint32_t count_leading_in_use(const struct sim_domain *d,
				     struct granules r)
{
	uint32_t n = 0;

	while (n < r.nr && granule_in_use(d, r.first + n))
		n++;
	return n;
}

static uint32_t count_in_use(const struct sim_domain *d, struct granules r)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < r.nr; i++)
		n += granule_in_use(d, r.first + i);
	return n;
}

static int online_check(struct sim_machine *m, const struct sim_domain *d,
			struct granules r)
{
	const struct sim_domain_config *c = &d->slot->config;
	bool absent = d->zone[r.first / c->block_granules] == SIM_ZONE_NONE;

	if (absent && (r.first % c->block_granules ||
		       r.nr < c->memmap_granules))
		return -ENXIO;
	for (uint32_t g = r.first; g < r.first + r.nr; g++) {
		if (map_test(d->backed, g))
			continue;
		sim_violation(m, "online of granule %u of domain %u not backed",
			      g, d->slot->domid);
		return -EIO;
	}
	return sim_chance(m, m->file->faults.online_fails) ? -ENOMEM : 0;
}

static void online_do(struct sim_domain *d, struct granules r, uint32_t zone)
{
	uint8_t *block = &d->zone[r.first / d->slot->config.block_granules];

	if (*block == SIM_ZONE_NONE)
		__atomic_store_n(block, (uint8_t)zone, __ATOMIC_RELEASE);
	for (uint32_t g = r.first; g < r.first + r.nr; g++)
		if (!granule_is_memmap(d, g))
			granule_set_online(d, g, true);
}

int sim_online(struct sim_machine *m, uint32_t domid, struct granules r,
	       uint32_t zone, uint32_t *ret_done)
{
	uint32_t delay_us = sim_draw_delay(m);
	struct sim_domain d;
	int rc;

	*ret_done = 0;
	if (zone != SIM_ZONE_KERNEL && zone != SIM_ZONE_MOVABLE)
		return -EINVAL;
	sim_sleep(delay_us);
	rc = sim_lock_in_block(m, domid, r, &d);
	if (rc)
		return rc;
	rc = online_check(m, &d, r);
	if (!rc)
		online_do(&d, r, zone);
	*ret_done = count_leading_in_use(&d, r);
	sim_unlock(m);
	sim_sleep(delay_us);
	return rc;
}

/* Return: 0 if the kernel could empty @nr_online granules */
static int pull_check(struct sim_machine *m, const struct sim_domain *d,
		      uint32_t nr_online, uint64_t floor_pages)
{
	uint64_t total = guest_pages(d), used = d->slot->config.used_pages;
	uint64_t available = total > used ? total - used : 0;
	uint64_t need = (uint64_t)nr_online * GRANULE_PAGES;

	if (floor_pages > available || available - floor_pages < need)
		return floor_pages ? -ENOSPC : -ENOMEM;
	return sim_chance(m, m->file->faults.pull_busy) ? -EBUSY : 0;
}

int sim_pull(struct sim_machine *m, uint32_t domid, struct granules r,
	     uint64_t floor_pages, uint32_t *ret_done)
{
	uint32_t delay_us = sim_draw_delay(m), nr_online;
	struct sim_domain d;
	int rc;

	*ret_done = 0;
	sim_sleep(delay_us);
	rc = sim_lock_in_block(m, domid, r, &d);
	if (rc)
		return rc;
	if (granule_is_memmap(&d, r.first)) {
		sim_unlock(m);
		return -EINVAL;
	}
	nr_online = count_in_use(&d, r);
	if (nr_online)
		rc = pull_check(m, &d, nr_online, floor_pages);
	if (!rc) {
		for (uint32_t g = r.first; g < r.first + r.nr; g++)
			granule_set_online(&d, g, false);
		nr_online = 0;
	}
	*ret_done = r.nr - nr_online;
	sim_unlock(m);
	sim_sleep(delay_us);
	return rc;
}

/* Locks for an ioctl on a block of the window */
static int sim_lock_block(struct sim_machine *m, uint32_t domid,
			  uint32_t index, struct sim_domain *ret)
{
	const struct sim_domain_config *c;
	int rc = sim_lock_domain(m, domid, ret);

	if (rc)
		return rc;
	c = &ret->slot->config;
	if (index < c->window_granules / c->block_granules)
		return 0;
	sim_unlock(m);
	return -EINVAL;
}

static uint32_t block_count_online(const struct sim_domain *d, uint32_t index)
{
	uint32_t size = d->slot->config.block_granules, n = 0;

	for (uint32_t i = 0; i < size; i++)
		n += map_test(d->online, index * size + i);
	return n;
}

int sim_block(struct sim_machine *m, uint32_t domid, uint32_t index,
	      uint32_t *ret_zone, uint32_t *ret_online)
{
	struct sim_domain d;
	int rc = sim_lock_block(m, domid, index, &d);

	if (rc)
		return rc;
	*ret_zone = d.zone[index];
	*ret_online = block_count_online(&d, index);
	sim_unlock(m);
	return 0;
}

int sim_remove(struct sim_machine *m, uint32_t domid, uint32_t index)
{
	uint32_t delay_us = sim_draw_delay(m);
	struct sim_domain d;
	int rc;

	sim_sleep(delay_us);
	rc = sim_lock_block(m, domid, index, &d);
	if (rc)
		return rc;
	if (block_count_online(&d, index))
		rc = -EBUSY;
	else
		__atomic_store_n(&d.zone[index], SIM_ZONE_NONE,
				 __ATOMIC_RELEASE);
	sim_unlock(m);
	sim_sleep(delay_us);
	return rc;
}

int sim_in_use(struct sim_machine *m, uint32_t domid, uint32_t first,
	       uint32_t nr, uint64_t *bitmap)
{
	const struct granules r = { first, nr };
	struct sim_domain d;
	int rc = sim_lock_words(m, domid, r, &d);

	if (rc)
		return rc;
	memset(bitmap, 0, nr / 8);
	for (uint32_t i = 0; i < nr; i++)
		if (granule_in_use(&d, first + i))
			map_set(bitmap, i);
	sim_unlock(m);
	return 0;
}

int sim_balloon(struct sim_machine *m, uint32_t domid, uint64_t pages)
{
	uint64_t held, room, more;
	struct sim_domain d;
	int rc = sim_lock_domain(m, domid, &d);

	if (rc)
		return rc;
	if (pages > d.slot->config.boot_pages) {
		sim_unlock(m);
		return -EINVAL;
	}
	held = domain_pages(&d);
	room = d.slot->max_pages - MIN(d.slot->max_pages, held);
	room = MIN(room, host_free_pages(m));
	more = d.slot->ballooned - MIN(d.slot->ballooned, pages);
	if (more > room) {
		pages += more - room;
		rc = -ENOMEM;
	}
	__atomic_store_n(&d.slot->ballooned, pages, __ATOMIC_RELEASE);
	sim_unlock(m);
	return rc;
}

int sim_meminfo(struct sim_machine *m, uint32_t domid, uint64_t *ret_total_kib,
		uint64_t *ret_available_kib)
{
	uint64_t total, used;
	struct sim_domain d;
	int rc = sim_lock_domain(m, domid, &d);

	if (rc)
		return rc;
	total = guest_pages(&d);
	used = d.slot->config.used_pages;
	sim_unlock(m);
	*ret_total_kib = total * PAGE_KIB;
	*ret_available_kib = (total > used ? total - used : 0) * PAGE_KIB;
	return 0;
}

int sim_guest_attach(struct sim_machine *m, uint32_t domid)
{
	struct sim_domain d;
	char path[PATH_MAX];
	int fd, rc;

	if (m->lock_fd >= 0)
		return -EBUSY;
	rc = sim_path(m->dir, path, "%u.lock", domid);
	if (!rc)
		rc = sim_lock_domain(m, domid, &d);
	if (rc)
		return rc;
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	rc = fd < 0 ? -errno : 0;
	sim_unlock(m);
	if (rc)
		return rc;
	if (flock(fd, LOCK_EX | LOCK_NB)) {
		rc = errno == EWOULDBLOCK ? -EBUSY : -errno;
		close(fd);
		return rc;
	}
	m->lock_fd = fd;
	return 0;
}
