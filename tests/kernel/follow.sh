# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash disable=SC2154
#
# follow.sh - Boot a guest that says on its second serial line what it wants of
# the host
#
# For scripts that have set $kernel, $logs, $tmp and $complaints, have sourced
# qmp.sh, and have a function host_VERB for each line "host VERB ARGUMENT" that
# the guest may print.

# build_small_initramfs SOURCE...: those of $here as /init, and memtide.ko
build_small_initramfs() {
	mkdir -p "$tmp/root"
	(cd "$here" && gcc -std=gnu11 -D_GNU_SOURCE -O2 -Wall -Wextra -Werror \
		-static -I"$top/guest-kernel-patches/uapi" \
		-o "$tmp/root/init" "$@")
	[ ! -e "$kernel/memtide.ko" ] || cp "$kernel/memtide.ko" "$tmp/root/"
	(cd "$tmp/root" && find . | cpio --quiet -o -H newc) >"$tmp/initramfs"
}

# answers_like PATTERN COMMAND: the device's answer is as the guest says, by now
# or when it has answered itself
answers_like() {
	local answer i

	for ((i = 0; i < 50; i++)); do
		answer=$(qmp "$2")
		# shellcheck disable=SC2053	# a pattern
		[[ $answer != $1 ]] || return 0
		sleep 0.1
	done
	echo "not ok the device has what the guest says: $answer"
	return 1
}

# follow NAME SUITE SECONDS: do what the guest wants until it is done; status 1
# if it failed
follow() {
	local ret=0 deadline=$((SECONDS + $3)) rest

	while qemu_line $((deadline - SECONDS)); do
		case $line in
		'host '*)
			rest=${line#host }
			"host_${rest%% *}" "${rest#* }" || ret=1 ;;
		"done $2") return "$ret" ;;
		'not ok '*) echo "$line"; ret=1 ;;
		*) echo "$line" ;;
		esac
	done
	echo "not ok $1: did not finish"
	return 1
}

# boot_and_follow NAME SUITE SECONDS ARGUMENT...: of QEMU; print "ok NAME" or
# "not ok NAME", status 1 then
boot_and_follow() {
	local name=$1 console=$logs/$1.console bad=

	mkdir "$tmp/$name"
	qemu_start "$tmp/$name" "$console" -kernel "$kernel/vmlinuz" \
		-initrd "$tmp/initramfs" "${@:4}"
	follow "$name" "$2" "$3" || bad=1
	qemu_stop
	if grep -E "$complaints" "$console" >&2; then
		echo "not ok $name: the kernel complains"
		bad=1
	fi
	if [ -n "$bad" ]; then
		tail -n 20 "$console" >&2
		return 1
	fi
	echo "ok $name"
}
