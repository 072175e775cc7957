/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doctor_host.c - Is this a dom0 on which guests can be given memory?
 */
#include "doctor_host.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "doctor_xenstore.h"
#include "size.h"

#define PATH_BYTES	4096u
#define XEN_TRIED	"4.17"
#define AS_ROOT		"run memtide doctor as root to know"
#define GRUB		"in /etc/default/grub.d/xen.cfg, then update-grub and reboot"

static const char *path_of(const char *root, const char *path,
			   char buf[PATH_BYTES])
{
	snprintf(buf, PATH_BYTES, "%s%s", root, path);
	return buf;
}

/* A small file as a text without the last newline; empty if it is. */
static int read_text(const char *root, const char *path, char *text,
		     size_t size)
{
	char buf[PATH_BYTES];
	FILE *in = fopen(path_of(root, path, buf), "re");
	size_t len;

	if (!in)
		return -errno;
	len = fread(text, 1, size - 1, in);
	fclose(in);
	text[len] = '\0';
	if (len && text[len - 1] == '\n')
		text[len - 1] = '\0';
	return 0;
}

static bool is_there(const char *root, const char *path)
{
	char buf[PATH_BYTES];

	return !access(path_of(root, path, buf), F_OK);
}

static void look_at_version(struct doctor *d, const char *root)
{
	char major[16], minor[16], extra[64] = "", version[32];

	if (read_text(root, "/sys/hypervisor/version/major", major,
		      sizeof(major)) ||
	    read_text(root, "/sys/hypervisor/version/minor", minor,
		      sizeof(minor))) {
		doctor_add(d, DOCTOR_OK, "xen", NULL, "this is dom0");
		return;
	}
	(void)read_text(root, "/sys/hypervisor/version/extra", extra,
			sizeof(extra));
	snprintf(version, sizeof(version), "%.10s.%.10s", major, minor);
	if (!strcmp(version, XEN_TRIED))
		doctor_add(d, DOCTOR_OK, "xen", NULL, "this is dom0, Xen %s%s",
			   version, extra);
	else
		doctor_add(d, DOCTOR_WARN, "xen",
			   "memtide is tried on Xen " XEN_TRIED " alone",
			   "this is dom0, Xen %s%s", version, extra);
}

bool doctor_xen(struct doctor *d, const char *root)
{
	char type[32] = "", caps[128] = "";

	(void)read_text(root, "/sys/hypervisor/type", type, sizeof(type));
	if (strcmp(type, "xen")) {
		doctor_add(d, DOCTOR_FAIL, "xen",
			   "install xen-system-amd64 and boot the entry \"with Xen hypervisor\"",
			   "this machine does not run on Xen");
		return false;
	}
	if (read_text(root, "/proc/xen/capabilities", caps, sizeof(caps))) {
		doctor_add(d, DOCTOR_FAIL, "xen",
			   "mount -t xenfs xenfs /proc/xen",
			   "/proc/xen/capabilities is not there");
		return false;
	}
	if (!strstr(caps, "control_d")) {
		doctor_add(d, DOCTOR_FAIL, "xen",
			   "run memtided and memtide in dom0",
			   "this is a guest, not dom0");
		return false;
	}
	look_at_version(d, root);
	return true;
}

void doctor_devices(struct doctor *d, const char *root)
{
	static const struct {
		const char *path, *module;
	} devices[] = {
		{ "/dev/xen/privcmd", "xen-privcmd" },
		{ "/dev/xen/evtchn", "xen-evtchn" },
		{ "/dev/xen/gntdev", "xen-gntdev" },
	};
	char missing[128] = "", remedy[128] = "modprobe -a";

	for (size_t i = 0; i < ARRAY_SIZE(devices); i++) {
		size_t at = strlen(missing), to = strlen(remedy);

		if (is_there(root, devices[i].path))
			continue;
		snprintf(missing + at, sizeof(missing) - at, "%s%s",
			 at ? ", " : "", devices[i].path);
		snprintf(remedy + to, sizeof(remedy) - to, " %s",
			 devices[i].module);
	}
	if (*missing)
		doctor_add(d, DOCTOR_FAIL, "devices", remedy, "missing: %s",
			   missing);
	else
		doctor_add(d, DOCTOR_OK, "devices", NULL,
			   "privcmd, evtchn and gntdev are there");
}

int doctor_xenstored(struct doctor *d, const char *root)
{
	int fd = doctor_xenstore_open(root), rc;
	char name[64];

	if (fd == -EACCES || fd == -EPERM) {
		doctor_add(d, DOCTOR_WARN, "xenstored", AS_ROOT,
			   "not asked: only root may");
		return fd;
	}
	if (fd < 0) {
		doctor_add(d, DOCTOR_FAIL, "xenstored", "service xen start",
			   "it does not run: %s", strerror(-fd));
		return fd;
	}
	rc = doctor_xenstore_read(fd, "/local/domain/0/name", name,
				  sizeof(name));
	if (!rc) {
		doctor_add(d, DOCTOR_OK, "xenstored", NULL, "it answers");
		return fd;
	}
	if (rc == -ENOENT)
		doctor_add(d, DOCTOR_FAIL, "xenstored", "service xen start",
			   "it answers, but knows nothing of dom0: xen-init-dom0 was not run");
	else if (rc == -ETIMEDOUT)
		doctor_add(d, DOCTOR_FAIL, "xenstored",
			   "see what it does: journalctl -b | grep -i xenstore; it cannot be restarted, the host must be",
			   "it has not answered in %d s",
			   DOCTOR_XENSTORE_MS / 1000);
	else
		doctor_add(d, DOCTOR_FAIL, "xenstored",
			   "see journalctl -b | grep -i xenstore",
			   "what it answers is wrong: %s", strerror(-rc));
	close(fd);
	return rc;
}

void doctor_boot(struct doctor *d, const char *root)
{
	static const char wants[] =
		"/etc/systemd/system/multi-user.target.wants/memtided.service";
	char buf[PATH_BYTES], target[2];

	if (!is_there(root, "/run/systemd/system"))
		return;
	if (readlink(path_of(root, wants, buf), target, sizeof(target)) > 0)
		doctor_add(d, DOCTOR_OK, "boot", NULL,
			   "memtided is started with the host");
	else
		doctor_add(d, DOCTOR_WARN, "boot",
			   "systemctl enable memtided",
			   "memtided is not started with the host");
}

/* What xl info says -------------------------------------------------------- */

/* "total_memory           : 24576" */
static bool find_line(const char *text, const char *key, char *value,
		      size_t size)
{
	size_t len = strlen(key);

	for (const char *line = text; *line; ) {
		size_t end = strcspn(line, "\n");
		const char *at = line + len;

		if (!strncmp(line, key, len) && (*at == ' ' || *at == ':')) {
			at += strspn(at, " ");
			at += *at == ':';
			at += strspn(at, " ");
			snprintf(value, size, "%.*s",
				 (int)MIN((size_t)(line + end - at), size),
				 at);
			return at <= line + end;
		}
		line += end + (line[end] == '\n');
	}
	return false;
}

static bool find_mib(const char *text, const char *key, uint64_t *ret_kib)
{
	char value[32], *end;

	if (!find_line(text, key, value, sizeof(value)))
		return false;
	*ret_kib = strtoull(value, &end, 10) * 1024;
	return end != value && !*end;
}

void doctor_xl_parse(const char *text, struct doctor_xl *ret)
{
	struct doctor_xl xl = { .known = false };

	xl.known = find_line(text, "xen_commandline", xl.command_line,
			     sizeof(xl.command_line)) &&
		   find_mib(text, "total_memory", &xl.total_kib) &&
		   find_mib(text, "free_memory", &xl.free_kib);
	*ret = xl;
}

/* "max:2048M" of "dom0_mem=1024M,max:2048M"; Return: has it @key at all? */
static const char *find_word(const char *line, const char *key)
{
	size_t len = strlen(key);

	for (const char *at = line; (at = strstr(at, key)); at += len) {
		if (at == line || at[-1] == ' ')
			return at + len;
	}
	return NULL;
}

static bool is_bounded(const char *value)
{
	for (const char *end = value + strcspn(value, " "); value < end; ) {
		if (!strncmp(value, "max:", 4))
			return true;
		value += strcspn(value, ", ");
		value += *value == ',';
	}
	return false;
}

enum autoballoon { BALLOON_OFF, BALLOON_ON, BALLOON_AUTO };

/* xl.conf(5): autoballoon="off", 0, 1, "on", "auto"; the last one counts. */
static enum autoballoon read_autoballoon(const char *root)
{
	enum autoballoon mode = BALLOON_AUTO;
	char buf[PATH_BYTES], line[256];
	FILE *in = fopen(path_of(root, "/etc/xen/xl.conf", buf), "re");

	while (in && fgets(line, sizeof(line), in)) {
		const char *at = line + strspn(line, " \t");

		if (strncmp(at, "autoballoon", 11))
			continue;
		at += 11;
		at += strspn(at, " \t=\"'");
		mode = !strncmp(at, "off", 3) || *at == '0' ? BALLOON_OFF :
		       !strncmp(at, "on", 2) || *at == '1' ? BALLOON_ON :
							     BALLOON_AUTO;
	}
	if (in)
		fclose(in);
	return mode;
}

static void look_at_autoballoon(struct doctor *d, const char *root,
				const char *dom0_mem)
{
	static const char remedy[] = "autoballoon=\"off\" in /etc/xen/xl.conf";

	switch (read_autoballoon(root)) {
	case BALLOON_OFF:
		doctor_add(d, DOCTOR_OK, "autoballoon", NULL,
			   "xl does not take memory from dom0");
		break;
	case BALLOON_ON:
		doctor_add(d, DOCTOR_FAIL, "autoballoon", remedy,
			   "xl shrinks dom0 to build a domain, beside memtided");
		break;
	case BALLOON_AUTO:
		if (dom0_mem)
			doctor_add(d, DOCTOR_OK, "autoballoon", NULL,
				   "xl does not take memory from dom0, as dom0_mem is set");
		else
			doctor_add(d, DOCTOR_WARN, "autoballoon", remedy,
				   "xl shrinks dom0 to build a domain, unless dom0_mem is set");
		break;
	}
}

void doctor_dom0_mem(struct doctor *d, const char *root,
		     const struct doctor_xl *xl)
{
	static const char remedy[] =
		"GRUB_CMDLINE_XEN=\"dom0_mem=2048M,max:2048M\" " GRUB;
	const char *value = find_word(xl->command_line, "dom0_mem=");

	if (!xl->known)
		doctor_add(d, DOCTOR_WARN, "dom0 memory", AS_ROOT,
			   "not known: xl info does not say Xen's command line");
	else if (!value)
		doctor_add(d, DOCTOR_FAIL, "dom0 memory", remedy,
			   "dom0 was given all of the host's, and gives it back as xl builds domains");
	else if (!is_bounded(value))
		doctor_add(d, DOCTOR_WARN, "dom0 memory", remedy,
			   "dom0_mem=%.*s has no max: dom0 can be made larger",
			   (int)strcspn(value, " "), value);
	else
		doctor_add(d, DOCTOR_OK, "dom0 memory", NULL, "dom0_mem=%.*s",
			   (int)strcspn(value, " "), value);
	look_at_autoballoon(d, root, value);
}

void doctor_scrub(struct doctor *d, const struct doctor_xl *xl)
{
	const char *value = find_word(xl->command_line, "scrub-domheap");

	if (!xl->known)
		doctor_add(d, DOCTOR_WARN, "scrubbing", AS_ROOT,
			   "not known: xl info does not say Xen's command line");
	else if (value && (!*value || *value == ' ' ||
			   !strncmp(value, "=1", 2) ||
			   !strncmp(value, "=true", 5) ||
			   !strncmp(value, "=yes", 4) ||
			   !strncmp(value, "=on", 3)))
		doctor_add(d, DOCTOR_OK, "scrubbing", NULL,
			   "Xen clears what guests give back");
	else
		doctor_add(d, DOCTOR_WARN, "scrubbing",
			   "scrub-domheap in GRUB_CMDLINE_XEN, " GRUB,
			   "each guest clears what it gives back, which takes longer");
}

void doctor_memory(struct doctor *d, uint64_t total_kib, uint64_t free_kib,
		   uint64_t reserve_kib)
{
	char total[SIZE_TEXT_MAX], unused[SIZE_TEXT_MAX],
	     reserve[SIZE_TEXT_MAX];
	bool none = free_kib < reserve_kib + GRANULE_KIB;

	doctor_add(d, none ? DOCTOR_WARN : DOCTOR_OK, "memory", none ?
		   "make a guest smaller: memtide set GUEST -1G, or memtide auto GUEST on" :
		   NULL,
		   "%s of %s are free, %s of these are never given",
		   size_short(free_kib, unused), size_short(total_kib, total),
		   size_short(reserve_kib, reserve));
}
