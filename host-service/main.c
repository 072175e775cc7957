/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * main.c - memtided: options, start, signals
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>

#include "base.h"
#include "control.h"
#include "control_codec.h"
#include "log.h"
#include "service.h"
#include "size.h"

struct options {
	const char *backend;
	const char *sim_dir;
	const char *socket;
	struct guest_conf conf;
};

static const struct option long_options[] = {
	{ "backend", required_argument, NULL, 'b' },
	{ "sim-dir", required_argument, NULL, 'd' },
	{ "socket", required_argument, NULL, 's' },
	{ "reserve", required_argument, NULL, 'r' },
	{ "retry-min-ms", required_argument, NULL, 'm' },
	{ "retry-max-ms", required_argument, NULL, 'M' },
	{ "log-level", required_argument, NULL, 'l' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"Usage: memtided [OPTION]...\n"
	"Give running Xen guests memory and take it back.\n"
	"\n"
	"  --backend xen|sim   hypervisor (default xen)\n"
	"  --sim-dir DIR       directory of the simulated machine, with sim\n"
	"  --socket PATH       control socket (default " CONTROL_SOCKET_DEFAULT ")\n"
	"  --reserve SIZE      host memory never given to guests (default 64M)\n"
	"  --retry-min-ms N    first delay before trying again, 1-3600000\n"
	"                      (default 1000)\n"
	"  --retry-max-ms N    the delay doubles up to this (default 60000)\n"
	"  --log-level LEVEL   error, warning, info (default) or debug\n"
	"  --version           print the version\n"
	"  --help              print this\n";

static int parse_ms(const char *name, const char *text, uint32_t *ret)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || *end || end == text || !value || value > 3600000) {
		fprintf(stderr,
			"memtided: --%s: \"%s\" is not a number from 1 to 3600000\n",
			name, text);
		return -EINVAL;
	}
	*ret = (uint32_t)value;
	return 0;
}

static int parse_log_level(const char *text)
{
	enum log_level level;

	if (log_parse_level(text, &level)) {
		fprintf(stderr,
			"memtided: --log-level: \"%s\" is none of error, warning, info, debug\n",
			text);
		return -EINVAL;
	}
	log_set_level(level);
	return 0;
}

static int parse_reserve(const char *text, uint64_t *ret_kib)
{
	struct size_arg size = { SIZE_TO, 0 };
	const char *why = "";

	if (size_parse(text, &size, &why) || size.mode != SIZE_TO) {
		fprintf(stderr, "memtided: --reserve: \"%s\": a size %s\n", text,
			*why ? why : "without sign is needed");
		return -EINVAL;
	}
	*ret_kib = size.bytes / 1024;
	return 0;
}

static int parse_option(int c, struct options *o)
{
	switch (c) {
	case 'b':
		o->backend = optarg;
		return 0;
	case 'd':
		o->sim_dir = optarg;
		return 0;
	case 's':
		o->socket = optarg;
		return 0;
	case 'r':
		return parse_reserve(optarg, &o->conf.reserve_kib);
	case 'm':
		return parse_ms("retry-min-ms", optarg, &o->conf.retry_min_ms);
	case 'M':
		return parse_ms("retry-max-ms", optarg, &o->conf.retry_max_ms);
	case 'l':
		return parse_log_level(optarg);
	case 'V':
		puts("memtided " MEMTIDE_VERSION);
		exit(0);
	case 'h':
		fputs(usage, stdout);
		exit(0);
	default:
		return -EINVAL;
	}
}

static int parse_options(int argc, char **argv, struct options *o)
{
	int c, rc;

	while ((c = getopt_long(argc, argv, "", long_options, NULL)) != -1) {
		rc = parse_option(c, o);
		if (rc)
			return rc;
	}
	if (optind < argc) {
		fprintf(stderr, "memtided: \"%s\" is not an option\n",
			argv[optind]);
		return -EINVAL;
	}
	if (o->conf.retry_max_ms < o->conf.retry_min_ms) {
		fprintf(stderr,
			"memtided: --retry-max-ms %u is below --retry-min-ms %u\n",
			o->conf.retry_max_ms, o->conf.retry_min_ms);
		return -EINVAL;
	}
	return 0;
}

static int open_backend(const struct options *o, struct backend **ret)
{
	int rc = -EINVAL;

	if (!strcmp(o->backend, "xen"))
		rc = backend_xen_open(ret);
	else if (!strcmp(o->backend, "sim") && o->sim_dir)
		rc = backend_sim_open(o->sim_dir, ret);
	if (rc == -EINVAL)
		log_err("--backend is \"xen\", or \"sim\" with --sim-dir");
	else if (rc)
		log_err("cannot open the %s backend: %s", o->backend,
			strerror(-rc));
	return rc;
}

static void on_signal(evutil_socket_t fd, short what, void *base)
{
	(void)fd;
	(void)what;
	event_base_loopexit(base, NULL);
}

/* Nothing needs undoing at the end: all is read back at the next start. */
static int run(struct event_base *base, struct backend *backend,
	       const struct options *o)
{
	struct service *service = NULL;
	struct control *control = NULL;
	int rc;

	rc = service_open(base, backend, &o->conf, &service);
	if (rc) {
		log_err("cannot start: %s", strerror(-rc));
		return rc;
	}
	rc = control_open(base, service, o->socket, &control);
	if (rc) {
		log_err("cannot listen on %s: %s", o->socket, strerror(-rc));
	} else {
		log_info("memtided " MEMTIDE_VERSION " on %s, %u domains",
			 backend->ops->name, service->nr_guests);
		event_base_dispatch(base);
		rc = event_base_got_exit(base) ? 0 : -EIO;
	}
	control_close(control);
	service_close(service);
	return rc;
}

static struct event *catch_signal(struct event_base *base, int number)
{
	struct event *e = evsignal_new(base, number, on_signal, base);

	if (e)
		event_add(e, NULL);
	return e;
}

int main(int argc, char **argv)
{
	struct options o = {
		.backend = "xen",
		.socket = CONTROL_SOCKET_DEFAULT,
		.conf = { 64 * 1024, 1000, 60000 },
	};
	struct event *on_term, *on_int;
	struct event_base *base;
	struct backend *backend = NULL;
	int rc;

	setvbuf(stderr, NULL, _IOLBF, 0);
	if (parse_options(argc, argv, &o))
		return 2;
	signal(SIGPIPE, SIG_IGN);
	base = event_base_new();
	if (!base)
		return 1;
	on_term = catch_signal(base, SIGTERM);
	on_int = catch_signal(base, SIGINT);
	rc = open_backend(&o, &backend);
	if (!rc)
		rc = run(base, backend, &o);
	if (backend)
		backend->ops->close(backend);
	if (on_term)
		event_free(on_term);
	if (on_int)
		event_free(on_int);
	event_base_free(base);
	return rc ? 1 : 0;
}
