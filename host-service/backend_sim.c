/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * backend_sim.c - A machine in a file, for where there is no Xen
 */
#include "backend.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "sim_faults.h"
#include "sim_machine.h"
#include "transport_unix.h"

#define SIM_DOMAINS_MAX	65536u
/* A socket gets its permissions when it is listened on: see unix_listen(). */
#define SIM_EVENTS	(IN_ATTRIB | IN_MOVED_TO | IN_CLOSE_WRITE)

struct backend_sim {
	struct backend backend;
	struct sim_machine *machine;
	int inotify;
	char dir[96];		/* a socket path must fit sockaddr_un */
};

static struct backend_sim *sim(struct backend *b)
{
	return (struct backend_sim *)b;
}

static void sim_backend_close(struct backend *b)
{
	if (!b)
		return;
	sim_close(sim(b)->machine);
	if (sim(b)->inotify >= 0)
		close(sim(b)->inotify);
	free(b);
}

static int sim_fd(struct backend *b)
{
	return sim(b)->inotify;
}

/* The directory is watched as a whole; an offer's fate is in its socket. */
static void sim_listen(struct backend *b, const struct guest_id *id, bool on)
{
	(void)b;
	(void)id;
	(void)on;
}

static void sim_event(const struct inotify_event *e,
		      const struct backend_events *cbs, void *ctx)
{
	unsigned int domid;
	int sock = 0, target = 0;

	if (!e->len)
		return;
	if (!strcmp(e->name, "domains"))
		cbs->domains(ctx);
	else if (sscanf(e->name, "%u.sock%n", &domid, &sock) == 1 && sock)
		cbs->offer(ctx, domid);
	else if (sscanf(e->name, "%u.target%n", &domid, &target) == 1 &&
		 target && !e->name[target])
		cbs->target(ctx, domid);
}

static int sim_dispatch(struct backend *b, const struct backend_events *cbs,
			void *ctx)
{
	char buf[4096] __attribute__((aligned(8)));
	const struct inotify_event *e;
	struct sim_fault f;
	ssize_t n;
	int rc;

	rc = sim_fault_begin(sim(b)->machine, SIM_CALL_DISPATCH, &f);
	if (rc)
		return rc;
	/* The descriptor stays readable while events are left. */
	n = read(sim(b)->inotify, buf, sizeof(buf));
	for (char *p = buf; p < buf + n; p += sizeof(*e) + e->len) {
		e = (const struct inotify_event *)p;
		sim_event(e, cbs, ctx);
	}
	rc = n > 0 || (n < 0 && errno == EAGAIN) ? 0 : -EIO;
	return sim_fault_end(&f, rc);
}

static void sim_fill(const struct sim_domain_info *info,
		     struct backend_domain *ret)
{
	ret->id.domid = info->domid;
	memcpy(ret->id.uuid, info->uuid, sizeof(ret->id.uuid));
	snprintf(ret->name, sizeof(ret->name), "%s", info->name);
	ret->pages = info->pages;
	ret->max_pages = info->max_pages;
	ret->restarts = info->restarts;
}

static int by_domid(const void *a, const void *b)
{
	const struct backend_domain *left = a, *right = b;

	return (left->id.domid > right->id.domid) -
	       (left->id.domid < right->id.domid);
}

/* The machine has them by slot, and slots are used again. */
static int list_domains(struct backend *b, struct backend_domain **ret,
			uint32_t *ret_nr)
{
	struct sim_domain_info *info;
	struct backend_domain *domains;
	uint32_t nr = 0, live = 0;
	int rc;

	info = calloc(SIM_DOMAINS_MAX, sizeof(*info));
	if (!info)
		return -ENOMEM;
	rc = sim_domains(sim(b)->machine, info, SIM_DOMAINS_MAX, &nr);
	domains = rc ? NULL : calloc(nr + 1, sizeof(*domains));
	if (!domains) {
		free(info);
		return rc ? rc : -ENOMEM;
	}
	for (uint32_t i = 0; i < nr; i++) {
		if (!info[i].dying)
			sim_fill(&info[i], &domains[live++]);
	}
	free(info);
	qsort(domains, live, sizeof(*domains), by_domid);
	*ret = domains;
	*ret_nr = live;
	return 0;
}

static int sim_list(struct backend *b, struct backend_domain **ret,
		    uint32_t *ret_nr)
{
	struct backend_domain *domains = NULL;
	struct sim_fault f;
	int rc = sim_fault_begin(sim(b)->machine, SIM_CALL_LIST, &f);

	if (!rc)
		rc = sim_fault_end(&f, list_domains(b, &domains, ret_nr));
	if (rc)
		free(domains);
	else
		*ret = domains;
	return rc;
}

static int find_domain(struct backend *b, const struct guest_id *id,
		       struct backend_domain *ret)
{
	struct sim_domain_info info;
	int rc = sim_domain_info(sim(b)->machine, id->domid, &info);

	if (rc)
		return rc;
	if (memcmp(info.uuid, id->uuid, sizeof(info.uuid)))
		return -ESRCH;
	sim_fill(&info, ret);
	return 0;
}

static int sim_domain(struct backend *b, const struct guest_id *id,
		      struct backend_domain *ret)
{
	struct sim_fault f;
	int rc = sim_fault_begin(sim(b)->machine, SIM_CALL_DOMAIN, &f);

	return rc ? rc : sim_fault_end(&f, find_domain(b, id, ret));
}

static int sim_host(struct backend *b, struct backend_host *ret)
{
	struct sim_fault f;
	int rc = sim_fault_begin(sim(b)->machine, SIM_CALL_HOST, &f);

	if (rc)
		return rc;
	sim_host_pages(sim(b)->machine, &ret->total, &ret->free);
	return sim_fault_end(&f, 0);
}

static int sim_max(struct backend *b, const struct guest_id *id,
		   uint64_t max_pages)
{
	struct sim_machine *m = sim(b)->machine;
	struct sim_fault f;
	int rc = sim_fault_begin(m, SIM_CALL_SET_MAX, &f);

	return rc ? rc : sim_fault_end(&f, sim_set_max(m, id->domid,
						       max_pages));
}

static int sim_claim(struct backend *b, const struct guest_id *id,
		     uint64_t pages)
{
	struct sim_fault f;
	int rc = sim_fault_begin(sim(b)->machine, SIM_CALL_CLAIM, &f);

	(void)id;
	(void)pages;
	return rc ? rc : sim_fault_end(&f, -EOPNOTSUPP);
}

/* The simulated machine maps without tables. */
static int sim_tables(struct backend *b, const struct guest_id *id,
		      uint32_t granules)
{
	struct backend_domain d;
	struct sim_fault f;
	int rc = sim_fault_begin(sim(b)->machine, SIM_CALL_SET_TABLES, &f);

	(void)granules;
	return rc ? rc : sim_fault_end(&f, find_domain(b, id, &d));
}

static int sim_range(struct backend *b, const struct guest_id *id,
		     uint64_t gfn, uint32_t nr, struct granules *ret)
{
	struct sim_domain_config config;
	int rc = sim_domain_config(sim(b)->machine, id->domid, &config);

	if (rc)
		return rc;
	if (gfn < config.window_gfn || gfn % GRANULE_PAGES)
		return -EIO;
	ret->first = (uint32_t)((gfn - config.window_gfn) / GRANULE_PAGES);
	ret->nr = nr;
	return 0;
}

/* sim_populate() or sim_take(), all of it or, if it is to fail, half. */
static int sim_move(struct backend *b, const struct guest_id *id, uint64_t gfn,
		    uint32_t nr, uint32_t *ret_done, enum sim_call call,
		    int (*move)(struct sim_machine *m, uint32_t domid,
				struct granules r, uint32_t *ret_done))
{
	struct granules r = { 0, 0 };
	struct sim_fault f;
	int rc = sim_fault_begin(sim(b)->machine, call, &f);

	*ret_done = 0;
	if (!rc)
		rc = sim_range(b, id, gfn, nr, &r);
	if (rc)
		return rc;
	if (f.mode == SIM_FAIL_PARTLY)
		r.nr /= 2;
	if (r.nr)
		rc = move(sim(b)->machine, id->domid, r, ret_done);
	if (f.mode == SIM_FAIL_AFTER)
		*ret_done = 0;
	return sim_fault_end(&f, rc);
}

static int sim_do_populate(struct backend *b, const struct guest_id *id,
			   uint64_t gfn, uint32_t nr, uint32_t *ret_done)
{
	return sim_move(b, id, gfn, nr, ret_done, SIM_CALL_POPULATE,
			sim_populate);
}

static int sim_do_give_back(struct backend *b, const struct guest_id *id,
			    uint64_t gfn, uint32_t nr, uint32_t *ret_done)
{
	return sim_move(b, id, gfn, nr, ret_done, SIM_CALL_GIVE_BACK, sim_take);
}

static int sim_do_backed(struct backend *b, const struct guest_id *id,
			 uint64_t gfn, uint32_t nr, uint64_t *bitmap)
{
	struct granules r = { 0, 0 };
	struct sim_fault f;
	int rc = sim_fault_begin(sim(b)->machine, SIM_CALL_BACKED, &f);

	if (!rc)
		rc = sim_range(b, id, gfn, nr, &r);
	if (!rc)
		rc = sim_backed(sim(b)->machine, id->domid, r.first, nr,
				bitmap);
	return rc ? rc : sim_fault_end(&f, rc);
}

static int sim_do_store_write(struct backend *b, const struct guest_id *id,
			      const char *key, const char *value)
{
	struct sim_machine *m = sim(b)->machine;
	struct sim_fault f;
	int rc = sim_fault_begin(m, SIM_CALL_STORE_WRITE, &f);

	return rc ? rc : sim_fault_end(&f, sim_store_write(m, id->domid, key,
							   value));
}

static int sim_do_store_read(struct backend *b, const struct guest_id *id,
			     const char *key, char *value, size_t size)
{
	struct sim_machine *m = sim(b)->machine;
	struct sim_fault f;
	int rc = sim_fault_begin(m, SIM_CALL_STORE_READ, &f);

	return rc ? rc : sim_fault_end(&f, sim_store_read(m, id->domid, key,
							  value, size));
}

/* A file UUID.size. */
static void remembered_path(struct backend *b, const struct guest_id *id,
			    char path[160])
{
	int at = snprintf(path, 160, "%s/", sim(b)->dir);

	for (size_t i = 0; i < sizeof(id->uuid); i++)
		at += snprintf(path + at, 160 - (size_t)at, "%02x",
			       id->uuid[i]);
	snprintf(path + at, 160 - (size_t)at, ".size");
}

static int write_remembered(struct backend *b, const struct guest_id *id,
			    uint64_t kib)
{
	char path[160];
	FILE *out;
	int rc;

	remembered_path(b, id, path);
	out = fopen(path, "we");
	if (!out)
		return -EIO;
	rc = fprintf(out, "%" PRIu64 "\n", kib) < 0;
	return fclose(out) || rc ? -EIO : 0;
}

static int read_remembered(struct backend *b, const struct guest_id *id,
			   uint64_t *ret_kib)
{
	char path[160];
	FILE *in;
	int rc;

	remembered_path(b, id, path);
	in = fopen(path, "re");
	if (!in)
		return errno == ENOENT ? -ENOENT : -EIO;
	rc = fscanf(in, "%" SCNu64, ret_kib) == 1 ? 0 : -EIO;
	fclose(in);
	return rc;
}

static int sim_remember(struct backend *b, const struct guest_id *id,
			uint64_t kib)
{
	struct sim_fault f;
	int rc = sim_fault_begin(sim(b)->machine, SIM_CALL_REMEMBER, &f);

	return rc ? rc : sim_fault_end(&f, write_remembered(b, id, kib));
}

static int sim_recall(struct backend *b, const struct guest_id *id,
		      uint64_t *ret_kib)
{
	struct sim_fault f;
	int rc = sim_fault_begin(sim(b)->machine, SIM_CALL_RECALL, &f);

	return rc ? rc : sim_fault_end(&f, read_remembered(b, id, ret_kib));
}

static void target_path(struct backend *b, uint32_t domid, char path[128])
{
	snprintf(path, 128, "%s/%u.target", sim(b)->dir, domid);
}

/* The toolstack's node is a file DOMID.target, of KiB beyond boot memory;
 * whoever writes it moves it there as a whole. */
static int write_target(struct backend *b, uint32_t domid, int64_t kib)
{
	char path[128], temp[136];
	FILE *out;
	int rc;

	target_path(b, domid, path);
	snprintf(temp, sizeof(temp), "%s.new", path);
	out = fopen(temp, "we");
	if (!out)
		return -EIO;
	rc = fprintf(out, "%" PRId64 "\n", kib) < 0;
	return fclose(out) || rc || rename(temp, path) ? -EIO : 0;
}

static int read_target(struct backend *b, const struct guest_id *id,
		       int64_t *ret_kib)
{
	struct backend_domain d;
	char path[128];
	FILE *in;
	int rc = find_domain(b, id, &d);

	if (rc)
		return rc;
	target_path(b, id->domid, path);
	in = fopen(path, "re");
	if (!in)
		return errno == ENOENT ? -ENOENT : -EIO;
	rc = fscanf(in, "%" SCNd64, ret_kib) == 1 ? 0 : -EIO;
	fclose(in);
	return rc;
}

static int sim_wanted(struct backend *b, const struct guest_id *id,
		      int64_t *ret_kib)
{
	struct sim_fault f;
	int rc = sim_fault_begin(sim(b)->machine, SIM_CALL_WANTED, &f);

	return rc ? rc : sim_fault_end(&f, read_target(b, id, ret_kib));
}

/* Two nodes, as on Xen: the one may be written and the other not. */
static int sim_publish(struct backend *b, const struct guest_id *id,
		       uint32_t granules)
{
	struct sim_machine *m = sim(b)->machine;
	char text[BACKEND_VALUE_MAX];
	struct sim_fault f;
	int rc = sim_fault_begin(m, SIM_CALL_PUBLISH, &f);

	snprintf(text, sizeof(text), "%u", granules);
	if (!rc)
		rc = sim_store_write(m, id->domid, "published-granules", text);
	if (!rc && f.mode != SIM_FAIL_PARTLY)
		rc = write_target(b, id->domid, (int64_t)granules *
				  GRANULE_KIB);
	return rc ? rc : sim_fault_end(&f, rc);
}

/* No toolstack has written it: the domain may have all it was built with. */
static int sim_do_balloon(struct backend *b, const struct guest_id *id,
			  struct backend_balloon *ret)
{
	struct sim_domain_config config;
	int64_t kib = 0;
	int rc;

	/* A read of the same node: the same fault point */
	rc = sim_wanted(b, id, &kib);
	if (rc == -ENOENT)
		rc = 0;
	if (!rc)
		rc = sim_domain_config(sim(b)->machine, id->domid, &config);
	if (rc)
		return rc;
	ret->most_kib = (uint64_t)config.boot_pages * PAGE_KIB;
	ret->target_kib = (uint64_t)MAX((int64_t)ret->most_kib + kib, 0);
	return 0;
}

static int sim_set_balloon(struct backend *b, const struct guest_id *id,
			   uint64_t target_kib)
{
	struct sim_domain_config config;
	struct sim_fault f;
	int rc = sim_fault_begin(sim(b)->machine, SIM_CALL_PUBLISH, &f);

	if (!rc)
		rc = sim_domain_config(sim(b)->machine, id->domid, &config);
	if (rc)
		return rc;
	rc = write_target(b, id->domid, (int64_t)target_kib -
			  (int64_t)config.boot_pages * PAGE_KIB);
	return sim_fault_end(&f, rc);
}

static int dial_agent(struct backend *b, const struct guest_id *id,
		      struct transport **ret)
{
	char path[128];
	int fd, rc;

	snprintf(path, sizeof(path), "%s/%u.sock", sim(b)->dir, id->domid);
	fd = unix_dial(path);
	if (fd < 0)
		return fd == -ECONNREFUSED ? -ENOENT : fd;
	rc = transport_unix_new(fd, ret);
	if (rc)
		close(fd);
	return rc;
}

static int sim_connect(struct backend *b, const struct guest_id *id,
		       struct transport **ret)
{
	struct transport *t = NULL;
	struct sim_fault f;
	int rc = sim_fault_begin(sim(b)->machine, SIM_CALL_CONNECT, &f);

	if (!rc)
		rc = sim_fault_end(&f, dial_agent(b, id, &t));
	if (!rc)
		*ret = t;
	else if (t)
		transport_close(t);
	return rc;
}

static const struct backend_ops sim_ops = {
	.name = "sim",
	.close = sim_backend_close,
	.fd = sim_fd,
	.dispatch = sim_dispatch,
	.listen = sim_listen,
	.list = sim_list,
	.domain = sim_domain,
	.host = sim_host,
	.set_max = sim_max,
	.claim = sim_claim,
	.set_tables = sim_tables,
	.populate = sim_do_populate,
	.give_back = sim_do_give_back,
	.backed = sim_do_backed,
	.store_write = sim_do_store_write,
	.store_read = sim_do_store_read,
	.remember = sim_remember,
	.recall = sim_recall,
	.publish = sim_publish,
	.wanted = sim_wanted,
	.balloon = sim_do_balloon,
	.set_balloon = sim_set_balloon,
	.connect = sim_connect,
};

int backend_sim_open(const char *dir, struct backend **ret)
{
	struct backend_sim *s;
	int rc;

	if (strlen(dir) >= sizeof(s->dir))
		return -ENAMETOOLONG;
	s = calloc(1, sizeof(*s));
	if (!s)
		return -ENOMEM;
	s->backend.ops = &sim_ops;
	strcpy(s->dir, dir);
	s->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	if (s->inotify < 0 ||
	    inotify_add_watch(s->inotify, dir, SIM_EVENTS) < 0) {
		rc = -errno;
		goto out_close;
	}
	rc = sim_open(dir, &s->machine);
	if (rc)
		goto out_close;
	*ret = &s->backend;
	return 0;

out_close:
	sim_backend_close(&s->backend);
	return rc;
}
