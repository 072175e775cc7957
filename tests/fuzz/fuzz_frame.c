/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * fuzz_frame.c - Any byte stream, cut anywhere
 *
 * frame_peek() says of each start of a stream: not yet, or from some point on
 * always the same. It never looks behind what it was given (a copy at the end
 * of a block of the heap, for the address sanitizer to guard).
 */
#include <string.h>

#include "frame.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Return: as frame_peek() of all of it */
static int check_cuts(const uint8_t *data, size_t size, size_t *ret_len)
{
	uint8_t *copy = malloc(size ? size : 1);
	int rc = 0, all = frame_peek(data, size, ret_len);
	size_t len, payload = 0;

	ASSERT(copy);
	/* Each length around the header, then some of the others */
	for (len = 0; len < size; len += len < 16 ? 1 : 1 + len / 3) {
		uint8_t *cut = copy + size - len;
		int now;

		memcpy(cut, data, len);
		now = frame_peek(cut, len, &payload);
		ASSERT(!rc || now == rc);
		ASSERT(now <= 0 || (all > 0 && payload == *ret_len));
		ASSERT(now <= 0 || payload + FRAME_HEADER_BYTES <= len);
		rc = now;
	}
	ASSERT(!rc || rc == all);
	free(copy);
	return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint8_t header[FRAME_HEADER_BYTES];
	size_t len;

	while (check_cuts(data, size, &len) > 0) {
		ASSERT(len >= 1 && len <= FRAME_PAYLOAD_MAX);
		ASSERT(len + FRAME_HEADER_BYTES <= size);
		frame_put_header(header, len);
		ASSERT(!memcmp(header, data, sizeof(header)));
		data += FRAME_HEADER_BYTES + len;
		size -= FRAME_HEADER_BYTES + len;
	}
	return 0;
}
