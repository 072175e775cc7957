/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * conf.c - The agent's command line
 */
#include "conf.h"

#include <errno.h>
#include <getopt.h>

#define WHY_BYTES	256u

enum { OPT_DEVICE = 256, OPT_VCHAN, OPT_UNIX, OPT_SIM, OPT_DOMID, OPT_FLOOR,
       OPT_KEEP_LIMITS, OPT_LOG_LEVEL, OPT_VERSION, OPT_HELP };

static const struct option options[] = {
	{ "device", required_argument, NULL, OPT_DEVICE },
	{ "vchan", no_argument, NULL, OPT_VCHAN },
	{ "unix", required_argument, NULL, OPT_UNIX },
	{ "sim", required_argument, NULL, OPT_SIM },
	{ "domid", required_argument, NULL, OPT_DOMID },
	{ "floor-kib", required_argument, NULL, OPT_FLOOR },
	{ "keep-limits", no_argument, NULL, OPT_KEEP_LIMITS },
	{ "log-level", required_argument, NULL, OPT_LOG_LEVEL },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, OPT_HELP },
	{ NULL, 0, NULL, 0 },
};

const char *conf_usage(void)
{
	return "usage: memtide-agent [options]\n"
	       "Serves this guest's memory to memtided in dom0.\n"
	       "\n"
	       "  --device PATH      the driver's device (" CONF_DEVICE_DEFAULT
	       ")\n"
	       "  --vchan            talk to dom0 through a vchan (default)\n"
	       "  --unix PATH        listen on a unix socket instead\n"
	       "  --sim DIR          be the agent of a simulated machine's\n"
	       "                     domain, listening on DIR/DOMID.sock\n"
	       "  --domid N          which domain of --sim\n"
	       "  --floor-kib N      available memory that is never given away\n"
	       "                     (default: computed from MemTotal)\n"
	       "  --keep-limits      leave limits that Linux sized at boot, such as\n"
	       "                     threads-max, as they are when memory grows\n"
	       "  --log-level LEVEL  error, warning, info (default) or debug\n"
	       "  --version\n"
	       "  --help\n"
	       "\n"
	       "Exit codes:\n"
	       "  0  ended by SIGTERM or SIGINT\n"
	       "  1  could not start\n"
	       "  2  the command line is wrong\n";
}

static int parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long value;
	char *end;

	if (*text < '0' || *text > '9')
		return -EINVAL;
	errno = 0;
	value = strtoull(text, &end, 10);
	if (errno || *end || value > max)
		return -EINVAL;
	*ret = value;
	return 0;
}

static int refuse(char *why, const char *what, const char *value)
{
	snprintf(why, WHY_BYTES, "%s: \"%.100s\"", what, value);
	return -EINVAL;
}

/* @ret_seen: bit of the option, for what must not be combined */
static int take_option(int opt, struct conf *c, unsigned int *ret_seen,
		       char *why)
{
	uint64_t number;

	*ret_seen |= 1u << (opt - OPT_DEVICE);
	switch (opt) {
	case OPT_DEVICE:
		c->device = optarg;
		return 0;
	case OPT_VCHAN:
		return 0;
	case OPT_UNIX:
		c->unix_path = optarg;
		return 0;
	case OPT_SIM:
		c->sim_dir = optarg;
		return 0;
	case OPT_DOMID:
		if (parse_number(optarg, UINT32_MAX, &number))
			return refuse(why, "--domid is not a domid", optarg);
		c->domid = (uint32_t)number;
		return 0;
	case OPT_FLOOR:
		if (parse_number(optarg, UINT64_MAX / 1024, &number) ||
		    number < PAGE_KIB)
			return refuse(why, "--floor-kib is not a size in KiB",
				      optarg);
		c->floor_kib = number;
		return 0;
	case OPT_KEEP_LIMITS:
		c->keep_limits = true;
		return 0;
	case OPT_LOG_LEVEL:
		if (log_parse_level(optarg, &c->log_level))
			return refuse(why, "--log-level is not error, warning, info or debug",
				      optarg);
		return 0;
	case OPT_VERSION:
		c->action = CONF_VERSION;
		return 0;
	default:
		c->action = CONF_HELP;
		return 0;
	}
}

static int check(const struct conf *c, unsigned int seen, char *why)
{
	bool vchan = seen & 1u << (OPT_VCHAN - OPT_DEVICE);
	bool device = seen & 1u << (OPT_DEVICE - OPT_DEVICE);
	bool domid = seen & 1u << (OPT_DOMID - OPT_DEVICE);
	const char *text = NULL;

	if (c->action != CONF_RUN)
		return 0;
	if (vchan && (c->unix_path || c->sim_dir))
		text = "--vchan goes with neither --unix nor --sim";
	else if (device && c->sim_dir)
		text = "--device does not go with --sim";
	else if (domid != !!c->sim_dir)
		text = "--sim and --domid go together";
	if (!text)
		return 0;
	snprintf(why, WHY_BYTES, "%s", text);
	return -EINVAL;
}

int conf_parse(int argc, char **argv, struct conf *ret, char *ret_why)
{
	struct conf c = {
		.action = CONF_RUN,
		.device = CONF_DEVICE_DEFAULT,
		.log_level = LOG_LEVEL_INFO,
	};
	unsigned int seen = 0;
	int opt, rc;

	optind = 0;	/* 0, not 1: getopt forgets an earlier parse */
	opterr = 0;
	while ((opt = getopt_long(argc, argv, ":", options, NULL)) != -1) {
		if (opt == '?' || opt == ':')
			return refuse(ret_why, opt == '?' ?
				      "unknown option" : "a value is missing",
				      argv[optind - 1]);
		rc = take_option(opt, &c, &seen, ret_why);
		if (rc)
			return rc;
	}
	if (optind < argc)
		return refuse(ret_why, "what is this", argv[optind]);
	rc = check(&c, seen, ret_why);
	if (!rc)
		*ret = c;
	return rc;
}
