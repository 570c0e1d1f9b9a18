#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ttpctl dev, link and stat as an administrator uses them; devices of all sorts

. "$(dirname "$0")/lib.sh"

json() {
	local filter=$1

	shift
	"$@" | jq -e "$filter"
}

# ttping over a pair of devices: reach FROM TO DEVICE-OF-FROM MAC
reach() {
	local from=$1 to=$2 dev=$3 mac=$4 responder status

	start "$to" timeout $((120 * slow)) ttping -l -q
	responder=$started
	dial "$from" ttping -q -c 5 -i 0.05 -t "$patience" -I "$dev" "$mac"
	status=$?
	end "$responder"
	return "$status"
}

# ---- words and exit codes ----

grammar() {
	check "show: nothing enabled yet" test -z "$(on a ttpctl dev show)"
	refused 1 "" "no command: usage" on a ttpctl
	refused 1 "object" "unknown object" on a ttpctl nonsense show
	refused 1 "" "unknown command" on a ttpctl dev frobnicate wire0
	refused 1 "" "unknown keyword" on a ttpctl dev add wire0 slotz 3
	refused 1 "" "not a number" on a ttpctl dev add wire0 slots many
	refused 1 "" "no such device" on a ttpctl dev add nosuch0
	refused 2 "loopback" "lo is refused in words" on a ttpctl dev add lo
	refused 2 "not enabled" "del of what is not enabled" \
		on a ttpctl dev del wire0
	check "add" on a ttpctl dev add wire0
	refused 2 "already" "add twice" on a ttpctl dev add wire0
	check "show names it" grep -q wire0 <(on a ttpctl dev show)
	check "-j is valid JSON" json '.[0].ifname == "wire0"' \
		on a ttpctl -j dev show wire0
	check "set" on a ttpctl dev set wire0 slots 64 link-slots 16 \
		policy gid 100 200 idle 5000 allow 02:00:00:00:00:77
	check "it is set" json '.[0] | .slots == 64 and .link_slots == 16 and
		.policy == "gid" and .gid_min == 100 and .idle_ms == 5000' \
		on a ttpctl -j dev show wire0
	refused 2 "" "a link with more slots than its device" \
		on a ttpctl dev set wire0 slots 32 link-slots 33
	check "-n does it in another namespace" \
		ttpctl -n "$(ns_name b)" dev add dev wire0
	refused 1 "namespace" "-n of no namespace" ttpctl -n nosuch-ns dev show
	check "abbreviations" on a ttpctl d sh
	check "counters" grep -q "^frames_in" <(on a ttpctl stat show)
	check "counters as JSON" json '.' on a ttpctl -j stat show
	check "del" on a ttpctl dev del wire0
	check "and add again, for what follows" on a ttpctl dev add wire0
}

proc_and_netlink_agree() {
	local from_proc from_netlink

	from_proc=$(on a awk '!names { split($0, name); names = 1; next }
		{ for (i = 2; i <= NF; i++) if (name[i] == "frames_in") print $i }' \
		/proc/net/ttp/netstat)
	from_netlink=$(counter a frames_in)
	echo "$from_proc $from_netlink"
	[ -n "$from_proc" ] && [ "$from_proc" = "$from_netlink" ]
}

nobody_adds() {
	on a setpriv --reuid 65534 --regid 65534 --clear-groups \
		env PATH="$PATH" ttpctl dev set wire0 slots 64
}

links() {
	local listener

	start b timeout $((60 * slow)) ttpcat -l -d 1234 >/dev/null
	listener=$started
	mkfifo "$tmp/hold"
	input=$tmp/hold dial a timeout $((60 * slow)) ttpcat "$(mac_of b)" 1234 &
	exec 9>"$tmp/hold"
	check "link show" wait_for 5 link_is_shown
	check "link show -s" on a ttpctl -s link show
	check "link show -j" json '.[0] | .state == "OPEN" and .rport == 1234' \
		on a ttpctl -j link show dev wire0
	check "link show, none that match" \
		test -z "$(on a ttpctl link show rport 999)"
	check "link show, dev peer port" grep -q OPEN \
		<(on a ttpctl link show wire0 peer "$(mac_of b)" port 1234)
	exec 9>&-
	wait "$listener"
	result $? "its end"
	check "and nothing is left of it" wait_for 3 no_links
}

link_is_shown() {
	on a ttpctl link show | grep -q "OPEN.*1234"
}

no_links() {
	[ -z "$(on a ttpctl link show)$(on b ttpctl link show)" ]
}

# ---- ports of bridges and bonds, and what works in their place ----

ports() {
	on a ip link add br0 address 02:70:00:00:00:1a type bridge
	on a ip link set br0 up
	refused 2 "TTP is enabled" "an enabled device joins no bridge" \
		on a ip link set wire0 master br0
	on a ttpctl dev del wire0
	on a ip link set wire0 master br0
	refused 2 "bridge" "a bridge's port is refused in words" \
		on a ttpctl dev add wire0
	check "the bridge itself is taken" on a ttpctl dev add br0
	check "and reaches the other end" reach a b br0 "$(mac_of b)"
	on a ttpctl dev del br0
	on a ip link set wire0 nomaster
	on a ip link del br0
	check "a port that left can be enabled" on a ttpctl dev add wire0
	bonds
}

bonds() {
	if ! on a ip link add bond0 type bond mode active-backup miimon 10; then
		skip "a bond's port is refused in words" "no bonding in this kernel"
		skip "the bond reaches the other end" "no bonding in this kernel"
		skip "an enabled device joins no bond" "no bonding in this kernel"
		return
	fi
	on a ip link set wire0 down
	refused 2 "TTP is enabled" "an enabled device joins no bond" \
		on a ip link set wire0 master bond0
	on a ttpctl dev del wire0
	on a ip link set wire0 master bond0
	on a ip link set bond0 up
	refused 2 "bond" "a bond's port is refused in words" \
		on a ttpctl dev add wire0
	on a ttpctl dev add bond0
	check "the bond reaches the other end" \
		wait_for 5 reach a b bond0 "$(mac_of b)"
	on a ttpctl dev del bond0
	on a ip link del bond0
	on a ip link set wire0 up
	on a ttpctl dev add wire0
}

# ---- devices on top of the wire ----

vlan() {
	local node

	for node in a b; do
		on "$node" ip link add link wire0 name wire0.5 type vlan id 5
		on "$node" ip link set wire0.5 up
		on "$node" ttpctl dev add wire0.5
	done
	check "VLAN device" reach a b wire0.5 "$(mac_of b)"
	check "a link there is not one of the device below" vlan_link_apart
	check "and the device below at the same time" reach a b wire0 "$(mac_of b)"
	for node in a b; do
		on "$node" ip link del wire0.5
	done
	check "gone with its device" test -z "$(on a ttpctl dev show | grep '\.5')"
}

# Frames of wire0.5 are none of wire0's, whatever the kernel hands to it: one
# call, one link.
vlan_link_apart() {
	local responder opens refused status

	start b timeout $((120 * slow)) ttping -l -q
	responder=$started
	wait_for 5 on a ttpcat -z -I wire0.5 "$(mac_of b)" 7
	opens=$(counter b opens_passive)
	refused=$(counter b drop_refused)
	on a ttping -q -c 5 -i 0.05 -t "$patience" -I wire0.5 "$(mac_of b)"
	status=$?
	end "$responder"
	opens=$(($(counter b opens_passive) - opens))
	refused=$(($(counter b drop_refused) - refused))
	echo "$opens opened, $refused refused"
	[ "$status" -eq 0 ] && [ "$opens" -eq 1 ] && [ "$refused" -eq 0 ]
}

macvlan() {
	on a ip link add link wire0 name mv0 address 02:70:00:00:00:2a \
		type macvlan mode bridge
	on a ip link set mv0 up
	check "macvlan is enabled" on a ttpctl dev add mv0
	check "macvlan reaches the other end" reach a b mv0 "$(mac_of b)"
	check "and is reached" reach b a wire0 02:70:00:00:00:2a
	check "the device below goes on" reach a b wire0 "$(mac_of b)"
	on a ip link del mv0
}

# Three nodes on a bridge in a namespace of its own
bridge_of_three() {
	local node

	ns_add hub
	ns_add c
	on hub ip link add br0 type bridge
	on hub ip link set br0 up
	for node in a b c; do
		ip link add eth0 netns "$(ns_name "$node")" \
			address "${hub_mac[$node]}" type veth \
			peer name "port-$node" netns "$(ns_name hub)"
		on hub ip link set "port-$node" master br0 up
		on "$node" ip link set eth0 up
		on "$node" ttpctl dev add eth0
	done
	check "bridge: a reaches b" reach a b eth0 "${hub_mac[b]}"
	check "bridge: b reaches c" reach b c eth0 "${hub_mac[c]}"
	check "bridge: c reaches a" reach c a eth0 "${hub_mac[a]}"
	refused 2 "" "several devices: one has to be named" \
		on a ttping -c 1 "${hub_mac[b]}"
}

declare -A hub_mac=([a]=02:70:00:00:00:3a [b]=02:70:00:00:00:3b
	[c]=02:70:00:00:00:3c)

policies() {
	on a ttpctl dev set wire0 policy raw
	start b ttping -l -q -p 2000
	responder=$started
	wait_for 5 on a ttpcat -z "$(mac_of b)" 2000
	refused 2 "" "policy raw: nobody is refused" as_nobody
	check "policy raw: root is not" on a ttping -q -c 1 -t "$patience" -I wire0 -p 2000 \
		"$(mac_of b)"
	on a ttpctl dev set wire0 policy gid 65534 65534
	check "policy gid: the group may" as_nobody
	on a ttpctl dev set wire0 policy all
	on b ttpctl dev set wire0 allow 02:00:00:00:00:77
	refused 1 "" "allow-list: others are not answered" \
		on a ttping -q -c 1 -t 1 -I wire0 -p 2000 "$(mac_of b)"
	on b ttpctl dev set wire0 allow "$(mac_of a)"
	check "allow-list: those on it are" \
		on a ttping -q -c 1 -t "$patience" -I wire0 -p 2000 "$(mac_of b)"
	on b ttpctl dev set wire0 allow 00:00:00:00:00:00
	check "allow-list: emptied" \
		on a ttping -q -c 1 -t "$patience" -I wire0 -p 2000 "$(mac_of b)"
	end "$responder"
}

# A socket bound to every device is no way round a policy that comes later
listener_policy() {
	start b setpriv --reuid 65534 --regid 65534 --clear-groups \
		env PATH="$PATH" ttping -l -q -p 2001
	responder=$started
	wait_for 5 on a ttpcat -z "$(mac_of b)" 2001
	on b ttpctl dev set wire0 policy gid 1 2
	refused 1 "refused" "policy gid: nor may one who listens already" \
		on a ttping -q -c 1 -t "$patience" -I wire0 -p 2001 "$(mac_of b)"
	on b ttpctl dev set wire0 policy gid 1 65534
	check "policy gid: until his group is in it" \
		on a ttping -q -c 1 -t "$patience" -I wire0 -p 2001 "$(mac_of b)"
	on b ttpctl dev set wire0 policy all
	end "$responder"
}

as_nobody() {
	on a setpriv --reuid 65534 --regid 65534 --clear-groups \
		env PATH="$PATH" ttping -q -c 1 -t "$patience" -I wire0 -p 2000 "$(mac_of b)"
}

# Again and again: it tells of what happens once it listens
change_told() {
	on a ttpctl dev set wire0 idle 1000
	on a ttpctl dev set wire0 idle 0
	grep -q "wire0" "$tmp/monitor"
}

monitor() {
	start a ttpctl monitor >"$tmp/monitor"
	monitor=$started
	check "monitor tells changes" wait_for 5 change_told
	end "$monitor"
}

sysctls() {
	local f

	for f in rmem_default wmem_default max_links max_orphans give_up_ms \
			keepalive_ms \
			first_id; do
		on a test -w "/proc/sys/net/ttp/$f" || echo "$f"
	done
	[ "$(on a sysctl -n net.ttp.give_up_ms)" = 30000 ] || echo give_up_ms
	on a sysctl -q -w net.ttp.give_up_ms=20000
	[ "$(on b sysctl -n net.ttp.give_up_ms)" = 30000 ] || echo "not per namespace"
	on a sysctl -q -w net.ttp.give_up_ms=-1 2>/dev/null && echo "takes -1"
	on a sysctl -q -w net.ttp.give_up_ms=30000
}

plan 63
ns_add a
ns_add b
ip link add wire0 netns "$(ns_name a)" address "$(mac_of a)" \
	type veth peer name wire0 netns "$(ns_name b)" address "$(mac_of b)"
ip -n "$(ns_name a)" link set wire0 up
ip -n "$(ns_name b)" link set wire0 up

grammar
refused 2 "permi" "nobody cannot set" nobody_adds
check "ttping works" reach a b wire0 "$(mac_of b)"
check "/proc/net/ttp/netstat tells the same" proc_and_netlink_agree
links
monitor
policies
listener_policy
check "sysctls are there, per namespace, with bounds" test -z "$(sysctls)"
ports
vlan
macvlan
bridge_of_three
finished
