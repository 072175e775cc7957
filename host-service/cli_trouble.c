/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * cli_trouble.c - Why memtided could not be asked, and what to do then
 */
#include "cli_trouble.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

__attribute__((format(printf, 3, 4)))
static enum cli_exit say(char text[CLI_TROUBLE_MAX], enum cli_exit code,
			 const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, CLI_TROUBLE_MAX, fmt, ap);
	va_end(ap);
	return code;
}

enum cli_exit cli_trouble_connect(const char *path, int rc,
				  char text[CLI_TROUBLE_MAX])
{
	switch (-rc) {
	case ENOENT:
	case ECONNREFUSED:
		return say(text, CLI_EXIT_NO_DAEMON,
			   "memtided does not run here (%s: %s); start it with: systemctl start memtided; memtide doctor says what is wrong",
			   path, strerror(-rc));
	case EACCES:
	case EPERM:
		return say(text, CLI_EXIT_FAILURE,
			   "%s: %s; you must be root or in group memtide",
			   path, strerror(-rc));
	case EAGAIN:
		return say(text, CLI_EXIT_FAILURE,
			   "%s: memtided serves too many others; try again",
			   path);
	default:
		return say(text, CLI_EXIT_FAILURE, "%s: %s", path,
			   strerror(-rc));
	}
}

enum cli_exit cli_trouble_reply(const char *path, int rc, int timeout_ms,
				const char *why, char text[CLI_TROUBLE_MAX])
{
	switch (-rc) {
	case ETIMEDOUT:
		return say(text, CLI_EXIT_FAILURE,
			   "memtided did not answer within %d s; see its log: journalctl -u memtided",
			   timeout_ms / 1000);
	case EPIPE:
	case ECONNRESET:
		return say(text, CLI_EXIT_FAILURE,
			   "memtided closed the connection before its answer was whole; see its log: journalctl -u memtided");
	case EPROTO:
		return say(text, CLI_EXIT_FAILURE,
			   "what came from %s is no answer of memtided: %s",
			   path, why);
	default:
		return say(text, CLI_EXIT_FAILURE, "%s: %s", path,
			   strerror(-rc));
	}
}
