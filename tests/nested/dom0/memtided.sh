# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# memtided.sh - What lab-memtided does, as a function for cases that do it often
#
# lab-memtided start|stop|kill|pid: memtided as the lab runs it, with LAB_PRELOAD
# preloaded and LAB_MEMTIDED for options. Its log is build/lab/memtided.log. "kill"
# is SIGKILL, and returns when it is gone.

lab_memtided_pidfile=/run/lab-memtided.pid
exec {lab_memtided_silence}<> <(:)

# Some milliseconds, without a process
lab_memtided_pause() { read -rt 0.05 -u "$lab_memtided_silence" || true; }

lab_memtided_start() {
	local pid deadline=$((SECONDS + 30))
	# Not a child of this shell, which may wait for all of them
	(
		LD_PRELOAD=${LAB_PRELOAD:-} setsid memtided --backend xen \
			--log-level debug ${LAB_MEMTIDED:-} \
			>>/lab/out/memtided.log 2>&1 </dev/null &
		echo $! >"$lab_memtided_pidfile"
	)
	pid=$(<"$lab_memtided_pidfile")
	until memtide list >/dev/null 2>&1; do
		if ! kill -0 "$pid" 2>/dev/null || ((SECONDS > deadline)); then
			echo "lab-memtided: memtided does not answer" >&2
			return 1
		fi
		lab_memtided_pause
	done
}

# lab_memtided_end SIGNAL
lab_memtided_end() {
	local pid deadline=$((SECONDS + 30))
	pid=$(<"$lab_memtided_pidfile")
	kill -"$1" "$pid" || return
	while kill -0 "$pid" 2>/dev/null; do
		((SECONDS <= deadline)) || return 1
		lab_memtided_pause
	done
}

lab-memtided() {
	case $1 in
	start) lab_memtided_start ;;
	stop) lab_memtided_end TERM ;;
	kill) lab_memtided_end KILL ;;
	pid) cat "$lab_memtided_pidfile" ;;
	*) echo "lab-memtided: start, stop, kill or pid" >&2; return 2 ;;
	esac
}
