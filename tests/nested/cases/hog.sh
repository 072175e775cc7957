# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# hog.sh - A domain that only takes memory, for a while

# hog WHAT MIB: as xen-hog, until hog_ends
hog() {
	rm -f /run/hog
	mkfifo /run/hog
	xen-hog "$1" "$2" </run/hog >/run/hog.log 2>&1 &
	hog=$!
	exec 7>/run/hog
	wait_until 60 grep -q ready /run/hog.log || fail "$(cat /run/hog.log)"
	say "hog $*: $(cat /run/hog.log)"
}

hog_ends() {
	exec 7>&-
	wait "$hog" || fail "hog: $(cat /run/hog.log)"
}
