#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Runs on both of two machines that a wire joins, eth0 to eth0: NODE is a or b,
# PEER_MAC the other's address, $TTP_VM/barrier the place to meet. Files both
# ways, records, round trips, and what a real driver may do to the wire.

. "$(dirname "$0")/lib.sh"

: "${NODE:?a or b}" "${PEER_MAC:?address of the other node}" "${TTP_VM:?}"
size=4000000

meet() {
	"$TTP_VM/barrier" "$1" 180 || exit 1
}

# Both nodes know what the other one sends: the same bytes from the same seed.
bytes() {
	python3 -c '
import random, sys
out = random.Random(sys.argv[1])
left = int(sys.argv[2])
while left:
    n = min(left, 65536)
    sys.stdout.buffer.write(out.randbytes(n))
    left -= n
' "$1" "$2"
}

sum_of() {
	sha256sum | cut -d ' ' -f 1
}

# receive PORT SEED OPTIONS...: what comes must be the other node's bytes
receive() {
	local port=$1 seed=$2 got

	shift 2
	timeout 120 ttpcat -l -d "$@" "$port" >"$tmp/got" || return
	got=$(sum_of <"$tmp/got")
	[ "$got" = "$(bytes "$seed" "$size" | sum_of)" ]
}

send() {
	local port=$1 seed=$2 end=$((SECONDS + 60))

	shift 2
	bytes "$seed" "$size" >"$tmp/file"
	until timeout 120 ttpcat "$@" "$PEER_MAC" "$port" <"$tmp/file" 2>"$tmp/err"; do
		cat "$tmp/err"
		grep -q refused "$tmp/err" || return 1
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.2
	done
}

# one WORDS FROM PORT OPTIONS...: a file from one node to the other one
one() {
	local words=$1 from=$2 port=$3

	shift 3
	meet "before-$port"
	if [ "$NODE" = "$from" ]; then
		check "$words: sent" send "$port" "$port" "$@"
	else
		check "$words: received, every byte" receive "$port" "$port" "$@"
	fi
	meet "after-$port"
}

both_ways() {
	local port=2003 mine theirs pid status

	mine=$port theirs=$((port + 1))
	[ "$NODE" = a ] || mine=$((port + 1)) theirs=$port
	receive "$theirs" "$theirs" &
	pid=$!
	send "$mine" "$mine"
	status=$?
	wait "$pid" && [ "$status" -eq 0 ]
}

ping_both() {
	local pid status

	timeout 120 ttping -l -q &
	pid=$!
	# Until it listens: a peer may come as soon as we say that we are there.
	wait_for 20 ttpcat -z "$MAC" 7 || return
	meet ping
	timeout 60 ttping -q -t 20 -c 50 -i 0.01 "$PEER_MAC" | tee "$tmp/ping"
	status=${PIPESTATUS[0]}
	meet ping-done
	kill "$pid"
	wait "$pid" 2>/dev/null
	grep '^rtt' "$tmp/ping" | sed 's/^/# /' >&3
	return "$status"
}

# A cable that is pulled and put back loses nothing.
flap() {
	local pid

	if [ "$NODE" = b ]; then
		receive 2005 2005
		return
	fi
	send 2005 2005 &
	pid=$!
	sleep 1
	ip link set eth0 down
	sleep 0.5
	ip link set eth0 up
	wait "$pid"
}

little_was_replayed() {
	local replays frames

	replays=$(ttpctl stat show replays | awk '{ print $2 }')
	frames=$(ttpctl stat show payload_out | awk '{ print $2 }')
	echo "# $replays replays of $frames frames" >&3
	ttpctl stat show nonzero | sed 's/^/#   /' >&3
	ip -s link show eth0 | sed 's/^/#   /' >&3
	[ "$((replays * 20))" -le "$frames" ]
}

# What leaves by the sender's device is frames, whatever was handed to it.
watch() {
	[ "$NODE" = a ] || return
	python3 "$(dirname "$0")/watch_frames.py" eth0 "$tmp/end" 2 2001 \
		>"$tmp/seen" &
	watcher=$!
	wait_for 20 test -e "$tmp/end.up"
}

watched() {
	[ "$NODE" = a ] || return
	touch "$tmp/end"
	wait "$watcher"
	watched=$?
}

as_frames() {
	sed 's/^/# /' "$tmp/seen" >&3
	[ "$watched" -eq 0 ] &&
		[ "$(awk '$1 == "longest" { print $2 }' "$tmp/seen")" -eq 1514 ] &&
		[ "$(awk '$1 == "sum" { print $2 }' "$tmp/seen")" = \
			"$(bytes 2001 "$size" | sum_of)" ]
}

put_together() {
	[ "$(ttpctl stat show gro_runs | awk '{ print $2 }')" -gt 0 ]
}

exec 3>&1
plan 10
check "eth0 is enabled" ttpctl dev add eth0
meet enabled
check "round trips" ping_both
watch
one "file from a to b" a 2001
watched
if [ "$NODE" = a ]; then
	check "as frames, none longer than the MTU, none missing" as_frames
else
	check "put together where they arrive in batches" put_together
fi
one "file from b to a" b 2002
meet both
check "files both ways at once" both_ways
meet both-done
one "records from a to b" a 2006 -S -b 30000
check "few replays on a good wire" little_was_replayed
meet flap
check "a device that goes down and comes back" flap
meet flap-done
check "rmmod with the wire up" wait_for 5 rmmod ttp
meet end
finished
