/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * terminal.c - A terminal with a program on it, in the hands of a script
 *
 * terminal ROWS COLUMNS PROGRAM [ARG...]: runs it on a terminal as xterm is one,
 * keeps what it draws, and reads orders, one a line. Each is answered with "ok",
 * or "not ok" and why; what is on the screen then goes to standard error.
 *
 *   wait REGEX        until a row matches, for 10 seconds
 *   none REGEX        no row matches now
 *   row N REGEX       that row does, the first is 0; within 10 seconds
 *   order A B         the first row that matches A is above B's; 10 seconds
 *   keys TEXT         typed; \e is escape
 *   size ROWS COLUMNS the terminal is made larger or smaller
 *   signal N          to the program
 *   close             the terminal goes away, as when ssh ends
 *   end STATUS        it has ended so, as a shell has it, within 10 seconds, and
 *                     the terminal is as it was before
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <regex.h>
#include <signal.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>
#include <utmp.h>

#include "base.h"

#define ROWS_MAX	100u
#define COLUMNS_MAX	300u
#define PARAMETERS_MAX	8u
#define PATIENCE_MS	10000

/**
 * struct tty - the terminal
 * @fd:		its other side
 * @slave:	kept open, to see how it is left
 * @before:	how it was
 * @cells:	what is drawn, UTF-8 as code points
 * @alternate, @hidden: modes: the program's own page; no cursor
 * @escape:	a sequence that is not whole
 * @code, @nr_more: a character of UTF-8 likewise
 * @unknown:	a sequence that it does not know
 */
struct tty {
	int fd, slave;
	pid_t pid;
	bool ended;
	int status;
	struct termios before;
	unsigned int rows, columns, row, column, top, bottom;
	uint32_t cells[ROWS_MAX][COLUMNS_MAX], last;
	bool alternate, hidden;
	char escape[64];
	size_t nr_escape;
	uint32_t code;
	unsigned int nr_more;
	char unknown[80];
};

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* What it draws ------------------------------------------------------------- */

static void clear(struct tty *t, unsigned int row, unsigned int from,
		  unsigned int to)
{
	for (unsigned int c = from; c < to && c < COLUMNS_MAX; c++)
		t->cells[row][c] = ' ';
}

static void scroll(struct tty *t, int lines)
{
	for (; lines > 0; lines--) {
		memmove(t->cells[t->top], t->cells[t->top + 1],
			(t->bottom - t->top) * sizeof(t->cells[0]));
		clear(t, t->bottom, 0, t->columns);
	}
	for (; lines < 0; lines++) {
		memmove(t->cells[t->top + 1], t->cells[t->top],
			(t->bottom - t->top) * sizeof(t->cells[0]));
		clear(t, t->top, 0, t->columns);
	}
}

static void line_feed(struct tty *t)
{
	if (t->row == t->bottom)
		scroll(t, 1);
	else
		t->row = MIN(t->row + 1, t->rows - 1);
}

static void put(struct tty *t, uint32_t code)
{
	if (t->column >= t->columns) {
		t->column = 0;
		line_feed(t);
	}
	t->cells[t->row][t->column++] = code;
	t->last = code;
}

static void erase_page(struct tty *t, unsigned int how)
{
	for (unsigned int r = 0; r < t->rows; r++) {
		if (how == 2 || (how == 0 && r > t->row) ||
		    (how == 1 && r < t->row))
			clear(t, r, 0, t->columns);
	}
	if (how == 0)
		clear(t, t->row, t->column, t->columns);
	if (how == 1)
		clear(t, t->row, 0, t->column + 1);
}

static void erase_line(struct tty *t, unsigned int how)
{
	clear(t, t->row, how == 0 ? t->column : 0,
	      how == 1 ? t->column + 1 : t->columns);
}

static void shift(struct tty *t, unsigned int n, bool insert)
{
	uint32_t *row = t->cells[t->row];
	unsigned int room = t->columns - t->column;

	n = MIN(n, room);
	if (insert) {
		memmove(row + t->column + n, row + t->column,
			(room - n) * sizeof(*row));
		clear(t, t->row, t->column, t->column + n);
	} else {
		memmove(row + t->column, row + t->column + n,
			(room - n) * sizeof(*row));
		clear(t, t->row, t->columns - n, t->columns);
	}
}

static void move_lines(struct tty *t, unsigned int n, bool insert)
{
	unsigned int top = t->top;

	t->top = t->row;
	scroll(t, insert ? -(int)n : (int)n);
	t->top = top;
}

static void set_mode(struct tty *t, unsigned int mode, bool on)
{
	if (mode == 1049 || mode == 47)
		t->alternate = on;
	if (mode == 25)
		t->hidden = !on;
}

static void move(struct tty *t, long row, long column)
{
	t->row = (unsigned int)MIN(MAX(row, 0), (long)t->rows - 1);
	t->column = (unsigned int)MIN(MAX(column, 0), (long)t->columns - 1);
}

/* Sequences that begin with ESC [ and end with @final */
static bool control(struct tty *t, char final, bool private,
		    const unsigned int *p, unsigned int nr)
{
	unsigned int n = nr && p[0] ? p[0] : 1;

	switch (final) {
	case 'H':
		move(t, (long)n - 1, nr > 1 && p[1] ? (long)p[1] - 1 : 0);
		return true;
	case 'A':
		move(t, (long)t->row - n, t->column);
		return true;
	case 'B':
		move(t, (long)t->row + n, t->column);
		return true;
	case 'C':
		move(t, t->row, (long)t->column + n);
		return true;
	case 'D':
		move(t, t->row, (long)t->column - n);
		return true;
	case 'G':
		move(t, t->row, (long)n - 1);
		return true;
	case 'd':
		move(t, (long)n - 1, t->column);
		return true;
	case 'J':
		erase_page(t, nr ? p[0] : 0);
		return true;
	case 'K':
		erase_line(t, nr ? p[0] : 0);
		return true;
	case 'X':
		clear(t, t->row, t->column, MIN(t->column + n, t->columns));
		return true;
	case '@':
	case 'P':
		shift(t, n, final == '@');
		return true;
	case 'L':
	case 'M':
		move_lines(t, n, final == 'L');
		return true;
	case 'S':
	case 'T':
		scroll(t, final == 'S' ? (int)n : -(int)n);
		return true;
	case 'b':
		while (n--)
			put(t, t->last);
		return true;
	case 'r':
		t->top = n - 1;
		t->bottom = (nr > 1 && p[1] ? p[1] : t->rows) - 1;
		move(t, 0, 0);
		return true;
	case 'h':
	case 'l':
		for (unsigned int i = 0; private && i < nr; i++)
			set_mode(t, p[i], final == 'h');
		return true;
	case 'm':
	case 't':
		return true;
	default:
		return false;
	}
}

static bool run_control(struct tty *t)
{
	unsigned int p[PARAMETERS_MAX] = { 0 }, nr = 0;
	bool private = t->escape[1] == '?';
	char *at = t->escape + 1 + private;

	while (nr < PARAMETERS_MAX && *at >= '0' && *at <= '9') {
		p[nr++] = (unsigned int)strtoul(at, &at, 10);
		at += *at == ';';
	}
	return control(t, *at, private, p, nr);
}

/* One more octet of a sequence; Return: was it the last? */
static bool escape(struct tty *t, char c)
{
	bool known = true;

	if (t->nr_escape + 2 < sizeof(t->escape))
		t->escape[t->nr_escape++] = c;
	t->escape[t->nr_escape] = '\0';
	if (t->escape[0] == '[') {
		if (t->nr_escape == 1 || c < '@' || c > '~')
			return false;
		known = run_control(t);
	} else if (strchr("()", t->escape[0])) {
		if (t->nr_escape < 2)
			return false;
	} else if (c == 'M') {
		if (t->row == t->top)
			scroll(t, -1);
		else
			t->row--;
	} else {
		known = strchr("=>78c", c);
	}
	if (!known)
		snprintf(t->unknown, sizeof(t->unknown), "ESC %s", t->escape);
	return true;
}

static void take_utf8(struct tty *t, unsigned char c)
{
	if (c >= 0xc0) {
		t->nr_more = c >= 0xf0 ? 3 : c >= 0xe0 ? 2 : 1;
		t->code = c & (0x3fu >> t->nr_more);
		return;
	}
	t->code = t->code << 6 | (c & 0x3f);
	if (t->nr_more && !--t->nr_more)
		put(t, t->code);
}

static bool in_escape;

static void take(struct tty *t, char c)
{
	if (in_escape) {
		in_escape = !escape(t, c);
	} else if (c == '\x1b') {
		in_escape = true;
		t->nr_escape = 0;
	} else if (c == '\r') {
		t->column = 0;
	} else if (c == '\n') {
		line_feed(t);
	} else if (c == '\b') {
		t->column -= t->column > 0;
	} else if (c == '\t') {
		move(t, t->row, (long)(t->column / 8 + 1) * 8);
	} else if ((unsigned char)c >= 0x80) {
		take_utf8(t, (unsigned char)c);
	} else if (c >= ' ' && c != 0x7f) {
		put(t, (uint32_t)c);
	}
}

static void look(struct tty *t, int ms)
{
	struct pollfd pfd = { .fd = t->fd, .events = POLLIN };
	char buf[4096];
	ssize_t n;

	while (t->fd >= 0 && poll(&pfd, 1, ms) > 0) {
		n = read(t->fd, buf, sizeof(buf));
		if (n <= 0)
			break;
		for (ssize_t i = 0; i < n; i++)
			take(t, buf[i]);
		ms = 0;
	}
	if (!t->ended && waitpid(t->pid, &t->status, WNOHANG) == t->pid)
		t->ended = true;
}

static void row_text(const struct tty *t, unsigned int row,
		     char text[3 * COLUMNS_MAX + 1])
{
	char *to = text, *end = text;

	for (unsigned int c = 0; c < t->columns; c++) {
		uint32_t code = t->cells[row][c];

		if (code >= 0x800) {
			*to++ = (char)(0xe0 | code >> 12);
			*to++ = (char)(0x80 | (code >> 6 & 0x3f));
			*to++ = (char)(0x80 | (code & 0x3f));
		} else {
			*to++ = (char)code;
		}
		if (code != ' ')
			end = to;
	}
	*end = '\0';
}

/* Orders ---------------------------------------------------------------------- */

static bool refuse(const struct tty *t, const char *why)
{
	char text[3 * COLUMNS_MAX + 1];

	printf("not ok %s\n", why);
	for (unsigned int r = 0; r < t->rows; r++) {
		row_text(t, r, text);
		fprintf(stderr, "%3u |%s\n", r, text);
	}
	return false;
}

/* Return: the first row from @from to @to that matches, or -1 */
static int find(const struct tty *t, const char *pattern, unsigned int from,
		unsigned int to)
{
	char text[3 * COLUMNS_MAX + 1];
	int found = -1;
	regex_t regex;

	if (regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB))
		return -1;
	for (unsigned int r = from; found < 0 && r < MIN(to, t->rows); r++) {
		row_text(t, r, text);
		if (!regexec(&regex, text, 0, NULL, 0))
			found = (int)r;
	}
	regfree(&regex);
	return found;
}

static bool wait_for(struct tty *t, const char *pattern, unsigned int from,
		     unsigned int to)
{
	int64_t end = now_ms() + PATIENCE_MS;

	do {
		look(t, 50);
		if (find(t, pattern, from, to) >= 0)
			return true;
	} while (now_ms() < end);
	return refuse(t, pattern);
}

static bool wait_for_order(struct tty *t, char *first)
{
	int64_t end = now_ms() + PATIENCE_MS;
	char *second = strchr(first, ' ');
	int a, b;

	if (!second)
		return refuse(t, "order needs two");
	*second++ = '\0';
	do {
		look(t, 50);
		a = find(t, first, 0, t->rows);
		b = find(t, second, 0, t->rows);
		if (a >= 0 && a < b)
			return true;
	} while (now_ms() < end);
	return refuse(t, "another order");
}

static bool type(struct tty *t, const char *text)
{
	for (; *text; text++) {
		char c = *text;

		if (c == '\\' && text[1] == 'e')
			c = '\x1b', text++;
		if (write(t->fd, &c, 1) != 1)
			return refuse(t, "cannot type");
	}
	return true;
}

static bool resize(struct tty *t, const char *text)
{
	struct winsize size = { 0 };
	unsigned int rows, columns;

	if (sscanf(text, "%u %u", &rows, &columns) != 2 || !rows || !columns ||
	    rows > ROWS_MAX || columns > COLUMNS_MAX)
		return refuse(t, "no such size");
	look(t, 0);
	/* What is not there has not been drawn. */
	for (unsigned int r = 0; r < ROWS_MAX; r++)
		clear(t, r, r < t->rows ? t->columns : 0, COLUMNS_MAX);
	t->rows = rows;
	t->columns = columns;
	t->top = 0;
	t->bottom = rows - 1;
	move(t, t->row, t->column);
	size.ws_row = (unsigned short)rows;
	size.ws_col = (unsigned short)columns;
	return !ioctl(t->fd, TIOCSWINSZ, &size) || refuse(t, "TIOCSWINSZ");
}

static bool is_as_before(const struct tty *t)
{
	struct termios now;

	return t->fd < 0 || (!tcgetattr(t->slave, &now) &&
			     now.c_iflag == t->before.c_iflag &&
			     now.c_oflag == t->before.c_oflag &&
			     now.c_lflag == t->before.c_lflag &&
			     !t->alternate && !t->hidden);
}

static bool wait_for_end(struct tty *t, int wanted)
{
	int64_t end = now_ms() + PATIENCE_MS;
	char why[64];
	int status;

	while (!t->ended && now_ms() < end)
		look(t, 20);
	look(t, 0);
	if (!t->ended)
		return refuse(t, "it goes on");
	status = WIFSIGNALED(t->status) ? 128 + WTERMSIG(t->status) :
					  WEXITSTATUS(t->status);
	snprintf(why, sizeof(why), "ended with %d", status);
	if (status != wanted)
		return refuse(t, why);
	return is_as_before(t) || refuse(t, "the terminal is not as it was");
}

static bool obey(struct tty *t, char *line)
{
	char *rest = strchr(line, ' ');
	unsigned int row;

	if (rest)
		*rest++ = '\0';
	else
		rest = line + strlen(line);
	if (!strcmp(line, "wait"))
		return wait_for(t, rest, 0, ROWS_MAX);
	if (!strcmp(line, "row")) {
		row = (unsigned int)strtoul(rest, &rest, 10);
		return wait_for(t, rest + 1, row, row + 1);
	}
	if (!strcmp(line, "order"))
		return wait_for_order(t, rest);
	if (!strcmp(line, "none")) {
		look(t, 100);
		return find(t, rest, 0, ROWS_MAX) < 0 || refuse(t, rest);
	}
	if (!strcmp(line, "keys"))
		return type(t, rest);
	if (!strcmp(line, "size"))
		return resize(t, rest);
	if (!strcmp(line, "signal"))
		return !kill(t->pid, atoi(rest)) || refuse(t, "kill");
	if (!strcmp(line, "close")) {
		close(t->slave);
		close(t->fd);
		t->fd = -1;
		return true;
	}
	if (!strcmp(line, "end"))
		return wait_for_end(t, atoi(rest));
	return refuse(t, "what?");
}

static int start(struct tty *t, char **argv)
{
	struct winsize size = { .ws_row = (unsigned short)t->rows,
				.ws_col = (unsigned short)t->columns };

	if (openpty(&t->fd, &t->slave, NULL, NULL, &size) ||
	    tcgetattr(t->slave, &t->before))
		return -errno;
	t->pid = fork();
	if (t->pid < 0)
		return -errno;
	if (t->pid)
		return 0;
	close(t->fd);
	setenv("TERM", "xterm", 1);
	if (!login_tty(t->slave))
		execvp(argv[0], argv);
	_exit(127);
}

int main(int argc, char **argv)
{
	static struct tty t;
	char line[512];
	bool good = true;

	if (argc < 4)
		return 2;
	t.rows = MIN((unsigned int)atoi(argv[1]), ROWS_MAX);
	t.columns = MIN((unsigned int)atoi(argv[2]), COLUMNS_MAX);
	t.bottom = t.rows - 1;
	for (unsigned int r = 0; r < ROWS_MAX; r++)
		clear(&t, r, 0, COLUMNS_MAX);
	setvbuf(stdout, NULL, _IOLBF, 0);
	if (start(&t, argv + 3))
		return 2;
	while (fgets(line, sizeof(line), stdin)) {
		line[strcspn(line, "\n")] = '\0';
		if (obey(&t, line) && !*t.unknown) {
			puts("ok");
			continue;
		}
		if (*t.unknown)
			refuse(&t, t.unknown);
		t.unknown[0] = '\0';
		good = false;
	}
	if (!t.ended) {
		kill(t.pid, SIGKILL);
		waitpid(t.pid, NULL, 0);
	}
	return good ? 0 : 1;
}
