#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A user inside the kernel that knows nothing of TTP: the client of the 9P file
# system takes any stream socket that it is given as its transport.

. "$(dirname "$0")/lib.sh"

here=$(cd "$(dirname "$0")" && pwd)

# The server talks by pipes; ttpcat carries that.
serve() {
	mkfifo "$tmp/answers"
	# shellcheck disable=SC2094 # a pipe, not a file
	start b ttpcat -l 564 <"$tmp/answers" | "$here/ninep.py" serve \
		>"$tmp/answers" &
}

use() {
	mkdir -p "$tmp/mnt"
	dial a timeout $((60 * slow)) "$here/ninep.py" use "$(mac_of b)" 564 "$tmp/mnt"
}

# Four times 700 000 bytes, in frames of an Ethernet
moved() {
	local ids

	ids=$(counter b payload_in)
	echo "$ids ids"
	[ "${ids:-0}" -gt 1900 ]
}

gone() {
	! on a ttpctl link show | grep -q "$(mac_of b)"
}

# The file system's own module may serve others.
transport_goes() {
	[ ! -e /sys/module/9pnet_fd ] || rmmod 9pnet_fd
}

unused() {
	[ "$(awk '$1 == "ttp" { print $3 }' /proc/modules)" -eq 0 ]
}

plan 5
if ! modprobe 9pnet_fd 2>/dev/null || ! modprobe 9p 2>/dev/null; then
	for ((i = 0; i < 5; i++)); do
		skip "9P over TTP" "this kernel has no 9P"
	done
	finished
fi
# shellcheck disable=SC2119
wire_up
serve
check "files written, changed and read back by four threads" use
check "by the wire" moved
check "no link is left" wait_for 10 gone
check "and the transport goes" wait_for 10 transport_goes
check "TTP is held by nobody" wait_for 10 unused
finished
