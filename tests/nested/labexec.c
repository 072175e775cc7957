/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * labexec.c - Run commands in a guest of the lab, over vchan (tests only)
 *
 * DOC: Theory of operation
 *
 * In the guest, "labexec --serve SLOT" offers a vchan at data/labexec/SLOT and
 * serves one command per connection: request, standard input, output and exit
 * status travel as frames (type, length, payload). After each connection the
 * server offers a fresh vchan and writes a new token beside it.
 *
 * In dom0, "guest [-i] NAME CMD..." takes a lock on a free slot (or queues for
 * one), waits for a token that no earlier call has used, and connects. A token
 * that was used belongs to a ring the server is about to throw away.
 *
 * Either side may die at any moment: the kernel then clears its "live" byte in
 * the ring and sends an event. A domain that is destroyed does neither, so the
 * client also watches xenstore's @releaseDomain.
 *
 * A guest that is saved goes on in another domain, which has no offers: the
 * servers in it watch their tokens, and offer anew.
 *
 * The command gets the exit status rules of a shell: 128 + N for signal N, 127
 * if it could not be run. The client itself exits with 255 if the guest is not
 * there, went away or does not answer. Output is complete up to the exit of the
 * command; what its background children print later is not waited for.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <libxenvchan.h>
#include <xenstore.h>

#define NR_SLOTS	3		/* as many servers as inittab starts */
#define RING_BYTES	32768		/* each direction */
#define FRAME_MAX	8192		/* payload; well below RING_BYTES */
#define REQUEST_MAX	65536		/* all arguments together */
#define EXIT_LAB	255		/* the lab failed, not the command */

enum frame_type {
	FRAME_REQUEST,		/* to guest: arguments, each ended by NUL */
	FRAME_STDIN,		/* to guest: data; empty is end of file */
	FRAME_STDOUT,		/* to dom0: data */
	FRAME_STDERR,		/* to dom0: data */
	FRAME_EXIT,		/* to dom0: one uint32_t, the status */
};

struct frame {
	uint32_t type;		/* enum frame_type */
	uint32_t len;		/* payload [bytes] */
};

static void __attribute__((noreturn, format(printf, 1, 2)))
die(const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	fputs("labexec: ", stderr);
	vfprintf(stderr, fmt, ap);
	fputc('\n', stderr);
	va_end(ap);
	exit(EXIT_LAB);
}

static uint64_t now_ns(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_BOOTTIME, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

/* Read exactly @len bytes from a blocking vchan */
static int read_all(struct libxenvchan *vchan, void *buf, size_t len)
{
	size_t done = 0;

	while (done < len) {
		int n = libxenvchan_read(vchan, (char *)buf + done, len - done);

		if (n <= 0)
			return -EPIPE;
		done += (size_t)n;
	}
	return 0;
}

/* Write exactly @len bytes to a file descriptor that may block */
static int write_all(int fd, const char *buf, size_t len)
{
	while (len) {
		ssize_t n = write(fd, buf, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		buf += n;
		len -= (size_t)n;
	}
	return 0;
}

static size_t frame_space(struct libxenvchan *vchan)
{
	int space = libxenvchan_buffer_space(vchan);
	size_t head = sizeof(struct frame);

	if (space <= (int)head)
		return 0;
	space -= (int)head;
	return space < FRAME_MAX ? (size_t)space : FRAME_MAX;
}

/* Send one frame that fits into the ring by now or soon */
static int send_frame(struct libxenvchan *vchan, uint32_t type,
		      const void *data, size_t len)
{
	char buf[sizeof(struct frame) + FRAME_MAX];
	struct frame head = { .type = type, .len = (uint32_t)len };
	int blocking = vchan->blocking;
	int n;

	memcpy(buf, &head, sizeof(head));
	if (len)
		memcpy(buf + sizeof(head), data, len);
	vchan->blocking = 1;
	n = libxenvchan_send(vchan, buf, sizeof(head) + len);
	vchan->blocking = blocking;
	return n > 0 ? 0 : -EPIPE;
}

/* ---- guest ---- */

struct job {
	struct libxenvchan *vchan;
	pid_t pid;
	int pidfd;		/* readable when the command has exited */
	int in;			/* to the command's stdin, -1 once closed */
	int out[2];		/* from its stdout, stderr; -1 once closed */
	struct frame head;	/* stdin frame being received, if has_head */
	bool has_head;
	char pending[FRAME_MAX];	/* stdin not yet taken by the command */
	size_t nr_pending, off_pending;	/* [bytes] */
};

static void close_fd(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

static char **split_request(char *buf, size_t len)
{
	size_t nr = 0, i;
	char **argv;

	for (i = 0; i < len; i++)
		nr += buf[i] == '\0';
	argv = calloc(nr + 1, sizeof(*argv));
	if (!argv)
		return NULL;
	for (i = 0; i < nr; i++) {
		argv[i] = buf;
		buf += strlen(buf) + 1;
	}
	return argv;
}

static void set_oom_score(const char *score)
{
	int fd = open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC);

	if (fd < 0)
		return;
	if (write(fd, score, strlen(score)) < 0)
		perror("labexec: oom_score_adj");
	close(fd);
}

static void __attribute__((noreturn))
run_child(char **argv, int in, int out, int err)
{
	setsid();
	set_oom_score("0");
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(err, STDERR_FILENO);
	signal(SIGPIPE, SIG_DFL);
	execvp(argv[0], argv);
	fprintf(stderr, "labexec: %s: %s\n", argv[0], strerror(errno));
	_exit(127);
}

/* Receive the request and start its command */
static int job_start(struct job *job)
{
	int in[2], out[2], err[2];
	struct frame head;
	char **argv, *buf;

	if (read_all(job->vchan, &head, sizeof(head)))
		return -EPIPE;
	if (head.type != FRAME_REQUEST || !head.len || head.len > REQUEST_MAX)
		return -EPROTO;
	buf = malloc(head.len);
	if (!buf)
		return -ENOMEM;
	if (read_all(job->vchan, buf, head.len) || buf[head.len - 1]) {
		free(buf);
		return -EPROTO;
	}
	argv = split_request(buf, head.len);
	if (!argv || pipe2(in, O_CLOEXEC) || pipe2(out, O_CLOEXEC) ||
	    pipe2(err, O_CLOEXEC))
		die("cannot prepare a command: %s", strerror(errno));
	job->pid = fork();
	if (job->pid == 0)
		run_child(argv, in[0], out[1], err[1]);
	if (job->pid < 0)
		die("fork: %s", strerror(errno));
	close(in[0]);
	close(out[1]);
	close(err[1]);
	free(argv);
	free(buf);
	job->in = in[1];
	job->out[0] = out[0];
	job->out[1] = err[0];
	fcntl(job->in, F_SETFL, O_NONBLOCK);
	fcntl(job->out[0], F_SETFL, O_NONBLOCK);
	fcntl(job->out[1], F_SETFL, O_NONBLOCK);
	job->pidfd = pidfd_open(job->pid, 0);
	if (job->pidfd < 0)
		die("pidfd_open: %s", strerror(errno));
	return 0;
}

/* Move frames of standard input to the command until one side blocks */
static int job_feed(struct job *job)
{
	for (;;) {
		if (job->nr_pending) {
			ssize_t n = write(job->in,
					  job->pending + job->off_pending,
					  job->nr_pending);

			if (n < 0 && errno == EAGAIN)
				return 0;
			if (n < 0) {
				/* The command does not want it: drop it */
				close_fd(&job->in);
				n = (ssize_t)job->nr_pending;
			}
			job->off_pending += (size_t)n;
			job->nr_pending -= (size_t)n;
			continue;
		}
		if (!job->has_head) {
			if (libxenvchan_data_ready(job->vchan) <
			    (int)sizeof(job->head))
				return 0;
			if (read_all(job->vchan, &job->head, sizeof(job->head)))
				return -EPIPE;
			if (job->head.type != FRAME_STDIN ||
			    job->head.len > FRAME_MAX)
				return -EPROTO;
			job->has_head = true;
		}
		if (libxenvchan_data_ready(job->vchan) < (int)job->head.len)
			return 0;
		job->has_head = false;
		if (!job->head.len) {
			close_fd(&job->in);
			continue;
		}
		if (read_all(job->vchan, job->pending, job->head.len))
			return -EPIPE;
		job->nr_pending = job->head.len;
		job->off_pending = 0;
	}
}

/* Send what the command printed. Return: true if there may be more now */
static bool job_drain(struct job *job, int which)
{
	char buf[FRAME_MAX];
	size_t space = frame_space(job->vchan);
	ssize_t n;

	if (job->out[which] < 0 || !space)
		return false;
	n = read(job->out[which], buf, space);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return false;
	if (n <= 0) {
		close_fd(&job->out[which]);
		return false;
	}
	return !send_frame(job->vchan, FRAME_STDOUT + (uint32_t)which, buf,
			   (size_t)n);
}

static void job_wait(struct job *job)
{
	bool room = frame_space(job->vchan) > 0;
	struct pollfd fds[] = {
		{ libxenvchan_fd_for_select(job->vchan), POLLIN, 0 },
		{ job->pidfd, POLLIN, 0 },
		{ room ? job->out[0] : -1, POLLIN, 0 },
		{ room ? job->out[1] : -1, POLLIN, 0 },
		{ job->nr_pending ? job->in : -1, POLLOUT, 0 },
	};

	if (poll(fds, 5, -1) > 0 && fds[0].revents)
		libxenvchan_wait(job->vchan);
}

static bool job_exited(struct job *job)
{
	struct pollfd fd = { job->pidfd, POLLIN, 0 };

	return poll(&fd, 1, 0) > 0;
}

/* Drain what is in the pipes now, waiting for room in the ring only */
static void job_drain_rest(struct job *job)
{
	for (int i = 0; i < 2; i++) {
		while (libxenvchan_is_open(job->vchan)) {
			if (job_drain(job, i))
				continue;
			if (job->out[i] < 0 || frame_space(job->vchan))
				break;
			libxenvchan_wait(job->vchan);
		}
	}
}

static void job_finish(struct job *job)
{
	uint32_t code = EXIT_LAB;
	int status;

	job_drain_rest(job);
	if (!libxenvchan_is_open(job->vchan))
		kill(-job->pid, SIGKILL);
	if (waitpid(job->pid, &status, 0) == job->pid)
		code = WIFSIGNALED(status) ? 128u + (uint32_t)WTERMSIG(status)
					   : (uint32_t)WEXITSTATUS(status);
	send_frame(job->vchan, FRAME_EXIT, &code, sizeof(code));
	/* The ring is ours until the other side has read the last frame */
	while (libxenvchan_is_open(job->vchan))
		libxenvchan_wait(job->vchan);
}

static void job_run(struct libxenvchan *vchan)
{
	struct job job = { .vchan = vchan };

	if (job_start(&job))
		return;
	vchan->blocking = 0;
	while (libxenvchan_is_open(vchan)) {
		bool more = false;

		if (job_feed(&job))
			break;
		more |= job_drain(&job, 0);
		more |= job_drain(&job, 1);
		if (job_exited(&job))
			break;
		if (!more)
			job_wait(&job);
	}
	if (!job_exited(&job))
		kill(-job.pid, SIGKILL);
	job_finish(&job);
	close_fd(&job.in);
	close_fd(&job.out[0]);
	close_fd(&job.out[1]);
	close_fd(&job.pidfd);
}

static void publish_token(const char *path)
{
	struct xs_handle *xs = xs_open(0);
	char node[64], token[32];

	snprintf(node, sizeof(node), "%s/token", path);
	snprintf(token, sizeof(token), "%llu", (unsigned long long)now_ns());
	if (!xs || !xs_write(xs, XBT_NULL, node, token,
			     (unsigned int)strlen(token)))
		die("cannot write %s: %s", node, strerror(errno));
	xs_close(xs);
}

/* Is there a token below @path? None in a domain that we are restored in. */
static bool has_token(struct xs_handle *xs, const char *path)
{
	char node[64], **event, *token;
	unsigned int len;

	while ((event = xs_check_watch(xs)))
		free(event);
	snprintf(node, sizeof(node), "%s/token", path);
	token = xs_read(xs, XBT_NULL, node, &len);
	free(token);
	return token;
}

/* Wait for a client. Return: false if the domain that @vchan was offered in is
 * gone: it must not be closed then, see transport_vchan_abandon() */
static bool await_client(struct libxenvchan *vchan, struct xs_handle *xs,
			 const char *path)
{
	struct pollfd fds[] = {
		{ libxenvchan_fd_for_select(vchan), POLLIN, 0 },
		{ xs_fileno(xs), POLLIN, 0 },
	};

	while (libxenvchan_is_open(vchan) && !libxenvchan_data_ready(vchan)) {
		if (poll(fds, 2, -1) < 0)
			continue;
		if (fds[1].revents && !has_token(xs, path))
			return false;
		if (fds[0].revents)
			libxenvchan_wait(vchan);
	}
	return true;
}

static struct xs_handle *watch_token(const char *path)
{
	struct xs_handle *xs = xs_open(0);
	char node[64];

	snprintf(node, sizeof(node), "%s/token", path);
	if (!xs || !xs_watch(xs, node, "token"))
		die("cannot watch %s: %s", node, strerror(errno));
	return xs;
}

static void __attribute__((noreturn)) serve(const char *slot)
{
	struct xs_handle *xs;
	char path[32];

	signal(SIGPIPE, SIG_IGN);
	set_oom_score("-1000");
	snprintf(path, sizeof(path), "data/labexec/%s", slot);
	xs = watch_token(path);
	for (;;) {
		struct libxenvchan *vchan = libxenvchan_server_init(
			NULL, 0, path, RING_BYTES, RING_BYTES);

		if (!vchan)
			die("cannot offer %s: %s", path, strerror(errno));
		vchan->blocking = 1;
		publish_token(path);
		if (!await_client(vchan, xs, path))
			continue;
		job_run(vchan);
		libxenvchan_close(vchan);
	}
}

/* ---- dom0 ---- */

struct client {
	struct xs_handle *xs;
	const char *name;
	unsigned int domid;
	char path[64];		/* of the vchan, below the domain's home */
	int lock;		/* slot's lock file; holds its last token */
	struct libxenvchan *vchan;
	bool has_stdin;
};

static unsigned int find_domain(struct xs_handle *xs, const char *name)
{
	unsigned int nr, i, len, domid = 0;
	char **ids = xs_directory(xs, XBT_NULL, "/local/domain", &nr);

	for (i = 0; ids && i < nr && !domid; i++) {
		char node[64], *value;

		snprintf(node, sizeof(node), "/local/domain/%s/name", ids[i]);
		value = xs_read(xs, XBT_NULL, node, &len);
		if (value && !strcmp(value, name))
			domid = (unsigned int)atoi(ids[i]);
		free(value);
	}
	free(ids);
	if (!domid)
		die("no guest %s", name);
	return domid;
}

static void check_alive(struct client *c)
{
	if (!xs_is_domain_introduced(c->xs, c->domid))
		die("guest %s (domain %u) went away", c->name, c->domid);
}

/* Take the lock of a free slot, or queue for one of them */
static void take_slot(struct client *c)
{
	int how = LOCK_EX | LOCK_NB;
	unsigned int slot = 0;
	char file[64];

	for (;; slot++) {
		if (slot == NR_SLOTS) {
			how = LOCK_EX;
			slot = (unsigned int)getpid() % NR_SLOTS;
		}
		snprintf(file, sizeof(file), "/run/labexec-%u-%u", c->domid,
			 slot);
		c->lock = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
		if (c->lock < 0)
			die("%s: %s", file, strerror(errno));
		if (!flock(c->lock, how))
			break;
		close(c->lock);
	}
	snprintf(c->path, sizeof(c->path), "/local/domain/%u/data/labexec/%u",
		 c->domid, slot);
}

/* Wait for a token that no earlier call on this slot has used, and use it */
static void take_token(struct client *c)
{
	char used[32] = "", node[96], *token, **event;
	unsigned int nr;

	if (pread(c->lock, used, sizeof(used) - 1, 0) < 0)
		die("cannot read the last token: %s", strerror(errno));
	snprintf(node, sizeof(node), "%s/token", c->path);
	if (!xs_watch(c->xs, node, "token"))
		die("cannot watch %s: %s", node, strerror(errno));
	for (;;) {
		event = xs_read_watch(c->xs, &nr);
		free(event);
		token = xs_read(c->xs, XBT_NULL, node, &nr);
		if (token && strcmp(token, used))
			break;
		free(token);
		check_alive(c);
	}
	xs_unwatch(c->xs, node, "token");
	if (ftruncate(c->lock, 0) ||
	    pwrite(c->lock, token, strlen(token), 0) < 0)
		die("cannot note the token: %s", strerror(errno));
	free(token);
}

static void send_request(struct client *c, char **argv)
{
	char buf[REQUEST_MAX];
	struct frame head = { .type = FRAME_REQUEST };

	for (; *argv; argv++) {
		size_t len = strlen(*argv) + 1;

		if (head.len + len > sizeof(buf))
			die("arguments too long");
		memcpy(buf + head.len, *argv, len);
		head.len += (uint32_t)len;
	}
	c->vchan->blocking = 1;
	if (libxenvchan_write(c->vchan, &head, sizeof(head)) < 0 ||
	    libxenvchan_write(c->vchan, buf, head.len) < 0)
		die("guest %s hung up", c->name);
	if (!c->has_stdin)
		send_frame(c->vchan, FRAME_STDIN, NULL, 0);
}

static void forward_stdin(struct client *c)
{
	char buf[FRAME_MAX];
	ssize_t n = read(STDIN_FILENO, buf, frame_space(c->vchan));

	if (n < 0 && errno == EINTR)
		return;
	if (n <= 0)
		c->has_stdin = false;
	/* A failure shows as a closed ring, once all output is read */
	send_frame(c->vchan, FRAME_STDIN, buf, n > 0 ? (size_t)n : 0);
}

/* Return: false once the command has exited, with its status */
static bool handle_frame(struct client *c, uint32_t *ret_status)
{
	char buf[FRAME_MAX];
	struct frame head;

	if (read_all(c->vchan, &head, sizeof(head)) ||
	    head.len > sizeof(buf) || read_all(c->vchan, buf, head.len))
		die("guest %s hung up", c->name);
	switch (head.type) {
	case FRAME_STDOUT:
	case FRAME_STDERR:
		if (write_all(head.type == FRAME_STDOUT ? STDOUT_FILENO
							: STDERR_FILENO,
			      buf, head.len))
			die("cannot write: %s", strerror(errno));
		return true;
	case FRAME_EXIT:
		if (head.len == sizeof(*ret_status)) {
			memcpy(ret_status, buf, sizeof(*ret_status));
			return false;
		}
	}
	die("guest %s sent nonsense", c->name);
}

static void client_wait(struct client *c)
{
	bool room = c->has_stdin && frame_space(c->vchan);
	struct pollfd fds[] = {
		{ libxenvchan_fd_for_select(c->vchan), POLLIN, 0 },
		{ xs_fileno(c->xs), POLLIN, 0 },
		{ room ? STDIN_FILENO : -1, POLLIN, 0 },
	};
	unsigned int nr;

	if (poll(fds, 3, -1) < 0)
		return;
	if (fds[0].revents)
		libxenvchan_wait(c->vchan);
	if (fds[1].revents) {
		free(xs_read_watch(c->xs, &nr));
		check_alive(c);
	}
	if (fds[2].revents)
		forward_stdin(c);
}

static int converse(struct client *c)
{
	uint32_t status;

	for (;;) {
		if (libxenvchan_data_ready(c->vchan) >=
		    (int)sizeof(struct frame)) {
			if (!handle_frame(c, &status))
				return (int)status;
			continue;
		}
		if (!libxenvchan_is_open(c->vchan) &&
		    libxenvchan_data_ready(c->vchan) <
			    (int)sizeof(struct frame))
			die("guest %s hung up", c->name);
		client_wait(c);
	}
}

static void client_open(struct client *c, const char *name)
{
	c->xs = xs_open(0);
	if (!c->xs)
		die("no xenstore: %s", strerror(errno));
	c->name = name;
	c->domid = find_domain(c->xs, name);
	if (!xs_watch(c->xs, "@releaseDomain", "release"))
		die("cannot watch: %s", strerror(errno));
}

static int run_in_guest(const char *name, bool has_stdin, char **argv)
{
	struct client c = { .has_stdin = has_stdin };
	int status;

	signal(SIGPIPE, SIG_IGN);
	client_open(&c, name);
	take_slot(&c);
	take_token(&c);
	c.vchan = libxenvchan_client_init(NULL, (int)c.domid, c.path);
	if (!c.vchan)
		die("cannot connect to guest %s: %s", name, strerror(errno));
	send_request(&c, argv);
	status = converse(&c);
	libxenvchan_close(c.vchan);
	return status;
}

/* Wait until the servers in the guest have offered themselves once */
static int wait_for_guest(const char *name)
{
	unsigned int nr, slot;
	struct client c = { 0 };
	char node[96];

	client_open(&c, name);
	for (slot = 0; slot < NR_SLOTS; slot++) {
		char *token;

		snprintf(node, sizeof(node),
			 "/local/domain/%u/data/labexec/%u/token", c.domid,
			 slot);
		if (!xs_watch(c.xs, node, "token"))
			die("cannot watch %s: %s", node, strerror(errno));
		while (!(token = xs_read(c.xs, XBT_NULL, node, &nr))) {
			check_alive(&c);
			free(xs_read_watch(c.xs, &nr));
		}
		free(token);
	}
	return 0;
}

int main(int argc, char **argv)
{
	bool has_stdin = argc > 1 && !strcmp(argv[1], "-i");

	if (argc == 3 && !strcmp(argv[1], "--serve"))
		serve(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "--wait"))
		return wait_for_guest(argv[2]);
	argv += 1 + has_stdin;
	argc -= 1 + has_stdin;
	if (argc < 2) {
		fputs("usage: guest [-i] NAME CMD [ARGS...]\n"
		      "       guest --wait NAME\n"
		      "       labexec --serve SLOT\n", stderr);
		return EXIT_LAB;
	}
	return run_in_guest(argv[0], has_stdin, argv + 1);
}
