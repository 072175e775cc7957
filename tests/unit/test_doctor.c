/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_doctor.c - Each check of memtide doctor, right and wrong
 */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include <fcntl.h>
#include <json-c/json.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>
#include <xen/io/xs_wire.h>

#include "cases.h"
#include "cli_doctor.h"
#include "cli_json.h"
#include "cli_reports.h"
#include "doctor_daemon.h"
#include "doctor_host.h"
#include "doctor_xenstore.h"

#define OTHER_VERSION	MEMTIDE_VERSION "~1"

#define PATH_BYTES	128u

static char root[40];
static struct doctor d;

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/memtide-doctor-XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	char command[96];

	(void)state;
	doctor_done(&d);
	snprintf(command, sizeof(command), "rm -rf %s", root);
	return system(command);
}

static const char *below(const char *path)
{
	static char whole[PATH_BYTES];

	snprintf(whole, sizeof(whole), "%s%s", root, path);
	return whole;
}

static void put(const char *path, const char *text)
{
	char whole[PATH_BYTES];
	FILE *out;

	snprintf(whole, sizeof(whole), "%s", below(path));
	for (char *at = whole + strlen(root) + 1; (at = strchr(at, '/')); at++) {
		*at = '\0';
		assert_true(!mkdir(whole, 0755) || errno == EEXIST);
		*at = '/';
	}
	out = fopen(whole, "we");
	assert_non_null(out);
	fputs(text, out);
	fclose(out);
}

static void drop(const char *path)
{
	assert_int_equal(unlink(below(path)), 0);
}

/* The one finding since the last time is this; @remedy is part of it. */
static void expect(enum doctor_level level, const char *what,
		   const char *state, const char *remedy)
{
	const struct doctor_finding *f = d.findings;

	if (d.nr != 1)
		fail_msg("%s: %zu findings", case_name, d.nr);
	if (f->level != level || strcmp(f->what, what) ||
	    !strstr(f->state, state) || !strstr(f->remedy, remedy) ||
	    !*remedy != !*f->remedy)
		fail_msg("%s: %s %s: %s; %s", case_name,
			 doctor_level_name(f->level), f->what, f->state,
			 f->remedy);
	doctor_done(&d);
}

/* Xen --------------------------------------------------------------------- */

static void a_machine_without_xen(void **state)
{
	(void)state;
	case_is("no Xen at all");
	assert_false(doctor_xen(&d, root));
	expect(DOCTOR_FAIL, "xen", "does not run on Xen", "with Xen hypervisor");
	case_is("another hypervisor");
	put("/sys/hypervisor/type", "kvm\n");
	assert_false(doctor_xen(&d, root));
	expect(DOCTOR_FAIL, "xen", "does not run on Xen", "boot the entry");
	case_is("xenfs not mounted");
	put("/sys/hypervisor/type", "xen\n");
	assert_false(doctor_xen(&d, root));
	expect(DOCTOR_FAIL, "xen", "capabilities is not there", "mount -t xenfs");
	case_is("a guest");
	put("/proc/xen/capabilities", "\n");
	assert_false(doctor_xen(&d, root));
	expect(DOCTOR_FAIL, "xen", "a guest, not dom0", "in dom0");
}

static void a_dom0(void **state)
{
	(void)state;
	put("/sys/hypervisor/type", "xen\n");
	put("/proc/xen/capabilities", "control_d\n");
	case_is("of a version that is not told");
	assert_true(doctor_xen(&d, root));
	expect(DOCTOR_OK, "xen", "this is dom0", "");
	put("/sys/hypervisor/version/major", "4\n");
	put("/sys/hypervisor/version/minor", "17\n");
	put("/sys/hypervisor/version/extra", ".4-pre\n");
	case_is("4.17");
	assert_true(doctor_xen(&d, root));
	expect(DOCTOR_OK, "xen", "this is dom0, Xen 4.17.4-pre", "");
	put("/sys/hypervisor/version/minor", "19\n");
	case_is("4.19");
	assert_true(doctor_xen(&d, root));
	expect(DOCTOR_WARN, "xen", "Xen 4.19", "on Xen 4.17 alone");
}

static void devices_that_are_missing_are_named(void **state)
{
	(void)state;
	put("/dev/xen/privcmd", "");
	case_is("one there");
	doctor_devices(&d, root);
	expect(DOCTOR_FAIL, "devices",
	       "missing: /dev/xen/evtchn, /dev/xen/gntdev",
	       "modprobe -a xen-evtchn xen-gntdev");
	put("/dev/xen/evtchn", "");
	put("/dev/xen/gntdev", "");
	case_is("all there");
	doctor_devices(&d, root);
	expect(DOCTOR_OK, "devices", "are there", "");
}

static void memtided_at_boot(void **state)
{
	static const char wants[] =
		"/etc/systemd/system/multi-user.target.wants/memtided.service";

	(void)state;
	doctor_boot(&d, root);
	assert_int_equal(d.nr, 0);
	put("/run/systemd/system/x", "");
	put(wants, "");
	drop(wants);
	case_is("not enabled");
	doctor_boot(&d, root);
	expect(DOCTOR_WARN, "boot", "not started", "systemctl enable memtided");
	assert_int_equal(symlink("/lib/systemd/system/memtided.service",
				 below(wants)), 0);
	case_is("enabled");
	doctor_boot(&d, root);
	expect(DOCTOR_OK, "boot", "started with the host", "");
}

/* xenstored ----------------------------------------------------------------- */

static int listen_as_xenstored(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	put("/run/xenstored/x", "");
	snprintf(addr.sun_path, sizeof(addr.sun_path),
		 "%s/run/xenstored/socket", root);
	assert_int_equal(bind(fd, (struct sockaddr *)&addr, sizeof(addr)), 0);
	assert_int_equal(listen(fd, 4), 0);
	return fd;
}

/* One connection, one answer: @text, of which it says that it is @len long */
static pid_t be_xenstored(int listening, uint32_t type, const char *text,
			  uint32_t len)
{
	struct xsd_sockmsg msg = { .type = type, .len = len };
	char request[256];
	pid_t pid = fork();
	int fd;

	assert_true(pid >= 0);
	if (pid)
		return pid;
	fd = accept(listening, NULL, NULL);
	if (fd >= 0 && read(fd, request, sizeof(request)) > 0 && text) {
		(void)!write(fd, &msg, sizeof(msg));
		(void)!write(fd, text, strlen(text));
	}
	pause();
	_exit(0);
}

static void end(pid_t pid)
{
	kill(pid, SIGKILL);
	waitpid(pid, NULL, 0);
}

static void xenstored_in_every_state(void **state)
{
	static const struct {
		const char *name;
		uint32_t type;
		const char *text;
		uint32_t len;
		enum doctor_level level;
		const char *says, *remedy;
	} cases[] = {
		{ "it answers", XS_READ, "Domain-0", 8, DOCTOR_OK, "it answers",
		  "" },
		{ "no dom0", XS_ERROR, "ENOENT", 6, DOCTOR_FAIL,
		  "knows nothing of dom0", "service xen start" },
		{ "an error", XS_ERROR, "EIO", 3, DOCTOR_FAIL, "is wrong",
		  "journalctl" },
		{ "another message", XS_WATCH, "", 0, DOCTOR_FAIL, "is wrong",
		  "journalctl" },
		{ "too long", XS_READ, "", 4097, DOCTOR_FAIL, "is wrong",
		  "journalctl" },
		{ "half an answer", XS_READ, "Dom", 8, DOCTOR_FAIL,
		  "has not answered in 2 s", "the host must be" },
		{ "silence", XS_READ, NULL, 0, DOCTOR_FAIL,
		  "has not answered in 2 s", "the host must be" },
	};
	int listening, fd;

	(void)state;
	case_is("not there");
	assert_true(doctor_xenstored(&d, root) < 0);
	expect(DOCTOR_FAIL, "xenstored", "does not run", "service xen start");
	listening = listen_as_xenstored();
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		pid_t pid = be_xenstored(listening, cases[i].type,
					 cases[i].text, cases[i].len);

		case_is("%s", cases[i].name);
		fd = doctor_xenstored(&d, root);
		case_int_equal(fd >= 0, cases[i].level == DOCTOR_OK);
		expect(cases[i].level, "xenstored", cases[i].says,
		       cases[i].remedy);
		if (fd >= 0)
			close(fd);
		end(pid);
	}
	close(listening);
	case_is("nobody listens");
	assert_true(doctor_xenstored(&d, root) < 0);
	expect(DOCTOR_FAIL, "xenstored", "does not run", "service xen start");
}

/* xl info ------------------------------------------------------------------- */

#define XL_INFO(line)							\
	"host                   : dom0\n"				\
	"total_memory           : 24576\n"				\
	"free_memory            : 20480\n"				\
	"xen_commandline        : " line "\n"				\
	"cc_compiler            : gcc\n"

static void what_xl_info_says(void **state)
{
	struct doctor_xl xl;

	(void)state;
	doctor_xl_parse(XL_INFO("a dom0_mem=2048M,max:2048M b"), &xl);
	assert_true(xl.known);
	assert_string_equal(xl.command_line, "a dom0_mem=2048M,max:2048M b");
	assert_int_equal(xl.total_kib, 24576 * 1024);
	assert_int_equal(xl.free_kib, 20480 * 1024);
	doctor_xl_parse(XL_INFO(""), &xl);
	assert_true(xl.known);
	assert_string_equal(xl.command_line, "");
	doctor_xl_parse("", &xl);
	assert_false(xl.known);
	doctor_xl_parse("total_memory : x\nfree_memory : 1\nxen_commandline :",
			&xl);
	assert_false(xl.known);
	doctor_xl_parse("xen_commandline_not : 1\ntotal_memory", &xl);
	assert_false(xl.known);
}

static void look_at_dom0_mem(const char *info)
{
	struct doctor_xl xl;

	doctor_xl_parse(info, &xl);
	doctor_dom0_mem(&d, root, &xl);
}

/* Of the two findings the @which'th */
static void expect_of_two(size_t which, enum doctor_level level,
			  const char *what, const char *says,
			  const char *remedy)
{
	if (d.nr != 2)
		fail_msg("%s: %zu findings", case_name, d.nr);
	d.findings[0] = d.findings[which];
	d.nr = 1;
	expect(level, what, says, remedy);
}

static void dom0_that_keeps_its_memory_or_not(void **state)
{
	static const struct {
		const char *info;
		enum doctor_level level;
		const char *says, *remedy;
	} cases[] = {
		{ "", DOCTOR_WARN, "not known", "as root" },
		{ XL_INFO("quiet"), DOCTOR_FAIL, "all of the host's",
		  "dom0_mem=2048M,max:2048M" },
		{ XL_INFO("no_dom0_mem=1G"), DOCTOR_FAIL, "all of the host's",
		  "update-grub" },
		{ XL_INFO("dom0_mem=2048M quiet"), DOCTOR_WARN,
		  "dom0_mem=2048M has no max", "max:2048M" },
		{ XL_INFO("dom0_mem=min:1G"), DOCTOR_WARN, "has no max", "max" },
		{ XL_INFO("x dom0_mem=2G,max:2G quiet"), DOCTOR_OK,
		  "dom0_mem=2G,max:2G", "" },
		{ XL_INFO("dom0_mem=max:2G"), DOCTOR_OK, "max:2G", "" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		case_is("case %zu", i);
		look_at_dom0_mem(cases[i].info);
		expect_of_two(0, cases[i].level, "dom0 memory", cases[i].says,
			      cases[i].remedy);
	}
}

static void xl_that_takes_from_dom0_or_not(void **state)
{
	static const struct {
		const char *conf;
		bool set;
		enum doctor_level level;
	} cases[] = {
		{ NULL, false, DOCTOR_WARN }, { NULL, true, DOCTOR_OK },
		{ "autoballoon=\"off\"\n", false, DOCTOR_OK },
		{ "autoballoon = 0\n", false, DOCTOR_OK },
		{ "  autoballoon='on'\n", true, DOCTOR_FAIL },
		{ "autoballoon=1\n", true, DOCTOR_FAIL },
		{ "#autoballoon=\"on\"\n", true, DOCTOR_OK },
		{ "autoballoon=\"auto\"\n", false, DOCTOR_WARN },
		{ "autoballoon=1\nautoballoon=0\n", false, DOCTOR_OK },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		case_is("case %zu", i);
		if (cases[i].conf)
			put("/etc/xen/xl.conf", cases[i].conf);
		look_at_dom0_mem(cases[i].set ? XL_INFO("dom0_mem=max:1G") :
						XL_INFO(""));
		expect_of_two(1, cases[i].level, "autoballoon", "dom0",
			      cases[i].level == DOCTOR_OK ? "" :
			      "autoballoon=\"off\" in /etc/xen/xl.conf");
	}
}

static void who_clears_what_is_given_back(void **state)
{
	static const struct {
		const char *info;
		enum doctor_level level;
		const char *says;
	} cases[] = {
		{ "", DOCTOR_WARN, "not known" },
		{ XL_INFO("quiet"), DOCTOR_WARN, "each guest clears" },
		{ XL_INFO("scrub-domheap=0"), DOCTOR_WARN, "each guest clears" },
		{ XL_INFO("no-scrub-domheap"), DOCTOR_WARN, "each guest" },
		{ XL_INFO("scrub-domheap quiet"), DOCTOR_OK, "Xen clears" },
		{ XL_INFO("scrub-domheap=yes"), DOCTOR_OK, "Xen clears" },
	};
	struct doctor_xl xl;

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		case_is("case %zu", i);
		doctor_xl_parse(cases[i].info, &xl);
		doctor_scrub(&d, &xl);
		expect(cases[i].level, "scrubbing", cases[i].says,
		       cases[i].level == DOCTOR_OK ? "" :
		       strstr(cases[i].says, "known") ? "as root" :
							"GRUB_CMDLINE_XEN");
	}
}

static void memory_to_give(void **state)
{
	(void)state;
	case_is("some");
	doctor_memory(&d, 8192 * MIB, 100 * MIB, 64 * MIB);
	expect(DOCTOR_OK, "memory",
	       "100M of 8192M are free, 64M of these are never given", "");
	case_is("none");
	doctor_memory(&d, 8192 * MIB, 65 * MIB, 64 * MIB);
	expect(DOCTOR_WARN, "memory", "65M of 8192M", "memtide set GUEST -1G");
}

/* memtided ------------------------------------------------------------------ */

static void connecting_in_every_way(void **state)
{
	static const struct {
		int rc;
		bool group;
		enum doctor_level level;
		const char *says, *remedy;
	} cases[] = {
		{ 0, true, DOCTOR_OK, "it runs", "" },
		{ -ENOENT, true, DOCTOR_FAIL, "does not run",
		  "systemctl start memtided" },
		{ -ECONNREFUSED, true, DOCTOR_FAIL, "does not run",
		  "systemctl start memtided" },
		{ -EACCES, true, DOCTOR_FAIL, "may not use /s",
		  "adduser USER memtide" },
		{ -EACCES, false, DOCTOR_FAIL, "may not use /s",
		  "addgroup --system memtide" },
		{ -ETIMEDOUT, true, DOCTOR_FAIL, "timed out", "journalctl" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		case_is("case %zu", i);
		doctor_connect(&d, "/s", cases[i].rc, cases[i].group);
		expect(cases[i].level, "memtided", cases[i].says,
		       cases[i].remedy);
	}
}

static void a_socket_for_those_who_should(void **state)
{
	char path[PATH_BYTES];

	(void)state;
	put("/socket", "");
	snprintf(path, sizeof(path), "%s", below("/socket"));
	doctor_socket(&d, "/nothing/there", 0);
	assert_int_equal(d.nr, 0);
	assert_int_equal(chmod(path, 0666), 0);
	case_is("everybody");
	doctor_socket(&d, path, getgid());
	expect(DOCTOR_WARN, "socket", "open to everybody, mode 666", "restart");
	assert_int_equal(chmod(path, 0600), 0);
	case_is("not the group");
	doctor_socket(&d, path, getgid());
	expect(DOCTOR_WARN, "socket", "group memtide may not", "restart");
	assert_int_equal(chmod(path, 0660), 0);
	case_is("another group");
	doctor_socket(&d, path, getgid() + 1);
	expect(DOCTOR_WARN, "socket", "group memtide may not", "restart");
	case_is("the group");
	doctor_socket(&d, path, getgid());
	expect(DOCTOR_OK, "socket", "root and group memtide", "");
	case_is("no group");
	doctor_socket(&d, path, (gid_t)-1);
	expect(DOCTOR_OK, "socket", "root alone", "");
}

static void another_version(void **state)
{
	struct control_version v = { .version = MEMTIDE_VERSION };

	(void)state;
	case_is("ours");
	doctor_version(&d, &v);
	expect(DOCTOR_OK, "version", MEMTIDE_VERSION, "");
	strcpy(v.version, OTHER_VERSION);
	case_is("another");
	doctor_version(&d, &v);
	expect(DOCTOR_WARN, "version", "memtided " OTHER_VERSION " runs",
	       "systemctl restart memtided");
}

static void a_configuration_right_and_wrong(void **state)
{
	char path[PATH_BYTES];

	(void)state;
	snprintf(path, sizeof(path), "%s", below("/memtided.conf"));
	case_is("none");
	doctor_config(&d, path);
	expect(DOCTOR_OK, "configuration", "all has its default", "");
	put("/memtided.conf", "reserve = 64M\n");
	case_is("right");
	doctor_config(&d, path);
	expect(DOCTOR_OK, "configuration", "is right", "");
	put("/memtided.conf", "reserve = 64M\nwieght = 5\n");
	case_is("wrong");
	doctor_config(&d, path);
	expect(DOCTOR_FAIL, "configuration",
	       "memtided.conf:2: no such option 'wieght'", "memtided.conf(5)");
}

static void what_an_audit_has_found(void **state)
{
	struct cli_report audit, guests = { .command = CONTROL_LIST };
	struct control_guest bad = db1;
	struct control_reply reply = { .body = CONTROL_BODY_GUEST };

	(void)state;
	case_is("nothing");
	fill_audit_report(&audit, 0);
	doctor_audit(&d, &audit, &guests);
	expect(DOCTOR_OK, "ledger", "the same of 512 granules of 2 guests", "");
	cli_report_done(&audit);
	case_is("something");
	fill_audit_report(&audit, 1);
	doctor_audit(&d, &audit, &guests);
	expect(DOCTOR_FAIL, "ledger", "db1: granule 7 is online but not backed",
	       "memtide audit");
	case_is("what is said of the guest");
	strcpy(bad.state, "quarantined");
	reply.guest = bad;
	assert_int_equal(cli_report_add(&guests, &reply), 0);
	strcpy(audit.findings[0].text, "quarantined: it lied");
	doctor_audit(&d, &audit, &guests);
	expect(DOCTOR_OK, "ledger", "say the same", "");
	cli_report_done(&audit);
	cli_report_done(&guests);
	case_is("no answer");
	audit = (struct cli_report){ .text = "Connection timed out" };
	doctor_audit(&d, &audit, &guests);
	expect(DOCTOR_FAIL, "ledger", "timed out", "journalctl");
}

static void a_guest_in_every_state(void **state)
{
	static const struct {
		const char *name, *state, *mode, *why, *agent, *demand;
		uint64_t held_mib;
		enum doctor_offer offer;
		enum doctor_level level;
		const char *says, *remedy;
	} cases[] = {
		{ "ready", "ready", "granules", "", MEMTIDE_VERSION, "calm", 512,
		  OFFER_THERE, DOCTOR_OK, "ready, holds 512 MiB; agent", "" },
		{ "short", "ready", "granules", "the host is full",
		  MEMTIDE_VERSION, "calm", 256, OFFER_THERE, DOCTOR_WARN,
		  "holds 256 MiB, its target is 512 MiB: the host is full",
		  "memtide explain 3" },
		{ "growing", "growing", "granules", "", MEMTIDE_VERSION, "calm",
		  256, OFFER_THERE, DOCTOR_OK, "growing, holds 256 MiB of", "" },
		{ "lost", "lost", "granules", "", MEMTIDE_VERSION, "unknown",
		  512, OFFER_UNKNOWN, DOCTOR_FAIL, "its agent is gone",
		  "systemctl status memtide-agent" },
		{ "quarantined", "quarantined", "granules", "it lied",
		  MEMTIDE_VERSION, "calm", 512, OFFER_THERE, DOCTOR_FAIL,
		  "quarantined: it lied", "memtide readmit 3" },
		{ "no agent", "unmanaged", "none", "", "", "unknown", 512,
		  OFFER_NONE, DOCTOR_WARN, "it has no agent", "memtide-agent" },
		{ "no root", "unmanaged", "none", "", "", "unknown", 512,
		  OFFER_UNKNOWN, DOCTOR_WARN, "it has no agent",
		  "memtide-agent" },
		{ "an agent not heard", "unmanaged", "none", "no room", "",
		  "unknown", 512, OFFER_THERE, DOCTOR_FAIL,
		  "has not greeted: no room", "journalctl -u memtided" },
		{ "balloon", "ready", "balloon", "", "", "unknown", 512,
		  OFFER_NONE, DOCTOR_OK, "by its own balloon driver", "" },
		{ "a dead balloon", "ready", "balloon", "it does not answer",
		  "", "unknown", 700, OFFER_NONE, DOCTOR_WARN,
		  "it does not answer; by its own", "memtide show 3" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct control_guest g = db1;

		case_is("%s", cases[i].name);
		strcpy(g.state, cases[i].state);
		strcpy(g.mode, cases[i].mode);
		strcpy(g.why, cases[i].why);
		strcpy(g.agent, cases[i].agent);
		strcpy(g.demand, cases[i].demand);
		g.held_kib = cases[i].held_mib * MIB;
		g.target_kib = 512 * MIB;
		doctor_guest(&d, &g, cases[i].offer);
		expect(cases[i].level, "guest 3/db1", cases[i].says,
		       cases[i].remedy);
	}
}

static void a_guest_of_which_there_is_more_to_say(void **state)
{
	struct control_guest g = db1;

	(void)state;
	strcpy(g.state, "ready");
	g.held_kib = g.target_kib;
	strcpy(g.demand, "calm");
	strcpy(g.agent, OTHER_VERSION);
	case_is("an old agent");
	doctor_guest(&d, &g, OFFER_THERE);
	expect_of_two(1, DOCTOR_WARN, "guest 3/db1", "its agent is " OTHER_VERSION,
		      "install memtide-agent " MEMTIDE_VERSION);
	strcpy(g.agent, MEMTIDE_VERSION);
	strcpy(g.demand, "distress");
	case_is("in distress");
	doctor_guest(&d, &g, OFFER_THERE);
	expect_of_two(1, DOCTOR_WARN, "guest 3/db1", "wait for memory",
		      "memtide explain 3");
	g.automatic = false;
	doctor_guest(&d, &g, OFFER_THERE);
	expect_of_two(1, DOCTOR_WARN, "guest 3/db1", "wait for memory",
		      "memtide auto 3 on");
}

/* All of it ----------------------------------------------------------------- */

static void findings_are_lines(void **state)
{
	static const struct cli_look colour = { 80, true }, plain = { 0, false };
	struct page p;

	(void)state;
	doctor_add(&d, DOCTOR_OK, "xen", NULL, "fine");
	doctor_add(&d, DOCTOR_FAIL, "guest 1/\x1b[2J", "do this", "bad\n");
	page_open(&p);
	cli_doctor_print(&d, &plain, p.f);
	cli_doctor_print(&d, &colour, p.f);
	page_check(&p,
		"ok   xen: fine\n"
		"fail guest 1/\\x1b[2J: bad\\x0a; do this\n"
		"\x1b[32mok  \x1b[0m xen: fine\n"
		"\x1b[31mfail\x1b[0m guest 1/\\x1b[2J: bad\\x0a; do this\n");
}

static void findings_are_json(void **state)
{
	struct json_object *o, *checks, *what;
	struct page p;

	(void)state;
	doctor_add(&d, DOCTOR_WARN, "boot", "enable it", "off");
	page_open(&p);
	assert_int_equal(cli_json_doctor(&d, CLI_EXIT_DONE, p.f), 0);
	fclose(p.f);
	o = json_tokener_parse(p.text);
	assert_non_null(o);
	assert_true(json_object_object_get_ex(o, "checks", &checks));
	assert_int_equal(json_object_array_length(checks), 1);
	assert_true(json_object_object_get_ex(
		json_object_array_get_idx(checks, 0), "level", &what));
	assert_string_equal(json_object_get_string(what), "warn");
	json_object_put(o);
	free(p.text);
}

/* Not on Xen, no memtided: useful all the same, and it fails. */
static void nothing_is_there(void **state)
{
	char config[PATH_BYTES];
	struct cli_args args = { .socket = "/nothing/there", .config = config };

	(void)state;
	snprintf(config, sizeof(config), "%s", below("/none.conf"));
	cli_doctor_find(&d, &args, root);
	assert_true(doctor_failed(&d));
	assert_int_equal(d.nr, 3);
	assert_string_equal(d.findings[0].what, "xen");
	assert_string_equal(d.findings[1].what, "memtided");
	assert_string_equal(d.findings[2].what, "configuration");
}

#define DOCTOR_CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		DOCTOR_CASE(a_machine_without_xen),
		DOCTOR_CASE(a_dom0),
		DOCTOR_CASE(devices_that_are_missing_are_named),
		DOCTOR_CASE(memtided_at_boot),
		DOCTOR_CASE(xenstored_in_every_state),
		DOCTOR_CASE(what_xl_info_says),
		DOCTOR_CASE(dom0_that_keeps_its_memory_or_not),
		DOCTOR_CASE(xl_that_takes_from_dom0_or_not),
		DOCTOR_CASE(who_clears_what_is_given_back),
		DOCTOR_CASE(memory_to_give),
		DOCTOR_CASE(connecting_in_every_way),
		DOCTOR_CASE(a_socket_for_those_who_should),
		DOCTOR_CASE(another_version),
		DOCTOR_CASE(a_configuration_right_and_wrong),
		DOCTOR_CASE(what_an_audit_has_found),
		DOCTOR_CASE(a_guest_in_every_state),
		DOCTOR_CASE(a_guest_of_which_there_is_more_to_say),
		DOCTOR_CASE(findings_are_lines),
		DOCTOR_CASE(findings_are_json),
		DOCTOR_CASE(nothing_is_there),
	};

	return cmocka_run_group_tests_name("doctor", tests, NULL, NULL);
}
