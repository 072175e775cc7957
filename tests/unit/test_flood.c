/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * test_flood.c - What one guest can have the host do in a second (I7)
 */
#include "fake_world.h"

#include <fcntl.h>
#include <sys/resource.h>

/* Floods --------------------------------------------------------------- */

#define BURST_MESSAGES	2000u		/* as session.c has it */
#define MESSAGES_S	1000u
#define BURST_OFFERS	64u
#define OFFERS_S	2u
#define BURST_LINES	200u
#define PATIENCE_US	10000000

static size_t report_frame(uint8_t frame[FRAME_MAX])
{
	struct guest_msg msg = { .type = GUEST_MSG_REPORT };

	msg.report.mem_total_kib = 1000000;
	msg.report.mem_available_kib = 500000;
	return fake_frame(&msg, frame);
}

/* Pushes frames for a time; the rate's own count says how many were heard. */
static void flood(struct world *w, const uint8_t *frame, size_t len,
		  int64_t us, uint64_t *ret_heard, int64_t *ret_us)
{
	struct guest *g = guest_of(w, 0);
	int64_t start_us = guest_now_us(), now_us, heard_us;

	/* The bucket's time of being full again grows by 1 ms a message. On a
	 * busy machine all that is free takes longer. */
	do {
		while (fake_push(&w->fakes[0], frame, len))
			;
		turn(w);
		now_us = guest_now_us();
		heard_us = MAX(g->messages.full_us - start_us, 0);
	} while (now_us - start_us < us ||
		 (heard_us < BURST_MESSAGES * INT64_C(1000) &&
		  now_us - start_us < PATIENCE_US));
	*ret_us = now_us - start_us;
	*ret_heard = (uint64_t)heard_us / 1000;
}

static const struct {
	const char *what;
	size_t (*frame)(uint8_t frame[FRAME_MAX]);
} floods[] = {
	{ "reports", report_frame },
	{ "answers to nothing", fake_stray_frame },
	{ "messages of a kind unknown", fake_unknown_frame },
	{ "progress without granules", fake_progress_frame },
};

static void a_flood_of_messages_is_heard_at_the_rate_allowed(void **state)
{
	for (size_t i = 0; i < ARRAY_SIZE(floods); i++) {
		struct world *w = *state;
		uint8_t frame[FRAME_MAX];
		uint64_t heard;
		int64_t us;
		size_t len;

		case_is("%s", floods[i].what);
		greet(w, 0);
		greet(w, 1);
		len = floods[i].frame(frame);
		flood(w, frame, len, 300000, &heard, &us);
		/* All that is allowed is heard, and little more. */
		assert_in_range(heard, BURST_MESSAGES, BURST_MESSAGES +
				(uint64_t)us * MESSAGES_S / 1000000 + 300);
		assert_int_equal(guest_of(w, 0)->state, GUEST_READY);
		/* Others are not kept waiting. */
		grow(w, 1, 500);
		assert_int_equal(teardown(state) || setup(state), 0);
	}
}

static void who_is_not_read_costs_no_turns_of_the_loop(void **state)
{
	struct world *w = *state;
	uint8_t frame[FRAME_MAX];
	size_t len = report_frame(frame);
	struct rusage before, after;
	uint64_t heard;
	int64_t us;

	greet(w, 0);
	flood(w, frame, len, 200000, &heard, &us);
	/* Let the loop sleep as it does in memtided, the socket full. */
	getrusage(RUSAGE_SELF, &before);
	event_base_loopexit(w->base, &(struct timeval){ 0, 400000 });
	event_base_dispatch(w->base);
	getrusage(RUSAGE_SELF, &after);
	us = (after.ru_utime.tv_sec - before.ru_utime.tv_sec) * 1000000 +
	     after.ru_utime.tv_usec - before.ru_utime.tv_usec +
	     (after.ru_stime.tv_sec - before.ru_stime.tv_sec) * 1000000 +
	     after.ru_stime.tv_usec - before.ru_stime.tv_usec;
	assert_in_range(us, 0, 200000);
}

static void offers_without_end_are_taken_at_the_rate_allowed(void **state)
{
	struct world *w = *state;
	int64_t start_us = guest_now_us(), us;
	uint32_t taken = 0;
	struct fake *f = &w->fakes[0];

	greet(w, 1);
	do {
		f->listening = unix_listen(f->path, 0600);
		assert_true(f->listening >= 0);
		turn(w);
		f->fd = accept4(f->listening, NULL, NULL, SOCK_CLOEXEC);
		taken += f->fd >= 0;
		fake_done(f);
		us = guest_now_us() - start_us;
	} while (us < 500000 || (taken < BURST_OFFERS / 4 && us < PATIENCE_US));
	/* Each is one offer heard and one connection, at the least. */
	assert_in_range(taken, BURST_OFFERS / 4, (BURST_OFFERS +
			(uint64_t)us * OFFERS_S / 1000000) / 2 + 2);
	grow(w, 1, 500);
	/* It is heard again by itself when it has calmed down. */
	greet(w, 0);
}

static uint32_t count_lines(const char *path, const char *with)
{
	char line[1024];
	uint32_t nr = 0;
	FILE *in = fopen(path, "re");

	assert_non_null(in);
	while (fgets(line, sizeof(line), in))
		nr += strstr(line, with) != NULL;
	fclose(in);
	return nr;
}

static void lines_a_guest_causes_are_counted_beyond_the_limit(void **state)
{
	struct world *w = *state;
	uint8_t frame[FRAME_MAX];
	size_t len = fake_stray_frame(frame);
	uint64_t heard;
	char path[64];
	int saved, log;
	int64_t us;

	greet(w, 0);
	snprintf(path, sizeof(path), "%s/log", w->dir);
	fflush(stderr);
	saved = dup(2);
	log = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
	assert_true(saved >= 0 && log >= 0);
	dup2(log, 2);
	log_set_level(LOG_LEVEL_INFO);
	flood(w, frame, len, 200000, &heard, &us);
	/* The count comes by itself, within a line's time. */
	fake_hang_up(&w->fakes[0]);
	rest(w, 1200);
	log_set_level(LOG_LEVEL_ERR - 1);
	fflush(stderr);
	dup2(saved, 2);
	close(saved);
	close(log);
	assert_true(heard > 5 * BURST_LINES);
	assert_in_range(count_lines(path, "to nothing that was asked"),
			50, BURST_LINES);
	assert_in_range(count_lines(path, "lines about it left out"), 1,
			4);
	assert_in_range(count_lines(path, ""), 50, BURST_LINES + 8);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(a_flood_of_messages_is_heard_at_the_rate_allowed),
		CASE(who_is_not_read_costs_no_turns_of_the_loop),
		CASE(offers_without_end_are_taken_at_the_rate_allowed),
		CASE(lines_a_guest_causes_are_counted_beyond_the_limit),
	};

	/* What is refused here would fill the screen. */
	if (!getenv("VERBOSE"))
		log_set_level(LOG_LEVEL_ERR - 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
