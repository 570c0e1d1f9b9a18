#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# ttping, ttpcat and ttpperf as a user tries them, against the real module

. "$(dirname "$0")/lib.sh"

b_mac=$(mac_of b)

# serve PORT COMMAND...: on b; goes on when it listens
serve() {
	local port=$1

	shift
	start b "$@"
	server=$started
	wait_for 5 on a ttpcat -z "${type[@]}" "$b_mac" "$port"
}

type=()

stop() {
	end "$server"
}

ping_says() {
	on a ttping -t "$patience" -c 4 -i 0.05 "$b_mac" >"$tmp/ping" || return
	cat "$tmp/ping"
	grep -q "4 sent" "$tmp/ping" && grep -q "4 received" "$tmp/ping" &&
		grep -q "p99" "$tmp/ping"
}

ping_json() {
	on a ttping -j -q -t "$patience" -c 20 -f "$b_mac" | tee "$tmp/json"
	jq -e '.sent == 20 and .received == 20 and .lost == 0 and
		.rtt_us.min > 0 and .rtt_us.max >= .rtt_us.min' "$tmp/json"
}

several_clients() {
	local pids=() pid status=0 i

	for i in 1 2 3 4 5 6; do
		start a ttping -q -t "$patience" -c 20 -i 0.01 -s $((i * 700)) "$b_mac" >/dev/null
		pids+=("$started")
	done
	for pid in "${pids[@]}"; do
		wait "$pid" || status=1
	done
	return "$status"
}

# get PORT OPTIONS...: a sends a file, b keeps it; then they are compared
put() {
	local port=$1 listener

	shift
	start b timeout $((60 * slow)) ttpcat -l -d "$@" "$port" >"$tmp/got"
	listener=$started
	input=$tmp/file dial a timeout $((60 * slow)) ttpcat "$@" "$b_mac" "$port" ||
		return
	wait "$listener" || return
	[ "$(sha256sum <"$tmp/file")" = "$(sha256sum <"$tmp/got")" ]
}

fetch() {
	local listener

	start b timeout $((60 * slow)) ttpcat -l 2100 <"$tmp/file"
	listener=$started
	dial a timeout $((60 * slow)) ttpcat -d "$b_mac" 2100 >"$tmp/got" || return
	wait "$listener" || return
	[ "$(sha256sum <"$tmp/file")" = "$(sha256sum <"$tmp/got")" ]
}

probe_range() {
	on a ttpcat -z -v "$b_mac" 2198-2202 2>&1 | tee "$tmp/probe"
	grep -q 2200 "$tmp/probe"
}

pipeline() {
	local listener got

	start b timeout $((60 * slow)) ttpcat -l 2300 < <(echo answer) >"$tmp/question"
	listener=$started
	echo question >"$tmp/ask"
	got=$(input=$tmp/ask dial a timeout $((60 * slow)) ttpcat "$b_mac" 2300)
	wait "$listener" || return
	[ "$got" = answer ] && [ "$(cat "$tmp/question")" = question ]
}

kept_all() {
	[ "$(wc -l <"$tmp/kept")" -ge 3 ]
}

keeps_listening() {
	local i status=0

	serve 2400 ttpcat -l -k -d 2400 >"$tmp/kept"
	for i in 1 2 3; do
		echo "line $i" >"$tmp/line"
		input=$tmp/line dial a ttpcat "$b_mac" 2400 || status=1
	done
	wait_for 10 kept_all
	stop
	[ "$(sort "$tmp/kept" | tr '\n' ' ')" = "line 1 line 2 line 3 " ] ||
		status=1
	return "$status"
}

loopback() {
	local own status

	own=$(mac_of a)
	start a ttping -l -q -p 2500
	server=$started
	dial a ttping -q -t "$patience" -c 5 -i 0.05 -p 2500 "$own"
	status=$?
	stop
	return "$status"
}

# perf FILTER OPTIONS...: a measures against the server on b; jq judges
perf() {
	local filter=$1

	shift
	on a timeout $((60 * slow)) ttpperf client -j "$@" "$b_mac" >"$tmp/json" ||
		return
	cat "$tmp/json"
	jq -e "$filter" "$tmp/json"
}

# The same, both ends by one command
perf_local() {
	local filter=$1

	shift
	timeout $((60 * slow)) ttpperf local -j -N "$(ns_name b),$(ns_name a)" \
		-d wire0 "$@" >"$tmp/json" || return
	cat "$tmp/json"
	jq -e "$filter" "$tmp/json"
}

links_to() {
	on a ttpctl link show port "$1" | grep -q "port .* > $1 "
}

# The device goes in the middle: the client says so, and ends.
perf_broken() {
	local client

	start a timeout $((120 * slow)) ttpperf client -t pingpong -l 600 "$b_mac"
	client=$started
	wait_for 10 links_to 7007 || return
	on b ttpctl dev del wire0
	wait "$client"
	[ $? -eq 1 ]
}

n=$((400 / slow))
all=".count == $n"
links=".count == $((2 * n)) and .links == 2"
sane=".lost == 0 and .ns.min > 0 and .ns.min <= .ns.p50 and .ns.p50 <= .ns.p999 and
	.ns.p999 <= .ns.max"
bytes=$((2000000 / slow))
seconds=$((1 + slow / 2))

plan 32
wire_up
head -c $((3000000 / slow)) /dev/urandom >"$tmp/file"

refused 1 "refused" "ttping: nobody there" on a ttping -t "$patience" -c 1 "$b_mac"
serve 7 ttping -l -q
check "ttping says what ping says" ping_says
check "ttping -j" ping_json
check "ttping by name%device" on a ttping -q -t "$patience" -c 1 "$b_mac%wire0"
check "ttping, 100000 bytes" on a ttping -q -t "$patience" -c 3 -i 0.05 -s 100000 "$b_mac"
check "ttping, six clients at once" several_clients
check "ttping on channel 1" on a ttping -q -t "$patience" -c 2 -i 0.05 -V 1 "$b_mac"
check "ttping on channel 2" on a ttping -q -t "$patience" -c 2 -i 0.05 "$b_mac%wire0.2"
refused 1 "" "ttping -S to a stream responder" on a ttping -S -c 1 -t 2 "$b_mac"
stop
type=(-S)
serve 7 ttping -l -q -S
type=()
check "ttping -S" on a ttping -q -S -t "$patience" -c 5 -i 0.05 "$b_mac"
stop
check "ttpcat: a file there" put 2001
check "ttpcat: a file there, in records" put 2002 -S
check "ttpcat: a file from there" fetch
check "ttpcat: a question and an answer" pipeline
check "ttpcat -k" keeps_listening
serve 2200 ttpcat -l -k -d 2200
check "ttpcat -z finds an open port" on a ttpcat -z "$b_mac" 2200
check "ttpcat -z, a range" probe_range
stop
refused 1 "refused" "ttpcat: nobody there" on a ttpcat -d "$b_mac" 2200
check "ttping to ourselves" loopback
refused 1 "refused" "ttpperf: nobody there" on a ttpperf client -t pingpong "$b_mac"
start b ttpperf server -q
server=$started
wait_for 5 on a ttpcat -z "$b_mac" 7007
check "ttpperf: round trips" perf "$all and $sane and .client.frames_tx >= $n and
	.server.frames_tx >= $n" -t pingpong -n $n
check "ttpperf: round trips over two links" perf "$links and $sane" -t pingpong \
	-n $n -P 2 -v 1
check "ttpperf: bulk" perf ".bytes >= $bytes and .ns_per_kb > 0 and
	.client.frames_tx > $((1000 / slow))" -b $bytes
check "ttpperf: bulk the other way" perf ".bytes >= $bytes and
	.server.frames_tx > $((1000 / slow))" -b $bytes -R -s 1400 -r 10000
check "ttpperf: bulk for a time" perf ".bytes >= 65536 and .seconds >= $seconds and
	(.intervals | length) >= 1" -l $seconds -i 0.1
check "ttpperf: messages in flight" perf "$all and .messages_per_s > 0" \
	-t messages -n $n -D 40
check "ttpperf: connections" perf "$all and $sane and .connections_per_s > 0" \
	-t connect -n $n -P 1
check "ttpperf: idle connections" perf "$all and .bytes_per_connection > 0" \
	-t idle -n $n
check "ttpperf: a server that goes" perf_broken
stop
on b ttpctl dev add wire0 socket bare
on a ttpctl dev set wire0 socket bare
check "ttpperf local, records" perf_local "$all and $sane and
	.transport == \"seqpacket\"" -T seqpacket -t selfpong -n $n -s 3000
check "ttpperf local, the bare dialect" perf_local "$all and $sane" -T bare \
	-t pingpong -n $n -s 3000
check "ttpperf local, bulk of the bare dialect" perf_local ".bytes >= $bytes" -T bare \
	-b $bytes
finished
