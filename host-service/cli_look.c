/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_look.c - How wide and how colourful it may be
 */
#include "cli_look.h"

#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Those of every terminal that has colours: ECMA-48 */
static const char *const sequences[] = {
	[COLOUR_NONE] = "", [COLOUR_TITLE] = "\x1b[1m",
	[COLOUR_GOOD] = "\x1b[32m", [COLOUR_BUSY] = "\x1b[36m",
	[COLOUR_WARN] = "\x1b[33m", [COLOUR_BAD] = "\x1b[31m",
};
_Static_assert(ARRAY_SIZE(sequences) == CLI_NUM_COLOURS, "one a colour");

/* What is calm and settled has no colour: others are to be seen. */
static const struct {
	const char *word;
	enum cli_colour colour;
} words[] = {
	{ "growing", COLOUR_BUSY }, { "shrinking", COLOUR_BUSY },
	{ "greeting", COLOUR_BUSY }, { "syncing", COLOUR_BUSY },
	{ "target", COLOUR_BUSY },
	{ "lost", COLOUR_WARN }, { "short", COLOUR_WARN },
	{ "pressed", COLOUR_WARN }, { "warn", COLOUR_WARN },
	{ "quarantined", COLOUR_BAD }, { "distress", COLOUR_BAD },
	{ "fail", COLOUR_BAD },
	{ "settled", COLOUR_GOOD }, { "ok", COLOUR_GOOD },
};

struct cli_look cli_look_of(int fd)
{
	const char *term = getenv("TERM"), *no = getenv("NO_COLOR");
	struct cli_look look = { 0, false };
	struct winsize size;

	if (!isatty(fd))
		return look;
	if (!ioctl(fd, TIOCGWINSZ, &size))
		look.columns = size.ws_col;
	look.colour = (!no || !*no) && term && *term && strcmp(term, "dumb");
	return look;
}

const char *cli_colour_on(const struct cli_look *look, enum cli_colour colour)
{
	return look->colour ? sequences[colour] : "";
}

const char *cli_colour_off(const struct cli_look *look, enum cli_colour colour)
{
	return look->colour && colour != COLOUR_NONE ? "\x1b[0m" : "";
}

enum cli_colour cli_colour_of(const char *word)
{
	for (size_t i = 0; i < ARRAY_SIZE(words); i++) {
		if (!strcmp(words[i].word, word))
			return words[i].colour;
	}
	return COLOUR_NONE;
}
