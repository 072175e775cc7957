# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# dump.sh - A dump of the guest leaves out what has no memory behind it
#
# QEMU dumps a guest that has some of the window online; makedumpfile filters
# the dump by what the guest's kernel says of itself in vmcoreinfo. Pages that
# makedumpfile calls offline it does not read: they must be as many as the
# guest's own kpageflags says.
#
# For scripts that have set $kernel, $logs, $tmp with the initramfs in it, and
# have sourced qmp.sh.

# wait_offline: the guest's number of offline pages in $offline
wait_offline() {
	local line

	while qemu_line 120; do
		case $line in
		"offline "*) offline=${line#offline }; return ;;
		"not ok "*) echo "$line"; return 1 ;;
		*) echo "$line" ;;
		esac
	done
	return 1
}

# number FILE OFFSET BYTES: of an ELF header
number() {
	od -An -j "$2" -N "$3" -t "u$3" "$1" | tr -d ' '
}

# move_headers FILE: QEMU puts a section table between the ELF header and the
# program headers; makedumpfile wants them right behind it, wherever e_phoff is.
move_headers() {
	local at nr

	at=$(number "$1" 32 8)
	nr=$(number "$1" 56 2)
	[ "$at" != 64 ] || return 0
	dd if="$1" of="$1.headers" bs=1 skip="$at" count=$((nr * 56)) \
		status=none
	dd if="$1.headers" of="$1" bs=1 seek=64 conv=notrunc status=none
}

# filter_dump: the pages that makedumpfile took for offline in $found
filter_dump() {
	local log=$logs/dump.log

	move_headers "$tmp/dump"
	makedumpfile -d 31 --message-level 31 "$tmp/dump" "$tmp/filtered" \
		>"$log" 2>&1 || return 1
	found=$(sed -n 's/^ *Offline pages *: *0x//p' "$log")
	found=$((16#${found:-0}))
}

# boot_dump: print "ok dump" or "not ok dump: why"; status 1 if not ok
boot_dump() {
	local offline=0 found=0 bad=

	# 1 GiB at the bottom, and the rest where the window is
	qemu_start "$tmp" "$logs/dump.console" -accel tcg,thread=multi -smp 2 \
		-m 2560M -machine pc,max-ram-below-4g=1G -device vmcoreinfo \
		-kernel "$kernel/vmlinuz" -initrd "$tmp/initramfs" \
		-append "console=ttyS0 loglevel=5 panic=-1 mem=1G \
			memory_hotplug.memmap_on_memory=1 -- dump"
	wait_offline || bad="the guest does not get ready"
	[ -n "$bad" ] || qmp '{"execute": "dump-guest-memory", "arguments": {
		"paging": false, "protocol": "file:'"$tmp"'/dump"}}' \
		>/dev/null || bad="QEMU does not dump"
	qemu_stop
	[ -n "$bad" ] || filter_dump || bad="makedumpfile failed"
	[ -n "$bad" ] || [ "$offline" = "$found" ] ||
		bad="$found pages left out, $offline are offline"
	rm -f "$tmp"/dump* "$tmp/filtered"
	echo "${bad:+not }ok dump${bad:+: $bad}"
	[ -z "$bad" ]
}
