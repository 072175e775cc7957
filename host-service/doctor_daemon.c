/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doctor_daemon.c - Is memtided right, and does it know its guests?
 */
#include "doctor_daemon.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <sys/stat.h>

#include "config_file.h"
#include "size.h"

#define SEE_LOG		"see its log: journalctl -u memtided"

void doctor_connect(struct doctor *d, const char *socket, int rc, bool group)
{
	switch (-rc) {
	case 0:
		doctor_add(d, DOCTOR_OK, "memtided", NULL, "it runs");
		break;
	case ENOENT:
	case ECONNREFUSED:
		doctor_add(d, DOCTOR_FAIL, "memtided",
			   "systemctl start memtided; if it ends again, journalctl -u memtided",
			   "it does not run (%s: %s)", socket, strerror(-rc));
		break;
	case EACCES:
	case EPERM:
		doctor_add(d, DOCTOR_FAIL, "memtided", group ?
			   "be root, or have root do: adduser USER memtide" :
			   "be root, or have root do: addgroup --system memtide; adduser USER memtide; systemctl restart memtided",
			   "you may not use %s", socket);
		break;
	default:
		doctor_add(d, DOCTOR_FAIL, "memtided", SEE_LOG,
			   "%s: %s", socket, strerror(-rc));
	}
}

void doctor_socket(struct doctor *d, const char *path, gid_t gid)
{
	struct stat st;

	if (stat(path, &st))
		return;		/* connecting has told */
	if (st.st_mode & S_IRWXO)
		doctor_add(d, DOCTOR_WARN, "socket",
			   "systemctl restart memtided",
			   "%s is open to everybody, mode %03o", path,
			   (unsigned int)st.st_mode & 0777);
	else if (gid == (gid_t)-1)
		doctor_add(d, DOCTOR_OK, "socket", NULL,
			   "for root alone, as there is no group memtide");
	else if (st.st_gid != gid || (st.st_mode & 060) != 060)
		doctor_add(d, DOCTOR_WARN, "socket",
			   "systemctl restart memtided",
			   "group memtide may not use %s", path);
	else
		doctor_add(d, DOCTOR_OK, "socket", NULL,
			   "for root and group memtide");
}

void doctor_version(struct doctor *d, const struct control_version *v)
{
	if (strcmp(v->version, MEMTIDE_VERSION))
		doctor_add(d, DOCTOR_WARN, "version",
			   "systemctl restart memtided; guests keep what they have",
			   "memtided %s runs, memtide is " MEMTIDE_VERSION,
			   v->version);
	else
		doctor_add(d, DOCTOR_OK, "version", NULL,
			   "memtided and memtide are " MEMTIDE_VERSION);
}

static void on_config_error(void *ctx, const char *text)
{
	doctor_add(ctx, DOCTOR_FAIL, "configuration",
		   "memtided.conf(5) has every key; then systemctl reload memtided",
		   "%s", text);
}

void doctor_config(struct doctor *d, const char *path)
{
	static const char *const options[CONFIG_NUM_KEYS];
	struct config config;
	struct stat st;

	if (stat(path, &st)) {
		if (errno == ENOENT)
			doctor_add(d, DOCTOR_OK, "configuration", NULL,
				   "%s is not there: all has its default",
				   path);
		else
			doctor_add(d, DOCTOR_FAIL, "configuration", NULL,
				   "%s: %s", path, strerror(errno));
		return;
	}
	if (config_file_read(path, true, options, &config, on_config_error, d))
		return;
	config_done(&config);
	doctor_add(d, DOCTOR_OK, "configuration", NULL, "%s is right", path);
}

static const struct control_guest *guest_of(const struct cli_report *guests,
					    uint32_t domid)
{
	for (size_t i = 0; i < guests->nr_guests; i++) {
		if (guests->guests[i].domid == domid)
			return &guests->guests[i];
	}
	return NULL;
}

/* Words of audit.c */
static bool is_known(const struct control_finding *f,
		     const struct control_guest *g)
{
	return g && ((!strcmp(g->state, "quarantined") &&
		      !strncmp(f->text, "quarantined: ", 13)) ||
		     (!strcmp(g->state, "lost") &&
		      !strncmp(f->text, "its agent is not there", 22)));
}

void doctor_audit(struct doctor *d, const struct cli_report *audit,
		  const struct cli_report *guests)
{
	size_t nr = 0;

	for (size_t i = 0; i < audit->nr_findings; i++) {
		const struct control_finding *f = &audit->findings[i];

		if (is_known(f, guest_of(guests, f->domid)))
			continue;
		nr++;
		doctor_add(d, DOCTOR_FAIL, "ledger",
			   "memtide audit again; if it stays, docs/operations.md",
			   "%s%s%s", *f->name ? f->name : "host", ": ",
			   f->text);
	}
	if (!audit->has_audit)
		doctor_add(d, DOCTOR_FAIL, "ledger", SEE_LOG,
			   "memtided has not compared it with Xen and guests%s%s",
			   *audit->text ? ": " : "", audit->text);
	else if (!nr)
		doctor_add(d, DOCTOR_OK, "ledger", NULL,
			   "Xen, guests and memtided say the same of %" PRIu64
			   " granules of %" PRIu32 " guest%s",
			   audit->audit.granules, audit->audit.guests,
			   audit->audit.guests == 1 ? "" : "s");
}

/* Guests ------------------------------------------------------------------ */

static void look_at_unmanaged(struct doctor *d, const char *what,
			      const struct control_guest *g,
			      enum doctor_offer offer)
{
	if (offer == OFFER_THERE)
		doctor_add(d, DOCTOR_FAIL, what,
			   "see journalctl -u memtided here, and journalctl -u memtide-agent in the guest",
			   "its agent offers a channel, but has not greeted%s%s",
			   *g->why ? ": " : "", g->why);
	else
		doctor_add(d, DOCTOR_WARN, what,
			   "for more: the kernel and memtide-agent in the guest, docs/deployment.md",
			   "it has no agent: it can be set to less than it was built with and back, by its own balloon driver");
}

/* Returns true if there is nothing more to be said. */
static bool look_at_state(struct doctor *d, const char *what,
			  const struct control_guest *g,
			  enum doctor_offer offer)
{
	char remedy[DOCTOR_REMEDY_MAX];

	if (!strcmp(g->state, "quarantined")) {
		snprintf(remedy, sizeof(remedy),
			 "when the cause is mended: memtide readmit %" PRIu32,
			 g->domid);
		doctor_add(d, DOCTOR_FAIL, what, remedy, "quarantined: %s",
			   g->why);
		return true;
	}
	if (!strcmp(g->state, "lost")) {
		doctor_add(d, DOCTOR_FAIL, what,
			   "in the guest: systemctl status memtide-agent",
			   "its agent is gone%s%s", *g->why ? ": " : "",
			   g->why);
		return true;
	}
	if (!strcmp(g->state, "unmanaged")) {
		look_at_unmanaged(d, what, g, offer);
		return true;
	}
	return false;
}

static bool is_on_its_way(const struct control_guest *g)
{
	return strcmp(g->state, "ready") != 0;
}

static void look_at_size(struct doctor *d, const char *what,
			 const struct control_guest *g)
{
	char held[SIZE_TEXT_MAX], target[SIZE_TEXT_MAX], how[160], remedy[64];
	bool balloon = !strcmp(g->mode, "balloon");

	size_words(g->held_kib, held);
	size_words(g->target_kib, target);
	if (balloon)
		snprintf(how, sizeof(how), "by its own balloon driver");
	else
		snprintf(how, sizeof(how), "agent %.60s, kernel %.60s",
			 g->agent, g->kernel);
	if (is_on_its_way(g)) {
		doctor_add(d, DOCTOR_OK, what, NULL, "%s, holds %s of %s; %s",
			   g->state, held, target, how);
		return;
	}
	if (g->held_kib == g->target_kib && !*g->why) {
		doctor_add(d, DOCTOR_OK, what, NULL, "ready, holds %s; %s",
			   held, how);
		return;
	}
	snprintf(remedy, sizeof(remedy), balloon ?
		 "memtide show %" PRIu32 : "memtide explain %" PRIu32,
		 g->domid);
	doctor_add(d, DOCTOR_WARN, what, remedy,
		   "holds %s, its target is %s%s%s; %s", held, target,
		   *g->why ? ": " : "", g->why, how);
}

static void look_at_agent(struct doctor *d, const char *what,
			  const struct control_guest *g)
{
	if (*g->agent && strcmp(g->agent, MEMTIDE_VERSION))
		doctor_add(d, DOCTOR_WARN, what,
			   "install memtide-agent " MEMTIDE_VERSION
			   " in the guest",
			   "its agent is %s, memtided is of another version",
			   g->agent);
}

static void look_at_demand(struct doctor *d, const char *what,
			   const struct control_guest *g)
{
	char remedy[96];

	if (strcmp(g->demand, "distress"))
		return;
	if (g->automatic)
		snprintf(remedy, sizeof(remedy),
			 "memtide explain %" PRIu32 " says why it gets no more",
			 g->domid);
	else
		snprintf(remedy, sizeof(remedy), "memtide set %" PRIu32
			 " +512M, or memtide auto %" PRIu32 " on", g->domid,
			 g->domid);
	doctor_add(d, DOCTOR_WARN, what, remedy,
		   "its tasks wait for memory");
}

void doctor_guest(struct doctor *d, const struct control_guest *g,
		  enum doctor_offer offer)
{
	char what[DOCTOR_WHAT_MAX];

	snprintf(what, sizeof(what), "guest %" PRIu32 "/%s", g->domid,
		 g->name);
	if (look_at_state(d, what, g, offer))
		return;
	look_at_size(d, what, g);
	look_at_agent(d, what, g);
	look_at_demand(d, what, g);
}
