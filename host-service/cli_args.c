/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_args.c - The command line of memtide(1)
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
#include "config_file.h"
#include "settings.h"
#include "size.h"

#define TIMEOUT_S_MAX	86400u
#define OPERANDS_MAX	CLI_GUESTS_MAX

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
	p->args.timeout_s = (uint32_t)seconds;
	return 0;
}

static int parse_last(struct parser *p, const char *text)
{
	char *end;
	unsigned long last;

	errno = 0;
	last = strtoul(text, &end, 10);
	if (!isdigit((unsigned char)*text) || *end || errno ||
	    last > CONTROL_LAST_MAX)
		return fail_at(p, "--last \"%s\" is not a number of events from 0 to %u",
			       text, CONTROL_LAST_MAX);
	p->args.request.last = (uint32_t)last;
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

static int apply_option(struct parser *p, enum cli_option id, const char *value)
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
	case OPT_CONFIG:
		p->args.config = value;
		return 0;
	case OPT_LAST:
		return parse_last(p, value);
	case CLI_NUM_OPTIONS:
		break;
	}
	return 0;
}

/* Which option is @arg, and what follows its "="? */
static int find_option(const char *arg, enum cli_option *ret_id,
		       const char **ret_value)
{
	const char *equals = strchr(arg, '=');
	size_t len = equals ? (size_t)(equals - arg) : strlen(arg);

	if (!strcmp(arg, "-h"))
		arg = cli_options[OPT_HELP].name, len = strlen(arg);
	for (size_t i = 0; i < CLI_NUM_OPTIONS; i++) {
		if (strlen(cli_options[i].name) != len ||
		    strncmp(arg, cli_options[i].name, len))
			continue;
		*ret_id = (enum cli_option)i;
		*ret_value = equals ? equals + 1 : NULL;
		return 0;
	}
	return -EINVAL;
}

static int parse_option(struct parser *p, const char *arg)
{
	enum cli_option id;
	const char *value;

	if (find_option(arg, &id, &value))
		return fail_at(p, "unknown option \"%s\"; see memtide --help",
			       arg);
	if (!cli_options[id].value && value)
		return fail(p, "%s takes no value", cli_options[id].name);
	if (cli_options[id].value && !value) {
		if (p->at == p->argc)
			return fail(p, "%s needs a value: %s %s",
				    cli_options[id].name, cli_options[id].name,
				    cli_options[id].value);
		value = p->argv[p->at++];
	}
	p->seen |= 1u << id;
	return apply_option(p, id, value);
}

static bool is_reserve(const struct parser *p)
{
	return p->nr_operands &&
	       !strcmp(p->operands[0], cli_commands[CONTROL_RESERVE].name);
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

/* How many letters are to be put in, left out, changed or exchanged with the
 * next to make one of the other? Of words of up to WORD_MAX letters. */
#define WORD_MAX	15u

static unsigned int nr_typos(const char *a, const char *b)
{
	unsigned int d[WORD_MAX + 1][WORD_MAX + 1];
	size_t na = strlen(a), nb = strlen(b);

	if (na > WORD_MAX || nb > WORD_MAX)
		return UINT32_MAX;
	for (unsigned int i = 0; i <= na; i++) {
		for (unsigned int j = 0; j <= nb; j++) {
			if (!i || !j) {
				d[i][j] = i + j;
				continue;
			}
			d[i][j] = MIN(d[i - 1][j], d[i][j - 1]) + 1;
			d[i][j] = MIN(d[i][j], d[i - 1][j - 1] +
				      (a[i - 1] != b[j - 1]));
			if (i > 1 && j > 1 && a[i - 1] == b[j - 2] &&
			    a[i - 2] == b[j - 1])
				d[i][j] = MIN(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[na][nb];
}

static int fail_command(struct parser *p, const char *word)
{
	const char *near = NULL;
	unsigned int least = UINT32_MAX;

	for (size_t i = 0; i < CLI_NUM_COMMANDS; i++) {
		const char *name = cli_commands[i].name;
		unsigned int nr = nr_typos(word, name);

		if (nr >= least || nr > MAX(strlen(name) / 3, 1u))
			continue;
		near = name;
		least = nr;
	}
	if (near)
		return fail_at(p, "unknown command \"%s\"; is it \"%s\"? See memtide --help",
			       word, near);
	return fail_at(p, "unknown command \"%s\"; see memtide --help", word);
}

static int find_command(struct parser *p, const char *word)
{
	for (size_t i = 0; i < CLI_NUM_COMMANDS; i++) {
		if (strcmp(word, cli_commands[i].name))
			continue;
		p->args.command = (unsigned int)i;
		if (i < CONTROL_NUM_REQUESTS)
			p->args.request.type = (enum control_request_type)i;
		p->args.has_command = true;
		return 0;
	}
	return fail_command(p, word);
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

static int parse_guest(struct parser *p, const char *text,
		       struct guest_selector *guest)
{
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
	const struct cli_command_syntax *c = &cli_commands[p->args.command];
	unsigned int given = p->nr_operands - 1;

	if (given < c->least)
		return fail(p, "usage: memtide %s%s; see memtide %s --help",
			    c->name, c->operands, c->name);
	if (given > c->most)
		return fail_at(p, "\"%s\" is one operand too many; see memtide %s --help",
			       p->operands[1 + c->most], c->name);
	return 0;
}

static int check_options(struct parser *p)
{
	unsigned int command = p->args.command;

	for (size_t i = 0; i < CLI_NUM_OPTIONS; i++) {
		if (p->seen >> i & 1 && cli_options[i].of &&
		    !(cli_options[i].of >> command & 1))
			return fail(p, "%s does not belong to memtide %s; see memtide %s --help",
				    cli_options[i].name,
				    cli_commands[command].name,
				    cli_commands[command].name);
	}
	if (command == CONTROL_SET && p->seen >> OPT_TIMEOUT & 1 &&
	    !p->args.request.wait)
		return fail(p, "--timeout is of use with --wait only; add --wait");
	if (p->args.run && !*p->args.run)
		return fail(p, "-- stands before a COMMAND");
	if (p->args.run && p->args.json)
		return fail(p, "--json does not go with a COMMAND: its output is all there is");
	return 0;
}

static int parse_guests(struct parser *p)
{
	int rc = 0;

	for (unsigned int i = 1; !rc && i < p->nr_operands; i++)
		rc = parse_guest(p, p->operands[i],
				 &p->args.guests[p->args.nr_guests++]);
	return rc;
}

static int parse_operands(struct parser *p)
{
	switch (p->args.command) {
	case CONTROL_SET:
		p->args.request.timeout_s = p->args.timeout_s;
		return parse_size(p, p->operands[2]);
	case CONTROL_AUTO:
		return parse_setting(p, SETTING_AUTO, p->operands[2]);
	case CONTROL_RESERVE:
		p->args.request.timeout_s = p->args.timeout_s;
		return parse_reserve(p, p->operands[1]);
	case CONTROL_WATCH:
		return parse_guests(p);
	default:
		return 0;
	}
}

/* "help set" is "set --help", and "help" is "--help". */
static int understand_help(struct parser *p)
{
	p->args.help = true;
	p->args.has_command = false;
	return p->nr_operands > 1 ? find_command(p, p->operands[1]) : 0;
}

static int understand(struct parser *p)
{
	const struct cli_command_syntax *c;
	int rc;

	if (p->args.version || (p->args.help && !p->nr_operands))
		return 0;
	if (!p->nr_operands)
		return fail(p, "what shall be done? See memtide --help");
	rc = find_command(p, p->operands[0]);
	if (rc || p->args.help)
		return rc;
	c = &cli_commands[p->args.command];
	/* Only now: an option may stand before its command. */
	rc = check_options(p);
	if (!rc)
		rc = check_operands(p);
	if (!rc && p->args.command == CLI_HELP)
		return understand_help(p);
	if (!rc && c->has_guest && c->least) {
		p->args.guest = p->operands[1];
		rc = parse_guest(p, p->operands[1], &p->args.request.guest);
	}
	return rc ? rc : parse_operands(p);
}

int cli_parse(int argc, char *const argv[], const char *env_socket,
	      struct cli_args *ret, char err[CLI_ERROR_MAX])
{
	struct parser p = {
		.argc = argc, .argv = argv, .at = 1, .err = err,
		.args.socket = env_socket && *env_socket
			? env_socket : CONTROL_SOCKET_DEFAULT,
		.args.config = CONFIG_FILE_DEFAULT,
	};
	int rc = split(&p);

	if (!rc)
		rc = understand(&p);
	if (!rc)
		*ret = p.args;
	return rc;
}

void cli_print_help(const struct cli_args *args, FILE *out)
{
	if (args->has_command)
		cli_help_command(args->command, out);
	else
		cli_help_overview(out);
}
