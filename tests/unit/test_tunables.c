/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_tunables.c - Limits that Linux sized at boot follow the memory
 *
 * A folder stands for /proc, and a child of ours for all processes. Where we
 * may not raise limits (without CAP_SYS_RESOURCE) the kernel's refusal is
 * tested; the lab raises them (tests/nested/cases/boot-limits).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "cases.h"
#include "log.h"
#include "tunables.h"

#define BOOT_KIB	(228u * 1024)	/* MemTotal of 256 MiB */
#define THREADS		"kernel/threads-max"
#define TCP_MEM		"net/ipv4/tcp_mem"

/**
 * struct world - a guest's kernel
 * @children:	the first process, and one that it started
 */
struct world {
	char proc[32];
	pid_t children[2];
	struct tunables t;
};

static void make_folders(const char *proc, const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/%s", proc, name);
	for (char *p = path + strlen(proc) + 1; (p = strchr(p, '/')); p++) {
		*p = 0;
		if (mkdir(path, 0700))
			assert_int_equal(errno, EEXIST);
		*p = '/';
	}
}

static void put(const struct world *w, const char *name, const char *text)
{
	char path[160];
	FILE *f;

	snprintf(path, sizeof(path), "sys/%s", name);
	make_folders(w->proc, path);
	snprintf(path, sizeof(path), "%s/sys/%s", w->proc, name);
	f = fopen(path, "we");
	assert_non_null(f);
	assert_true(fputs(text, f) >= 0);
	assert_int_equal(fclose(f), 0);
}

static const char *get(const struct world *w, const char *name)
{
	static char text[128];
	char path[160];
	size_t n;
	FILE *f;

	snprintf(path, sizeof(path), "%s/sys/%s", w->proc, name);
	f = fopen(path, "re");
	if (!f)
		return "";
	n = fread(text, 1, sizeof(text) - 1, f);
	fclose(f);
	text[n] = 0;
	text[strcspn(text, "\n")] = 0;
	return text;
}

static pid_t start_child(rlim_t soft, rlim_t hard)
{
	const struct rlimit l = { soft, hard };
	pid_t pid = fork();

	assert_true(pid >= 0);
	if (pid) {
		assert_int_equal(prlimit(pid, RLIMIT_NPROC, &l, NULL), 0);
		assert_int_equal(prlimit(pid, RLIMIT_SIGPENDING, &l, NULL), 0);
		return pid;
	}
	for (;;)
		pause();
}

static bool may_raise(void)
{
	const struct rlimit low = { 1, 1 }, high = { 2, 2 };
	pid_t pid = fork();
	int status;

	assert_true(pid >= 0);
	if (!pid)
		_exit(setrlimit(RLIMIT_SIGPENDING, &low) ||
		      setrlimit(RLIMIT_SIGPENDING, &high));
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return !status;
}

static void limits_are(pid_t pid, rlim_t soft, rlim_t hard)
{
	static const int limits[] = { RLIMIT_NPROC, RLIMIT_SIGPENDING };
	struct rlimit l;

	for (size_t i = 0; i < ARRAY_SIZE(limits); i++) {
		assert_int_equal(prlimit(pid, limits[i], NULL, &l), 0);
		assert_int_equal(l.rlim_cur, soft);
		assert_int_equal(l.rlim_max, hard);
	}
}

static void limit_follows(pid_t pid, rlim_t boot, rlim_t wanted)
{
	if (!may_raise())
		wanted = boot;
	limits_are(pid, wanted, wanted);
}

static void add_child(struct world *w, unsigned int i, rlim_t soft, rlim_t hard)
{
	char name[16];

	w->children[i] = start_child(soft, hard);
	snprintf(name, sizeof(name), "%d/", w->children[i]);
	make_folders(w->proc, name);
}

/* What a kernel says that has booted with BOOT_KIB */
static void boot(struct world *w)
{
	put(w, THREADS, "1801\n");
	put(w, "user/max_net_namespaces", "900\n");
	put(w, "fs/file-max", "22345\n");
	put(w, "fs/epoll/max_user_watches", "51900\n");
	put(w, "fs/inotify/max_user_watches", "8192\n");
	put(w, TCP_MEM, "2610\t3480\t5220\n");
	put(w, "net/ipv4/tcp_rmem", "4096\t131072\t1790000\n");
}

static int setup(void **state)
{
	struct world *w = calloc(1, sizeof(*w));

	assert_non_null(w);
	strcpy(w->proc, "/tmp/memtide-tunables-XXXXXX");
	assert_non_null(mkdtemp(w->proc));
	put(w, "kernel/ostype", "Linux\n");
	add_child(w, 0, 900, 900);
	/* This folder is no tmpfs of half the memory */
	tunables_init(&w->t, w->proc, w->children[0], "/proc");
	*state = w;
	return 0;
}

static int teardown(void **state)
{
	struct world *w = *state;
	char command[64];

	for (size_t i = 0; i < ARRAY_SIZE(w->children); i++) {
		if (!w->children[i])
			continue;
		kill(w->children[i], SIGKILL);
		waitpid(w->children[i], NULL, 0);
	}
	snprintf(command, sizeof(command), "rm -rf %s", w->proc);
	assert_int_equal(system(command), 0);
	free(w);
	return 0;
}

static void follow(struct world *w, uint64_t kib)
{
	tunables_follow(&w->t, BOOT_KIB, kib, kib);
}

static void at_boot_size_nothing_changes(void **state)
{
	struct world *w = *state;

	boot(w);
	follow(w, BOOT_KIB);
	assert_string_equal(get(w, THREADS), "1801");
	assert_string_equal(get(w, TCP_MEM), "2610\t3480\t5220");
	limits_are(w->children[0], 900, 900);
}

static void each_is_raised_in_proportion(void **state)
{
	struct world *w = *state;

	boot(w);
	add_child(w, 1, 900, 900);
	follow(w, BOOT_KIB);
	follow(w, 10 * BOOT_KIB);
	assert_string_equal(get(w, THREADS), "18010");
	assert_string_equal(get(w, "user/max_net_namespaces"), "9000");
	assert_string_equal(get(w, "fs/file-max"), "223450");
	assert_string_equal(get(w, "fs/epoll/max_user_watches"), "519000");
	assert_string_equal(get(w, TCP_MEM), "26100 34800 52200");
	limit_follows(w->children[0], 900, 9000);
	limit_follows(w->children[1], 900, 9000);
	/* What is not there is not made. */
	assert_string_equal(get(w, "net/ipv4/udp_mem"), "");
	assert_string_equal(get(w, "kernel/ostype"), "Linux");
}

static void some_have_a_least_and_a_most(void **state)
{
	struct world *w = *state;

	boot(w);
	follow(w, BOOT_KIB);
	/* Linux would have the least of watches still. */
	follow(w, 2 * BOOT_KIB);
	assert_string_equal(get(w, "fs/inotify/max_user_watches"), "8192");
	assert_string_equal(get(w, "net/ipv4/tcp_rmem"), "4096 131072 3580000");
	follow(w, 8 * BOOT_KIB);
	assert_string_equal(get(w, "fs/inotify/max_user_watches"), "14592");
	follow(w, 1000 * BOOT_KIB);
	assert_string_equal(get(w, "net/ipv4/tcp_rmem"), "4096 131072 6291456");
	assert_string_equal(get(w, "fs/inotify/max_user_watches"), "1048576");
}

static void buffers_follow_what_the_kernel_may_use(void **state)
{
	struct world *w = *state;

	boot(w);
	follow(w, BOOT_KIB);
	tunables_follow(&w->t, BOOT_KIB, 10 * BOOT_KIB, 2 * BOOT_KIB);
	assert_string_equal(get(w, THREADS), "18010");
	assert_string_equal(get(w, TCP_MEM), "5220 6960 10440");
}

static void small_steps_change_nothing_and_shrinking_neither(void **state)
{
	struct world *w = *state;

	boot(w);
	follow(w, BOOT_KIB);
	follow(w, BOOT_KIB / 4 * 5 - 1);
	assert_string_equal(get(w, THREADS), "1801");
	follow(w, BOOT_KIB / 4 * 5);
	assert_string_equal(get(w, THREADS), "2251");
	follow(w, BOOT_KIB / 4 * 6);
	assert_string_equal(get(w, THREADS), "2251");
	follow(w, BOOT_KIB);
	assert_string_equal(get(w, THREADS), "2251");
	follow(w, 2 * BOOT_KIB);
	assert_string_equal(get(w, THREADS), "3602");
}

static void what_the_administrator_chose_stands(void **state)
{
	static const struct {
		const char *before, *while_running, *wanted;
	} cases[] = {
		{ "1000\n", NULL, "1000" },
		{ "4000\n", NULL, "4000" },
		{ "9223372036854775807\n", NULL, "9223372036854775807" },
		{ "0\n", NULL, "0" },
		{ "1801\n", "1900\n", "1900" },
		{ "1801\n", "1700\n", "1700" },
		{ "1801\n", "100000\n", "100000" },
		{ "nonsense\n", NULL, "nonsense" },
		{ "1801 1801\n", NULL, "1801 1801" },
		{ "-1801\n", NULL, "-1801" },
		{ "\n", NULL, "" },
	};
	struct world *w = *state;

	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		case_is("case %zu", i);
		put(w, THREADS, cases[i].before);
		tunables_init(&w->t, w->proc, w->children[0], "/proc");
		follow(w, BOOT_KIB);
		if (cases[i].while_running)
			put(w, THREADS, cases[i].while_running);
		follow(w, 2 * BOOT_KIB);
		case_string_equal(get(w, THREADS), cases[i].wanted);
		follow(w, 8 * BOOT_KIB);
		case_string_equal(get(w, THREADS), cases[i].wanted);
	}
}

static void a_process_with_limits_of_its_own_keeps_them(void **state)
{
	struct world *w = *state;

	add_child(w, 1, 500, 900);
	follow(w, BOOT_KIB);
	follow(w, 4 * BOOT_KIB);
	limit_follows(w->children[0], 900, 3600);
	limits_are(w->children[1], 500, 900);
}

static void a_new_agent_goes_on_where_the_old_one_was(void **state)
{
	struct world *w = *state;

	boot(w);
	follow(w, BOOT_KIB);
	follow(w, 4 * BOOT_KIB);
	assert_string_equal(get(w, THREADS), "7204");
	tunables_init(&w->t, w->proc, w->children[0], "/proc");
	follow(w, 4 * BOOT_KIB);
	assert_string_equal(get(w, THREADS), "7204");
	follow(w, 8 * BOOT_KIB);
	assert_string_equal(get(w, THREADS), "14408");
	limit_follows(w->children[0], 900, 7200);
}

static void what_comes_later_is_found(void **state)
{
	struct world *w = *state;

	follow(w, BOOT_KIB);
	follow(w, 2 * BOOT_KIB);
	/* A module that sizes its table by what there is now */
	put(w, "net/netfilter/nf_conntrack_max", "3600\n");
	follow(w, 4 * BOOT_KIB);
	assert_string_equal(get(w, "net/netfilter/nf_conntrack_max"), "3600");
	follow(w, 8 * BOOT_KIB);
	assert_string_equal(get(w, "net/netfilter/nf_conntrack_max"), "3600");
}

static void the_largest_guest_overflows_nothing(void **state)
{
	struct world *w = *state;
	uint64_t tib = UINT64_C(1) << 30;

	put(w, "net/ipv4/tcp_rmem", "4096 131072 6291456\n");
	put(w, "fs/file-max", "107374182\n");
	tunables_follow(&w->t, tib, tib, tib);
	tunables_follow(&w->t, tib, 4 * tib, 4 * tib);
	assert_string_equal(get(w, "net/ipv4/tcp_rmem"), "4096 131072 6291456");
	assert_string_equal(get(w, "fs/file-max"), "429496728");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define CASE(name)	cmocka_unit_test_setup_teardown(name, setup, teardown)
		CASE(at_boot_size_nothing_changes),
		CASE(each_is_raised_in_proportion),
		CASE(some_have_a_least_and_a_most),
		CASE(buffers_follow_what_the_kernel_may_use),
		CASE(small_steps_change_nothing_and_shrinking_neither),
		CASE(what_the_administrator_chose_stands),
		CASE(a_process_with_limits_of_its_own_keeps_them),
		CASE(a_new_agent_goes_on_where_the_old_one_was),
		CASE(what_comes_later_is_found),
		CASE(the_largest_guest_overflows_nothing),
	};

	log_set_level(LOG_LEVEL_ERR);	/* a refusal is a warning */
	return cmocka_run_group_tests_name("tunables", tests, NULL, NULL);
}
