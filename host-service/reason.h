/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * reason.h - A change of the policy's in words
 */
#ifndef MEMTIDE_REASON_H
#define MEMTIDE_REASON_H

#include "policy.h"

#define REASON_TEXT_MAX	640u

/**
 * reason_text() - The sentence, without the guest's name in front
 * @other:	name of the guest with the key c->other, or NULL
 * @text:	REASON_TEXT_MAX bytes, returned
 *
 * As in "grew by 512 MiB to 768 MiB: its tasks waited 84 ms of a second for
 * memory, 24 MiB available of 160 MiB wanted".
 */
const char *reason_text(const struct policy_change *c, const char *other,
			char text[REASON_TEXT_MAX]);

#endif
