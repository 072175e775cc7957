/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * config_file.c - The configuration file: memtided.conf(5)
 *
 * libconfuse knows the syntax, which sections and keys there are, and in which
 * line we are. A value is kept as text with its line and understood when the
 * whole file was read: so that all that is wrong with values is told at once,
 * and a key means the same here and on the command line.
 */
#include "config_file.h"

#include <errno.h>
#include <stdarg.h>
#include <string.h>

#include <confuse.h>

#define ERROR_MAX	512u
#define FILE_MAX	(16u << 20)	/* three times what is ever needed */
/* libconfuse takes the end of the file for that of a section, too: so there is
 * one more key, of the file and of no section. */
#define END_KEY		"end-of-file"
#define END_LINE	"\n" END_KEY " = here\n"

/* As read, with its line. */
struct value {
	unsigned int line;
	char text[];
};

struct loader {
	const char *name;
	struct config *config;
	config_file_error_fn *error;
	void *ctx;
	int rc;
};

/* libconfuse hands its error function nothing of ours. */
static struct loader *loading;

__attribute__((format(printf, 3, 4)))
static void complain(struct loader *l, unsigned int line, const char *fmt, ...)
{
	char what[ERROR_MAX], text[ERROR_MAX + 128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(what, sizeof(what), fmt, ap);
	va_end(ap);
	if (line)
		snprintf(text, sizeof(text), "%.100s:%u: %s", l->name, line,
			 what);
	else
		snprintf(text, sizeof(text), "%.100s: %s", l->name, what);
	l->error(l->ctx, text);
	l->rc = -EINVAL;
}

static void on_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	char what[ERROR_MAX];

	vsnprintf(what, sizeof(what), fmt, ap);
	if (strstr(what, "no such option '" END_KEY))
		snprintf(what, sizeof(what), "a section is not closed");
	complain(loading, cfg ? (unsigned int)cfg->line : 0, "%s", what);
}

static int keep_value(cfg_t *cfg, cfg_opt_t *opt, const char *text, void *ret)
{
	struct value *value;

	/* What we give no default has room for the line it was set in. */
	if (opt->def.number) {
		cfg_error(cfg, "%s is set in line %ld already", opt->name,
			  opt->def.number);
		return -1;
	}
	opt->def.number = cfg->line;
	value = malloc(sizeof(*value) + strlen(text) + 1);
	if (!value) {
		cfg_error(cfg, "out of memory");
		return -1;
	}
	value->line = (unsigned int)cfg->line;
	strcpy(value->text, text);
	*(struct value **)ret = value;
	return 0;
}

static const struct value *value_of(cfg_t *cfg, const char *key)
{
	return cfg_getptr(cfg, key);
}

static void take_host(struct loader *l, cfg_t *cfg)
{
	char why[CONFIG_TEXT_MAX];

	for (unsigned int i = 0; i < CONFIG_NUM_KEYS; i++) {
		enum config_key key = (enum config_key)i;
		const struct value *v = value_of(cfg, config_key_name(key));

		if (!v)
			continue;
		l->config->lines[key] = v->line;
		if (config_set(l->config, key, v->text, why))
			complain(l, v->line, "%s: %s", config_key_name(key), why);
	}
}

static void take_settings(struct loader *l, cfg_t *cfg, struct settings *ret)
{
	char why[SETTINGS_WHY_MAX];
	uint32_t number;

	for (unsigned int i = 0; i < SETTING_NUM; i++) {
		enum setting which = (enum setting)i;
		const struct value *v = value_of(cfg, setting_name(which));

		if (!v)
			continue;
		if (setting_parse(which, v->text, &number, why))
			complain(l, v->line, "%s: \"%.64s\" %s",
				 setting_name(which), v->text, why);
		else
			settings_put(ret, which, number);
	}
}

static void take_defaults(struct loader *l, cfg_t *cfg)
{
	for (unsigned int i = 0; i < cfg_size(cfg, "defaults"); i++) {
		cfg_t *section = cfg_getnsec(cfg, "defaults", i);

		l->config->defaults_line = (unsigned int)section->line;
		if (i)
			complain(l, l->config->defaults_line,
				 "a second section of defaults");
		take_settings(l, section, &l->config->defaults);
	}
}

static void take_guests(struct loader *l, cfg_t *cfg)
{
	for (unsigned int i = 0; i < cfg_size(cfg, "guest"); i++) {
		cfg_t *section = cfg_getnsec(cfg, "guest", i);
		unsigned int line = (unsigned int)section->line;
		char why[CONFIG_TEXT_MAX];
		struct config_rule *rule;

		if (config_add_rule(l->config, cfg_title(section), &rule, why)) {
			complain(l, line, "%s", why);
			continue;
		}
		rule->line = line;
		take_settings(l, section, &rule->set);
	}
}

static cfg_opt_t key_option(const char *name)
{
	return (cfg_opt_t)CFG_PTR_CB(name, NULL, CFGF_NONE, keep_value, free);
}

static int parse(struct loader *l, cfg_t *cfg, const char *text, size_t len)
{
	FILE *in = NULL;
	int rc = -ENOMEM;

	/* libconfuse ends the process if it cannot read: from memory it can. */
	cfg->filename = strdup(l->name);
	if (cfg->filename)
		in = fmemopen((void *)(uintptr_t)text, len, "r");
	if (in) {
		cfg_set_error_function(cfg, on_error);
		loading = l;
		rc = cfg_parse_fp(cfg, in);
		loading = NULL;
		fclose(in);
	}
	if (rc && !l->rc)
		complain(l, 0, "cannot be understood, or memory is out");
	return l->rc;
}

/* With what tells the end of the file from the end of a section. */
static char *add_end(const char *text, size_t len, size_t *ret_len)
{
	char *whole = malloc(len + sizeof(END_LINE));

	if (!whole)
		return NULL;
	memcpy(whole, text, len);
	memcpy(whole + len, END_LINE, sizeof(END_LINE));
	*ret_len = len + sizeof(END_LINE) - 1;
	return whole;
}

int config_file_load(const char *text, size_t len, const char *name,
		     struct config *c, config_file_error_fn *error, void *ctx)
{
	struct loader l = { name, c, error, ctx, 0 };
	cfg_opt_t guest[SETTING_NUM + 1] = {
		[SETTING_NUM] = CFG_END(),
	};
	cfg_opt_t host[CONFIG_NUM_KEYS + 4] = {
		[CONFIG_NUM_KEYS] = CFG_SEC("defaults", guest, CFGF_MULTI),
		[CONFIG_NUM_KEYS + 1] = CFG_SEC("guest", guest,
						CFGF_MULTI | CFGF_TITLE |
						CFGF_NO_TITLE_DUPES),
		[CONFIG_NUM_KEYS + 2] = key_option(END_KEY),
		[CONFIG_NUM_KEYS + 3] = CFG_END(),
	};
	char *whole = add_end(text, len, &len);
	cfg_t *cfg;

	for (unsigned int i = 0; i < SETTING_NUM; i++)
		guest[i] = key_option(setting_name((enum setting)i));
	for (unsigned int i = 0; i < CONFIG_NUM_KEYS; i++)
		host[i] = key_option(config_key_name((enum config_key)i));
	cfg = cfg_init(host, CFGF_NONE);
	if (!whole || !cfg) {
		complain(&l, 0, "out of memory");
	} else if (memchr(text, 0, len - sizeof(END_LINE) + 1)) {
		complain(&l, 0, "holds an octet 0: it is no text");
	} else if (!parse(&l, cfg, whole, len)) {
		take_host(&l, cfg);
		take_defaults(&l, cfg);
		take_guests(&l, cfg);
	}
	cfg_free(cfg);
	free(whole);
	return l.rc;
}

static int read_all(FILE *in, char **ret, size_t *ret_len)
{
	char *text = malloc(FILE_MAX);
	size_t len = text ? fread(text, 1, FILE_MAX, in) : 0;

	if (text && !ferror(in) && len < FILE_MAX) {
		*ret = text;
		*ret_len = len;
		return 0;
	}
	free(text);
	return !text ? -ENOMEM : ferror(in) ? -errno : -EFBIG;
}

static int read_file(struct loader *l, bool optional)
{
	FILE *in = fopen(l->name, "re");
	char *text = NULL;
	size_t len = 0;
	int rc;

	if (!in && errno == ENOENT && optional)
		return 0;
	rc = in ? read_all(in, &text, &len) : -errno;
	if (in)
		fclose(in);
	if (rc) {
		complain(l, 0, "%s", strerror(-rc));
		return rc;
	}
	rc = config_file_load(text, len, l->name, l->config, l->error, l->ctx);
	free(text);
	return rc;
}

static int take_options(struct loader *l,
			const char *const options[CONFIG_NUM_KEYS])
{
	char why[CONFIG_TEXT_MAX];

	for (unsigned int i = 0; i < CONFIG_NUM_KEYS; i++) {
		if (options[i] &&
		    config_set(l->config, (enum config_key)i, options[i], why))
			complain(l, 0, "--%s: %s",
				 config_key_name((enum config_key)i), why);
	}
	return l->rc;
}

int config_file_read(const char *path, bool optional,
		   const char *const options[CONFIG_NUM_KEYS], struct config *ret,
		   config_file_error_fn *error, void *ctx)
{
	char why[CONFIG_TEXT_MAX];
	unsigned int line;
	struct config c;
	struct loader l = { path, &c, error, ctx, 0 };
	int rc;

	config_init(&c);
	rc = read_file(&l, optional);
	if (!rc)
		rc = take_options(&l, options);
	if (!rc && config_check(&c, &line, why)) {
		complain(&l, line, "%s", why);
		rc = l.rc;
	}
	if (rc)
		config_done(&c);
	else
		*ret = c;
	return rc;
}
