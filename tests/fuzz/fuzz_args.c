/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fuzz_args.c - Any command line, of memtide-agent and of memtide, and any size
 *
 * The first octet says whose, the rest are its arguments, one a line. What is
 * refused leaves the result untouched and has a reason; what is taken keeps
 * what the headers promise, and a request can be encoded and decoded again.
 */
#include <string.h>

#include "cli_args.h"
#include "conf.h"
#include "frame.h"
#include "size.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define ARGS_MAX	16
#define WHY_MAX		256u

static void fuzz_conf(int argc, char **argv)
{
	struct conf conf, before;
	char why[WHY_MAX];

	memset(why, 0x55, sizeof(why));
	memset(&conf, 0xa5, sizeof(conf));
	before = conf;
	if (conf_parse(argc, argv, &conf, why)) {
		ASSERT(!memcmp(&conf, &before, sizeof(conf)));
		ASSERT(memchr(why, 0, sizeof(why)) && *why);
		return;
	}
	ASSERT(!conf.floor_kib || conf.floor_kib >= PAGE_KIB);
	ASSERT(conf.action != CONF_RUN || conf.device);
}

static void fuzz_cli(int argc, char **argv)
{
	static uint8_t buf[FRAME_PAYLOAD_MAX];
	struct control_request again;
	struct cli_args args, before;
	char err[CLI_ERROR_MAX];
	const char *why;
	size_t len;

	memset(err, 0x55, sizeof(err));
	memset(&args, 0xa5, sizeof(args));
	before = args;
	if (cli_parse(argc, argv, NULL, &args, err)) {
		ASSERT(!memcmp(&args, &before, sizeof(args)));
		ASSERT(memchr(err, 0, sizeof(err)) && *err);
		return;
	}
	if (args.help || args.version)
		return;
	ASSERT(args.socket);
	len = control_encode_request(&args.request, buf);
	ASSERT(len >= 1 && len <= FRAME_PAYLOAD_MAX);
	if (!control_decode_request(buf, len, &again, &why))
		ASSERT(!memcmp(&args.request, &again, sizeof(again)));
}

static void fuzz_size(const char *text)
{
	struct size_arg ret = { SIZE_SUBTRACT, 4711 };
	const char *why = NULL;

	if (size_parse(text, &ret, &why)) {
		ASSERT(why && ret.mode == SIZE_SUBTRACT && ret.bytes == 4711);
		return;
	}
	ASSERT((ret.mode == SIZE_ADD) == (*text == '+'));
	ASSERT((ret.mode == SIZE_SUBTRACT) == (*text == '-'));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static char name[] = "program";
	char *argv[ARGS_MAX + 1] = { name }, *text;
	int argc = 1;

	if (!size || size > 4096)
		return 0;
	/* Just as long as it is, for the address sanitizer to guard. */
	text = malloc(size);
	ASSERT(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	if (*data % 3 == 2)
		fuzz_size(text);
	for (char *at = text; at && argc < ARGS_MAX; ) {
		argv[argc++] = at;
		at = strchr(at, '\n');
		if (at)
			*at++ = 0;
	}
	if (*data % 3 == 0)
		fuzz_conf(argc, argv);
	else if (*data % 3 == 1)
		fuzz_cli(argc, argv);
	free(text);
	return 0;
}
