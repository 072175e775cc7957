# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# dump.sh - What is seen from outside: memory that was never in use is untouched,
# and a dump of the guest leaves out what has no memory behind it
#
# The guest's RAM is a file with a pattern in it where the window will be. QEMU
# dumps a guest that has some of the window online; makedumpfile filters
# the dump by what the guest's kernel says of itself in vmcoreinfo. Pages that
# makedumpfile calls offline it does not read: they must be as many as the
# guest's own kpageflags says.
#
# For scripts that have set $kernel, $logs, $tmp with the initramfs in it, and
# have sourced qmp.sh.

granule=$((2 << 20))
window=$((1 << 30))	# where it begins in the file

# write_pattern: into four blocks of the guest's RAM
write_pattern() {
	yes memtide | head -c "$granule" >"$tmp/pattern"
	for ((g = 0; g < 4 * 64; g++)); do
		cat "$tmp/pattern"
	done | dd of="$tmp/ram" bs=1M seek=$((window >> 20)) status=none
	truncate -s 2560M "$tmp/ram"
}

# read_pattern: it is still there in each granule of $untouched
read_pattern() {
	local g

	[ ${#untouched[@]} -gt 100 ] || return 1
	for g in "${untouched[@]}"; do
		cmp -s -n "$granule" -i "$((window + g * granule)):0" \
			"$tmp/ram" "$tmp/pattern" || return 1
	done
}

# read_zeros: there is nothing in any granule of $pulled
read_zeros() {
	local g

	[ ${#pulled[@]} -gt 50 ] || return 1
	for g in "${pulled[@]}"; do
		cmp -s -n "$granule" -i "$((window + g * granule)):0" \
			"$tmp/ram" /dev/zero || return 1
	done
}

# wait_offline: the guest's number of offline pages in $offline, what it never
# used in $untouched, what it gave up in $pulled
wait_offline() {
	local line

	while qemu_line 120; do
		case $line in
		"offline "*) offline=${line#offline }; return ;;
		"untouched "*) untouched+=("${line#* }") ;;
		"pulled "*) pulled+=("${line#* }") ;;
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

# boot_dump: print "ok NAME" or "not ok NAME: why" for both; status 1 if not ok
boot_dump() {
	local offline=0 found=0 bad='' changed='' left='' untouched=() pulled=()

	write_pattern
	# 1 GiB at the bottom, and the rest where the window is
	qemu_start "$tmp" "$logs/dump.console" -accel tcg,thread=multi -smp 2 \
		-m 2560M -machine pc,max-ram-below-4g=1G,memory-backend=ram \
		-object "memory-backend-file,id=ram,size=2560M,share=on,mem-path=$tmp/ram" \
		-device vmcoreinfo \
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
	[ -z "$bad" ] || changed="not looked at" left="not looked at"
	[ -n "$changed" ] || read_pattern ||
		changed="one of ${#untouched[@]} granules was written to"
	[ -n "$left" ] || read_zeros ||
		left="one of ${#pulled[@]} granules has something in it"
	echo "${left:+not }ok nothing_is_left_in_what_was_pulled${left:+: $left}"
	echo "${changed:+not }ok never_online_is_untouched_from_outside${changed:+: $changed}"
	rm -f "$tmp"/dump* "$tmp"/{filtered,ram,pattern}
	echo "${bad:+not }ok dump${bad:+: $bad}"
	[ -z "$bad$changed$left" ]
}
