/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * guest_limits.c - What is set for a guest: by the file, and live over that
 */
#include "guest_limits.h"

#include <errno.h>

#include "config.h"

#define LIMITS_KEY	"settings"
static_assert(SETTINGS_TEXT_MAX <= BACKEND_VALUE_MAX, "it can be kept");

struct policy_settings limits_of(const struct guest *g,
				 const struct settings *live)
{
	struct settings s = { { false }, { 0 } };
	char uuid[GUEST_UUID_MAX];

	if (g->env->conf.file)
		config_guest(g->env->conf.file, g->domain.name,
			   guest_uuid_text(g, uuid), &s);
	settings_add(&s, live);
	return settings_policy(&s);
}

int limits_load(struct guest *g)
{
	struct backend *b = g->env->backend;
	char text[BACKEND_VALUE_MAX] = "";
	int rc;

	rc = b->ops->store_read(b, &g->domain.id, LIMITS_KEY, text,
				sizeof(text));
	if (rc && rc != -ENOENT && rc != -ESRCH)
		return rc;
	if (!rc && settings_load_text(text, &g->live))
		guest_log(LOG_LEVEL_WARN, g,
			  "what is kept as its settings, \"%s\", are none, ignoring",
			  text);
	g->set = limits_of(g, &g->live);
	return 0;
}

static int write_text(struct guest *g, const struct settings *live)
{
	struct backend *b = g->env->backend;
	char text[SETTINGS_TEXT_MAX];

	settings_store_text(live, text);
	return b->ops->store_write(b, &g->domain.id, LIMITS_KEY, text);
}

int limits_store(struct guest *g, const struct settings *live)
{
	int rc = write_text(g, live);

	if (!rc)
		g->live = *live;
	else if (rc != -ESRCH)
		(void)write_text(g, &g->live);	/* it may be there */
	return rc;
}
