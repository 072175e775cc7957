/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * reason.c - A change of the policy's in words
 */
#include "reason.h"

#include <inttypes.h>

/* Names are of the toolstack, some hundred letters at most. */
#define PART_MAX	128u

static uint64_t mib(uint32_t granules)
{
	return (uint64_t)granules * GRANULE_KIB / 1024;
}

static uint32_t gap(uint32_t a, uint32_t b)
{
	return a > b ? a - b : b - a;
}

static const char *idle_text(const struct policy_change *c, char part[PART_MAX])
{
	uint32_t s = c->calm_ms / 1000;

	if (c->calm_ms == POLICY_NEVER)
		snprintf(part, PART_MAX, "never in need");
	else if (s < 120)
		snprintf(part, PART_MAX, "in no need for %u s", s);
	else if (s < 7200)
		snprintf(part, PART_MAX, "in no need for %u min", s / 60);
	else
		snprintf(part, PART_MAX, "in no need for %u h", s / 3600);
	return part;
}

/* What hurts most, or "" */
static const char *pain_text(const struct policy_change *c, char part[PART_MAX])
{
	*part = '\0';
	if (c->stall_permille)
		snprintf(part, PART_MAX,
			 "its tasks waited %u ms of a second for memory, ",
			 c->stall_permille);
	else if (c->swap_in_kib_s >= 1024)
		snprintf(part, PART_MAX, "it reads %u MiB/s from swap, ",
			 c->swap_in_kib_s / 1024);
	else if (c->refault_kib_s >= 1024)
		snprintf(part, PART_MAX,
			 "it reads %u MiB/s again that it had in memory, ",
			 c->refault_kib_s / 1024);
	else if (c->growth_kib_s >= 1024)
		snprintf(part, PART_MAX, "it uses %u MiB/s more, ",
			 c->growth_kib_s / 1024);
	return part;
}

static const char *available_text(const struct policy_change *c,
				  char part[PART_MAX])
{
	snprintf(part, PART_MAX,
		 "%" PRIu64 " MiB available of %" PRIu64 " MiB wanted",
		 mib(c->held - MIN(c->held, c->used)), mib(c->headroom));
	return part;
}

static const char *for_text(const struct policy_change *c, const char *other,
			    char part[PART_MAX])
{
	if (c->reason == POLICY_GIVE_RESERVATION)
		snprintf(part, PART_MAX, "a domain is to be built");
	else if (c->reason == POLICY_GIVE_RESERVE)
		snprintf(part, PART_MAX, "the host's burst reserve is low");
	else
		snprintf(part, PART_MAX, "guest %.80s needs it",
			 other ? other : "that is gone");
	return part;
}

static void grew_text(const struct policy_change *c, char text[REASON_TEXT_MAX])
{
	char pain[PART_MAX], available[PART_MAX];

	snprintf(text, REASON_TEXT_MAX,
		 "grew by %" PRIu64 " MiB to %" PRIu64 " MiB: %s%s",
		 mib(gap(c->from, c->to)), mib(c->to), pain_text(c, pain),
		 available_text(c, available));
}

static void gave_text(const struct policy_change *c, const char *other,
		      char text[REASON_TEXT_MAX])
{
	char idle[PART_MAX], available[PART_MAX], needs[PART_MAX];

	snprintf(text, REASON_TEXT_MAX,
		 "gave %" PRIu64 " MiB, to %" PRIu64 " MiB: %s, %s; %s",
		 mib(gap(c->from, c->to)), mib(c->to), idle_text(c, idle),
		 available_text(c, available), for_text(c, other, needs));
}

static void waits_text(const struct policy_change *c,
		       char text[REASON_TEXT_MAX])
{
	char pain[PART_MAX], available[PART_MAX];

	snprintf(text, REASON_TEXT_MAX,
		 "waits at %" PRIu64 " MiB for %" PRIu64
		 " MiB that the host does not have yet: %s%s",
		 mib(c->to), mib(gap(c->want, c->to)), pain_text(c, pain),
		 available_text(c, available));
}

/* Beyond its share; who is not calm says that it lacks memory. */
static void doubted_text(const struct policy_change *c,
			 char text[REASON_TEXT_MAX])
{
	char pain[PART_MAX], available[PART_MAX];

	snprintf(text, REASON_TEXT_MAX,
		 "keeps %" PRIu64 " MiB, %" PRIu64
		 " MiB less than it asks for, beyond its share by weight: %s%s; but %s",
		 mib(c->to), mib(gap(c->want, c->to)), pain_text(c, pain),
		 available_text(c, available),
		 c->calm_ms ? "none of its tasks waits and it reads nothing again" :
			      "what it got did not help it");
}

const char *reason_text(const struct policy_change *c, const char *other,
			char text[REASON_TEXT_MAX])
{
	char part[PART_MAX];

	switch (c->reason) {
	case POLICY_KEEP:
		snprintf(text, REASON_TEXT_MAX, "keeps %" PRIu64 " MiB: %s",
			 mib(c->to), available_text(c, part));
		break;
	case POLICY_WAITS:
		waits_text(c, text);
		break;
	case POLICY_RELIEF:
	case POLICY_NEED:
		grew_text(c, text);
		break;
	case POLICY_FLOOR:
		snprintf(text, REASON_TEXT_MAX,
			 "grew to %" PRIu64 " MiB: its minimum is %" PRIu64
			 " MiB",
			 mib(c->to), mib(c->floor));
		break;
	case POLICY_CEILING:
		snprintf(text, REASON_TEXT_MAX,
			 "gave %" PRIu64 " MiB: its maximum is %" PRIu64
			 " MiB",
			 mib(gap(c->from, c->to)), mib(c->ceiling));
		break;
	case POLICY_GIVE_GUEST:
	case POLICY_GIVE_RESERVATION:
	case POLICY_GIVE_RESERVE:
		gave_text(c, other, text);
		break;
	case POLICY_GIVE_SHARE:
		snprintf(text, REASON_TEXT_MAX,
			 "gave %" PRIu64 " MiB, to %" PRIu64
			 " MiB: it had more than its share by weight; %s, which has less",
			 mib(gap(c->from, c->to)), mib(c->to),
			 for_text(c, other, part));
		break;
	case POLICY_STOPS:
		snprintf(text, REASON_TEXT_MAX,
			 "keeps %" PRIu64 " MiB, %" PRIu64
			 " MiB more than it was to have: %sit is in need",
			 mib(c->to), mib(gap(c->from, c->to)),
			 pain_text(c, part));
		break;
	case POLICY_DOUBTED:
		doubted_text(c, text);
		break;
	case POLICY_FELL_SHORT:
		snprintf(text, REASON_TEXT_MAX,
			 c->from > c->to ?
				 "stays at %" PRIu64 " MiB: it could not take %" PRIu64 " MiB more" :
				 "stays at %" PRIu64 " MiB: it could not give %" PRIu64 " MiB more",
			 mib(c->to), mib(gap(c->from, c->to)));
		break;
	case POLICY_NOT_OURS:
	case POLICY_NUM_REASONS:
		snprintf(text, REASON_TEXT_MAX, "is not automatic");
		break;
	}
	return text;
}
