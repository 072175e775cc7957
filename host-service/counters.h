/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * counters.h - What the service has done since it started, counted
 *
 * Pure: the clock is the caller's. Counted where the steps are, also while the
 * host is short of memory: an addition each, no allocation, no call to the
 * system. metrics.h tells the numbers.
 */
#ifndef MEMTIDE_COUNTERS_H
#define MEMTIDE_COUNTERS_H

#include "codec.h"

/* Upper bounds of a histogram's buckets: 100 us, then 1, 2.5, 5 of each power of
 * ten up to 50 s; what takes longer is in none of them. */
#define HISTOGRAM_BUCKETS	18u

/**
 * struct histogram - how long something took
 * @nr:		per bucket, not summed up; the last: longer than all of them
 * @sum_us:	of all
 */
struct histogram {
	uint64_t nr[HISTOGRAM_BUCKETS + 1];
	uint64_t sum_us;
};

/** histogram_bound_us() - Upper bound of bucket @i, itself included */
int64_t histogram_bound_us(unsigned int i);

/** histogram_add() - It took @us; less than 0 counts as 0 */
void histogram_add(struct histogram *h, int64_t us);

/* What is asked of the hypervisor, of the guest, and all of it together. */
enum operation {
	OPERATION_POPULATE,	/* a step: up to 64 granules backed */
	OPERATION_GIVE_BACK,	/* a step: up to 16 granules taken back */
	OPERATION_ONLINE,	/* asked to use granules until it answered */
	OPERATION_PULL,		/* asked for granules until its last answer */
	OPERATION_GROW,		/* on the way to a larger size until settled */
	OPERATION_SHRINK,	/* on the way to a smaller size until settled */
	OPERATION_NUM,
};

/** operation_name() - Lower-case word; never NULL */
const char *operation_name(enum operation op);

/* Calls of the hypervisor or the toolstack that fail */
enum host_call {
	HOST_CALL_POPULATE,
	HOST_CALL_GIVE_BACK,
	HOST_CALL_READ_BACKED,	/* what a failed step has done */
	HOST_CALL_TELL,		/* maximum, target and the like */
	HOST_CALL_NUM,
};

enum host_error {
	HOST_ERROR_NO_MEMORY,	/* -ENOMEM */
	HOST_ERROR_BUSY,	/* -EAGAIN: it is being saved or has shut down */
	HOST_ERROR_GONE,	/* -ESRCH */
	HOST_ERROR_OTHER,
	HOST_ERROR_NUM,
};

const char *host_call_name(enum host_call call);
const char *host_error_name(enum host_error error);

/** host_error_of() - The class of a negative errno */
enum host_error host_error_of(int rc);

/* Why a guest did not use what it was given; docs/protocol.md */
enum online_error {
	ONLINE_ERROR_OFFLINED,	/* EPERM: by its administrator */
	ONLINE_ERROR_POISONED,	/* EHWPOISON */
	ONLINE_ERROR_NO_MEMORY,	/* ENOMEM */
	ONLINE_ERROR_KERNEL,	/* ECANCELED: its kernel refused the block */
	ONLINE_ERROR_HIBERNATES, /* EBUSY */
	ONLINE_ERROR_DRIVER,	/* EIO */
	ONLINE_ERROR_OTHER,
	ONLINE_ERROR_NUM,
};

const char *online_error_name(enum online_error error);

/** online_error_of() - The class of a Linux errno that a guest sent */
enum online_error online_error_of(uint32_t untrusted_errno);

/** pull_reason_name() - A word for a label; never NULL */
const char *pull_reason_name(enum pull_reason reason);

/* What a guest does too often, each with a limit of its own (I7) */
enum limited {
	LIMITED_MESSAGES,	/* its connection is not read for a while */
	LIMITED_WAKES,		/* the same */
	LIMITED_OFFERS,		/* it is not listened to for a while */
	LIMITED_LINES,		/* a line is not logged */
	LIMITED_NUM,
};

const char *limited_name(enum limited what);

/**
 * struct counters - since the service started; zero at the start
 * @took:		how long
 * @populated, @given_back: granules
 * @resizes:		settled, by direction (OPERATION_GROW: 0) and whether the
 *			guest held its target then
 * @host_errors:	calls that failed
 * @online_refused:	requests a guest did not fulfil as a whole
 * @pull_short:		pulls that ended so; PULL_REASON_DONE stays 0
 * @messages, @messages_refused: from guests
 * @limited:		times a limit was hit
 * @connections, @disconnections: channels to agents that were made and lost
 * @overdue:		answers that did not come in time
 * @quarantines, @readmissions: of guests
 * @appeared, @gone:	domains
 */
struct counters {
	struct histogram took[OPERATION_NUM];
	uint64_t populated, given_back;
	uint64_t resizes[2][2];
	uint64_t host_errors[HOST_CALL_NUM][HOST_ERROR_NUM];
	uint64_t online_refused[ONLINE_ERROR_NUM];
	uint64_t pull_short[PULL_NUM_REASONS];
	uint64_t messages, messages_refused;
	uint64_t limited[LIMITED_NUM];
	uint64_t connections, disconnections;
	uint64_t overdue;
	uint64_t quarantines, readmissions;
	uint64_t appeared, gone;
};

#endif
