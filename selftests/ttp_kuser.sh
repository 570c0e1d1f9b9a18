#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# A user inside the kernel, selftests/kuser: blocking and by callbacks, between
# two namespaces; and what it holds, and what it does not.

. "$(dirname "$0")/lib.sh"

file=/sys/kernel/debug/ttp_kuser

# tell COMMAND [A B]: the namespaces go along as file descriptors
tell() {
	local status=0

	if [ $# -eq 1 ]; then
		echo "$1" >"$file"
		return
	fi
	exec 3<"/run/netns/$(ns_name "$2")" 4<"/run/netns/$(ns_name "$3")"
	echo "$1 3 4" >"$file" || status=1
	exec 3<&- 4<&-
	return "$status"
}

reports() {
	grep -q "$1" "$file"
}

# Its results are ours.
cases() {
	local line n=0

	tell test a b 2>/dev/null
	while read -r line; do
		case $line in
		"ok "*) result 0 "${line#ok * }" ;;
		"not ok "*) result 1 "${line#not ok * }" ;;
		"#"*) echo "$line" ;;
		1..*) n=${line#1..} ;;
		esac
	done <"$file"
	check "as many results as it has cases" test "$n" -eq $((ktap_n - 1))
}

# links N: so many are shown on node a
links() {
	local shown

	shown=$(on a ttpctl link show)
	echo "$shown"
	[ "$(grep -c "$(mac_of b)" <<<"$shown")" -eq "$1" ]
}

held() {
	check "sockets are kept" tell hold a b
	check "a link of the kernel's is shown" links 1
	refused 1 "in use" "rmmod is refused as long as they are" rmmod ttp
	refused 1 "" "they are opened once" tell hold a b
	check "they go" tell drop
	check "nothing is left of them" wait_for 10 links 0
}

# A namespace that they do not keep: it goes, its device with it, and they are
# closed in time.
namespace() {
	check "sockets are kept in a namespace that goes" tell hold a b
	check "the namespace goes" ns_del b
	check "and they with it" wait_for 20 reports "with its namespace"
	check "no link is left on the other node" wait_for 60 links 0
}

unloaded() {
	[ ! -e /sys/module/ttp_kuser ]
}

plan 34
# shellcheck disable=SC2119
wire_up
on b tc qdisc add dev wire0 root netem delay 5ms
check "the module that uses sockets" modprobe ttp_kuser
cases
held
namespace
check "rmmod with a socket kept, of which it knows" tell drop
check "rmmod" rmmod ttp_kuser
check "it is gone" unloaded
finished
