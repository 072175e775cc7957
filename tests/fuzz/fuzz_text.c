/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fuzz_text.c - Any text as what the guest's kernel tells the agent
 *
 * The first octet says whether it is /proc/meminfo, a boot id, or
 * /proc/pressure/memory, or /proc/vmstat.
 */
#include <string.h>

#include "codec.h"
#include "meminfo.h"
#include "pressure.h"
#include "sys.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_meminfo(const char *text, size_t len)
{
	struct meminfo mi, before;

	memset(&mi, 0xa5, sizeof(mi));
	before = mi;
	if (meminfo_parse(text, len, &mi)) {
		ASSERT(!memcmp(&mi, &before, sizeof(mi)));
		return;
	}
	ASSERT(mi.total_kib && mi.total_kib < UINT64_C(10000000000000000));
	ASSERT(mi.free_kib <= mi.total_kib);
	ASSERT(mi.available_kib <= mi.total_kib);
	ASSERT(mi.swap_free_kib <= mi.swap_total_kib);
}

static void fuzz_pressure(const char *text, size_t len,
			  int (*parse)(const char *text, size_t len,
				       struct pressure *p))
{
	struct pressure p = { 0 }, before;

	p.time_us = 42;
	before = p;
	if (parse(text, len, &p)) {
		ASSERT(!memcmp(&p, &before, sizeof(p)));
		return;
	}
	ASSERT(p.time_us == 42);
	ASSERT(p.stall_full_us <= p.stall_some_us);
	ASSERT(p.has_stall || !p.stall_some_us);
	ASSERT(p.stall_some_us < PROTO_COUNT_MAX);
	ASSERT(p.refault_pages < PROTO_COUNT_MAX);
	ASSERT(p.swap_in_pages < PROTO_COUNT_MAX);
}

static void fuzz_uuid(const char *text)
{
	uint8_t uuid[SYS_UUID_BYTES], before[SYS_UUID_BYTES];

	memset(uuid, 0xa5, sizeof(uuid));
	memcpy(before, uuid, sizeof(uuid));
	if (sys_uuid_parse(text, uuid))
		ASSERT(!memcmp(uuid, before, sizeof(uuid)));
	else
		ASSERT(strlen(text) == 36 || strlen(text) == 37);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *text;

	if (!size)
		return 0;
	/* Just as long as it is, for the address sanitizer to guard. */
	text = malloc(size);
	ASSERT(text);
	memcpy(text, data + 1, size - 1);
	text[size - 1] = 0;
	if (*data & 1)
		fuzz_uuid(text);
	else if (*data & 2)
		fuzz_pressure(text, size - 1, pressure_parse_stall);
	else if (*data & 4)
		fuzz_pressure(text, size - 1, pressure_parse_vmstat);
	else
		fuzz_meminfo(text, size - 1);
	free(text);
	return 0;
}
