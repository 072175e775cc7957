/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_syntax.c - What there is to say to memtide(1), as tables, and its help
 */
#include "cli_syntax.h"

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
	[CLI_EXIT_FINDINGS] = { "findings", "audit or doctor found something "
					    "wrong" },
};
_Static_assert(ARRAY_SIZE(exit_codes) == CLI_NUM_EXITS, "one a code");

const struct cli_command_syntax cli_commands[CLI_NUM_COMMANDS] = {
	[CONTROL_LIST] = {
		.name = "list", .operands = "",
		.summary = "show the host and all guests",
		.examples = {
			{ "memtide list", "a line a guest" },
			{ "memtide list --json | jq '.guests[].name'",
			  "for a script" },
		},
	},
	[CONTROL_SHOW] = {
		.name = "show", .operands = " GUEST",
		.summary = "show all about one guest",
		.least = 1, .most = 1, .has_guest = true,
		.examples = { { "memtide show db1", "by name" },
			      { "memtide show 7", "by domid" } },
	},
	[CONTROL_SET] = {
		.name = "set", .operands = " GUEST SIZE",
		.summary = "resize a guest",
		.least = 2, .most = 2, .has_guest = true,
		.notes =
"SIZE is a number with unit (K, M, G, T: powers of 1024): 1280M in all,\n"
"+1G more, -512M less; 1.5G will do. memtided rounds to 2 MiB.\n",
		.examples = {
			{ "memtide set db1 2G --wait",
			  "2 GiB in all; see it arrive" },
			{ "memtide set db1 +1.5G --wait --timeout 60",
			  "a minute is enough" },
			{ "memtide set db1 -512M", "and do not wait" },
		},
	},
	[CONTROL_AUDIT] = {
		.name = "audit", .operands = "",
		.summary = "compare what Xen, guests and memtided say",
		.examples = { { "memtide audit", "nothing is changed" } },
	},
	[CONTROL_VERSION] = {
		.name = "version", .operands = "",
		.summary = "show the versions of memtide and memtided",
		.examples = { { "memtide version --json", "for a script" } },
	},
	[CONTROL_READMIT] = {
		.name = "readmit", .operands = " GUEST",
		.summary = "look at a quarantined guest again",
		.least = 1, .most = 1, .has_guest = true,
		.examples = { { "memtide readmit db1",
				"when what it did is mended" } },
	},
	[CONTROL_LIMITS] = {
		.name = "limits", .operands = " GUEST",
		.summary = "show or change what is set for a guest",
		.least = 1, .most = 1, .has_guest = true,
		.notes =
"Without options it shows what is set. \"default\" as a value is what the\n"
"configuration file says. Changes hold until the guest boots anew.\n",
		.examples = {
			{ "memtide limits db1", "show" },
			{ "memtide limits db1 --min 1G --max 8G --weight 200",
			  "change" },
			{ "memtide limits db1 --max default",
			  "as the file says" },
		},
	},
	[CONTROL_AUTO] = {
		.name = "auto", .operands = " GUEST on|off",
		.summary = "have a guest resized as it needs",
		.least = 2, .most = 2, .has_guest = true,
		.notes =
"\"default\" instead of on or off is what the configuration file says.\n",
		.examples = { { "memtide auto db1 on",
				"from now on memtided decides" },
			      { "memtide auto db1 off",
				"it keeps the size it has" } },
	},
	[CONTROL_BALANCE] = {
		.name = "balance", .operands = "",
		.summary = "balance now, and show what changes",
		.examples = { { "memtide balance --dry-run",
				"who would get or give what, and why" } },
	},
	[CONTROL_EXPLAIN] = {
		.name = "explain", .operands = " GUEST",
		.summary = "say why a guest has the size it has",
		.least = 1, .most = 1, .has_guest = true,
		.examples = { { "memtide explain db1",
				"the last changes, the latest first" } },
	},
	[CONTROL_RESERVE] = {
		.name = "reserve", .operands = " SIZE",
		.summary = "hold memory for a new domain",
		.least = 1, .most = 1,
		.notes =
"\n"
"SIZE is a number with unit, such as 1040M. The memory is held while COMMAND\n"
"runs, whose exit status is memtide's; without -- COMMAND, until DOMAIN has\n"
"taken it, the time is over, or memtide is interrupted.\n",
		.examples = {
			{ "memtide reserve 1040M --for db2 -- xl create db2.cfg",
			  "build it" },
			{ "memtide reserve 1040M --for db2 --timeout 60",
			  "somebody else builds it" },
		},
	},
	[CONTROL_WATCH] = {
		.name = "watch", .operands = " [GUEST...]",
		.summary = "tell what happens, as it happens, and why",
		.most = CLI_GUESTS_MAX, .has_guest = true,
		.notes =
"Without GUEST, of all guests. One that is not there yet may come. It ends when\n"
"it is interrupted or memtided ends.\n",
		.examples = {
			{ "memtide watch", "a line an event" },
			{ "memtide watch db1 web --last 10",
			  "the last ten first" },
			{ "memtide watch --json | jq -r .text",
			  "an object an event" },
		},
	},
	[CLI_DOCTOR] = {
		.name = "doctor", .operands = "",
		.summary = "find what is wrong, and what to do about it",
		.notes =
"\n"
"A line each: ok, warn or fail, what, how it is, and what to do. It looks at Xen,\n"
"memtided and every guest, and changes nothing.\n",
		.examples = {
			{ "memtide doctor", "as root it sees all" },
			{ "memtide doctor | grep -v ^ok", "what is not right" },
		},
	},
	[CLI_TOP] = {
		.name = "top", .operands = "",
		.summary = "follow host and guests on the whole terminal",
		.notes =
"\n"
"Keys: q quits; n name, d domid, m held, t target, a available and p pressure sort,\n"
"r the other way round; arrows and pages scroll; the space bar asks anew.\n",
		.examples = { { "memtide top", "q quits" } },
	},
	[CLI_HELP] = {
		.name = "help", .operands = " [COMMAND]",
		.summary = "as COMMAND --help does", .most = 1,
		.examples = { { "memtide help set", "with its examples" } },
	},
};

#define OF(command)	(1u << CONTROL_##command)

const struct cli_option_syntax cli_options[CLI_NUM_OPTIONS] = {
	[OPT_HELP] = { "--help", NULL, "print this and exit", 0 },
	[OPT_VERSION] = { "--version", NULL, "print the version and exit", 0 },
	[OPT_JSON] = { "--json", NULL, "print JSON, for programs",
		       ~(1u << CLI_TOP | 1u << CLI_HELP) },
	[OPT_SOCKET] = { "--socket", "PATH", "where memtided listens", 0 },
	[OPT_WAIT] = { "--wait", NULL, "show progress until it has settled",
		       OF(SET) },
	[OPT_TIMEOUT] = { "--timeout", "SECONDS",
			  "wait no longer, and settle for what is reached",
			  OF(SET) | OF(RESERVE) | OF(WATCH) },
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
	[OPT_CONFIG] = { "--config", "PATH",
			 "memtided's configuration file, if not the default",
			 1u << CLI_DOCTOR },
	[OPT_LAST] = { "--last", "N", "first the last N events, at most 128",
		       OF(WATCH) },
};

const char *cli_exit_name(enum cli_exit code)
{
	return exit_codes[code].name;
}

const char *cli_command_name(unsigned int command)
{
	return cli_commands[command].name;
}

static void print_options(FILE *out, uint32_t of)
{
	fputs("\nOptions:\n", out);
	for (size_t i = 0; i < CLI_NUM_OPTIONS; i++) {
		const struct cli_option_syntax *o = &cli_options[i];
		char left[40];

		if (o->of && of && !(o->of & of))
			continue;
		if (o->of && !of && i != OPT_JSON)
			continue;
		snprintf(left, sizeof(left), "%s%s%s", o->name,
			 o->value ? " " : "", o->value ? o->value : "");
		fprintf(out, "  %-19s %s\n", left, o->meaning);
	}
}

static void print_examples(const struct cli_command_syntax *c, FILE *out)
{
	fputs("\nExamples:\n", out);
	for (size_t i = 0; i < CLI_EXAMPLES && c->examples[i].line; i++)
		fprintf(out, "  %s\n      %s\n", c->examples[i].line,
			c->examples[i].meaning);
}

void cli_help_command(unsigned int command, FILE *out)
{
	const struct cli_command_syntax *c = &cli_commands[command];

	fprintf(out, "memtide %s%s [OPTION...]%s: %s\n", c->name, c->operands,
		command == CONTROL_RESERVE ? " [-- COMMAND...]" : "",
		c->summary);
	if (c->has_guest)
		fputs("\nGUEST is a domid (digits only), a uuid or a name.\n",
		      out);
	if (c->notes)
		fputs(c->notes, out);
	print_options(out, 1u << command);
	print_examples(c, out);
}

void cli_help_overview(FILE *out)
{
	fputs("memtide COMMAND [OPTION...]: resize the memory of running Xen guests\n\nCommands:\n",
	      out);
	for (size_t i = 0; i < CLI_NUM_COMMANDS; i++) {
		char left[40];

		snprintf(left, sizeof(left), "%s%s", cli_commands[i].name,
			 cli_commands[i].operands);
		fprintf(out, "  %-19s %s\n", left, cli_commands[i].summary);
	}
	print_options(out, 0);
	fputs("\nExit codes:\n", out);
	for (unsigned int i = 0; i < CLI_NUM_EXITS; i++)
		fprintf(out, "  %u %-17s %s\n", i, exit_codes[i].name,
			exit_codes[i].meaning);
	fputs("\nExample:\n  memtide set db1 2G --wait\n\n"
	      "memtide help COMMAND tells more; memtide(1) tells all.\n",
	      out);
}
