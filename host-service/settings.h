/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * settings.h - What is set for a guest: some of it in a file, some live
 *
 * Pure. A struct settings says of each setting whether it is set and to what;
 * several of them on top of each other make a struct policy_settings: the
 * file's defaults, the file's section of the guest, what was changed live.
 */
#ifndef MEMTIDE_SETTINGS_H
#define MEMTIDE_SETTINGS_H

#include "policy.h"

enum setting {
	SETTING_AUTO,		/* 0 or 1 */
	SETTING_MIN,		/* granules; 0: boot memory */
	SETTING_MAX,		/* granules; 0: the window's end */
	SETTING_WEIGHT,		/* 1..POLICY_WEIGHT_MAX */
	SETTING_HEADROOM,	/* granules; 0: its share */
	SETTING_NUM,
};

/* More than any domain has: 8 TiB. */
#define SETTING_GRANULES_MAX	(UINT32_C(1) << 22)
#define SETTINGS_TEXT_MAX	64u	/* holds any, with the final 0 */
#define SETTINGS_WHY_MAX	128u

/* A setting that is not set has the value 0, so that two can be compared. */
struct settings {
	bool has[SETTING_NUM];
	uint32_t value[SETTING_NUM];
};

/** setting_name() - "auto", "min", "max", "weight", "headroom" */
const char *setting_name(enum setting which);

/** setting_is_size() - Is its value granules? */
bool setting_is_size(enum setting which);

/** setting_zero_word() - What 0 granules of it mean: "boot", "window", "share" */
const char *setting_zero_word(enum setting which);

/** settings_put() - Set one */
void settings_put(struct settings *s, enum setting which, uint32_t value);

/** settings_clear() - Set it no more */
void settings_clear(struct settings *s, enum setting which);

/** settings_add() - What @more sets is set in @s, over what was */
void settings_add(struct settings *s, const struct settings *more);

/** settings_policy() - What is not set is as policy.h has it by default */
struct policy_settings settings_policy(const struct settings *s);

/** settings_value() - One of them out of the whole */
uint32_t settings_value(const struct policy_settings *set, enum setting which);

/**
 * setting_from_bytes() - A size to granules
 *
 * Rounded up, but for SETTING_MAX: it is not to be exceeded.
 *
 * Return: 0, or -EINVAL with @why: more than SETTING_GRANULES_MAX, or so little
 *         that nothing is left
 */
int setting_from_bytes(enum setting which, uint64_t bytes, uint32_t *ret,
		       char why[SETTINGS_WHY_MAX]);

/**
 * setting_parse() - As an operator writes it: on, off, 512M, boot, 100
 * @ret:	untouched on failure
 * @why:	on failure completes: "TEXT" ...
 *
 * Return: 0 or -EINVAL
 */
int setting_parse(enum setting which, const char *text, uint32_t *ret,
		  char why[SETTINGS_WHY_MAX]);

/** setting_text() - And as an operator reads it, in @text, returned */
const char *setting_text(enum setting which, uint32_t value,
			 char text[SETTINGS_TEXT_MAX]);

/** settings_store_text() - What is kept with a domain; "" if nothing is set */
void settings_store_text(const struct settings *s,
			 char text[SETTINGS_TEXT_MAX]);

/**
 * settings_load_text() - Read it back; "" is nothing
 * @ret:	untouched on failure
 *
 * A name that is not known is left out: a later version's.
 *
 * Return: 0 or -EINVAL
 */
int settings_load_text(const char *text, struct settings *ret);

#endif
