# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# saved.sh - What the cases about saving share: g1, before and after

node() { xenstore-read "/local/domain/$(xl domid g1)/$1"; }

# arrived MIB: g1 holds that, all of it online, and has settled
arrived() {
	is g1 state=ready held_kib=$(($1 * 1024 + saved_odd_kib)) \
		online_kib=$((($1 - 256) * 1024))
}

saved_begin() {
	wait_managed g1
	saved_boot_kib=$(field g1 boot_kib)
	saved_odd_kib=$((saved_boot_kib % 1024))
	saved_small_total=$(meminfo g1 MemTotal)
	saved_uuid=$(field g1 uuid)
	tool g1
}

# fill MIB: with a pattern, in the background. filled: all of it is still there
fill() {
	guest g1 sh -c "rm -f /tmp/go; mkfifo /tmp/go
		/tmp/guesttool hold $1 23 /tmp/go >/tmp/held 2>&1 &"
	wait_until 120 guest g1 grep -q ready /tmp/held ||
		fail "$1 MiB could not be filled"
}

filled() {
	guest g1 sh -c 'echo >/tmp/go'
	wait_until 60 guest g1 grep -q intact /tmp/held ||
		fail "the data: $(guest g1 cat /tmp/held)"
	say "every byte is there"
}

# came_back DOMID MIB: from that domain, and it has its target
came_back() {
	guest-wait g1 60
	[[ $(xl domid g1) != "$1" ]] || fail "it is still domain $1"
	wait_until 90 arrived "$2" || fail "$(memtide show g1)"
	same "its uuid" "$(field g1 uuid)" "$saved_uuid"
	same "what it was built with" "$(field g1 boot_kib)" "$saved_boot_kib"
	same "MemTotal" "$(meminfo g1 MemTotal)" \
		$((saved_small_total + ($2 - 256) * 1024 * 63 / 64))
	same "memory/target" "$(node memory/target)" $(($2 * 1024))
	same "memory/static-max" "$(node memory/static-max)" $(($2 * 1024))
	agree g1
	audit_clean
	say "domain $1 is now $(xl domid g1), with $2 MiB"
}

# resizes_on: down to boot memory, up, and down
resizes_on() {
	local mib
	for mib in 256 640 256; do
		memtide set g1 "${mib}M" --wait --timeout 120 | tail -n 1
		agree g1
		same "MemTotal at $mib" "$(meminfo g1 MemTotal)" \
			$((saved_small_total + (mib - 256) * 1024 * 63 / 64))
	done
	same "blocks" "$(guest_blocks g1)" 0
	audit_clean
	no_splat g1
}
