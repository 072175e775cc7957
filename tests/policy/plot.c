/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * plot.c - A scenario under some policies over time, as SVG
 */
#include "plot.h"

#include <errno.h>
#include <stdio.h>

/* Of the picture, in its own units */
#define LEFT	60
#define WIDTH	720		/* of a panel: one sample a unit and a half */
#define SAMPLES	480
#define TOP	40
#define HEIGHT	200		/* of what is held */
#define BELOW	60		/* of who is pressed */
#define PANEL	(TOP + HEIGHT + 20 + BELOW + 30)

struct sample {
	int64_t held[SCENARIO_GUESTS_MAX];
	int64_t need;
	uint32_t pressed;
};

struct plot {
	FILE *file;
	const struct scenario *s;
	struct run_watch watch;
	struct sample samples[SAMPLES];
	uint32_t nr, done;
};

static void look(void *ctx, int64_t at_us, const struct stage *stage,
		 const struct measure_guest *g, const bool *pressed)
{
	struct plot *p = ctx;
	struct sample *s = &p->samples[p->nr];

	(void)at_us;
	(void)stage;
	if (p->nr == SAMPLES)
		return;
	p->nr++;
	*s = (struct sample){ .need = 0 };
	for (uint32_t i = 0; i < p->s->nr; i++) {
		s->held[i] = g[i].held;
		s->need += g[i].need;
		s->pressed += pressed[i];
	}
}

int plot_open(const char *path, const struct scenario *s, uint32_t panels,
	      struct plot **ret)
{
	struct plot *p = calloc(1, sizeof(*p));

	if (!p)
		return -ENOMEM;
	p->s = s;
	p->watch = (struct run_watch){
		(s->length_us - SCENARIO_WARM_US) / SAMPLES, look, p,
	};
	p->file = fopen(path, "w");
	if (!p->file) {
		free(p);
		return -errno;
	}
	fprintf(p->file,
		"<svg xmlns=\"http://www.w3.org/2000/svg\" viewBox=\"0 0 %d %u\" font-family=\"sans-serif\" font-size=\"11\">\n<rect width=\"100%%\" height=\"100%%\" fill=\"#fff\"/>\n",
		LEFT + WIDTH + 20, panels * PANEL);
	*ret = p;
	return 0;
}

const struct run_watch *plot_watch(struct plot *p)
{
	p->nr = 0;
	return &p->watch;
}

static int x_of(uint32_t sample)
{
	return (int)(sample * WIDTH / SAMPLES);
}

static int y_of(const struct plot *p, int64_t kib)
{
	int64_t all = (int64_t)p->s->host_mib * 1024;

	return HEIGHT - (int)(MIN(kib, all * 11 / 10) * HEIGHT / all);
}

/* A line through all samples, but for points that lie on it anyway. */
static void draw_line(const struct plot *p, const int *y)
{
	uint32_t last = 0;

	fprintf(p->file, "M0 %d", y[0]);
	for (uint32_t i = 1; i < p->nr; i++) {
		if (i + 1 < p->nr && y[i] == y[i - 1] && y[i] == y[i + 1])
			continue;
		fprintf(p->file, "l%d %d", x_of(i) - x_of(last),
			y[i] - y[last]);
		last = i;
	}
}

/* From the last guest, the sum of all, down to the first. */
static void draw_guests(const struct plot *p)
{
	int y[SAMPLES];

	for (uint32_t top = p->s->nr; top-- > 0;) {
		for (uint32_t i = 0; i < p->nr; i++) {
			int64_t sum = 0;

			for (uint32_t k = 0; k <= top; k++)
				sum += p->samples[i].held[k];
			y[i] = y_of(p, sum);
		}
		fprintf(p->file, "<path fill=\"hsl(%u,55%%,%u%%)\" d=\"",
			200 + top * 47 % 90, 58 + top % 3 * 11);
		draw_line(p, y);
		fprintf(p->file, "V%dH0z\"/>\n", HEIGHT);
	}
}

static void draw_need(const struct plot *p)
{
	int y[SAMPLES];

	for (uint32_t i = 0; i < p->nr; i++)
		y[i] = y_of(p, p->samples[i].need);
	fprintf(p->file, "<path fill=\"none\" stroke=\"#000\" d=\"");
	draw_line(p, y);
	fprintf(p->file, "\"/>\n");
}

static void draw_pressed(const struct plot *p)
{
	int y[SAMPLES];

	for (uint32_t i = 0; i < p->nr; i++)
		y[i] = BELOW - (int)(p->samples[i].pressed * BELOW / p->s->nr);
	fprintf(p->file, "<g transform=\"translate(0,%d)\"><path fill=\"#c22\" d=\"",
		HEIGHT + 20);
	draw_line(p, y);
	fprintf(p->file, "V%dH0z\"/>\n", BELOW);
	fprintf(p->file,
		"<path stroke=\"#888\" fill=\"none\" d=\"M0 0V%dH%d\"/><text x=\"-6\" y=\"10\" text-anchor=\"end\">%u</text><text x=\"-6\" y=\"%d\" text-anchor=\"end\">0</text><text x=\"4\" y=\"10\">guests pressed</text></g>\n",
		BELOW, WIDTH, p->s->nr, BELOW);
}

void plot_panel(struct plot *p, const char *name)
{
	int64_t minutes = (p->s->length_us - SCENARIO_WARM_US) / 60000000;

	fprintf(p->file, "<g transform=\"translate(%d,%u)\">\n", LEFT,
		TOP + p->done++ * PANEL);
	fprintf(p->file,
		"<text y=\"-14\" font-size=\"14\">%s: %s: what each guest holds, and what all need (line)</text>\n",
		p->s->name, name);
	draw_guests(p);
	draw_need(p);
	fprintf(p->file,
		"<path stroke=\"#888\" fill=\"none\" d=\"M0 0V%dH%d\"/><path stroke=\"#888\" stroke-dasharray=\"4\" d=\"M0 0H%d\"/>\n",
		HEIGHT, WIDTH, WIDTH);
	fprintf(p->file,
		"<text x=\"-6\" y=\"4\" text-anchor=\"end\">%u GiB</text><text x=\"-6\" y=\"%d\" text-anchor=\"end\">0</text>\n",
		p->s->host_mib / 1024, HEIGHT);
	draw_pressed(p);
	fprintf(p->file,
		"<text x=\"%d\" y=\"%d\" text-anchor=\"end\">%lld min</text></g>\n",
		WIDTH, HEIGHT + 20 + BELOW + 14, (long long)minutes);
}

int plot_close(struct plot *p)
{
	int rc = 0;

	fprintf(p->file, "</svg>\n");
	if (ferror(p->file))
		rc = -EIO;
	if (fclose(p->file))
		rc = -errno;
	free(p);
	return rc;
}
