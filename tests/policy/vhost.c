/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * vhost.c - A hypervisor in memory, behind memtided's port
 */
#include "vhost.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

/* Texts kept with a domain: window, boot-pages, target-granules */
#define STORE_MAX	4u

struct stored {
	char key[24];
	char value[BACKEND_VALUE_MAX];
};

/**
 * struct vdomain
 * @backed:	bitmap of the window's granules
 * @offers:	its agent has a channel that nobody was told of
 */
struct vdomain {
	struct vhost_guest guest;
	struct guest_id id;
	uint64_t pages, max_pages;
	uint64_t *backed;
	struct stored store[STORE_MAX];
	uint64_t remembered_kib;
	bool is_remembered;
	uint32_t published;
	bool is_published;
	bool offers;
};

/**
 * struct vhost
 * @fd:		readable when there is something to dispatch
 * @domains:	index is domid - 1
 */
struct vhost {
	struct backend backend;
	struct vhost_costs costs;
	void (*spend)(int64_t us);
	int fd;
	uint64_t total_pages, free_pages;
	struct vdomain *domains;
	uint32_t nr_domains, room;
	bool changed;
	struct vhost_counts counts;
};

static struct vhost *of(struct backend *b)
{
	return (struct vhost *)b;
}

static void spend(struct vhost *h, uint64_t us)
{
	h->counts.calls++;
	if (h->spend)
		h->spend((int64_t)us + h->costs.call_us);
}

static struct vdomain *find(struct vhost *h, const struct guest_id *id)
{
	if (!id->domid || id->domid > h->nr_domains)
		return NULL;
	return &h->domains[id->domid - 1];
}

static void violation(struct vhost *h, const char *what, uint32_t domid)
{
	if (!h->counts.violations++)
		snprintf(h->counts.why, sizeof(h->counts.why),
			 "domain %u: %s", domid, what);
}

static void ring(struct vhost *h)
{
	uint64_t one = 1;

	ASSERT(write(h->fd, &one, sizeof(one)) == sizeof(one));
}

static void vhost_close(struct backend *b)
{
	(void)b;
}

static int vhost_fd(struct backend *b)
{
	return of(b)->fd;
}

static int vhost_dispatch(struct backend *b, const struct backend_events *cbs,
			  void *ctx)
{
	struct vhost *h = of(b);
	uint64_t times;

	if (read(h->fd, &times, sizeof(times)) < 0)
		return 0;
	if (h->changed)
		cbs->domains(ctx);
	h->changed = false;
	for (uint32_t i = 0; i < h->nr_domains; i++) {
		if (!h->domains[i].offers)
			continue;
		h->domains[i].offers = false;
		cbs->offer(ctx, i + 1);
	}
	return 0;
}

static void vhost_listen(struct backend *b, const struct guest_id *id, bool on)
{
	(void)b;
	(void)id;
	(void)on;
}

static void tell_domain(const struct vdomain *d, struct backend_domain *ret)
{
	ret->id = d->id;
	ret->pages = d->pages;
	ret->max_pages = d->max_pages;
}

static int vhost_list(struct backend *b, struct backend_domain **ret,
		      uint32_t *ret_nr)
{
	struct vhost *h = of(b);
	struct backend_domain *list = calloc(h->nr_domains + 1, sizeof(*list));

	spend(h, 0);
	if (!list)
		return -ENOMEM;
	for (uint32_t i = 0; i < h->nr_domains; i++) {
		tell_domain(&h->domains[i], &list[i]);
		snprintf(list[i].name, sizeof(list[i].name), "v%u", i + 1);
	}
	*ret = list;
	*ret_nr = h->nr_domains;
	return 0;
}

static int vhost_domain(struct backend *b, const struct guest_id *id,
			struct backend_domain *ret)
{
	struct vdomain *d = find(of(b), id);

	spend(of(b), 0);
	if (!d)
		return -ESRCH;
	tell_domain(d, ret);
	return 0;
}

static int vhost_host(struct backend *b, struct backend_host *ret)
{
	spend(of(b), 0);
	*ret = (struct backend_host){ of(b)->total_pages, of(b)->free_pages };
	return 0;
}

static int vhost_set_max(struct backend *b, const struct guest_id *id,
			 uint64_t max_pages)
{
	struct vdomain *d = find(of(b), id);

	spend(of(b), 0);
	if (!d)
		return -ESRCH;
	d->max_pages = max_pages;
	return 0;
}

static int vhost_claim(struct backend *b, const struct guest_id *id,
		       uint64_t pages)
{
	(void)b;
	(void)id;
	(void)pages;
	return -EOPNOTSUPP;
}

static int vhost_set_tables(struct backend *b, const struct guest_id *id,
			    uint32_t granules)
{
	(void)granules;
	spend(of(b), 0);
	return find(of(b), id) ? 0 : -ESRCH;
}

static uint32_t granule_of(const struct vdomain *d, uint64_t gfn)
{
	return (uint32_t)((gfn - d->guest.window_gfn) / GRANULE_PAGES);
}

static bool is_backed(const struct vdomain *d, uint32_t g)
{
	return d->backed[g / 64] >> g % 64 & 1;
}

static int vhost_populate(struct backend *b, const struct guest_id *id,
			  uint64_t gfn, uint32_t nr, uint32_t *ret_done)
{
	struct vhost *h = of(b);
	struct vdomain *d = find(h, id);
	uint32_t i, first;

	*ret_done = 0;
	if (!d)
		return -ESRCH;
	first = granule_of(d, gfn);
	for (i = 0; i < nr; i++) {
		uint32_t g = first + i;

		if (h->free_pages < GRANULE_PAGES)
			break;
		if (is_backed(d, g))
			violation(h, "populated twice", id->domid);
		if (d->pages + GRANULE_PAGES > d->max_pages)
			violation(h, "more than its maximum", id->domid);
		d->backed[g / 64] |= UINT64_C(1) << g % 64;
		d->pages += GRANULE_PAGES;
		h->free_pages -= GRANULE_PAGES;
	}
	*ret_done = i;
	h->counts.populated += i;
	spend(h, (uint64_t)i * h->costs.populate_us);
	return i == nr ? 0 : -ENOMEM;
}

static int vhost_give_back(struct backend *b, const struct guest_id *id,
			   uint64_t gfn, uint32_t nr, uint32_t *ret_done)
{
	struct vhost *h = of(b);
	struct vdomain *d = find(h, id);
	uint32_t first;

	*ret_done = 0;
	if (!d)
		return -ESRCH;
	first = granule_of(d, gfn);
	for (uint32_t i = 0; i < nr; i++) {
		uint32_t g = first + i;

		if (!is_backed(d, g))
			violation(h, "taken twice", id->domid);
		if (d->guest.uses(d->guest.ctx, g))
			violation(h, "taken while in use (I1)", id->domid);
		d->backed[g / 64] &= ~(UINT64_C(1) << g % 64);
		d->pages -= GRANULE_PAGES;
		h->free_pages += GRANULE_PAGES;
	}
	*ret_done = nr;
	h->counts.given_back += nr;
	spend(h, (uint64_t)nr * h->costs.give_back_us);
	return 0;
}

static int vhost_backed(struct backend *b, const struct guest_id *id,
			uint64_t gfn, uint32_t nr, uint64_t *bitmap)
{
	struct vdomain *d = find(of(b), id);

	spend(of(b), 0);
	if (!d)
		return -ESRCH;
	memcpy(bitmap, d->backed + granule_of(d, gfn) / 64, nr / 8);
	return 0;
}

static struct stored *find_stored(struct vdomain *d, const char *key)
{
	for (uint32_t i = 0; i < STORE_MAX; i++) {
		if (!*d->store[i].key || !strcmp(d->store[i].key, key))
			return &d->store[i];
	}
	return NULL;
}

static int vhost_store_write(struct backend *b, const struct guest_id *id,
			     const char *key, const char *value)
{
	struct vdomain *d = find(of(b), id);
	struct stored *s = d ? find_stored(d, key) : NULL;

	spend(of(b), 0);
	if (!d)
		return -ESRCH;
	ASSERT(s && strlen(key) < sizeof(s->key) &&
	       strlen(value) < sizeof(s->value));
	strcpy(s->key, key);
	strcpy(s->value, value);
	return 0;
}

static int vhost_store_read(struct backend *b, const struct guest_id *id,
			    const char *key, char *value, size_t size)
{
	struct vdomain *d = find(of(b), id);
	struct stored *s = d ? find_stored(d, key) : NULL;

	spend(of(b), 0);
	if (!d)
		return -ESRCH;
	if (!s || !*s->key)
		return -ENOENT;
	snprintf(value, size, "%s", s->value);
	return 0;
}

static int vhost_remember(struct backend *b, const struct guest_id *id,
			  uint64_t kib)
{
	struct vdomain *d = find(of(b), id);

	spend(of(b), 0);
	if (!d)
		return -ESRCH;
	d->remembered_kib = kib;
	d->is_remembered = true;
	return 0;
}

static int vhost_recall(struct backend *b, const struct guest_id *id,
			uint64_t *ret_kib)
{
	struct vdomain *d = find(of(b), id);

	spend(of(b), 0);
	if (!d || !d->is_remembered)
		return -ENOENT;
	*ret_kib = d->remembered_kib;
	return 0;
}

static int vhost_publish(struct backend *b, const struct guest_id *id,
			 uint32_t granules)
{
	struct vdomain *d = find(of(b), id);

	spend(of(b), 0);
	if (!d)
		return -ESRCH;
	d->published = granules;
	d->is_published = true;
	return 0;
}

static int vhost_wanted(struct backend *b, const struct guest_id *id,
			int64_t *ret_kib)
{
	struct vdomain *d = find(of(b), id);

	spend(of(b), 0);
	if (!d || !d->is_published)
		return -ENOENT;
	*ret_kib = (int64_t)d->published * GRANULE_KIB;
	return 0;
}

static int vhost_connect(struct backend *b, const struct guest_id *id,
			 struct transport **ret)
{
	struct vdomain *d = find(of(b), id);

	spend(of(b), 0);
	return d ? d->guest.connect(d->guest.ctx, ret) : -ESRCH;
}

static const struct backend_ops vhost_ops = {
	.name = "virtual",
	.close = vhost_close,
	.fd = vhost_fd,
	.dispatch = vhost_dispatch,
	.listen = vhost_listen,
	.list = vhost_list,
	.domain = vhost_domain,
	.host = vhost_host,
	.set_max = vhost_set_max,
	.claim = vhost_claim,
	.set_tables = vhost_set_tables,
	.populate = vhost_populate,
	.give_back = vhost_give_back,
	.backed = vhost_backed,
	.store_write = vhost_store_write,
	.store_read = vhost_store_read,
	.remember = vhost_remember,
	.recall = vhost_recall,
	.publish = vhost_publish,
	.wanted = vhost_wanted,
	.connect = vhost_connect,
};

int vhost_new(uint64_t pages, const struct vhost_costs *costs,
	      void (*spend_fn)(int64_t us), struct vhost **ret)
{
	struct vhost *h = calloc(1, sizeof(*h));

	if (!h)
		return -ENOMEM;
	h->backend.ops = &vhost_ops;
	h->costs = *costs;
	h->spend = spend_fn;
	h->total_pages = h->free_pages = pages;
	h->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
	if (h->fd < 0) {
		free(h);
		return -ENOMEM;
	}
	*ret = h;
	return 0;
}

void vhost_free(struct vhost *h)
{
	if (!h)
		return;
	for (uint32_t i = 0; i < h->nr_domains; i++)
		free(h->domains[i].backed);
	free(h->domains);
	close(h->fd);
	free(h);
}

struct backend *vhost_backend(struct vhost *h)
{
	return &h->backend;
}

static int make_room(struct vhost *h)
{
	uint32_t room = MAX(2 * h->room, 16u);
	struct vdomain *domains;

	if (h->nr_domains < h->room)
		return 0;
	domains = realloc(h->domains, room * sizeof(*domains));
	if (!domains)
		return -ENOMEM;
	h->domains = domains;
	h->room = room;
	return 0;
}

int vhost_add(struct vhost *h, const struct vhost_guest *g,
	      uint32_t *ret_domid)
{
	struct vdomain *d;
	int rc = make_room(h);

	if (rc)
		return rc;
	ASSERT(g->boot_pages <= h->free_pages);
	d = &h->domains[h->nr_domains];
	*d = (struct vdomain){
		.guest = *g, .pages = g->boot_pages,
		.max_pages = g->boot_pages,
	};
	d->backed = calloc(g->window_granules / 64, sizeof(*d->backed));
	if (!d->backed)
		return -ENOMEM;
	h->free_pages -= g->boot_pages;
	d->id.domid = ++h->nr_domains;
	memcpy(d->id.uuid, &d->id.domid, sizeof(d->id.domid));
	h->changed = true;
	ring(h);
	*ret_domid = d->id.domid;
	return 0;
}

void vhost_offer(struct vhost *h, uint32_t domid)
{
	h->domains[domid - 1].offers = true;
	ring(h);
}

uint64_t vhost_free_pages(const struct vhost *h)
{
	return h->free_pages;
}

const struct vhost_counts *vhost_counts(const struct vhost *h)
{
	return &h->counts;
}
