/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * tunables.c - Limits that Linux sized at boot follow the memory
 */
#include "tunables.h"

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "digits.h"
#include "log.h"

#define TMPFS_MAGIC	0x01021994	/* linux/magic.h */
#define MIB		(1024u * 1024u)

enum kind {
	KIND_SYSCTL,	/* @name is a file below /proc/sys */
	KIND_NPROC,	/* RLIMIT_NPROC and SIGPENDING of all processes */
	KIND_SHM,	/* size of a tmpfs [pages] */
};

/**
 * struct row - Linux's rule
 * @nr:		numbers in the file
 * @first:	of these, the first that is sized by memory
 * @kernel:	it is memory that cannot be moved which counts
 * @mul, @div:	the last number is KiB of memory * @mul / @div ...
 * @min, @max:	... but at least and at most
 */
struct row {
	enum kind kind;
	const char *name;
	uint32_t nr, first;
	bool kernel;
	uint32_t mul, div;
	uint64_t min, max;
};

#define SYSCTL(path, m, d, least, most) \
	{ .kind = KIND_SYSCTL, .name = path, .nr = 1, .mul = m, .div = d, \
	  .min = least, .max = most }
#define SYSCTL3(path, from, m, d, least, most) \
	{ .kind = KIND_SYSCTL, .name = path, .nr = 3, .first = from, \
	  .kernel = true, .mul = m, .div = d, .min = least, .max = most }

/* Files and functions are of Linux 6.12. Not here: pid_max (by CPUs), nr_open,
 * keys, SysV IPC, aio-max-nr, max_map_count (constant); min_free_kbytes,
 * lowmem_reserve, user_ and admin_reserve_kbytes, vm_committed_as_batch (follow
 * by themselves); hash tables of inodes, dentries, TCP and UDP (cannot be
 * changed); nfsd, SCTP, IPVS, RDS (sized when their modules are loaded). */
static const struct row table[] = {
	/* kernel/fork.c set_max_threads(): stacks in an eighth of memory */
	SYSCTL("kernel/threads-max", 1, 128, 20, 0x3fffffff),
	/* kernel/fork.c fork_init(): half of it, for each */
	{ .kind = KIND_NPROC, .name = "RLIMIT_NPROC", .nr = 1, .mul = 1,
	  .div = 256, .min = 10, .max = 0x1fffffff },
	SYSCTL("user/max_cgroup_namespaces", 1, 256, 10, INT_MAX),
	SYSCTL("user/max_ipc_namespaces", 1, 256, 10, INT_MAX),
	SYSCTL("user/max_mnt_namespaces", 1, 256, 10, INT_MAX),
	SYSCTL("user/max_net_namespaces", 1, 256, 10, INT_MAX),
	SYSCTL("user/max_pid_namespaces", 1, 256, 10, INT_MAX),
	SYSCTL("user/max_time_namespaces", 1, 256, 10, INT_MAX),
	SYSCTL("user/max_user_namespaces", 1, 256, 10, INT_MAX),
	SYSCTL("user/max_uts_namespaces", 1, 256, 10, INT_MAX),
	/* fs/file_table.c files_maxfiles_init(): a file in 10 KiB; systemd
	 * makes it the largest number, then it is not ours */
	SYSCTL("fs/file-max", 1, 10, 8192, INT64_MAX),
	/* fs/eventpoll.c eventpoll_init(): 4 % of memory, 184 octets each */
	SYSCTL("fs/epoll/max_user_watches", 2, 9, 1, INT_MAX),
	/* fs/notify/inotify/inotify_user.c inotify_user_setup(): 1 % of
	 * memory, 1312 octets each */
	SYSCTL("fs/inotify/max_user_watches", 1, 128, 8192, 1048576),
	/* fs/notify/fanotify/fanotify_user.c fanotify_user_setup() */
	SYSCTL("fs/fanotify/max_user_marks", 1, 120, 8192, 1048576),
	/* net/ipv4/tcp.c tcp_init_mem(): pages, at most 9 % of memory */
	SYSCTL3("net/ipv4/tcp_mem", 0, 3, 128, 192, INT_MAX),
	/* net/ipv4/tcp.c tcp_init(): octets of one socket */
	SYSCTL3("net/ipv4/tcp_rmem", 2, 8, 1, 131072, 6 * MIB),
	SYSCTL3("net/ipv4/tcp_wmem", 2, 8, 1, 65536, 4 * MIB),
	/* net/ipv4/udp.c udp_init(): pages, at most 18 % of memory */
	SYSCTL3("net/ipv4/udp_mem", 0, 3, 64, 192, INT_MAX),
	/* net/netfilter/nf_conntrack_core.c nf_conntrack_init_start(), where
	 * there is less than 1 GiB; more has so many that it does not matter */
	SYSCTL("net/netfilter/nf_conntrack_buckets", 1, 128, 1024, 262144),
	SYSCTL("net/netfilter/nf_conntrack_max", 1, 128, 1024, 262144),
	/* mm/shmem.c shmem_default_max_blocks(): half of memory */
	{ .kind = KIND_SHM, .name = "size", .nr = 1, .mul = 1, .div = 8,
	  .min = 1, .max = INT64_MAX },
};
static_assert(ARRAY_SIZE(table) <= TUNABLES_MAX, "room for each row");

/* Numbers of one row ------------------------------------------------------ */

static int parse_numbers(const char *text, size_t len, uint32_t nr,
			 uint64_t *ret)
{
	const char *end = text + len;

	for (uint32_t i = 0; i < nr; i++) {
		while (i && text < end && (*text == ' ' || *text == '\t'))
			text++;
		if (digits_take(&text, end, &ret[i]))
			return -EINVAL;
	}
	return text == end || *text == '\n' ? 0 : -EINVAL;
}

static int open_sysctl(const struct tunables *t, const struct row *row,
		       int flags)
{
	char path[PATH_MAX];
	int fd;

	if (snprintf(path, sizeof(path), "%s/sys/%s", t->proc, row->name) >=
	    (int)sizeof(path))
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

static int read_sysctl(const struct tunables *t, const struct row *row,
		       uint64_t *ret)
{
	int fd = open_sysctl(t, row, O_RDONLY);
	char text[128];
	ssize_t n;
	int rc;

	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof(text));
	rc = n < 0 ? -errno : parse_numbers(text, (size_t)n, row->nr, ret);
	close(fd);
	return rc;
}

static int write_sysctl(const struct tunables *t, const struct row *row,
			const uint64_t *v)
{
	int fd = open_sysctl(t, row, O_WRONLY | O_TRUNC), rc = 0;
	char text[128];
	int n = row->nr == 1 ?
		snprintf(text, sizeof(text), "%" PRIu64 "\n", v[0]) :
		snprintf(text, sizeof(text),
			 "%" PRIu64 " %" PRIu64 " %" PRIu64 "\n", v[0], v[1],
			 v[2]);

	if (fd < 0)
		return fd;
	if (write(fd, text, (size_t)n) < 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int read_nproc(const struct tunables *t, uint64_t *ret)
{
	struct rlimit l;

	/* The first process has what the kernel gave it, unless somebody
	 * thought about it. */
	if (prlimit(t->first, RLIMIT_NPROC, NULL, &l))
		return -errno;
	if (l.rlim_cur != l.rlim_max || l.rlim_cur == RLIM_INFINITY)
		return -EINVAL;
	*ret = l.rlim_cur;
	return 0;
}

/* Return: 0, also of one that has limits of its own or has ended, or the
 * kernel's refusal */
static int raise_process(pid_t pid, uint64_t from, uint64_t to)
{
	static const int limits[] = { RLIMIT_NPROC, RLIMIT_SIGPENDING };
	const struct rlimit higher = { to, to };
	struct rlimit l;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		if (prlimit(pid, limits[i], NULL, &l))
			continue;	/* it has ended */
		if (l.rlim_cur == from && l.rlim_max == from &&
		    prlimit(pid, limits[i], &higher, NULL) && errno != ESRCH)
			return -errno;
	}
	return 0;
}

/* Of each process that has the limit it was born with; the first one last, so
 * that an interruption changes nothing in what is ours. */
static int write_nproc(const struct tunables *t, uint64_t from, uint64_t to)
{
	DIR *dir = opendir(t->proc);
	const struct dirent *e;
	int rc = 0;

	if (!dir)
		return -errno;
	while (!rc && (e = readdir(dir))) {
		const char *at = e->d_name;
		uint64_t pid;

		if (!digits_take(&at, at + strlen(at), &pid) && !*at &&
		    pid <= INT_MAX && (pid_t)pid != t->first)
			rc = raise_process((pid_t)pid, from, to);
	}
	closedir(dir);
	return rc ? rc : raise_process(t->first, from, to);
}

static int read_shm(const struct tunables *t, uint64_t *ret)
{
	struct statfs fs;

	if (statfs(t->shm, &fs))
		return -errno;
	if (fs.f_type != TMPFS_MAGIC || fs.f_bsize != PAGE_BYTES)
		return -ENOENT;
	*ret = (uint64_t)fs.f_blocks;
	return 0;
}

static int write_shm(const struct tunables *t, uint64_t pages)
{
	static const struct { unsigned long is, set; } flags[] = {
		{ ST_NOSUID, MS_NOSUID }, { ST_NODEV, MS_NODEV },
		{ ST_NOEXEC, MS_NOEXEC }, { ST_NOATIME, MS_NOATIME },
		{ ST_RELATIME, MS_RELATIME },
		{ ST_NODIRATIME, MS_NODIRATIME },
	};
	unsigned long keep = MS_REMOUNT;
	struct statvfs fs;
	char size[32];

	if (statvfs(t->shm, &fs))
		return -errno;
	if (fs.f_flag & ST_RDONLY)
		return -EROFS;
	for (size_t i = 0; i < ARRAY_SIZE(flags); i++)
		if (fs.f_flag & flags[i].is)
			keep |= flags[i].set;
	snprintf(size, sizeof(size), "size=%" PRIu64 "k", pages * PAGE_KIB);
	return mount(NULL, t->shm, NULL, keep, size) ? -errno : 0;
}

static int read_row(const struct tunables *t, const struct row *row,
		    uint64_t *ret)
{
	switch (row->kind) {
	case KIND_NPROC:
		return read_nproc(t, ret);
	case KIND_SHM:
		return read_shm(t, ret);
	case KIND_SYSCTL:
	default:
		return read_sysctl(t, row, ret);
	}
}

static int write_row(const struct tunables *t, const struct row *row,
		     const uint64_t *from, const uint64_t *to)
{
	switch (row->kind) {
	case KIND_NPROC:
		return write_nproc(t, *from, *to);
	case KIND_SHM:
		return write_shm(t, *to);
	case KIND_SYSCTL:
	default:
		return write_sysctl(t, row, to);
	}
}

/* Decisions ---------------------------------------------------------------- */

static uint64_t rule(const struct row *row, uint64_t kib)
{
	return MIN(MAX(kib * row->mul / row->div, row->min), row->max);
}

static bool near_rule(const struct row *row, uint64_t value, uint64_t kib)
{
	uint64_t r = rule(row, kib);

	return value >= r - r / 4 && value <= r + r / 4;
}

/* Is it Linux's own value? Then it grows from here. */
static void meet(struct tunable *u, const struct row *row,
		 const uint64_t *now, uint64_t boot_kib, uint64_t kib)
{
	uint64_t last = now[row->nr - 1];

	u->state = TUNABLE_OURS;
	if (near_rule(row, last, boot_kib))
		u->base_kib = boot_kib;
	else if (near_rule(row, last, kib))
		u->base_kib = kib;
	else
		u->state = TUNABLE_THEIRS;
	memcpy(u->base, now, row->nr * sizeof(*now));
	memcpy(u->last, now, row->nr * sizeof(*now));
	if (u->state == TUNABLE_THEIRS)
		log_debug("%s is %" PRIu64 ", which somebody chose", row->name,
			  last);
}

static uint64_t sized(const struct tunable *u, const struct row *row,
		      uint32_t i, uint64_t kib)
{
	/* Linux's least says nothing of what this memory would have made. */
	if (u->base[i] == row->min)
		return rule(row, kib);
	return MIN(u->base[i] * kib / u->base_kib, row->max);
}

/* Return: is any of @ret more than what is now? */
static bool want(const struct tunable *u, const struct row *row, uint64_t kib,
		 uint64_t *ret)
{
	bool more = false;

	memcpy(ret, u->last, row->nr * sizeof(*ret));
	for (uint32_t i = row->first; i < row->nr; i++) {
		ret[i] = MAX(u->last[i], sized(u, row, i, kib));
		more |= ret[i] > u->last[i];
	}
	return more;
}

/* Return: was it raised? */
static bool raise_row(struct tunables *t, const struct row *row,
		      struct tunable *u, uint64_t kib)
{
	uint64_t to[TUNABLE_NUMBERS];
	int rc;

	if (!want(u, row, kib, to))
		return false;
	rc = write_row(t, row, u->last, to);
	if (rc) {
		log_warn("raising %s to %" PRIu64 ": %s, ignoring", row->name,
			 to[row->nr - 1], strerror(-rc));
		u->state = TUNABLE_THEIRS;
		return false;
	}
	log_debug("%s: %" PRIu64 " -> %" PRIu64, row->name,
		  u->last[row->nr - 1], to[row->nr - 1]);
	memcpy(u->last, to, row->nr * sizeof(*to));
	return true;
}

static bool follow_row(struct tunables *t, const struct row *row,
		       struct tunable *u, uint64_t kib)
{
	uint64_t now[TUNABLE_NUMBERS];

	if (u->state == TUNABLE_THEIRS || read_row(t, row, now))
		return false;
	if (u->state == TUNABLE_UNSEEN) {
		meet(u, row, now, t->boot_kib, kib);
	} else if (memcmp(now, u->last, row->nr * sizeof(*now))) {
		log_info("%s has been changed, leaving it alone", row->name);
		u->state = TUNABLE_THEIRS;
	}
	return u->state == TUNABLE_OURS && raise_row(t, row, u, kib);
}

void tunables_init(struct tunables *t, const char *proc, pid_t first,
		   const char *shm)
{
	*t = (struct tunables){ .proc = proc, .first = first, .shm = shm };
}

void tunables_follow(struct tunables *t, uint64_t boot_kib, uint64_t all_kib,
		     uint64_t kernel_kib)
{
	unsigned int nr = 0;

	if (!boot_kib || all_kib < t->done_kib + t->done_kib / 4)
		return;
	t->boot_kib = boot_kib;
	t->done_kib = all_kib;
	for (size_t i = 0; i < ARRAY_SIZE(table); i++)
		nr += follow_row(t, &table[i], &t->rows[i],
				 table[i].kernel ? kernel_kib : all_kib);
	if (nr)
		log_info("%u limits that Linux sized at boot raised for %" PRIu64 " MiB",
			 nr, all_kib / 1024);
}
