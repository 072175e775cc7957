/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * doctor.c - What is right and wrong with a host, and what to do about it
 */
#include "doctor.h"

#include <stdarg.h>

const char *doctor_level_name(enum doctor_level level)
{
	static const char *const names[] = {
		[DOCTOR_OK] = "ok", [DOCTOR_WARN] = "warn",
		[DOCTOR_FAIL] = "fail",
	};
	_Static_assert(ARRAY_SIZE(names) == DOCTOR_NUM_LEVELS, "one each");

	return names[level];
}

void doctor_add(struct doctor *d, enum doctor_level level, const char *what,
		const char *remedy, const char *fmt, ...)
{
	struct doctor_finding *findings = reallocarray(d->findings, d->nr + 1,
						       sizeof(*findings));
	struct doctor_finding *f;
	va_list ap;

	if (!findings) {
		d->out_of_memory = true;
		return;
	}
	d->findings = findings;
	f = &findings[d->nr++];
	*f = (struct doctor_finding){ .level = level };
	snprintf(f->what, sizeof(f->what), "%s", what);
	snprintf(f->remedy, sizeof(f->remedy), "%s", remedy ? remedy : "");
	va_start(ap, fmt);
	vsnprintf(f->state, sizeof(f->state), fmt, ap);
	va_end(ap);
}

bool doctor_failed(const struct doctor *d)
{
	bool failed = d->out_of_memory;

	for (size_t i = 0; i < d->nr; i++)
		failed |= d->findings[i].level == DOCTOR_FAIL;
	return failed;
}

void doctor_done(struct doctor *d)
{
	free(d->findings);
	*d = (struct doctor){ 0 };
}
