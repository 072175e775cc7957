/* SPDX-License-Identifier: GPL-2.0-or-later
 *
 * kexec.c - A loaded kexec image in the driver's memory
 *
 * The kernel keeps an image in pages of its own, reserved: they cannot be moved,
 * and come from a block of the kernel's zone first.
 */

#include "kexec.h"

#include <errno.h>
#include <linux/kexec.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "world.h"

#define IMAGE_BYTES	(48UL << 20)
#define IMAGE_ADDRESS	(256UL << 20)
#define BLOCK		2
#define FIRST		(BLOCK * 64)

static int load_image(void *image, unsigned int segments)
{
	struct kexec_segment segment = {
		.buf = image, .bufsz = IMAGE_BYTES,
		.mem = (void *)IMAGE_ADDRESS, .memsz = IMAGE_BYTES,
	};

	return syscall(SYS_kexec_load, IMAGE_ADDRESS, segments, &segment,
		       KEXEC_ARCH_DEFAULT) ? -errno : 0;
}

/* Pull every granule of the block. Return: how many were refused, or -1 */
static int pull_block(void)
{
	int busy = 0, ret;

	for (uint32_t g = FIRST + 1; g < FIRST + 64; g++) {
		ret = pull(g, 1, 0);
		CHECK(!ret || ret == -EBUSY, "granule %u: %s", g,
		      strerror(-ret));
		busy += ret == -EBUSY;
	}
	return busy;
}

int test_image_stays_where_it_is(void)
{
	void *image = mmap(NULL, IMAGE_BYTES, PROT_READ | PROT_WRITE,
			   MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	int busy, ret;

	CHECK(image != MAP_FAILED, "mmap");
	memset(image, 1, IMAGE_BYTES);
	CHECK(!online(FIRST, 64, MEMTIDE_ZONE_KERNEL), "online");
	ret = load_image(image, 1);
	munmap(image, IMAGE_BYTES);
	CHECK(!ret, "kexec_load: %s", strerror(-ret));

	busy = pull_block();
	CHECK(busy >= (int)(IMAGE_BYTES >> 21) / 2,
	      "%d granules stay, the image is not in them", busy);
	TRY(check_world());
	CHECK(!load_image(NULL, 0), "unload");
	busy -= pull_block();
	CHECK(busy > 0, "no granule comes free");
	return check_world();
}
