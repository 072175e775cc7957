# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# guest.sh - The kernel and the initramfs that tests boot
#
# For scripts that have set $here, $top, $logs, $tmp, and $kernel if it was said
# which; $debug is --debug or empty.

# What no console may show, for grep -E
# shellcheck disable=SC2034
complaints='WARNING|BUG|Oops|INFO: |Kernel panic|cut here|Bad page'
complaints+='|though offline|list_[a-z]* corruption|nable to handle|protection fault|KASAN'

# find_kernel: set $kernel and $kbuild
find_kernel() {
	local name

	if [ -n "$kernel" ]; then
		kbuild=$kernel/kbuild
		return
	fi
	kernel=$("$top/guest-kernel-patches/build-kernel" ${debug:+"$debug"} | tail -n1)
	name=$(sed -n 's/^kernel-key //p' "$kernel/version")
	kbuild=$(dirname "$kernel")/$name/kbuild
}

# build_selftest: what the series adds to the kernel's selftests, in $tmp/root
build_selftest() {
	local dir=tools/testing/selftests header=$logs/kselftest.h
	local tarball=${LINUX_SOURCE:-/usr/src/linux-source-6.12.tar.xz}

	# To find it takes as long as to unpack all of the source.
	if [ ! "$header" -nt "$tarball" ]; then
		tar -xOf "$tarball" --occurrence=1 --wildcards \
			"*/$dir/kselftest.h" >"$header.new"
		mv "$header.new" "$header"
	fi
	mkdir -p "$tmp/tree/$dir"
	cp "$header" "$tmp/tree/$dir/"
	(cd "$tmp/tree" && git apply --include="$dir/*/offline_pages.c" \
		"$top"/guest-kernel-patches/linux-6.12/*-selftests-memory-*)
	gcc -O2 -Wall -Werror -static -o "$tmp/root/offline_pages" \
		"$tmp/tree/$dir/memory-hotplug/offline_pages.c"
}

# build_initramfs: the tests as /init, and all modules, in $tmp/initramfs
build_initramfs() {
	mkdir -p "$tmp/root"
	cp -r "$here" "$tmp/src"
	env -u MAKEFLAGS -u MAKELEVEL -u MFLAGS make -s -C "$kbuild" \
		M="$tmp/src" modules >"$logs/modules.log" 2>&1 ||
		cat "$logs/modules.log" >&2
	gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror -static \
		-I"$top/guest-kernel-patches/uapi" -o "$tmp/root/init" \
		"$here"/{init,suite,start,world,zones,stress,storm,storm_load}.c \
		"$here"/{storm_look,cancel,oom,poison,nodes,dump,kexec,selftest}.c
	build_selftest
	cp "$kernel/memtide.ko" "$kernel"/modules/*.ko "$tmp"/src/*.ko \
		"$tmp/root/"
	# As it is on a kernel without the series: a reference to nothing
	objcopy --redefine-sym free_offline_page_range=not_in_this_kernel \
		"$kernel/memtide.ko" "$tmp/root/missing.ko"
	(cd "$tmp/root" && find . | cpio --quiet -o -H newc) >"$tmp/initramfs"
}
