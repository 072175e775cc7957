# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# memtide.sh - What cases about memtide share

# field GUEST NAME: a field of memtide show, as in its JSON
field() {
	memtide show "$1" --json |
		awk -F': *' -v name="\"$2\"" '$1 ~ name {
			sub(/,$/, "", $2); gsub(/"/, "", $2); print $2; exit }'
}

# wait_managed GUEST...: until their agents have greeted
wait_managed() {
	local guest
	for guest; do
		wait_until 60 is_ready "$guest" ||
			fail "$guest is not ready: $(memtide show "$guest" 2>&1)"
	done
}

is_ready() { [[ $(field "$1" state) == ready ]]; }

# guest_blocks GUEST: memory blocks of the window that are present
guest_blocks() {
	guest "$1" sh -c 'grep -c "System RAM (memtide)" /proc/iomem || true'
}

# agree GUEST: the CLI, xl list and Xen's count tell the same story (I2, I3, I5)
agree() {
	local pages max kib
	read -r pages max < <(xen-pages "$1")
	kib=$((pages * 4))
	same "maximum of $1 in pages" "$max" "$pages"
	same "held_kib of $1" "$(field "$1" held_kib)" "$kib"
	same "target_kib of $1" "$(field "$1" target_kib)" "$kib"
	same "xl list of $1" "$(xl list "$1" | awk 'NR == 2 { print $3 }')" \
		$((kib / 1024))
}

audit_clean() {
	memtide audit || fail "the audit found something"
}
