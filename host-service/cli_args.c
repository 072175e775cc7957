/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_args.c - The command line of memtide(1), its help and its exit codes
 *
 * getopt_long(3) is not used: it takes the -512M of `set db1 -512M` for
 * options.
 */
#include "cli_args.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <string.h>

#include "cli_text.h"
#include "settings.h"
#include "size.h"

#define TIMEOUT_S_MAX	86400u
#define OPERANDS_MAX	2u

static const struct {
	const char *name;
	const char *meaning;
} exit_codes[] = {
	[CLI_EXIT_DONE] = { "done", "all was done" },
	[CLI_EXIT_USAGE] = { "usage", "the command line is wrong" },
	[CLI_EXIT_PARTLY] = { "partly", "some was done; the text says why not "
					"all" },
	[CLI_EXIT_REFUSED] = { "refused", "nothing was changed; the text says "
					  "why" },
	[CLI_EXIT_NO_GUEST] = { "no-guest", "there is no such guest" },
	[CLI_EXIT_NO_DAEMON] = { "no-daemon", "memtided does not run here" },
	[CLI_EXIT_FAILURE] = { "failure", "anything else went wrong" },
	[CLI_EXIT_FINDINGS] = { "findings", "the audit found something wrong" },
};
_Static_assert(ARRAY_SIZE(exit_codes) == CLI_NUM_EXITS, "one a code");

static const struct command {
	const char *name;
	const char *operands;
	const char *summary;
	const char *example;
	unsigned int nr_operands;
	bool has_guest;		/* the first operand is one */
} commands[] = {
	[CONTROL_LIST] = {
		"list", "", "show the host and all guests",
		"memtide list", 0, false,
	},
	[CONTROL_SHOW] = {
		"show", " GUEST", "show all about one guest",
		"memtide show db1", 1, true,
	},
	[CONTROL_SET] = {
		"set", " GUEST SIZE", "resize a guest",
		"memtide set db1 +1.5G --wait --timeout 60", 2, true,
	},
	[CONTROL_AUDIT] = {
		"audit", "", "compare what Xen, guests and memtided say",
		"memtide audit", 0, false,
	},
	[CONTROL_VERSION] = {
		"version", "", "show the versions of memtide and memtided",
		"memtide version --json", 0, false,
	},
	[CONTROL_READMIT] = {
		"readmit", " GUEST", "look at a quarantined guest again",
		"memtide readmit db1", 1, true,
	},
	[CONTROL_LIMITS] = {
		"limits", " GUEST", "show or change what is set for a guest",
		"memtide limits db1 --min 1G --max 8G --weight 200", 1, true,
	},
	[CONTROL_AUTO] = {
		"auto", " GUEST on|off", "have a guest resized as it needs",
		"memtide auto db1 on", 2, true,
	},
	[CONTROL_BALANCE] = {
		"balance", "", "balance now, and show what changes",
		"memtide balance --dry-run", 0, false,
	},
	[CONTROL_EXPLAIN] = {
		"explain", " GUEST", "say why a guest has the size it has",
		"memtide explain db1", 1, true,
	},
	[CONTROL_RESERVE] = {
		"reserve", " SIZE", "hold memory for a new domain",
		"memtide reserve 1040M --for db2 -- xl create db2.cfg", 1,
		false,
	},
};
static_assert(ARRAY_SIZE(commands) == CONTROL_NUM_REQUESTS, "one a request");

enum option_id {
	OPT_HELP, OPT_VERSION, OPT_JSON, OPT_SOCKET, OPT_WAIT, OPT_TIMEOUT, OPT_MIN, OPT_MAX,
	OPT_WEIGHT, OPT_HEADROOM, OPT_DRY_RUN, OPT_FOR,
};

#define OF(command)	(1u << CONTROL_##command)

static const struct option {
	const char *name;
	const char *value;	/* its name in help, NULL if it takes none */
	const char *meaning;
	uint32_t of;		/* bits of commands; 0: all */
} options[] = {
	[OPT_HELP] = { "--help", NULL, "print this and exit", 0 },
	[OPT_VERSION] = { "--version", NULL, "print the version and exit", 0 },
	[OPT_JSON] = { "--json", NULL, "print one JSON document", 0 },
	[OPT_SOCKET] = { "--socket", "PATH", "where memtided listens", 0 },
	[OPT_WAIT] = { "--wait", NULL, "show progress until it has settled",
		       OF(SET) },
	[OPT_TIMEOUT] = { "--timeout", "SECONDS",
			  "wait no longer, and settle for what is reached",
			  OF(SET) | OF(RESERVE) },
	[OPT_MIN] = { "--min", "SIZE", "never less by itself, or \"boot\"",
		      OF(LIMITS) },
	[OPT_MAX] = { "--max", "SIZE", "never more by itself, or \"window\"",
		      OF(LIMITS) },
	[OPT_WEIGHT] = { "--weight", "N", "share where memory is short, 1-1000",
			 OF(LIMITS) },
	[OPT_HEADROOM] = { "--headroom", "SIZE",
			   "should be available in it, or \"share\"",
			   OF(LIMITS) },
	[OPT_DRY_RUN] = { "--dry-run", NULL, "show, and change nothing",
			  OF(BALANCE) },
	[OPT_FOR] = { "--for", "DOMAIN",
		      "its name or uuid: what it takes is not held besides",
		      OF(RESERVE) },
};

struct parser {
	char *const *argv;
	int argc;
	int at;
	bool options_over;		/* behind "--" */
	uint32_t seen;			/* bits of options */
	const char *operands[1 + OPERANDS_MAX];	/* the command first */
	unsigned int nr_operands;
	struct cli_args args;
	char *err;
};

const char *cli_exit_name(enum cli_exit code)
{
	return exit_codes[code].name;
}

const char *cli_command_name(enum control_request_type command)
{
	return commands[command].name;
}

__attribute__((format(printf, 2, 3)))
static int fail(struct parser *p, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(p->err, CLI_ERROR_MAX, fmt, ap);
	va_end(ap);
	return -EINVAL;
}

/* As fail(), with @arg quoted for a terminal in place of the %s. */
#define fail_at(p, fmt, arg, ...)					\
	fail(p, fmt, text_escape(arg, (struct text_buf *)		\
				 &(struct text_buf){ 0 }), ##__VA_ARGS__)

static int fail_value(struct parser *p, const char *what, const char *text,
		      const char *why)
{
	struct text_buf buf;

	return fail(p, "%s \"%.100s\" %s; \"default\" is what the configuration file says",
		    what, text_escape(text, &buf), why);
}

static bool is_option(const struct parser *p, const char *arg)
{
	if (p->options_over || arg[0] != '-')
		return false;
	/* A lone minus sign is an operand by custom, -512M by sense. */
	return arg[1] && !isdigit((unsigned char)arg[1]);
}

static int parse_timeout(struct parser *p, const char *text)
{
	char *end;
	unsigned long seconds;

	errno = 0;
	seconds = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno ||
	    seconds > TIMEOUT_S_MAX)
		return fail_at(p, "--timeout \"%s\" is not a number of seconds from 0 to %u",
			       text, TIMEOUT_S_MAX);
	p->args.request.timeout_s = (uint32_t)seconds;
	return 0;
}

static int parse_setting(struct parser *p, enum setting which,
			 const char *text)
{
	struct control_change *c = &p->args.request.changes[which];
	char why[SETTINGS_WHY_MAX];
	uint32_t value;

	c->what = CONTROL_DEFAULT;
	if (!strcmp(text, "default"))
		return 0;
	if (setting_parse(which, text, &value, why))
		return fail_value(p, setting_name(which), text, why);
	c->what = CONTROL_CHANGE;
	c->value = setting_is_size(which) ? (uint64_t)value * GRANULE_BYTES :
					    value;
	return 0;
}

static int parse_for(struct parser *p, const char *text)
{
	if (!*text || strlen(text) >= sizeof(p->args.request.reserve_for))
		return fail(p, "--for needs the name or uuid of a domain, 1 to %zu characters",
			    sizeof(p->args.request.reserve_for) - 1);
	/* All of it: a longer name may have been given before. */
	memset(p->args.request.reserve_for, 0,
	       sizeof(p->args.request.reserve_for));
	strcpy(p->args.request.reserve_for, text);
	return 0;
}

static int apply_option(struct parser *p, enum option_id id, const char *value)
{
	switch (id) {
	case OPT_HELP:
		p->args.help = true;
		return 0;
	case OPT_VERSION:
		p->args.version = true;
		return 0;
	case OPT_JSON:
		p->args.json = true;
		return 0;
	case OPT_SOCKET:
		p->args.socket = value;
		return 0;
	case OPT_WAIT:
		p->args.request.wait = true;
		return 0;
	case OPT_TIMEOUT:
		return parse_timeout(p, value);
	case OPT_MIN:
		return parse_setting(p, SETTING_MIN, value);
	case OPT_MAX:
		return parse_setting(p, SETTING_MAX, value);
	case OPT_WEIGHT:
		return parse_setting(p, SETTING_WEIGHT, value);
	case OPT_HEADROOM:
		return parse_setting(p, SETTING_HEADROOM, value);
	case OPT_DRY_RUN:
		p->args.request.dry_run = true;
		return 0;
	case OPT_FOR:
		return parse_for(p, value);
	}
	return 0;
}

/* Which option is @arg, and what follows its "="? */
static int find_option(const char *arg, enum option_id *ret_id,
		       const char **ret_value)
{
	const char *equals = strchr(arg, '=');
	size_t len = equals ? (size_t)(equals - arg) : strlen(arg);

	if (!strcmp(arg, "-h"))
		arg = options[OPT_HELP].name, len = strlen(arg);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (strlen(options[i].name) != len ||
		    strncmp(arg, options[i].name, len))
			continue;
		*ret_id = (enum option_id)i;
		*ret_value = equals ? equals + 1 : NULL;
		return 0;
	}
	return -EINVAL;
}

static int parse_option(struct parser *p, const char *arg)
{
	enum option_id id;
	const char *value;

	if (find_option(arg, &id, &value))
		return fail_at(p, "unknown option \"%s\"; see memtide --help",
			       arg);
	if (!options[id].value && value)
		return fail(p, "%s takes no value", options[id].name);
	if (options[id].value && !value) {
		if (p->at == p->argc)
			return fail(p, "%s needs a value: %s %s",
				    options[id].name, options[id].name,
				    options[id].value);
		value = p->argv[p->at++];
	}
	p->seen |= 1u << id;
	return apply_option(p, id, value);
}

static bool is_reserve(const struct parser *p)
{
	return p->nr_operands &&
	       !strcmp(p->operands[0], commands[CONTROL_RESERVE].name);
}

static int parse_operand(struct parser *p, const char *arg)
{
	if (p->nr_operands == ARRAY_SIZE(p->operands))
		return fail_at(p, "\"%s\" is one operand too many; see memtide --help",
			       arg);
	p->operands[p->nr_operands++] = arg;
	return 0;
}

static int split(struct parser *p)
{
	while (p->at < p->argc) {
		const char *arg = p->argv[p->at++];
		int rc = 0;

		if (!p->options_over && !strcmp(arg, "--")) {
			p->options_over = true;
			if (!is_reserve(p))
				continue;
			p->args.run = p->argv + p->at;
			return 0;
		}
		if (is_option(p, arg))
			rc = parse_option(p, arg);
		else
			rc = parse_operand(p, arg);
		if (rc)
			return rc;
	}
	return 0;
}

static int find_command(struct parser *p)
{
	if (!p->nr_operands)
		return fail(p, "what shall be done? See memtide --help");
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		if (strcmp(p->operands[0], commands[i].name))
			continue;
		p->args.request.type = (enum control_request_type)i;
		p->args.has_command = true;
		return 0;
	}
	return fail_at(p, "unknown command \"%s\"; see memtide --help",
		       p->operands[0]);
}

static bool is_number(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

static bool is_uuid(const char *text)
{
	for (unsigned int i = 0; i < CONTROL_UUID_MAX - 1; i++) {
		bool dash = i == 8 || i == 13 || i == 18 || i == 23;

		if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
			return false;
	}
	return !text[CONTROL_UUID_MAX - 1];
}

static int parse_guest(struct parser *p, const char *text)
{
	struct guest_selector *guest = &p->args.request.guest;

	p->args.guest = text;
	if (!*text)
		return fail(p, "GUEST is empty; give a name, domid or uuid");
	if (is_number(text)) {
		unsigned long long domid;

		errno = 0;
		domid = strtoull(text, NULL, 10);
		if (errno || domid > UINT32_MAX)
			return fail_at(p, "guest \"%s\" is no domid", text);
		guest->by = SELECT_DOMID;
		guest->domid = (uint32_t)domid;
		return 0;
	}
	if (strlen(text) >= sizeof(guest->text))
		return fail(p, "GUEST is longer than %zu characters",
			    sizeof(guest->text) - 1);
	guest->by = is_uuid(text) ? SELECT_UUID : SELECT_NAME;
	strcpy(guest->text, text);
	if (guest->by == SELECT_UUID)
		for (char *c = guest->text; *c; c++)
			*c = (char)tolower((unsigned char)*c);
	return 0;
}

static int parse_size(struct parser *p, const char *text)
{
	static const enum control_set_mode modes[] = {
		[SIZE_TO] = CONTROL_SET_TO,
		[SIZE_ADD] = CONTROL_SET_ADD,
		[SIZE_SUBTRACT] = CONTROL_SET_SUBTRACT,
	};
	struct size_arg size;
	const char *why;
	int rc = size_parse(text, &size, &why);

	if (rc)
		return fail_at(p, "size \"%s\" %s", text, why);
	p->args.request.set_mode = modes[size.mode];
	p->args.request.size_bytes = size.bytes;
	return 0;
}

static int parse_reserve(struct parser *p, const char *text)
{
	int rc = parse_size(p, text);

	if (!rc && p->args.request.set_mode != CONTROL_SET_TO)
		return fail_at(p, "size \"%s\" must have no sign", text);
	return rc;
}

static int check_operands(struct parser *p)
{
	const struct command *c = &commands[p->args.request.type];
	unsigned int given = p->nr_operands - 1;

	if (given < c->nr_operands)
		return fail(p, "usage: memtide %s%s; see memtide %s --help",
			    c->name, c->operands, c->name);
	if (given > c->nr_operands)
		return fail_at(p, "\"%s\" is one operand too many; see memtide %s --help",
			       p->operands[1 + c->nr_operands], c->name);
	return 0;
}

static int check_options(struct parser *p)
{
	enum control_request_type type = p->args.request.type;

	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		if (p->seen >> i & 1 && options[i].of &&
		    !(options[i].of >> type & 1))
			return fail(p, "%s does not belong to memtide %s; see memtide %s --help",
				    options[i].name, commands[type].name,
				    commands[type].name);
	}
	if (type == CONTROL_SET && p->seen >> OPT_TIMEOUT & 1 &&
	    !p->args.request.wait)
		return fail(p, "--timeout is of use with --wait only");
	if (p->args.run && !*p->args.run)
		return fail(p, "-- stands before a COMMAND");
	if (p->args.run && p->args.json)
		return fail(p, "--json does not go with a COMMAND: its output is all there is");
	return 0;
}

static int parse_operands(struct parser *p)
{
	enum control_request_type type = p->args.request.type;

	if (type == CONTROL_SET)
		return parse_size(p, p->operands[2]);
	if (type == CONTROL_AUTO)
		return parse_setting(p, SETTING_AUTO, p->operands[2]);
	if (type == CONTROL_RESERVE)
		return parse_reserve(p, p->operands[1]);
	return 0;
}

static int understand(struct parser *p)
{
	enum control_request_type type;
	int rc;

	if (p->args.version || (p->args.help && !p->nr_operands))
		return 0;
	rc = find_command(p);
	if (rc || p->args.help)
		return rc;
	type = p->args.request.type;
	/* Only now: an option may stand before its command. */
	rc = check_options(p);
	if (!rc)
		rc = check_operands(p);
	if (!rc && commands[type].has_guest)
		rc = parse_guest(p, p->operands[1]);
	return rc ? rc : parse_operands(p);
}

int cli_parse(int argc, char *const argv[], const char *env_socket,
	      struct cli_args *ret, char err[CLI_ERROR_MAX])
{
	struct parser p = {
		.argc = argc, .argv = argv, .at = 1, .err = err,
		.args.socket = env_socket && *env_socket
			? env_socket : CONTROL_SOCKET_DEFAULT,
	};
	int rc = split(&p);

	if (!rc)
		rc = understand(&p);
	if (!rc)
		*ret = p.args;
	return rc;
}

static void print_options(FILE *out, uint32_t of)
{
	fputs("\nOptions:\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		char left[40];

		if (options[i].of && !(options[i].of & of))
			continue;
		snprintf(left, sizeof(left), "%s%s%s", options[i].name,
			 options[i].value ? " " : "",
			 options[i].value ? options[i].value : "");
		fprintf(out, "  %-19s %s\n", left, options[i].meaning);
	}
}

/* What is to be known of a command's operands. */
static void print_operands(enum control_request_type type, FILE *out)
{
	if (commands[type].has_guest)
		fputs("\nGUEST is a domid (digits only), a uuid or a name.\n",
		      out);
	if (type == CONTROL_SET)
		fputs("SIZE is a number with unit (K, M, G, T: powers of 1024): 1280M in all,\n"
		      "+1G more, -512M less; 1.5G will do. memtided rounds to 2 MiB.\n",
		      out);
	if (type == CONTROL_LIMITS)
		fputs("Without options it shows what is set. \"default\" as a value is what the\n"
		      "configuration file says. Changes hold until the guest boots anew.\n",
		      out);
	if (type == CONTROL_AUTO)
		fputs("\"default\" instead of on or off is what the configuration file says.\n",
		      out);
	if (type == CONTROL_RESERVE)
		fputs("\nSIZE is a number with unit, such as 1040M. The memory is held while COMMAND\n"
		      "runs, whose exit status is memtide's; without -- COMMAND, until DOMAIN has\n"
		      "taken it, the time is over, or memtide is interrupted.\n",
		      out);
}

static void print_command_help(enum control_request_type type, FILE *out)
{
	const struct command *c = &commands[type];

	fprintf(out, "memtide %s%s [OPTION...]%s: %s\n", c->name, c->operands,
		type == CONTROL_RESERVE ? " [-- COMMAND...]" : "", c->summary);
	print_operands(type, out);
	print_options(out, 1u << type);
	fprintf(out, "\nExample:\n  %s\n", c->example);
}

static void print_overview(FILE *out)
{
	fputs("memtide COMMAND [OPTION...]: resize the memory of running Xen guests\n\nCommands:\n",
	      out);
	for (size_t i = 0; i < ARRAY_SIZE(commands); i++) {
		char left[40];

		snprintf(left, sizeof(left), "%s%s", commands[i].name,
			 commands[i].operands);
		fprintf(out, "  %-19s %s\n", left, commands[i].summary);
	}
	print_options(out, 0);
	fputs("\nExit codes:\n", out);
	for (unsigned int i = 0; i < CLI_NUM_EXITS; i++)
		fprintf(out, "  %u %-17s %s\n", i, exit_codes[i].name,
			exit_codes[i].meaning);
	fputs("\nExample:\n  memtide set db1 2G --wait\n\n"
	      "memtide COMMAND --help tells more; memtide(1) tells all.\n",
	      out);
}

void cli_print_help(const struct cli_args *args, FILE *out)
{
	if (args->has_command)
		print_command_help(args->request.type, out);
	else
		print_overview(out);
}
