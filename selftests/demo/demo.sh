#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Two nodes, a bad wire between them, ordinary programs on both. Shows what
# they sent and what became of it; exit status 1 if any byte differs.
#
# Environment: LOSS (2%), DELAY (500us), SIZE (4000000 bytes of each file)

# shellcheck disable=SC2317 # functions are called by transfer and by trap
set -u
cd "$(dirname "$0")/../.." || exit 1
export PATH=$PATH:$PWD/tools/ttpctl:$PWD/tools/ttping:$PWD/tools/ttpcat:/usr/sbin

LOSS=${LOSS:-2%}
DELAY=${DELAY:-500us}
SIZE=${SIZE:-4000000}
mac_a=02:70:00:00:00:0a
mac_b=02:70:00:00:00:0b
tmp=$(mktemp -d)
wrong=0
cleanup() {
	local pid node

	for node in node-a node-b; do
		for pid in $(ip netns pids "$node" 2>/dev/null); do
			kill -KILL "$pid" 2>/dev/null
		done
		ip netns del "$node" 2>/dev/null
	done
	rm -rf "$tmp"
}

die() {
	echo "demo: $*" >&2
	exit 1
}

say() {
	echo "  $*"
}

a() {
	ip netns exec node-a "$@"
}

b() {
	ip netns exec node-b "$@"
}

now_ms() {
	local t=$EPOCHREALTIME

	echo $((${t/./} / 1000))
}

build_wire() {
	local node

	ip netns add node-a || die "no namespaces"
	ip netns add node-b || die "no namespaces"
	ip link add eth0 netns node-a address "$mac_a" type veth \
		peer name eth0 netns node-b address "$mac_b" || die "no veth"
	for node in node-a node-b; do
		ip -n "$node" link set eth0 up
		ip netns exec "$node" tc qdisc add dev eth0 root netem \
			limit 20000 loss "$LOSS" delay "$DELAY" ||
			die "no netem"
		ttpctl -n "$node" dev add eth0 || die "TTP does not work here"
	done
}

# Sum over both nodes of one counter
both() {
	local node sum=0 n

	for node in node-a node-b; do
		n=$(ttpctl -n "$node" stat show "$1" | awk '{ print $2 }')
		sum=$((sum + ${n:-0}))
	done
	echo "$sum"
}

# Frames that the wire has eaten, both ways
lost() {
	local node

	for node in node-a node-b; do
		ip netns exec "$node" tc -s qdisc show dev eth0
	done | sed -n 's/.*dropped \([0-9]*\),.*/\1/p' | awk '{ n += $1 } END { print n }'
}

# transfer WORDS FILE-SENT FILE-GOT COMMAND...: run it, note it in the table
transfer() {
	local words=$1 sent=$2 got=$3 start took frames replays gone verdict=same

	shift 3
	start=$(now_ms)
	frames=$(both payload_out)
	replays=$(both replays)
	gone=$(lost)
	"$@" || { verdict=FAILED; wrong=1; }
	took=$(($(now_ms) - start))
	frames=$(($(both payload_out) - frames))
	replays=$(($(both replays) - replays))
	gone=$(($(lost) - gone))
	if [ "$(sha256sum <"$sent")" != "$(sha256sum <"$got")" ]; then
		verdict=DIFFERS
		wrong=1
	fi
	row "$words" "$(stat -c %s "$sent")" "$frames" "$gone" "$replays" \
		"$(awk "BEGIN { printf \"%.2f s\", $took / 1000 }")" \
		"$(rate "$(stat -c %s "$sent")" "$took")" "$verdict" >>"$tmp/table"
}

row() {
	printf '| %-18s %8s %6s %5s %6s %8s %10s %-8s |\n' "$@"
}

# rate BYTES MILLISECONDS
rate() {
	awk "BEGIN { printf \"%.2f MB/s\", $1 / 1000 / ($2 + 1) }"
}

# call INPUT COMMAND...: again while nobody listens yet
call() {
	local input=$1 i status

	shift
	for ((i = 0; i < 300; i++)); do
		"$@" <"$input" 2>"$tmp/said"
		status=$?
		if [ "$status" -eq 0 ] || ! grep -q refused "$tmp/said"; then
			break
		fi
		sleep 0.1
	done
	cat "$tmp/said" >&2
	return "$status"
}

file_there() {
	local listener watcher status=1

	b timeout 60 ttpcat -l -d 9000 >"$tmp/got" &
	listener=$!
	watch_links &
	watcher=$!
	call "$tmp/file" a timeout 60 ttpcat "$mac_b" 9000 && wait "$listener" &&
		status=0
	touch "$tmp/done"
	wait "$watcher"
	return "$status"
}

file_back() {
	local listener

	a timeout 60 ttpcat -l -d 9001 >"$tmp/got-back" &
	listener=$!
	call "$tmp/file" b timeout 60 ttpcat "$mac_a" 9001 && wait "$listener"
}

records() {
	local listener

	b timeout 60 examples/server 9002 >"$tmp/got-records" &
	listener=$!
	call "$tmp/records" a timeout 60 examples/client "$mac_b" 9002 &&
		wait "$listener"
}

# Keep the look at the links that shows most in flight.
watch_links() {
	local i held most=-1

	echo "(it was too short)" | tee "$tmp/links" >"$tmp/links-b"
	for ((i = 0; i < 40; i++)); do
		[ ! -e "$tmp/done" ] || break
		ttpctl -n node-a link show >"$tmp/look"
		ttpctl -n node-b link show >"$tmp/look-b"
		grep -q ^OPEN "$tmp/look" || continue
		grep -q ^OPEN "$tmp/look-b" || continue
		held=$(sed -n 's/.*bays \([0-9]*\).*/\1/p' "$tmp/look" | head -n 1)
		if [ "${held:--1}" -gt "$most" ]; then
			most=$held
			mv "$tmp/look" "$tmp/links"
			mv "$tmp/look-b" "$tmp/links-b"
		fi
		sleep 0.05
	done
}

round_trips() {
	local responder

	ip netns exec node-b ttping -l -q &
	responder=$!
	call /dev/null a timeout 60 ttping -j -q -t 20 -c 300 -i 0.005 "$mac_b" \
		>"$tmp/ping" || wrong=1
	kill "$responder"
	wait "$responder" 2>/dev/null
}

rtt_line() {
	jq -r '"| Round trips of \(.size) bytes: \(.received) of \(.sent) answered" +
		", min \(.rtt_us.min / 1000 * 100 | round / 100)" +
		" p50 \(.rtt_us.p50 / 1000 * 100 | round / 100)" +
		" p99 \(.rtt_us.p99 / 1000 * 100 | round / 100) ms"' "$tmp/ping"
}

show() {
	echo
	echo "+$(printf -- '-%.0s' {1..78})+"
	box "TTP: two nodes, a wire that loses $LOSS of the frames each way and takes $DELAY"
	box ""
	row "what was sent" bytes frames lost again time rate SHA-256
	cat "$tmp/table"
	box ""
	box "$(rtt_line | cut -c3-)"
	box ""
	box "ttpctl -n node-a link show (while the first file was under way)"
	lines <"$tmp/links"
	box "ttpctl -n node-b link show"
	lines <"$tmp/links-b"
	box ""
	if [ "$wrong" -eq 0 ]; then
		box "Every byte arrived, once and in order."
	else
		box "SOMETHING IS WRONG: see above."
	fi
	echo "+$(printf -- '-%.0s' {1..78})+"
}

lines() {
	local line

	sed 's/^ *//' | fold -s -w 72 | while read -r line; do
		box "  $line"
	done
}

box() {
	printf '| %-76s |\n' "$1"
}

trap cleanup EXIT
say "making two nodes and a wire between them (loss $LOSS, delay $DELAY)"
build_wire
head -c "$SIZE" /dev/urandom >"$tmp/file"
head -c $((SIZE / 3)) /dev/urandom | base64 -w 1000 >"$tmp/records"
say "measuring round trips"
round_trips
say "sending a file of $SIZE bytes from a to b with ttpcat"
transfer "file a > b  STREAM" "$tmp/file" "$tmp/got" file_there
say "sending it from b to a"
transfer "file b > a  STREAM" "$tmp/file" "$tmp/got-back" file_back
say "sending $(wc -l <"$tmp/records") records with the client of the README"
transfer "records  SEQPACKET" "$tmp/records" "$tmp/got-records" records
show
exit "$wrong"
