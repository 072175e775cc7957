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
} commands[] = {
	[CONTROL_LIST] = {
		"list", "", "show the host and all guests",
		"memtide list", 0,
	},
	[CONTROL_SHOW] = {
		"show", " GUEST", "show all about one guest",
		"memtide show db1", 1,
	},
	[CONTROL_SET] = {
		"set", " GUEST SIZE", "resize a guest",
		"memtide set db1 +1.5G --wait --timeout 60", 2,
	},
	[CONTROL_AUDIT] = {
		"audit", "", "compare what Xen, guests and memtided say",
		"memtide audit", 0,
	},
	[CONTROL_VERSION] = {
		"version", "", "show the versions of memtide and memtided",
		"memtide version --json", 0,
	},
	[CONTROL_READMIT] = {
		"readmit", " GUEST", "look at a quarantined guest again",
		"memtide readmit db1", 1,
	},
};
static_assert(ARRAY_SIZE(commands) == CONTROL_NUM_REQUESTS, "one a request");

enum option_id { OPT_HELP, OPT_JSON, OPT_SOCKET, OPT_WAIT, OPT_TIMEOUT };

static const struct option {
	const char *name;
	const char *value;	/* its name in help, NULL if it takes none */
	const char *meaning;
	bool set_only;		/* of the command set */
} options[] = {
	[OPT_HELP] = { "--help", NULL, "print this and exit", false },
	[OPT_JSON] = { "--json", NULL, "print one JSON document", false },
	[OPT_SOCKET] = { "--socket", "PATH", "where memtided listens", false },
	[OPT_WAIT] = { "--wait", NULL, "show progress until it has settled",
		       true },
	[OPT_TIMEOUT] = { "--timeout", "SECONDS",
			  "with --wait: settle for what is reached by then",
			  true },
};

struct parser {
	char *const *argv;
	int argc;
	int at;
	bool options_over;		/* behind "--" */
	bool timeout_given;
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
	p->timeout_given = true;
	return 0;
}

static int apply_option(struct parser *p, enum option_id id, const char *value)
{
	switch (id) {
	case OPT_HELP:
		p->args.help = true;
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
	return apply_option(p, id, value);
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

		if (!p->options_over && !strcmp(arg, "--"))
			p->options_over = true;
		else if (is_option(p, arg))
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

static int understand(struct parser *p)
{
	enum control_request_type type;
	int rc;

	if (p->args.help && !p->nr_operands)
		return 0;
	rc = find_command(p);
	if (rc || p->args.help)
		return rc;
	type = p->args.request.type;
	/* Only now: an option may stand before its command. */
	if (type != CONTROL_SET && (p->args.request.wait || p->timeout_given))
		return fail(p, "--wait and --timeout belong to memtide set");
	if (p->timeout_given && !p->args.request.wait)
		return fail(p, "--timeout is of use with --wait only");
	rc = check_operands(p);
	if (!rc && commands[type].nr_operands)
		rc = parse_guest(p, p->operands[1]);
	if (!rc && type == CONTROL_SET)
		rc = parse_size(p, p->operands[2]);
	return rc;
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

static void print_options(FILE *out, bool for_set)
{
	fputs("\nOptions:\n", out);
	for (size_t i = 0; i < ARRAY_SIZE(options); i++) {
		char left[40];

		if (options[i].set_only && !for_set)
			continue;
		snprintf(left, sizeof(left), "%s%s%s", options[i].name,
			 options[i].value ? " " : "",
			 options[i].value ? options[i].value : "");
		fprintf(out, "  %-19s %s\n", left, options[i].meaning);
	}
}

static void print_command_help(const struct command *c, FILE *out)
{
	bool is_set = c == &commands[CONTROL_SET];

	fprintf(out, "memtide %s%s [OPTION...]: %s\n", c->name, c->operands,
		c->summary);
	if (c->nr_operands)
		fputs("\nGUEST is a domid (digits only), a uuid or a name.\n",
		      out);
	if (is_set)
		fputs("SIZE is a number with unit (K, M, G, T: powers of 1024): 1280M in all,\n"
		      "+1G more, -512M less; 1.5G will do. memtided rounds to 2 MiB.\n",
		      out);
	print_options(out, is_set);
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
	print_options(out, false);
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
		print_command_help(&commands[args->request.type], out);
	else
		print_overview(out);
}
