/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * counters.c - What the service has done since it started, counted
 */
#include "counters.h"

#include <errno.h>

static const int64_t bounds_us[] = {
	100,
	250,	  500,	    1000,     2500,	5000,	  10000,
	25000,	  50000,    100000,   250000,	500000,	  1000000,
	2500000,  5000000,  10000000, 25000000, 50000000,
};
static_assert(ARRAY_SIZE(bounds_us) == HISTOGRAM_BUCKETS, "a bucket too few");

static const char *const operation_names[] = {
	[OPERATION_POPULATE] = "populate",
	[OPERATION_GIVE_BACK] = "give_back",
	[OPERATION_ONLINE] = "online",
	[OPERATION_PULL] = "pull",
	[OPERATION_GROW] = "grow",
	[OPERATION_SHRINK] = "shrink",
};
static_assert(ARRAY_SIZE(operation_names) == OPERATION_NUM, "one unnamed");

static const char *const host_call_names[] = {
	[HOST_CALL_POPULATE] = "populate",
	[HOST_CALL_GIVE_BACK] = "give_back",
	[HOST_CALL_READ_BACKED] = "read_backed",
	[HOST_CALL_TELL] = "tell",
};
static_assert(ARRAY_SIZE(host_call_names) == HOST_CALL_NUM, "one unnamed");

static const char *const host_error_names[] = {
	[HOST_ERROR_NO_MEMORY] = "no_memory",
	[HOST_ERROR_BUSY] = "busy",
	[HOST_ERROR_GONE] = "gone",
	[HOST_ERROR_OTHER] = "other",
};
static_assert(ARRAY_SIZE(host_error_names) == HOST_ERROR_NUM, "one unnamed");

static const char *const online_error_names[] = {
	[ONLINE_ERROR_OFFLINED] = "offlined",
	[ONLINE_ERROR_POISONED] = "poisoned",
	[ONLINE_ERROR_NO_MEMORY] = "no_memory",
	[ONLINE_ERROR_KERNEL] = "kernel",
	[ONLINE_ERROR_HIBERNATES] = "hibernates",
	[ONLINE_ERROR_DRIVER] = "driver",
	[ONLINE_ERROR_OTHER] = "other",
};
static_assert(ARRAY_SIZE(online_error_names) == ONLINE_ERROR_NUM,
	      "one unnamed");

static const char *const pull_reason_names[] = {
	[PULL_REASON_DONE] = "done",
	[PULL_REASON_FLOOR] = "floor",
	[PULL_REASON_BUSY] = "busy",
	[PULL_REASON_NO_ROOM] = "no_room",
	[PULL_REASON_DEADLINE] = "deadline",
	[PULL_REASON_CANCELLED] = "cancelled",
	[PULL_REASON_NOTHING] = "nothing",
	[PULL_REASON_FAULT] = "fault",
};
static_assert(ARRAY_SIZE(pull_reason_names) == PULL_NUM_REASONS, "one unnamed");

static const char *const limited_names[] = {
	[LIMITED_MESSAGES] = "messages",
	[LIMITED_WAKES] = "wakes",
	[LIMITED_OFFERS] = "offers",
	[LIMITED_LINES] = "lines",
};
static_assert(ARRAY_SIZE(limited_names) == LIMITED_NUM, "one unnamed");

const char *operation_name(enum operation op)
{
	return operation_names[op];
}

const char *host_call_name(enum host_call call)
{
	return host_call_names[call];
}

const char *host_error_name(enum host_error error)
{
	return host_error_names[error];
}

const char *online_error_name(enum online_error error)
{
	return online_error_names[error];
}

const char *pull_reason_name(enum pull_reason reason)
{
	return pull_reason_names[reason];
}

const char *limited_name(enum limited what)
{
	return limited_names[what];
}

enum host_error host_error_of(int rc)
{
	switch (rc) {
	case -ENOMEM:
		return HOST_ERROR_NO_MEMORY;
	case -EAGAIN:
		return HOST_ERROR_BUSY;
	case -ESRCH:
		return HOST_ERROR_GONE;
	default:
		return HOST_ERROR_OTHER;
	}
}

enum online_error online_error_of(uint32_t untrusted_errno)
{
	switch (untrusted_errno) {
	case EPERM:
		return ONLINE_ERROR_OFFLINED;
	case EHWPOISON:
		return ONLINE_ERROR_POISONED;
	case ENOMEM:
		return ONLINE_ERROR_NO_MEMORY;
	case ECANCELED:
		return ONLINE_ERROR_KERNEL;
	case EBUSY:
		return ONLINE_ERROR_HIBERNATES;
	case EIO:
		return ONLINE_ERROR_DRIVER;
	default:
		return ONLINE_ERROR_OTHER;
	}
}

int64_t histogram_bound_us(unsigned int i)
{
	return bounds_us[i];
}

void histogram_add(struct histogram *h, int64_t us)
{
	unsigned int i = 0;

	us = MAX(us, 0);
	while (i < HISTOGRAM_BUCKETS && us > bounds_us[i])
		i++;
	h->nr[i]++;
	h->sum_us += (uint64_t)us;
}
