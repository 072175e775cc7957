# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# memtide.sh - What cases about memtide share

. "$LAB/dom0/memtided.sh"

# look GUEST: one memtide show, for the next value_of
look() { shown=$(memtide show "$1" --json 2>/dev/null); }

# value_of NAME: sets $value, as in its JSON
value_of() {
	value=
	[[ ! $shown =~ \"$1\":\ *\"?([^\",[:cntrl:]]*) ]] ||
		value=${BASH_REMATCH[1]}
}

# field GUEST NAME: prints that
field() {
	look "$1" || return
	value_of "$2"
	echo "$value"
}

# is GUEST NAME=VALUE...: at one time
is() {
	local want
	look "$1" || return
	shift
	for want; do
		value_of "${want%%=*}"
		[[ $value == "${want#*=}" ]] || return
	done
}

# wait_managed GUEST...: until their agents have greeted
wait_managed() {
	local guest
	for guest; do
		wait_until 60 is_ready "$guest" ||
			fail "$guest is not ready: $(memtide show "$guest" 2>&1)"
	done
}

is_ready() { is "$1" state=ready; }

# guest_blocks GUEST: memory blocks of the window that are present
guest_blocks() {
	guest "$1" sh -c 'grep -c "System RAM (memtide)" /proc/iomem || true'
}

# agree_held GUEST: what it holds, where that is not its target
agree_held() {
	local pages max
	read -r pages max < <(xen-pages "$1")
	same "maximum of $1 in pages" "$max" "$pages"
	same "held_kib of $1" "$(field "$1" held_kib)" $((pages * 4))
}

# agree GUEST: the CLI, xl list and Xen's count tell the same story (I2, I3, I5)
agree() {
	local pages max
	read -r pages max < <(xen-pages "$1")
	same "maximum of $1 in pages" "$max" "$pages"
	look "$1"
	value_of held_kib
	same "held_kib of $1" "$value" $((pages * 4))
	value_of target_kib
	same "target_kib of $1" "$value" $((pages * 4))
	same "xl list of $1" "$(xl_mib "$1")" $((pages / 256))
}

# xl_mib GUEST: what xl says it holds
xl_mib() {
	local mib
	{ read -r _; read -r _ _ mib _; } < <(xl list "$1")
	echo "$mib"
}

audit_clean() {
	memtide audit || fail "the audit found something"
}

# tool GUEST: put guesttool into the guest, as /tmp/guesttool
tool() {
	guest -i "$1" sh -c 'cat >/tmp/guesttool && chmod +x /tmp/guesttool' \
		<"$(command -v guesttool)"
}

# window_gfn GUEST: the window's first frame
window_gfn() {
	local start
	start=$(guest "$1" cat /proc/iomem | sed -n 's/-.* : memtide$//p')
	echo $((16#${start// /} / 4096))
}

# no_oom GUEST: its kernel never had to kill
no_oom() {
	if guest "$1" dmesg | grep -iE 'out of memory|oom-kill|oom_reaper:'; then
		fail "the OOM killer ran in $1"
	fi
}

# no_splat GUEST: nor did it complain of anything, but of what guest-create does
# to its TSC
no_splat() {
	if guest "$1" dmesg | grep -v ' xen_time_init+' |
		grep -E 'WARNING:|BUG:|Oops|Bad page'; then
		fail "the kernel of $1 complains"
	fi
}

# refused STATUS TEXT COMMAND...: ends with STATUS and says TEXT
refused() {
	local want=$1 text=$2 status=0 said
	shift 2
	said=$("$@" 2>&1) || status=$?
	same "status of $*" "$status" "$want"
	[[ $said == *"$text"* ]] || fail "$* said '$said', not '$text'"
}
