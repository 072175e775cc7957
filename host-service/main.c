/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * main.c - memtided: options, start, signals
 */
#include <errno.h>
#include <event2/event.h>
#include <getopt.h>
#include <signal.h>
#include <string.h>

#include "balance.h"
#include "config_file.h"
#include "control.h"
#include "control_codec.h"
#include "history.h"
#include "http.h"
#include "journal.h"
#include "log.h"
#include "notify.h"
#include "reload.h"
#include "reserve.h"
#include "service.h"

/* More than a socket's address may have: unix_listen() says no to more. */
#define PATH_BYTES	(CONFIG_PATH_MAX + sizeof("metrics.sock"))

/**
 * struct options - the command line
 * @config:	NULL: the default, which need not be there
 * @keys:	what goes over the file's
 */
struct options {
	const char *backend;
	const char *sim_dir;
	const char *config;
	bool check_config;
	const char *keys[CONFIG_NUM_KEYS];
};

/**
 * struct daemon - what runs
 * @conf:	what rules
 */
struct daemon {
	const struct options *options;
	struct config conf;
	struct event_base *base;
	struct backend *backend;
	struct service *service;
	struct reserve *reserve;
	struct balance *balance;
	struct control *control;
	struct history *history;
	struct http *http;
	struct notify *notify;
};

enum { OPT_BACKEND = CONFIG_NUM_KEYS, OPT_SIM_DIR, OPT_CONFIG, OPT_CHECK_CONFIG,
       OPT_VERSION, OPT_HELP };

static const struct option long_options[] = {
	{ "reserve", required_argument, NULL, CONFIG_RESERVE },
	{ "burst-reserve", required_argument, NULL, CONFIG_BURST_RESERVE },
	{ "retry-min-ms", required_argument, NULL, CONFIG_RETRY_MIN_MS },
	{ "retry-max-ms", required_argument, NULL, CONFIG_RETRY_MAX_MS },
	{ "log-level", required_argument, NULL, CONFIG_LOG_LEVEL },
	{ "socket", required_argument, NULL, CONFIG_SOCKET },
	{ "metrics-port", required_argument, NULL, CONFIG_METRICS_PORT },
	{ "backend", required_argument, NULL, OPT_BACKEND },
	{ "sim-dir", required_argument, NULL, OPT_SIM_DIR },
	{ "config", required_argument, NULL, OPT_CONFIG },
	{ "check-config", no_argument, NULL, OPT_CHECK_CONFIG },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

static const char usage[] =
	"Usage: memtided [OPTION]...\n"
	"Give running Xen guests memory and take it back.\n"
	"\n"
	"  --config PATH       configuration file, see memtided.conf(5)\n"
	"                      (default " CONFIG_FILE_DEFAULT ")\n"
	"  --check-config      check that file, and exit\n"
	"  --backend xen|sim   hypervisor (default xen)\n"
	"  --sim-dir DIR       directory of the simulated machine, with sim\n"
	"  --version           print the version\n"
	"  --help              print this\n"
	"\n"
	"These go over what the file sets:\n"
	"  --socket PATH       control socket (default " CONTROL_SOCKET_DEFAULT ")\n"
	"  --reserve SIZE      host memory never given to guests (default 64M)\n"
	"  --burst-reserve SIZE  host memory kept free for guests in distress\n"
	"                      (default share: a sixteenth of the host's)\n"
	"  --retry-min-ms N    first delay before trying again, 1-3600000\n"
	"                      (default 1000)\n"
	"  --retry-max-ms N    the delay doubles up to this (default 60000)\n"
	"  --metrics-port N    answer HTTP on this port of 127.0.0.1 and ::1 as well\n"
	"                      (default none: only on metrics.sock, beside the\n"
	"                      control socket)\n"
	"  --log-level LEVEL   error, warning, info (default) or debug\n"
	"\n"
	"Exit codes:\n"
	"  0  ended by SIGTERM or SIGINT\n"
	"  1  could not start, or has lost its hypervisor\n"
	"  2  the command line or the configuration file is wrong\n";

static int parse_key(struct options *o, enum config_key key)
{
	char why[CONFIG_TEXT_MAX];
	struct config scratch;

	config_init(&scratch);
	if (config_set(&scratch, key, optarg, why)) {
		fprintf(stderr, "memtided: --%s: %s\n", config_key_name(key),
			why);
		return -EINVAL;
	}
	o->keys[key] = optarg;
	return 0;
}

static int parse_option(int c, struct options *o)
{
	switch (c) {
	case OPT_BACKEND:
		o->backend = optarg;
		return 0;
	case OPT_SIM_DIR:
		o->sim_dir = optarg;
		return 0;
	case OPT_CONFIG:
		o->config = optarg;
		return 0;
	case OPT_CHECK_CONFIG:
		o->check_config = true;
		return 0;
	case OPT_VERSION:
		puts("memtided " MEMTIDE_VERSION);
		exit(0);
	case OPT_HELP:
		fputs(usage, stdout);
		exit(0);
	default:
		return c < CONFIG_NUM_KEYS ? parse_key(o, (enum config_key)c) :
					   -EINVAL;
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
	return 0;
}

static int read_conf(const struct options *o, struct config *ret,
		     config_file_error_fn *error)
{
	const char *path = o->config ? o->config : CONFIG_FILE_DEFAULT;

	return config_file_read(path, !o->config, o->keys, ret, error, NULL);
}

/* To be read by whoever started us, and to be found by an editor. */
static void print_error(void *ctx, const char *text)
{
	(void)ctx;
	fprintf(stderr, "%s\n", text);
}

static void log_error(void *ctx, const char *text)
{
	(void)ctx;
	log_err("%s", text);
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

static void on_end(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;

	(void)fd;
	(void)what;
	event_base_loopexit(d->base, NULL);
}

static void on_hangup(evutil_socket_t fd, short what, void *ctx)
{
	struct daemon *d = ctx;
	struct config then;

	(void)fd;
	(void)what;
	notify_reloading(d->notify);
	if (read_conf(d->options, &then, log_error)) {
		log_err("the configuration is not changed");
	} else {
		reload_apply(d->service, d->balance, &d->conf, &then);
		config_done(&then);
	}
	notify_ready(d->notify);
}

static void on_granted(void *ctx, uint32_t granules)
{
	struct daemon *d = ctx;

	reserve_granted(d->reserve, granules);
}

static int open_parts(struct daemon *d)
{
	struct guest_conf guests = reload_guest_conf(&d->conf);
	struct balance_conf balance = {
		.burst_kib = d->conf.numbers[CONFIG_BURST_RESERVE],
		.granted = on_granted,
		.ctx = d,
	};
	int rc;

	rc = service_open(d->base, d->backend, &guests, &d->service);
	if (!rc)
		rc = balance_open(d->service, &balance, &d->balance);
	if (!rc)
		rc = reserve_open(d->service, d->balance, &d->reserve);
	if (!rc)
		rc = history_open(d->service, d->balance, &d->history);
	if (rc) {
		log_err("cannot start: %s", strerror(-rc));
		return rc;
	}
	rc = control_open(d->base, d->service, d->balance, d->reserve,
			  d->history, d->conf.socket, &d->control);
	if (rc)
		log_err("cannot listen on %s: %s", d->conf.socket,
			strerror(-rc));
	return rc;
}

/* In a network of its own, as with PrivateNetwork=, nobody else could ask. */
static bool only_loopback(void)
{
	FILE *in = fopen("/proc/self/net/dev", "re");
	unsigned int others = 0;
	char line[256];

	while (in && fgets(line, sizeof(line), in)) {
		const char *name = line + strspn(line, " ");

		others += strchr(name, ':') && strncmp(name, "lo:", 3) != 0;
	}
	if (in)
		fclose(in);
	return in && !others;
}

static void listen_port(struct http *http, uint16_t port)
{
	int rc = http_listen_port(http, port);

	if (rc)
		log_err("cannot answer on port %u: %s; see METRICS in memtided(8); going on without",
			port, strerror(-rc));
	else if (only_loopback())
		log_warn("port %u is in a network with no other interface; under PrivateNetwork=yes nobody can ask: see METRICS in memtided(8)",
			 port);
}

/* metrics.sock, beside the control socket */
static void metrics_path(const char *control, char path[PATH_BYTES])
{
	const char *slash = strrchr(control, '/');
	int dir = slash ? (int)(slash + 1 - control) : 0;

	snprintf(path, PATH_BYTES, "%.*smetrics.sock", dir, control);
}

/* Metrics and page: whatever is in their way, the guests come first. */
static void open_http(struct daemon *d)
{
	uint16_t port = (uint16_t)d->conf.numbers[CONFIG_METRICS_PORT];
	char path[PATH_BYTES];
	int rc = http_open(d->service, d->balance, d->history, &d->http);

	if (rc) {
		log_err("cannot answer HTTP: %s; going on without",
			strerror(-rc));
		return;
	}
	metrics_path(d->conf.socket, path);
	rc = http_listen_unix(d->http, path);
	if (rc)
		log_err("cannot answer HTTP on %s: %s; going on without", path,
			strerror(-rc));
	else
		control_open_to_group(path);
	if (port)
		listen_port(d->http, port);
}

/* Nothing needs undoing at the end: all is read back at the next start. */
static int run(struct daemon *d)
{
	int rc = open_parts(d);

	if (!rc) {
		open_http(d);
		rc = notify_open(d->base, d->service, &d->notify);
	}
	if (!rc) {
		log_info("memtided " MEMTIDE_VERSION " on %s, %u domains",
			 d->backend->ops->name, d->service->nr_guests);
		event_base_dispatch(d->base);
		rc = event_base_got_exit(d->base) ? 0 : -EIO;
	}
	notify_close(d->notify);
	http_close(d->http);
	control_close(d->control);
	history_close(d->history);
	reserve_close(d->reserve);
	balance_close(d->balance);
	service_close(d->service);
	return rc;
}

static struct event *catch_signal(struct daemon *d, int number,
				  event_callback_fn on_signal)
{
	struct event *e = evsignal_new(d->base, number, on_signal, d);

	if (e)
		event_add(e, NULL);
	return e;
}

static int run_daemon(struct daemon *d)
{
	struct event *signals[3];
	int rc;

	signal(SIGPIPE, SIG_IGN);
	d->base = event_base_new();
	if (!d->base)
		return -ENOMEM;
	signals[0] = catch_signal(d, SIGTERM, on_end);
	signals[1] = catch_signal(d, SIGINT, on_end);
	signals[2] = catch_signal(d, SIGHUP, on_hangup);
	rc = open_backend(d->options, &d->backend);
	if (!rc)
		rc = run(d);
	if (d->backend)
		d->backend->ops->close(d->backend);
	for (unsigned int i = 0; i < ARRAY_SIZE(signals); i++) {
		if (signals[i])
			event_free(signals[i]);
	}
	event_base_free(d->base);
	return rc;
}

int main(int argc, char **argv)
{
	struct options o = { .backend = "xen" };
	struct daemon d = { .options = &o };
	int rc = 0;

	setvbuf(stderr, NULL, _IOLBF, 0);
	journal_open();
	if (parse_options(argc, argv, &o) ||
	    read_conf(&o, &d.conf, print_error))
		return 2;
	log_set_level((enum log_level)d.conf.numbers[CONFIG_LOG_LEVEL]);
	if (!o.check_config)
		rc = run_daemon(&d);
	config_done(&d.conf);
	return rc ? 1 : 0;
}
