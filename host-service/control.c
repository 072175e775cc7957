/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * control.c - The socket an operator's tool talks to
 */
#include "control.h"

#include <errno.h>
#include <event2/event.h>
#include <grp.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "audit.h"
#include "client.h"
#include "control_balance.h"
#include "control_guests.h"
#include "control_reserve.h"
#include "control_watch.h"
#include "link.h"
#include "log.h"
#include "transport_unix.h"

#define CONTROL_GROUP	"memtide"
#define GROUPS_MAX	256u
#define CLIENT_OUT_MIN	4096u
#define CLIENT_OUT_MAX	(8u * 1024 * 1024)	/* list of 10,000 guests */

struct control {
	struct service *service;
	struct balance *balance;
	struct reserve *reserve;
	struct history *history;
	struct event_base *base;
	struct event *accept_event;
	int fd;
	char path[108];
	struct client *clients;
	uint32_t nr_clients;
};

static void client_free(struct client *c)
{
	struct control *ctl = c->owner;
	struct client **at = &ctl->clients;

	while (*at != c)
		at = &(*at)->next;
	*at = c->next;
	ctl->nr_clients--;
	if (c->guest)
		guest_unwatch(c->guest, &c->watcher);
	reserve_drop(c->reservation);
	if (c->watch.on)
		history_unwatch(c->history, &c->watch.watcher);
	if (c->timer)
		event_free(c->timer);
	link_free(c->link);
	free(c);
}

static void control_version(struct client *c)
{
	struct control_reply r;

	client_version(c, &r);
	client_end(c, &r);
}

static void on_frame(void *ctx, const uint8_t *buf, size_t len)
{
	struct client *c = ctx;
	const char *why = "";

	if (c->busy) {
		log_warn("a control client asks before it was answered, dropping it");
		client_free(c);
		return;
	}
	if (control_decode_request(buf, len, &c->request, &why)) {
		client_fail(c, CONTROL_STATUS_BAD_REQUEST, "%s", why);
		return;
	}
	c->busy = true;
	switch (c->request.type) {
	case CONTROL_LIST:
		control_list(c);
		break;
	case CONTROL_SHOW:
		control_show(c);
		break;
	case CONTROL_SET:
		control_set(c);
		break;
	case CONTROL_AUDIT:
		audit_start(c);
		break;
	case CONTROL_VERSION:
		control_version(c);
		break;
	case CONTROL_READMIT:
		control_readmit(c);
		break;
	case CONTROL_LIMITS:
	case CONTROL_AUTO:
		control_limits(c);
		break;
	case CONTROL_BALANCE:
		control_balance(c);
		break;
	case CONTROL_EXPLAIN:
		control_explain(c);
		break;
	case CONTROL_RESERVE:
		control_reserve(c);
		break;
	case CONTROL_WATCH:
		control_watch(c);
		break;
	case CONTROL_NUM_REQUESTS:
		break;
	}
}

static void on_closed(void *ctx, int error)
{
	if (error != -ECONNRESET)
		log_info("a control client broke off: %s, dropping it",
			 strerror(-error));
	client_free(ctx);
}

static void on_drained(void *ctx)
{
	control_watch_go_on(ctx);
}

static const struct link_callbacks callbacks = {
	.frame = on_frame,
	.closed = on_closed,
	.drained = on_drained,
};

/* The time of who waits is over, or the client cannot be talked to. */
static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct client *c = ctx;

	(void)fd;
	(void)what;
	if (c->busy && c->watch.on)
		control_watch_time(c);
	else if (c->busy && c->reservation)
		control_reserve_timeout(c);
	else if (c->busy)
		control_timeout(c);
	else
		client_free(c);
}

static bool in_group(int fd, gid_t group)
{
	gid_t groups[GROUPS_MAX];
	socklen_t len = sizeof(groups);

	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len))
		return false;
	for (size_t i = 0; i < len / sizeof(groups[0]); i++) {
		if (groups[i] == group)
			return true;
	}
	return false;
}

static bool peer_allowed(int fd)
{
	struct group *group = getgrnam(CONTROL_GROUP);
	socklen_t len = sizeof(struct ucred);
	struct ucred peer;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len))
		return false;
	if (peer.uid == 0 || peer.uid == getuid())
		return true;
	return group && (peer.gid == group->gr_gid ||
			 in_group(fd, group->gr_gid));
}

static int client_new(struct control *ctl, int fd)
{
	struct client *c = calloc(1, sizeof(*c));
	struct transport *t = NULL;
	int rc = -ENOMEM;

	if (!c)
		goto out_close;
	c->owner = ctl;
	c->service = ctl->service;
	c->balance = ctl->balance;
	c->reserve = ctl->reserve;
	c->history = ctl->history;
	c->timer = event_new(ctl->base, -1, 0, on_timer, c);
	if (!c->timer)
		goto out_free;
	rc = transport_unix_new(fd, &t);
	if (rc)
		goto out_event;
	rc = link_new(ctl->base, t, CLIENT_OUT_MIN, CLIENT_OUT_MAX, 1,
		      &callbacks, c, &c->link);
	if (rc)
		goto out_transport;
	c->next = ctl->clients;
	ctl->clients = c;
	ctl->nr_clients++;
	return 0;

out_transport:
	transport_close(t);
	fd = -1;
out_event:
	event_free(c->timer);
out_free:
	free(c);
out_close:
	if (fd >= 0)
		close(fd);
	return rc;
}

static void on_accept(evutil_socket_t listening, short what, void *ctx)
{
	struct control *ctl = ctx;
	int fd, rc;

	(void)what;
	fd = accept4(listening, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	if (fd < 0)
		return;
	if (!peer_allowed(fd)) {
		log_warn("a control client is neither root nor in group "
			 CONTROL_GROUP ", turning it away");
		close(fd);
		return;
	}
	if (ctl->nr_clients >= CONTROL_CLIENTS_MAX) {
		log_warn("%u control clients already, turning one away",
			 ctl->nr_clients);
		close(fd);
		return;
	}
	rc = client_new(ctl, fd);
	if (rc)
		log_warn("cannot serve a control client: %s, ignoring",
			 strerror(-rc));
}

void control_open_to_group(const char *path)
{
	struct group *group = getgrnam(CONTROL_GROUP);

	if (group && chown(path, (uid_t)-1, group->gr_gid))
		log_warn("cannot give %s to group " CONTROL_GROUP
			 ": %s, ignoring", path, strerror(errno));
}

/* Under systemd RuntimeDirectory= has made it. */
static void make_directory(const char *path)
{
	char dir[sizeof(((struct control *)NULL)->path)];
	char *slash;

	snprintf(dir, sizeof(dir), "%s", path);
	slash = strrchr(dir, '/');
	if (!slash || slash == dir)
		return;
	*slash = 0;
	if (!mkdir(dir, 0755) || errno == EEXIST)
		return;
	log_warn("cannot make %s: %s, ignoring", dir, strerror(errno));
}

int control_open(struct event_base *base, struct service *service,
		 struct balance *balance, struct reserve *reserve,
		 struct history *history, const char *path,
		 struct control **ret)
{
	struct control *c = calloc(1, sizeof(*c));
	int rc;

	if (!c)
		return -ENOMEM;
	c->base = base;
	c->service = service;
	c->balance = balance;
	c->reserve = reserve;
	c->history = history;
	make_directory(path);
	c->fd = unix_listen(path, 0660);
	if (c->fd < 0) {
		rc = c->fd;
		free(c);
		return rc;
	}
	snprintf(c->path, sizeof(c->path), "%s", path);
	control_open_to_group(path);
	c->accept_event = event_new(base, c->fd, EV_READ | EV_PERSIST,
				    on_accept, c);
	if (!c->accept_event || event_add(c->accept_event, NULL)) {
		control_close(c);
		return -ENOMEM;
	}
	*ret = c;
	return 0;
}

void control_close(struct control *c)
{
	if (!c)
		return;
	while (c->clients)
		client_free(c->clients);
	if (c->accept_event)
		event_free(c->accept_event);
	close(c->fd);
	unlink(c->path);
	free(c);
}
