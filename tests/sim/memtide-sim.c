/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * memtide-sim.c - Make and change the machine of the sim backend from a shell
 *
 * What the toolstack and the guests' programs do on a real host: domains come
 * and go, their programs use memory, and things go wrong.
 */
#include <errno.h>
#include <inttypes.h>
#include <stddef.h>
#include <string.h>
#include <sys/random.h>

#include "sim_machine.h"

#define MIB_PAGES	256u
#define MIB_MAX		(1u << 20)	/* 1 TiB: no product below overflows */
#define BLOCK_GRANULES	64u		/* 128 MiB, as on small x86 guests */
#define BLOCK_PAGES	(BLOCK_GRANULES * GRANULE_PAGES)
#define WINDOW_GFN_LEAST (UINT64_C(1) << 20)	/* 4 GiB */
#define WINDOW_MIB	8192u
#define DOMAINS_MAX	1024u

static const char usage[] =
	"memtide-sim DIR create [--host-mib N] [--domains N] [--window-mib N] [--seed S]\n"
	"memtide-sim DIR add NAME --boot-mib N [--used-mib N] [--window-mib N]\n"
	"                              prints the domid\n"
	"memtide-sim DIR remove DOMID\n"
	"memtide-sim DIR use DOMID MIB\n"
	"                              what the guest's programs hold\n"
	"memtide-sim DIR faults [KEY=VALUE...]\n"
	"                              chances in 1/1000; those not named become 0\n"
	"memtide-sim DIR check\n"
	"                              exit code 1 if the law of sim_machine.h was broken\n";

/* A number that an option takes, with its default. */
struct number {
	const char *name;
	uint64_t max;
	uint64_t value;
};

static int complain(const char *what, int rc)
{
	fprintf(stderr, "memtide-sim: %s: %s\n", what, strerror(-rc));
	return 1;
}

static int complain_usage(const char *what)
{
	fprintf(stderr, "memtide-sim: %s\n%s", what, usage);
	return 2;
}

static int parse_number(const char *text, uint64_t max, uint64_t *ret)
{
	unsigned long long n;
	char *end;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (*text < '0' || *text > '9' || *end || errno || n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}

/* Pairs of --name and number up to NULL. */
static int parse_numbers(char **argv, struct number *numbers, size_t nr)
{
	for (; *argv; argv += 2) {
		size_t i = 0;

		while (i < nr && strcmp(*argv, numbers[i].name))
			i++;
		if (i == nr || !argv[1] ||
		    parse_number(argv[1], numbers[i].max, &numbers[i].value)) {
			fprintf(stderr, "memtide-sim: bad option or value at %s\n",
				*argv);
			return -EINVAL;
		}
	}
	return 0;
}

/* Whole blocks, at least one. */
static uint32_t window_granules(uint64_t mib)
{
	uint64_t blocks = mib * MIB_PAGES / BLOCK_PAGES;

	return (uint32_t)MAX(blocks, 1u) * BLOCK_GRANULES;
}

static int do_create(const char *dir, char **argv)
{
	struct number n[] = {
		{ "--host-mib", MIB_MAX, 8192 },
		{ "--domains", DOMAINS_MAX, 16 },
		{ "--window-mib", MIB_MAX, WINDOW_MIB },
		{ "--seed", UINT64_MAX, 1 },
	};
	int rc;

	if (parse_numbers(argv, n, ARRAY_SIZE(n)))
		return 2;
	rc = sim_create(dir, n[0].value * MIB_PAGES, (uint32_t)n[1].value,
			window_granules(n[2].value), n[3].value);
	return rc ? complain(dir, rc) : 0;
}

static uint64_t window_gfn(uint64_t boot_pages)
{
	uint64_t gfn = MAX(WINDOW_GFN_LEAST, boot_pages);

	return (gfn + BLOCK_PAGES - 1) / BLOCK_PAGES * BLOCK_PAGES;
}

static int do_add(struct sim_machine *m, char **argv)
{
	struct number n[] = {
		{ "--boot-mib", MIB_MAX, 0 },
		{ "--used-mib", MIB_MAX, 64 },
		{ "--window-mib", MIB_MAX, WINDOW_MIB },
	};
	struct sim_domain_config config = {
		.block_granules = BLOCK_GRANULES,
		.memmap_granules = 1,
	};
	uint32_t domid;
	int rc;

	if (!*argv || strlen(*argv) >= sizeof(config.name))
		return complain_usage("add needs a NAME");
	strcpy(config.name, *argv);
	if (parse_numbers(argv + 1, n, ARRAY_SIZE(n)))
		return 2;
	if (!n[0].value)
		return complain_usage("add needs --boot-mib");
	if (getrandom(config.uuid, sizeof(config.uuid), 0) !=
	    (ssize_t)sizeof(config.uuid))
		return complain("getrandom", -errno);
	config.boot_pages = (uint32_t)n[0].value * MIB_PAGES;
	config.used_pages = (uint32_t)n[1].value * MIB_PAGES;
	config.window_gfn = window_gfn(config.boot_pages);
	config.window_granules = window_granules(n[2].value);
	rc = sim_domain_create(m, &config, &domid);
	if (rc)
		return complain(config.name, rc);
	printf("%" PRIu32 "\n", domid);
	return 0;
}

static int do_remove(struct sim_machine *m, char **argv)
{
	uint64_t domid;
	int rc;

	if (!argv[0] || argv[1] || parse_number(argv[0], UINT32_MAX, &domid))
		return complain_usage("remove needs a DOMID");
	rc = sim_domain_destroy(m, (uint32_t)domid);
	return rc ? complain(argv[0], rc) : 0;
}

static int do_use(struct sim_machine *m, char **argv)
{
	uint64_t domid, mib;
	int rc;

	if (!argv[0] || !argv[1] || argv[2] ||
	    parse_number(argv[0], UINT32_MAX, &domid) ||
	    parse_number(argv[1], MIB_MAX, &mib))
		return complain_usage("use needs DOMID and MIB");
	rc = sim_domain_set_used(m, (uint32_t)domid,
				 (uint32_t)mib * MIB_PAGES);
	return rc ? complain(argv[0], rc) : 0;
}

static const struct {
	const char *key;
	size_t offset;
	uint64_t max;
} fault_keys[] = {
#define FAULT(name, max) { #name, offsetof(struct sim_faults, name), max }
	FAULT(populate_refused, 1000),
	FAULT(populate_partial, 1000),
	FAULT(take_partial, 1000),
	FAULT(online_fails, 1000),
	FAULT(pull_busy, 1000),
	FAULT(slow_us, 10000000),
#undef FAULT
};

static int parse_fault(const char *arg, struct sim_faults *faults)
{
	const char *equals = strchr(arg, '=');
	size_t len = equals ? (size_t)(equals - arg) : 0;

	for (size_t i = 0; len && i < ARRAY_SIZE(fault_keys); i++) {
		uint64_t value;

		if (strlen(fault_keys[i].key) != len ||
		    strncmp(arg, fault_keys[i].key, len))
			continue;
		if (parse_number(equals + 1, fault_keys[i].max, &value))
			return -EINVAL;
		*(uint32_t *)(void *)((char *)faults + fault_keys[i].offset) =
			(uint32_t)value;
		return 0;
	}
	return -EINVAL;
}

static int do_faults(struct sim_machine *m, char **argv)
{
	struct sim_faults faults = { 0 };

	for (; *argv; argv++)
		if (parse_fault(*argv, &faults))
			return complain_usage("a fault is KEY=VALUE");
	sim_set_faults(m, &faults);
	return 0;
}

static void print_domain(const struct sim_domain_info *d)
{
	printf("domain %" PRIu32 "/%s: %" PRIu64 " pages, at most %" PRIu64 "%s\n",
	       d->domid, d->name, d->pages, d->max_pages,
	       d->dying ? ", dying" : "");
}

static int do_check(struct sim_machine *m, char **argv)
{
	static struct sim_domain_info domains[DOMAINS_MAX];
	uint64_t total, unused, violations;
	char first[256] = "";
	uint32_t nr;
	int rc;

	if (*argv)
		return complain_usage("check takes no operand");
	sim_host_pages(m, &total, &unused);
	printf("host: %" PRIu64 " pages, %" PRIu64 " free\n", total, unused);
	rc = sim_domains(m, domains, DOMAINS_MAX, &nr);
	if (rc)
		return complain("domains", rc);
	for (uint32_t i = 0; i < nr; i++)
		print_domain(&domains[i]);
	violations = sim_violations(m, first, sizeof(first));
	printf("violations: %" PRIu64 "%s%s\n", violations,
	       *first ? ", first: " : "", first);
	return violations ? 1 : 0;
}

static const struct {
	const char *name;
	int (*run)(struct sim_machine *m, char **argv);
} commands[] = {
	{ "add", do_add }, { "remove", do_remove }, { "use", do_use },
	{ "faults", do_faults }, { "check", do_check },
};

int main(int argc, char *argv[])
{
	struct sim_machine *m;
	size_t i = 0;
	int rc;

	if (argc == 2 && !strcmp(argv[1], "--help"))
		return fputs(usage, stdout) < 0;
	if (argc < 3)
		return complain_usage("DIR and a command are needed");
	if (!strcmp(argv[2], "create"))
		return do_create(argv[1], argv + 3);
	while (i < ARRAY_SIZE(commands) && strcmp(argv[2], commands[i].name))
		i++;
	if (i == ARRAY_SIZE(commands))
		return complain_usage("unknown command");
	rc = sim_open(argv[1], &m);
	if (rc)
		return complain(argv[1], rc);
	rc = commands[i].run(m, argv + 3);
	sim_close(m);
	return rc;
}
