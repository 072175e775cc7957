/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * terminal.c - The whole terminal, to show a screen on
 */
#include "terminal.h"

#include <errno.h>
#include <langinfo.h>
#include <locale.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>
#include <wchar.h>

#include <ncurses.h>

#define RESTORE_MAX	256u

/* What a signal's handler needs has to be there already. */
static struct {
	SCREEN *screen;
	struct termios before;
	char restore[RESTORE_MAX];
	bool colour;
} terminal;

static const int faults[] = { SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGABRT };

static void on_fault(int number)
{
	(void)!write(STDOUT_FILENO, terminal.restore,
		     strlen(terminal.restore));
	tcsetattr(STDIN_FILENO, TCSANOW, &terminal.before);
	signal(number, SIG_DFL);
	raise(number);
}

static void handle_faults(void (*handler)(int))
{
	struct sigaction action = { .sa_handler = handler };

	for (size_t i = 0; i < ARRAY_SIZE(faults); i++)
		sigaction(faults[i], &action, NULL);
}

static void remember(const char *name)
{
	size_t len = strlen(terminal.restore);
	const char *text = tigetstr(name);

	if (text && text != (char *)-1)
		snprintf(terminal.restore + len, RESTORE_MAX - len, "%s",
			 text);
}

static void start_colours(void)
{
	static const struct {
		enum cli_colour colour;
		short number;
	} pairs[] = {
		{ COLOUR_GOOD, COLOR_GREEN }, { COLOUR_BUSY, COLOR_CYAN },
		{ COLOUR_WARN, COLOR_YELLOW }, { COLOUR_BAD, COLOR_RED },
	};

	if (!terminal.colour || !has_colors() || start_color() == ERR) {
		terminal.colour = false;
		return;
	}
	use_default_colors();
	for (size_t i = 0; i < ARRAY_SIZE(pairs); i++)
		init_pair((short)pairs[i].colour, pairs[i].number, -1);
}

int terminal_open(bool colour, bool *ret_unicode)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO) ||
	    tcgetattr(STDIN_FILENO, &terminal.before))
		return -ENOTTY;
	setlocale(LC_CTYPE, "");
	*ret_unicode = !strcmp(nl_langinfo(CODESET), "UTF-8");
	terminal.screen = newterm(NULL, stdout, stdin);
	if (!terminal.screen)
		return -ENOTSUP;
	terminal.colour = colour;
	terminal.restore[0] = '\0';
	remember("sgr0");
	remember("rmkx");
	remember("cnorm");
	remember("rmcup");
	handle_faults(on_fault);
	start_colours();
	cbreak();
	noecho();
	nonl();
	curs_set(0);
	keypad(stdscr, TRUE);
	nodelay(stdscr, TRUE);
	return 0;
}

void terminal_close(void)
{
	if (!terminal.screen)
		return;
	endwin();
	delscreen(terminal.screen);
	terminal.screen = NULL;
	handle_faults(SIG_DFL);
}

void terminal_size(unsigned int *ret_rows, unsigned int *ret_columns)
{
	struct winsize size;

	/* What is not to be known, or 0 as on a serial line, is left alone. */
	if (!ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) && size.ws_row &&
	    size.ws_col && (size.ws_row != LINES || size.ws_col != COLS))
		resizeterm(size.ws_row, size.ws_col);
	*ret_rows = (unsigned int)MAX(LINES, 1);
	*ret_columns = (unsigned int)MAX(COLS, 1);
}

static attr_t attributes_of(const struct screen_cell *c)
{
	attr_t a = c->reverse ? A_REVERSE : A_NORMAL;

	if (c->colour == COLOUR_TITLE || c->colour == COLOUR_BAD)
		a |= A_BOLD;
	return a;
}

static short pair_of(const struct screen_cell *c)
{
	return terminal.colour && c->colour != COLOUR_TITLE ?
		       (short)c->colour : 0;
}

void terminal_show(const struct screen *s)
{
	for (unsigned int row = 0; row < s->rows; row++) {
		for (unsigned int col = 0; col < s->columns; col++) {
			const struct screen_cell *c =
				&s->cells[(size_t)row * s->columns + col];
			wchar_t text[2] = { (wchar_t)c->code, 0 };
			cchar_t cell;

			setcchar(&cell, text, attributes_of(c), pair_of(c),
				 NULL);
			/* The very last one scrolls some; it fails then. */
			(void)mvadd_wch((int)row, (int)col, &cell);
		}
	}
	refresh();
}

void terminal_redraw(void)
{
	clearok(curscr, TRUE);
}

int terminal_key(void)
{
	static const struct {
		int curses, ours;
	} keys[] = {
		{ KEY_UP, SCREEN_UP }, { KEY_DOWN, SCREEN_DOWN },
		{ KEY_PPAGE, SCREEN_PAGE_UP }, { KEY_NPAGE, SCREEN_PAGE_DOWN },
		{ KEY_HOME, SCREEN_HOME }, { KEY_END, SCREEN_END },
	};
	int key = getch();

	if (key == ERR || (key >= 0 && key < 128))
		return key == ERR ? -1 : key;
	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		if (keys[i].curses == key)
			return keys[i].ours;
	}
	return SCREEN_OTHER;
}
