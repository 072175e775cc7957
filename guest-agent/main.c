/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * main.c - memtide-agent: start, and end at a signal
 */
#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <string.h>
#include <unistd.h>

#include "conf.h"
#include "kdev_ioctl.h"
#include "kdev_sim.h"
#include "notify.h"
#include "session.h"
#include "sys.h"
#include "tunables.h"

#ifndef MEMTIDE_VERSION
#error "MEMTIDE_VERSION comes from the Makefile"
#endif

#define PRESSURE	"/proc/pressure/memory"

/* What a dead predecessor has begun in the kernel is finished first. */
#define BUSY_RETRY_MS	100
/* A driver that is not there may be loaded yet. */
#define ABSENT_RETRY_MS	5000

/**
 * struct program - what main() holds
 * @open:	timer of the next try to open the driver
 * @meminfo_fd:	/proc/meminfo, -1 in a simulated machine
 * @stall_fd, @vmstat_fd: likewise, and where the kernel has no such file
 * @waited:	why we wait for the driver, a negative errno, or 0
 */
struct program {
	struct conf conf;
	struct event_base *base;
	struct event *signals[2];
	struct event *open;
	struct session *session;
	char socket_path[108];
	int meminfo_fd, stall_fd, vmstat_fd;
	struct tunables tunables;
	int waited;
	int rc;
};

static int real_meminfo(void *ctx, struct meminfo *ret)
{
	struct program *p = ctx;

	return sys_meminfo(p->meminfo_fd, ret);
}

/* What the kernel does not tell, or has ceased to, is 0. */
static void real_pressure(void *ctx, struct pressure *ret)
{
	struct program *p = ctx;

	*ret = (struct pressure){ .time_us = sys_now_us() };
	if (p->stall_fd >= 0)
		(void)sys_stall(p->stall_fd, ret);
	if (p->vmstat_fd >= 0)
		(void)sys_vmstat(p->vmstat_fd, ret);
}

static void real_grown(void *ctx, uint64_t boot_kib, uint64_t all_kib,
		       uint64_t kernel_kib)
{
	struct program *p = ctx;

	if (!p->conf.keep_limits)
		tunables_follow(&p->tunables, boot_kib, all_kib, kernel_kib);
}

static int sim_meminfo_of(void *ctx, struct meminfo *ret)
{
	return kdev_sim_meminfo(ctx, ret);
}

/* Nothing waits for memory in a simulated machine. */
static void sim_pressure_of(void *ctx, struct pressure *ret)
{
	(void)ctx;
	*ret = (struct pressure){ .time_us = sys_now_us(), .has_stall = true };
}

static void sim_grown_of(void *ctx, uint64_t boot_kib, uint64_t all_kib,
			 uint64_t kernel_kib)
{
	(void)ctx;
	(void)boot_kib;
	(void)all_kib;
	(void)kernel_kib;
}

static int open_kdev(const struct conf *c, struct kdev **ret)
{
	if (c->sim_dir)
		return kdev_sim_open(c->sim_dir, c->domid, ret);
	return kdev_ioctl_open(c->device, ret);
}

static void explain_open(const struct conf *c, int rc)
{
	if (c->sim_dir)
		log_err("domain %u of the simulated machine in %s: %s",
			c->domid, c->sim_dir, strerror(-rc));
	else if (rc == -EPROTONOSUPPORT || rc == -ENOTTY)
		log_err("%s: memtide.ko is of another version than this agent",
			c->device);
	else
		log_err("%s: %s", c->device, strerror(-rc));
}

/* On a kernel that is not ours there is nothing to do, and that is no failure:
 * the service manager need not start us again and again. */
static void explain_wait(const struct conf *c, int rc)
{
	if (rc == -EBUSY) {
		notify_manager("READY=1\nSTATUS=waits for another process that has the driver");
		log_warn("another process has the driver, waiting for its end");
		return;
	}
	notify_manager("READY=1\nSTATUS=waits for the driver, memtide.ko");
	log_warn("memtide.ko is not loaded: %s: %s; waiting for it. Without it the host can set this guest to its boot memory and less, by the kernel's own balloon driver",
		 c->device, strerror(-rc));
}

/* How long to wait for the driver; 0: that would not help. */
static uint32_t wait_ms(const struct conf *c, int rc)
{
	if (rc == -EBUSY)
		return BUSY_RETRY_MS;
	if (!c->sim_dir && (rc == -ENOENT || rc == -ENODEV || rc == -ENXIO))
		return ABSENT_RETRY_MS;
	return 0;
}

static void fill_config(struct program *p, struct kdev *k,
			struct session_config *ret)
{
	struct agent_config *a = &ret->agent;

	*ret = (struct session_config){
		.unix_path = p->conf.unix_path,
		.pressure_path = PRESSURE,
		.meminfo = real_meminfo,
		.pressure = real_pressure,
		.grown = real_grown,
		.system_ctx = p,
	};
	snprintf(a->agent_version, sizeof(a->agent_version), "%s",
		 MEMTIDE_VERSION);
	sys_kernel_release(a->kernel_release, sizeof(a->kernel_release));
	a->floor_pages = p->conf.floor_kib / PAGE_KIB;
	if (p->conf.sim_dir) {
		ret->pressure_path = NULL;
		ret->meminfo = sim_meminfo_of;
		ret->pressure = sim_pressure_of;
		ret->grown = sim_grown_of;
		ret->system_ctx = k;
		kdev_sim_uuid(k, a->boot_id);
	}
	if (p->conf.sim_dir && !ret->unix_path) {
		snprintf(p->socket_path, sizeof(p->socket_path), "%s/%u.sock",
			 p->conf.sim_dir, p->conf.domid);
		ret->unix_path = p->socket_path;
	}
}

static int read_system(struct program *p, struct session_config *config)
{
	static const char boot_id[] = "/proc/sys/kernel/random/boot_id";
	int rc = sys_boot_id(boot_id, config->agent.boot_id);

	if (rc) {
		log_err("%s: %s", boot_id, strerror(-rc));
		return rc;
	}
	p->meminfo_fd = sys_open("/proc/meminfo");
	if (p->meminfo_fd < 0) {
		log_err("/proc/meminfo: %s", strerror(-p->meminfo_fd));
		return p->meminfo_fd;
	}
	p->stall_fd = sys_open(PRESSURE);
	p->vmstat_fd = sys_open("/proc/vmstat");
	if (p->vmstat_fd < 0)
		log_warn("/proc/vmstat: %s, ignoring", strerror(-p->vmstat_fd));
	return 0;
}

static int start_session(struct program *p, struct kdev *k)
{
	struct session_config config;
	int rc = 0;

	fill_config(p, k, &config);
	if (!p->conf.sim_dir)
		rc = read_system(p, &config);
	if (!rc)
		rc = session_new(p->base, &config, k, &p->session);
	if (rc)
		kdev_close(k);
	return rc;
}

static void on_open(evutil_socket_t fd, short what, void *arg)
{
	struct program *p = arg;
	struct timeval later;
	struct kdev *k;
	int rc = open_kdev(&p->conf, &k);
	uint32_t ms = wait_ms(&p->conf, rc);

	(void)fd;
	(void)what;
	if (ms) {
		if (p->waited != rc)
			explain_wait(&p->conf, rc);
		p->waited = rc;
		later = (struct timeval){ ms / 1000, ms % 1000 * 1000 };
		evtimer_add(p->open, &later);
		return;
	}
	if (rc)
		explain_open(&p->conf, rc);
	else
		rc = start_session(p, k);
	p->rc = rc;
	if (rc)
		event_base_loopbreak(p->base);
	else
		notify_manager("READY=1\nSTATUS=the host may connect");
}

static void on_signal(evutil_socket_t sig, short what, void *arg)
{
	struct program *p = arg;

	(void)what;
	log_info("signal %d, ending; the memory stays as it is", (int)sig);
	notify_manager("STOPPING=1");
	event_base_loopbreak(p->base);
}

/* The agent must run when memory is short: that is when it is needed. */
static void harden(void)
{
	int rc = sys_survive_oom();

	if (rc)
		log_warn("oom_score_adj: %s, ignoring", strerror(-rc));
	rc = sys_lock_memory();
	if (rc)
		log_warn("mlockall: %s, ignoring", strerror(-rc));
}

static int init(struct program *p)
{
	static const struct timeval now = { 0, 0 };
	static const int sigs[] = { SIGTERM, SIGINT };

	p->base = event_base_new();
	if (!p->base)
		return -ENOMEM;
	for (size_t i = 0; i < ARRAY_SIZE(sigs); i++) {
		p->signals[i] = evsignal_new(p->base, sigs[i], on_signal, p);
		if (!p->signals[i] || event_add(p->signals[i], NULL))
			return -ENOMEM;
	}
	p->open = evtimer_new(p->base, on_open, p);
	if (!p->open || evtimer_add(p->open, &now))
		return -ENOMEM;
	return 0;
}

static void close_fd(int fd)
{
	if (fd >= 0)
		close(fd);
}

static void done(struct program *p)
{
	session_free(p->session);
	if (p->open)
		event_free(p->open);
	for (size_t i = 0; i < ARRAY_SIZE(p->signals); i++)
		if (p->signals[i])
			event_free(p->signals[i]);
	if (p->base)
		event_base_free(p->base);
	close_fd(p->meminfo_fd);
	close_fd(p->stall_fd);
	close_fd(p->vmstat_fd);
}

static int run(const struct conf *conf)
{
	struct program p = {
		.conf = *conf, .meminfo_fd = -1, .stall_fd = -1,
		.vmstat_fd = -1,
	};

	log_set_level(conf->log_level);
	signal(SIGPIPE, SIG_IGN);
	/* A simulated guest shares a real machine with others. */
	if (!conf->sim_dir)
		harden();
	tunables_init(&p.tunables, "/proc", 1, "/dev/shm");
	p.rc = init(&p);
	if (p.rc)
		log_err("start: %s", strerror(-p.rc));
	else
		event_base_dispatch(p.base);
	done(&p);
	return p.rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
	struct conf conf;
	char why[256];

	if (conf_parse(argc, argv, &conf, why)) {
		fprintf(stderr, "memtide-agent: %s; see --help\n", why);
		return 2;
	}
	if (conf.action == CONF_RUN)
		return run(&conf);
	if (conf.action == CONF_HELP)
		fputs(conf_usage(), stdout);
	else
		printf("memtide-agent %s\n", MEMTIDE_VERSION);
	return EXIT_SUCCESS;
}
