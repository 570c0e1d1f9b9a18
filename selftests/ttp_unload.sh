#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# rmmod works whenever no socket is open: under incoming traffic, again and
# again; and it does not while there is one.

. "$(dirname "$0")/lib.sh"

rounds=20
[ "$slow" -eq 1 ] || rounds=6

flood() {
	start a "$top/selftests/ttp_flood" wire0 "$(mac_of b)" 600 >"$tmp/flood" 2>&1
	flood_pid=$started
}

frames_in() {
	local n

	n=$(counter b frames_in)
	[ "${n:-0}" -gt 100 ]
}

in_use() {
	[ "$(awk '$1 == "ttp" { print $3 }' /proc/modules)" -gt 0 ]
}

# One life of the module: load, listen, be flooded, unload. What a closed socket
# held of it goes with the next grace period.
cycle() {
	local listener status=0

	modprobe ttp || return
	on b ttpctl dev add wire0 || return
	start b ttpcat -l -k 7 </dev/null >/dev/null 2>&1
	listener=$started
	wait_for 10 in_use || status=1
	wait_for 10 frames_in || status=1
	rmmod ttp 2>/dev/null && status=1	# a socket is open
	end "$listener"
	wait_for 2 rmmod ttp || status=1
	return "$status"
}

cycles() {
	local i

	for ((i = 1; i <= rounds; i++)); do
		cycle || {
			echo "round $i"
			lsmod | grep '^ttp'
			return 1
		}
	done
}

unload_with_links() {
	modprobe ttp || return
	on b ttpctl dev add wire0 || return
	on a ttpctl dev add wire0 || return
	start b timeout $((60 * slow)) ttpcat -l 9 >/dev/null </dev/null
	head -c 300000 /dev/zero >"$tmp/zeros"
	input=$tmp/zeros dial a timeout $((60 * slow)) ttpcat "$(mac_of b)%wire0" 9
	wait "$started"
	wait_for 2 rmmod ttp
}

plan 6
ns_add a
ns_add b
ip link add wire0 netns "$(ns_name a)" address "$(mac_of a)" \
	type veth peer name wire0 netns "$(ns_name b)" address "$(mac_of b)"
ip -n "$(ns_name a)" link set wire0 up
ip -n "$(ns_name b)" link set wire0 up

if [ -e /sys/module/ttp ]; then
	check "rmmod after all the tests" rmmod ttp
else
	check "modprobe" modprobe ttp
	rmmod ttp
fi
flood
check "$rounds times loaded, used and unloaded under incoming frames" cycles
check "the frames came all the time" kill -0 "$flood_pid"
end "$flood_pid"
check "unloading as soon as a transfer has ended" unload_with_links
check "loading once more" modprobe ttp
check "unloading an idle module" rmmod ttp
finished
