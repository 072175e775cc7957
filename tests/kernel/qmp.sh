# SPDX-License-Identifier: GPL-2.0-or-later
# shellcheck shell=bash
#
# qmp.sh - Talk to a QEMU that runs in the background
#
# qemu_start ARGUMENT...; then qmp and qemu_line; qemu_stop at the end. The
# guest's lines of results come from its second serial port.

# qemu_start DIR CONSOLE ARGUMENT...: DIR is for what must not be found later
qemu_start() {
	local dir=$1 console=$2

	shift 2
	rm -f "$console" "$dir/results"
	mkfifo "$dir/results"
	exec 5<>"$dir/results"
	# shellcheck disable=SC2034	# the shell sets QEMU and QEMU_PID
	coproc QEMU {
		exec qemu-system-x86_64 -nodefaults -display none -no-reboot \
			-serial "file:$console" -serial "file:$dir/results" \
			-qmp stdio "$@" 5<&-
	}
	qemu_pid=$!
	qemu_out=${QEMU[0]} qemu_in=${QEMU[1]}
	qmp '{"execute": "qmp_capabilities"}' >/dev/null
}

# qmp COMMAND: send it, print the answer; status 1 if it is an error
qmp() {
	local line

	printf '%s\n' "$1" >&"$qemu_in"
	while read -r -t 60 line <&"$qemu_out"; do
		line=${line%$'\r'}
		case $line in
		'{"return"'*) printf '%s\n' "$line"; return ;;
		'{"error"'*) printf '%s\n' "$line" >&2; return 1 ;;
		esac
	done
	return 1
}

# qemu_line SECONDS: the guest's next line in $line; status 1 if none comes
qemu_line() {
	read -r -t "$1" line <&5 || return 1
	line=${line%$'\r'}
}

qemu_stop() {
	[ -n "${qemu_pid:-}" ] || return 0
	kill "$qemu_pid" 2>/dev/null || true
	wait "$qemu_pid" 2>/dev/null || true
	qemu_pid=
	exec 5<&-
}
