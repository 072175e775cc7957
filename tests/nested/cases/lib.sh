# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0-or-later
#
# lib.sh - What every case starts with: . "$LAB/cases/lib.sh"
#
# A case is an executable that is run in dom0 and passes by exiting with 0. Its
# header says what it needs, in comment lines (see README.md). Guests that it
# creates itself are removed when it ends, however it ends.
set -euo pipefail

say() { echo "$(date +%T) $*"; }

fail() {
	echo "FAIL: $*" >&2
	exit 1
}

# same WHAT GOT WANTED
same() {
	[[ $2 == "$3" ]] || fail "$1: got '$2', wanted '$3'"
}

# A process costs a tenth of a second in the emulator, and all of it: what is done
# often is done without one.

# pause SECONDS: by waiting for a pipe that never says a word
exec {lib_silence}<> <(:)
pause() { read -rt "$1" -u "$lib_silence" || true; }

# wait_until SECONDS COMMAND...: until it succeeds; fails if it never does
wait_until() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@"; do
		((SECONDS < deadline)) || return 1
		pause 0.1
	done
}

guest_names() {
	xl list | awk 'NR > 1 && $1 != "Domain-0" { print $1 }' | sort
}

# meminfo GUEST FIELD: in KiB, as the guest has it
meminfo() {
	local name kib
	while read -r name kib _; do
		[[ $name != "$2:" ]] || echo "$kib"
	done < <(guest "$1" cat /proc/meminfo)
}

# pages_of GUEST: the pages Xen counts for it
pages_of() {
	local pages max
	read -r pages max < <(xen-pages "$1")
	[[ -n $max ]] || fail "Xen has no count for $1"
	echo "$pages"
}

# Accounting: at its end everything is Xen's again. Between the
# two calls, guests come and go.
accounting_begin() {
	accounting_guests=$(guest_names)
	accounting_free=$(xen-free-pages)
}

# A domain that still has pages stays in Xen's list, as "(null)", so the list is
# exact. The free pages are not quite: Xen's own heap and dom0's grant tables may
# keep a page or two of what they grew by. A granule is 512.
free_pages_near() {
	local missing=$(($1 - $(xen-free-pages)))
	((missing <= 8 && missing >= -8))
}

accounting_is_even() {
	[[ $(guest_names) == "$accounting_guests" ]] &&
		free_pages_near "$accounting_free"
}

# Xen frees a domain's last pages a moment after the domain has gone
accounting_end() {
	local even=0
	wait_until 10 accounting_is_even || even=1
	echo "accounting: free pages $accounting_free, now $(xen-free-pages)"
	echo "accounting: guests '$accounting_guests', now '$(guest_names)'"
	return "$even"
}

# destroy_all_but NAMES
destroy_all_but() {
	local name
	while read -r name; do
		[[ -z $name ]] || guest-destroy "$name" || true
	done < <(comm -13 <(echo "$1") <(guest_names))
}

lib_guests=$(guest_names)
trap 'destroy_all_but "$lib_guests"' EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
