#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The programs of examples/, as somebody built them who has nothing but what is
# installed, between two nodes: every byte, over a bad wire as well.

. "$(dirname "$0")/lib.sh"

bin=$top/examples/out
size=2000000
clients=50
[ "$slow" -eq 1 ] || size=500000
b_mac=$(mac_of b)
port=100

# serve WORDS PROGRAM: on b, at a port of its own; goes on when it listens
serve() {
	local type=()

	[ "$2" != answer ] || type=(-S)
	port=$((port + 1))
	start b "$bin/$2" "$port" >/dev/null 2>"$tmp/server"
	server=$started
	check "$1: $2 listens" wait_for 10 on a ttpcat -z "${type[@]}" \
		"$b_mac" "$port"
}

stop() {
	end "$server"
}

wire_is() {
	local node

	for node in a b; do
		on "$node" tc qdisc del dev wire0 root 2>/dev/null
		[ $# -eq 0 ] || on "$node" tc qdisc add dev wire0 root netem \
			limit 10000 "$@" || return
	done
}

# echoed FILE: it comes back as it was
echoed() {
	on a timeout $((60 * slow)) "$bin/echo_client" "$b_mac" "$port" \
		<"$1" >"$1.back" && cmp "$1" "$1.back" && rm "$1.back"
}

# A file for each client, some of them empty
files() {
	local i

	mkdir "$tmp/sent" "$tmp/back"
	for ((i = 0; i < clients; i++)); do
		if [ $((i % 10)) -eq 9 ]; then
			: >"$tmp/sent/$i"
		else
			tail -c $((i % 5 * 10000 + 100 + i)) "$tmp/file" \
				>"$tmp/sent/$i"
		fi
	done
}

# All of them at once
many() {
	rm -f "$tmp/back/"*
	on a timeout $((60 * slow)) bash -c 'cd "$1" && for i in sent/*; do
		"$2" "$3" "$4" <"$i" >"back/${i#sent/}" &
		pids="$pids $!"
	done && for i in $pids; do
		wait "$i" || exit
	done' clients "$tmp" "$bin/echo_client" "$b_mac" "$port" &&
		diff -rq "$tmp/sent" "$tmp/back"
}

# Nothing comes to a any more.
stuck() {
	local before

	before=$(counter a payload_in)
	sleep 0.3
	[ "$before" -gt 50 ] && [ "$(counter a payload_in)" -eq "$before" ]
}

# A client who sends and never reads keeps nobody else from being served. Nobody
# takes from the pipe that he writes to.
lazy() {
	local client status=0

	mkfifo "$tmp/pipe"
	exec 5<>"$tmp/pipe"
	start a "$bin/echo_client" "$b_mac%wire0" "$port" <"$tmp/file" \
		>"$tmp/pipe"
	client=$started
	wait_for 10 stuck || status=1
	echoed "$tmp/small" || status=1
	kill -0 "$client" || status=1
	end "$client"
	exec 5<&-
	return "$status"
}

asked() {
	on a timeout $((60 * slow)) "$bin/ask" "$b_mac" "$port" "$@" \
		>"$tmp/asked" || return
	[ "$(wc -l <"$tmp/asked")" -eq $# ]
}

# The records of client.c are lines, and server.c prints them.
lines() {
	port=$((port + 1))
	seq 1 2000 >"$tmp/lines"
	start b timeout $((60 * slow)) "$bin/server" "$port" >"$tmp/printed"
	input=$tmp/lines dial a timeout $((60 * slow)) "$bin/client" "$b_mac" \
		"$port" || return
	wait "$started" || return
	cmp "$tmp/lines" "$tmp/printed"
}

all() {
	local words=$1 start=$SECONDS

	serve "$words" echo_server
	check "$words: a file comes back" echoed "$tmp/file"
	check "$words: one of nothing, too" echoed "$tmp/empty"
	stop
	serve "$words" epoll_server
	check "$words: $clients clients at once" many
	stop
	serve "$words" answer
	check "$words: requests of all sizes" \
		asked 0 1 0 1446 1447 65536 1048575 1048576 0 10
	stop
	echo "# $words: $((SECONDS - start)) s"
}

plan 20
if [ ! -x "$bin/echo_server" ]; then
	echo "# make -C examples outside builds them"
	exit 1
fi
# shellcheck disable=SC2119
wire_up
head -c "$size" /dev/urandom >"$tmp/file"
head -c 1000 "$tmp/file" >"$tmp/small"
: >"$tmp/empty"
files

all "clean wire"
check "client and server" lines
serve "one who does not read" epoll_server
check "one who does not read disturbs nobody" lazy
stop
refused 1 "refused" "nobody listens" on a "$bin/echo_client" "$b_mac" 9
refused 2 "usage" "no such device" on a "$bin/echo_client" "$b_mac%none" 9
check "5 % lost, both ways" wire_is loss 5%
all "5 % lost"
finished
