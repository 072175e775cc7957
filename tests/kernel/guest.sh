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
		"$here"/{storm_look,cancel,oom,poison,nodes,dump,kexec}.c
	cp "$kernel/memtide.ko" "$kernel"/modules/*.ko "$tmp"/src/*.ko \
		"$tmp/root/"
	# As it is on a kernel without the series: a reference to nothing
	objcopy --redefine-sym free_offline_page_range=not_in_this_kernel \
		"$kernel/memtide.ko" "$tmp/root/missing.ko"
	(cd "$tmp/root" && find . | cpio --quiet -o -H newc) >"$tmp/initramfs"
}
