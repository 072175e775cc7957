/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * scenario.c - A host, its guests, and what they want over time
 *
 * Hosts are small and hours are short, to keep a comparison of many policies
 * at minutes: 12 to 24 guests of 512 MiB on 16 GiB or so. In none of them all
 * guests need more than about nine tenths of the host in sum, for what is not
 * there, no policy can give: a burst that would is left out. An equal part for
 * each would do for hardly any.
 */
#include "scenario.h"

#include <string.h>

#define SECOND	INT64_C(1000000)
#define MINUTE	(60 * SECOND)
#define HOUR	(60 * MINUTE)
#define MIB	INT64_C(1024)

/* Random numbers ------------------------------------------------------- */

/* splitmix64, public domain, Sebastiano Vigna */
static uint64_t next(uint64_t *seed)
{
	uint64_t z = *seed += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

static int64_t from_to(uint64_t *seed, int64_t from, int64_t to)
{
	return from + (int64_t)(next(seed) % (uint64_t)(to - from + 1));
}

/* A wait of @mean on average, as for things that happen by chance: a
 * geometric distribution of steps of a tenth, at most 5 times the mean. */
static int64_t wait_of(uint64_t *seed, int64_t mean)
{
	int64_t steps = 0;

	while (steps < 50 && next(seed) % 10)
		steps++;
	return mean / 10 * steps + from_to(seed, 0, mean / 10);
}

/* Putting one together ------------------------------------------------- */

static void begin(struct scenario *s, const char *name, uint32_t host_mib,
		  uint32_t nr, int64_t length_us)
{
	*s = (struct scenario){
		.name = name, .host_mib = host_mib, .speed = 1, .nr = nr,
	};
	s->length_us = SCENARIO_WARM_US + length_us;
	ASSERT(nr <= SCENARIO_GUESTS_MAX);
	for (uint32_t i = 0; i < nr; i++) {
		s->guests[i] = (struct vguest_conf){
			.boot_mib = 512, .kernel_mib = 80,
			.ceiling_mib = host_mib / 2, .weight = 100,
			.swap_mib = i % 3 ? 0 : 1024,
			.load = &s->loads[i],
		};
	}
}

void scenario_done(struct scenario *s)
{
	for (uint32_t i = 0; i < s->nr; i++)
		load_done(&s->loads[i]);
	free(s->bursts);
	s->bursts = NULL;
}

static void note_burst(struct scenario *s, struct burst b)
{
	if (s->nr_bursts == s->room) {
		s->room = MAX(2 * s->room, 64u);
		s->bursts = realloc(s->bursts, s->room * sizeof(*s->bursts));
		ASSERT(s->bursts);
	}
	s->bursts[s->nr_bursts++] = b;
}

static struct vmem_want want(int64_t anon_mib, int64_t hot_mib,
			     int64_t cold_mib_s)
{
	return (struct vmem_want){ anon_mib * MIB, hot_mib * MIB,
				   cold_mib_s * MIB };
}

/* MiB, between */
struct span {
	int64_t from, to;
};

/* All guests begin with something, and some of them change it later. */
static void set_bases(struct scenario *s, uint64_t *seed, struct span anon,
		      struct span hot, int64_t cold_mib_s)
{
	for (uint32_t i = 0; i < s->nr; i++) {
		int64_t anon_mib = from_to(seed, anon.from, anon.to);
		int64_t hot_mib = from_to(seed, hot.from, hot.to);

		s->bases[i] = want(anon_mib, hot_mib, cold_mib_s);
		load_add(&s->loads[i], 0, s->bases[i]);
	}
}

static struct vmem_want more(struct vmem_want w, int64_t anon_mib,
			     int64_t hot_mib)
{
	w.anon_kib += anon_mib * MIB;
	w.hot_kib += hot_mib * MIB;
	return w;
}

/* What all need without bursts. */
static int64_t base_mib(const struct scenario *s)
{
	int64_t mib = 0;

	for (uint32_t i = 0; i < s->nr; i++) {
		const struct vmem_want *w = &s->bases[i];

		mib += s->guests[i].kernel_mib + 24 +
		       (w->anon_kib + w->hot_kib) / 1024;
	}
	return mib;
}

/* Beside all the others that there are at some time of it? */
static bool fits(const struct scenario *s, struct burst b)
{
	int64_t mib = base_mib(s) + b.mib;

	for (uint32_t i = 0; i < s->nr_bursts; i++) {
		if (s->bursts[i].from_us < b.until_us &&
		    b.from_us < s->bursts[i].until_us)
			mib += s->bursts[i].mib;
	}
	return mib < (int64_t)s->host_mib * 9 / 10;
}

/* From @at on for @length the guest wants more, and then what it did before. */
static void add_burst(struct scenario *s, uint32_t i, int64_t at_us,
		      int64_t length_us, int64_t anon_mib, int64_t hot_mib)
{
	struct load *l = &s->loads[i];
	struct vmem_want base = s->bases[i];
	struct burst b = { i, at_us, at_us + length_us, anon_mib + hot_mib };

	if (!fits(s, b))
		return;
	load_jump(l, at_us, more(base, anon_mib, hot_mib));
	load_jump(l, at_us + length_us, base);
	note_burst(s, b);
}

static void random_burst(struct scenario *s, uint64_t *seed, uint32_t i,
			 int64_t at_us, int64_t length_us, struct span anon,
			 struct span hot)
{
	int64_t anon_mib = from_to(seed, anon.from, anon.to);
	int64_t hot_mib = from_to(seed, hot.from, hot.to);

	add_burst(s, i, at_us, length_us, anon_mib, hot_mib);
}

uint32_t scenario_peak_mib(const struct scenario *s)
{
	int64_t peak = 0, same;

	for (int64_t at = SCENARIO_WARM_US; at < s->length_us; at += SECOND) {
		int64_t kib = 0;

		for (uint32_t i = 0; i < s->nr; i++) {
			struct vmem_want w = load_at(&s->loads[i], at, &same);
			struct vmem m = { .kernel = s->guests[i].kernel_mib *
						    MIB };

			kib += vmem_need(&m, &w);
		}
		peak = MAX(peak, kib);
	}
	return (uint32_t)(peak / 1024);
}

/* Those there are ------------------------------------------------------ */

/* A day in two hours: offices by day, others by night, each in its own way. */
static void make_diurnal(struct scenario *s, uint64_t seed, uint32_t part)
{
	/* Eighths of a cosine from 0 to 1 and back, in permille */
	static const int64_t curve[] = {
		0, 146, 500, 854, 1000, 854, 500, 146,
	};
	int64_t day = 2 * HOUR * part / 1000, slot = day / 8;

	begin(s, "diurnal", 16384, 12, day);
	for (uint32_t i = 0; i < s->nr; i++) {
		int64_t low = from_to(&seed, 150, 300);
		int64_t high = from_to(&seed, 600, 1700);
		int64_t hot = from_to(&seed, 50, 250);
		int64_t phase = i % 3 ? 0 : 4;
		int64_t shift = from_to(&seed, 0, slot);

		for (int64_t k = 0; k <= 8; k++) {
			int64_t c = curve[(k + phase) % 8];

			load_add(&s->loads[i], SCENARIO_WARM_US +
				 (k ? k * slot - shift : 0),
				 want(low + (high - low) * c / 1000,
				      hot + hot * c / 1000, 1));
		}
	}
}

/* One after the other, with @pause between them on average. */
static void add_bursts(struct scenario *s, uint64_t *seed, uint32_t i,
		       int64_t pause_us, struct span anon)
{
	int64_t at = SCENARIO_WARM_US, on;

	for (;;) {
		at += 20 * SECOND + wait_of(seed, pause_us);
		on = from_to(seed, 10, 60) * SECOND;
		if (at + on + 10 * SECOND > s->length_us)
			break;
		random_burst(s, seed, i, at, on, anon, (struct span){ 0, 200 });
		at += on;
	}
}

/* Bursts at any time, as fast as memory can be written. */
static void make_bursty(struct scenario *s, uint64_t seed, uint32_t part)
{
	int64_t length = HOUR * part / 1000;

	begin(s, "bursty", 16384, 12, length);
	set_bases(s, &seed, (struct span){ 120, 400 }, (struct span){ 50, 200 },
		  2);
	for (uint32_t i = 0; i < s->nr; i++)
		add_bursts(s, &seed, i, 200 * SECOND, (struct span){ 400, 2000 });
}

/* Six that serve, six that compute: jobs with large data, one after another. */
static void make_batch(struct scenario *s, uint64_t seed, uint32_t part)
{
	int64_t length = HOUR * part / 1000;

	begin(s, "batch", 16384, 12, length);
	set_bases(s, &seed, (struct span){ 200, 400 },
		  (struct span){ 100, 400 }, 3);
	for (uint32_t i = 6; i < s->nr; i++) {
		int64_t at = SCENARIO_WARM_US + from_to(&seed, 0, MINUTE), on;

		for (;;) {
			at += 30 * SECOND + wait_of(&seed, 2 * MINUTE);
			on = from_to(&seed, 60, 240) * SECOND;
			if (at + on + MINUTE > s->length_us)
				break;
			random_burst(s, &seed, i, at, on,
				     (struct span){ 500, 1500 },
				     (struct span){ 200, 1200 });
			at += on;
		}
	}
}

/* Two leak until they are restarted; the others are quiet but need cache. */
static void make_leak(struct scenario *s, uint64_t seed, uint32_t part)
{
	int64_t length = HOUR * part / 1000, life = length / 3;

	begin(s, "leak", 12288, 10, length);
	set_bases(s, &seed, (struct span){ 200, 400 },
		  (struct span){ 200, 500 }, 2);
	for (uint32_t i = 0; i < 2; i++) {
		int64_t at = SCENARIO_WARM_US;

		load_add(&s->loads[i], at, s->bases[i]);
		for (uint32_t k = 0; k < 3; k++) {
			load_add(&s->loads[i], at + life - 1,
				 more(s->bases[i], from_to(&seed, 1600, 2200),
				      0));
			at += life;
			load_add(&s->loads[i], at, s->bases[i]);
		}
	}
}

/* Everybody comes in at nine, within half a minute, and leaves in pieces. */
static void make_herd(struct scenario *s, uint64_t seed, uint32_t part)
{
	int64_t length = HOUR * part / 1000;
	int64_t nine = SCENARIO_WARM_US + length / 3;

	begin(s, "herd", 24576, 20, length);
	set_bases(s, &seed, (struct span){ 100, 250 }, (struct span){ 50, 150 },
		  1);
	for (uint32_t i = 0; i < s->nr; i++) {
		int64_t at = nine + from_to(&seed, 0, 30 * SECOND);
		int64_t on = length / 3 + from_to(&seed, 0, length / 6);
		struct span big = { 900, 1500 }, small = { 300, 700 };

		s->guests[i].ceiling_mib = 4096;
		random_burst(s, &seed, i, at, on, i % 4 ? small : big,
			     (struct span){ 50, 250 });
	}
}

/* Nothing happens, but that files are read. */
static void make_idle(struct scenario *s, uint64_t seed, uint32_t part)
{
	begin(s, "idle", 16384, 12, HOUR * part / 1000);
	set_bases(s, &seed, (struct span){ 100, 250 }, (struct span){ 20, 100 },
		  2);
}

/*
 * What 470 machines of a hosting company did in a month, in quantiles: the
 * memory they used of what they had, how high their peaks were, how often and
 * for how long they used more than twice the usual. Reckoned by us from the
 * traces "Rnd", July 2013, of GWA-T-12 Bitbrains, which has a sample in five
 * minutes: http://gwa.ewi.tudelft.nl/datasets/gwa-t-12-bitbrains; S. Shen, V.
 * van Beek, A. Iosup, Statistical Characterization of Business-Critical
 * Workloads Hosted in Cloud Datacenters, CCGrid 2015.
 *
 * Here a machine is one of 4 GiB, the median of those there; the smaller half
 * of them is 1 GiB or less. Four hours of them; a burst begins within 5 s.
 */
#define QUANTILES	9u	/* 0, 5, 10, 25, 50, 75, 90, 95, 99 % */

static const uint32_t quantile_at[QUANTILES] = {
	0, 50, 100, 250, 500, 750, 900, 950, 990,
};
/* Permille of its memory that a machine uses usually (median), at its peaks
 * (95th percentile of its time), at most */
static const uint32_t usual[QUANTILES] = {
	0, 1, 3, 13, 39, 85, 348, 424, 515,
};
static const uint32_t at_peaks[QUANTILES] = {
	0, 20, 25, 54, 116, 267, 454, 497, 595,
};
static const uint32_t at_most[QUANTILES] = {
	11, 69, 98, 249, 544, 857, 984, 1000, 1000,
};
/* Bursts a day, in thousandths; minutes that one lasts */
static const uint32_t a_day[QUANTILES] = {
	0, 0, 0, 35, 1081, 3272, 6948, 9584, 20312,
};
static const uint32_t minutes[QUANTILES] = {
	5, 5, 5, 5, 5, 15, 30, 75, 375,
};

static int64_t quantile(const uint32_t *values, int64_t at)
{
	uint32_t i = QUANTILES - 1;
	int64_t from, to;

	while (quantile_at[i] > at)
		i--;
	if (i == QUANTILES - 1)
		return values[i];
	from = values[i];
	to = values[i + 1];
	return from + (to - from) * (at - quantile_at[i]) /
		      (quantile_at[i + 1] - quantile_at[i]);
}

static void make_public(struct scenario *s, uint64_t seed, uint32_t part)
{
	int64_t length = 4 * HOUR * part / 1000, size = 4096;

	begin(s, "Bitbrains", 24576, 24, length);
	for (uint32_t i = 0; i < s->nr; i++) {
		int64_t place = (2 * i + 1) * 1000 / (2 * s->nr);

		s->bases[i] = want(60 + size * quantile(usual, place) / 1000,
				   60, 1);
		load_add(&s->loads[i], 0, s->bases[i]);
	}
	for (uint32_t i = 0; i < s->nr; i++) {
		/* Each is a machine at some place in each distribution; who
		 * uses much usually has high peaks. */
		int64_t place = (2 * i + 1) * 1000 / (2 * s->nr);
		int64_t rate = quantile(a_day, from_to(&seed, 0, 999));
		int64_t use = size * quantile(usual, place) / 1000;
		int64_t high = size * quantile(at_peaks, place) / 1000;
		int64_t top = size * quantile(at_most, place) / 1000;
		int64_t at = SCENARIO_WARM_US, on, by;

		s->guests[i].ceiling_mib = 6144;
		while (rate) {
			at += 30 * SECOND + wait_of(&seed, 24 * HOUR / rate *
						    1000 * part / 1000);
			on = quantile(minutes, from_to(&seed, 0, 999)) * MINUTE;
			on = MIN(on, 30 * MINUTE) * part / 1000;
			if (at + on + MINUTE > s->length_us)
				break;
			/* One in twenty goes up to the highest of its month. */
			by = (from_to(&seed, 0, 19) ? high : top) - use;
			add_burst(s, i, at, on, MAX(by, size / 20), 60);
			at += on;
		}
	}
}

/* The bursts of some, with others that are deaf, slow, stuck, or lie. */
static void make_classes(struct scenario *s, uint64_t seed, uint32_t part)
{
	int64_t length = HOUR * part / 1000;

	begin(s, "classes", 16384, 12, length);
	s->guests[2].floor_mib = 768;
	s->guests[3].quiet = true;
	s->guests[4].class = s->guests[5].class = VKDEV_SLOW;
	s->guests[6].class = VKDEV_STUCK;
	s->guests[7].class = s->guests[8].class = VKDEV_SOMETIMES;
	s->guests[9].lie = VGUEST_CRIES;
	s->guests[10].lie = VGUEST_BEGS;
	s->guests[11].lie = VGUEST_BOASTS;
	set_bases(s, &seed, (struct span){ 120, 300 }, (struct span){ 50, 150 },
		  2);
	for (uint32_t i = 0; i < 9; i++)
		add_bursts(s, &seed, i, 240 * SECOND, (struct span){ 300, 1400 });
}

/* The bursts of eight, beside four that lie, each in its own way. */
static void make_lying(struct scenario *s, uint64_t seed, uint32_t part)
{
	int64_t length = HOUR * part / 1000;

	begin(s, "lying", 16384, 12, length);
	s->guests[8].lie = VGUEST_CRIES;
	s->guests[9].lie = VGUEST_BEGS;
	s->guests[10].lie = VGUEST_WAILS;
	s->guests[11].lie = VGUEST_BOASTS;
	set_bases(s, &seed, (struct span){ 120, 400 }, (struct span){ 50, 200 },
		  2);
	for (uint32_t i = 0; i < 8; i++)
		add_bursts(s, &seed, i, 200 * SECOND, (struct span){ 400, 2000 });
}

const struct scenario_kind scenario_kinds[] = {
	{ "diurnal", "a day in two hours, some busy by night", make_diurnal },
	{ "bursty", "bursts of 0.4 to 2 GiB at any time", make_bursty },
	{ "batch", "six that serve, six that run jobs", make_batch },
	{ "leak", "two leak for 20 minutes and are restarted", make_leak },
	{ "herd", "twenty come in at nine", make_herd },
	{ "idle", "nothing but files being read", make_idle },
	{ "Bitbrains", "after a public trace of 470 machines", make_public },
	{ "lying", "bursts among four that lie, each in its own way", make_lying },
	{ "classes", "bursts among guests without PSI, slow, stuck, lying",
	  make_classes },
};
const uint32_t scenario_nr_kinds = ARRAY_SIZE(scenario_kinds);
