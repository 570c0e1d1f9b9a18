#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# Tests of the tools that need no module, in KTAP.  What needs the kernel's
# answers gets them from fakettp.so.  Names as arguments select tests.
#
# shellcheck disable=SC2317 # called by name
# shellcheck disable=SC2086 # options without blanks, or a list of them

set -u
cd "$(dirname "$0")" || exit 1

ttpctl=../ttpctl/ttpctl
ttping=../ttping/ttping
ttpcat=../ttpcat/ttpcat
ttpperf=../ttpperf/ttpperf
ttp_run=../ttp_run/ttp_run
peer=02:00:00:00:00:02
tmp=$(mktemp -d)
trap 'kill $(jobs -p) 2>/dev/null; rm -rf "$tmp"' EXIT
mkdir "$tmp/ports"
export LC_ALL=C

# ---- what the tests are made of ---------------------------------------------

# In a process of its own the command takes that over: it can be killed then.
fake() {
	local -a c=(env "LD_PRELOAD=$PWD/fakettp.so" "FAKE_TTP=$tmp/ports"
		timeout 120 "$@")

	[ "$BASHPID" = $$ ] || exec "${c[@]}"
	"${c[@]}"
}

# run STATUS COMMAND...: its output is in $out and $err; what is not as it
# should be is told.
run() {
	local want=$1 got
	shift

	"$@" >"$tmp/out" 2>"$tmp/err" </dev/null
	got=$?
	out=$(cat "$tmp/out")
	err=$(cat "$tmp/err")
	[ "$got" = "$want" ] && return
	echo "# $*: status $got, not $want: $out$err" | tr '\n' ' '
	echo
	return 1
}

# has TEXT WORDS...: each of the words is in the text
has() {
	local text=$1 w
	shift

	for w in "$@"; do
		[[ $text == *"$w"* ]] && continue
		echo "# \"$w\" is not in: $text" | tr '\n' ' '
		echo
		return 1
	done
}

# Python code that gets the last output as the JSON value v
json() {
	python3 -c "
import json, sys
v = json.loads(sys.stdin.read())
sys.exit(not ($1))" <<<"$out" && return
	echo "# not so: $1: $out"
	return 1
}

# until_so COMMAND...: wait until it succeeds
until_so() {
	local end=$((SECONDS + 60))

	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || { echo "# not so in a minute: $*"; return 1; }
		sleep 0.05
	done
}

# Wait until somebody listens on a port of the fake.
listening() {
	until_so test -e "$tmp/ports/$1.listens"
}

# ---- the library ------------------------------------------------------------

test_lib() {
	run 0 ./lib_test || { echo "$out$err"; return 1; }
}

# ---- ttpctl -----------------------------------------------------------------

test_ctl_help() {
	local o

	run 0 $ttpctl help && has "$out" Usage: dev link stat monitor || return
	run 0 $ttpctl -h && has "$out" Usage: || return
	for o in dev link stat monitor; do
		run 0 $ttpctl $o help && has "$out" "Usage: ttpctl $o" || return
	done
	run 1 $ttpctl && [ -z "$out" ] && has "$err" Usage:
}

test_ctl_version() {
	local o

	for o in -V -Version --version; do
		run 0 $ttpctl $o && has "$out" "ttpctl utility, ttp-" || return
	done
}

test_ctl_usage_errors() {
	local line

	# Each is judged before the kernel is asked: none of these is status 2.
	while read -r line; do
		run 1 $ttpctl $line && has "$err" "Error: " || return
		[ -z "$out" ] || return
	done <<-'EOF'
		nonsense
		dev nonsense
		dev s
		link nonsense
		stat nonsense
		monitor link
		dev add
		dev add dev
		dev add no-such-device
		dev add lo nonsense
		dev add lo slots
		dev add lo slots x
		dev add lo slots 4294967296
		dev add lo s 4
		dev add lo policy nobody
		dev add lo policy gid 1
		dev add lo policy gid 1 x
		dev add lo idle x
		dev add lo allow 1:2:3
		dev add lo allow 02:00:00:00:00:02%lo
		dev add lo allow 02:00:00:00:00:02:7
		dev set lo
		dev del lo lo
		dev show lo lo
		link show vc 3
		link show lport 65536
		link show peer x
		link show dev no-such-device
		link del lo
		link del dev lo peer 02:00:00:00:00:02 port 7
		-n no-such-namespace dev show
	EOF
	run 1 $ttpctl -q dev && has "$err" "ttpctl help"
}

test_ctl_no_module() {
	local c

	if [ -e /proc/net/ttp ] || [ -d /sys/module/ttp ]; then
		echo "the module is loaded" >"$tmp/skip"
		return 4
	fi
	for c in "dev" "dev add lo" "link" "stat" "monitor"; do
		run 2 $ttpctl $c && has "$err" "modprobe ttp" || return
	done
}

test_ctl_dev_show() {
	run 0 fake $ttpctl dev show || return
	has "$out" "2: eth0: mac 02:00:00:00:00:01 dialects socket links 3" \
		"33333: veth0:" "socket,bare" "slots 12/1024" "link-slots 256" \
		"policy all idle off" "policy gid 100 4294967295 idle 60000" \
		"allow 02:00:00:00:00:02 02:00:00:00:00:03" || return
	# By index, whatever the order of the answers
	[[ $out == 2:*33333:* ]] || return
	run 0 fake $ttpctl d l && [[ $out == 2:* ]] || return
	run 0 fake $ttpctl dev show dev lo && [[ $out == 2:* ]]
}

test_ctl_dev_json() {
	run 0 fake $ttpctl -j dev show || return
	json "[d['ifname'] for d in v] == ['eth0', 'veth0']" || return
	json "v[0]['allow'] == [] and len(v[1]['allow']) == 5" || return
	json "v[1]['dialects'] == ['socket', 'bare'] and v[1]['idle_ms'] == 60000" ||
		return
	json "v[1]['gid_max'] == 4294967295 and v[0]['family'] == 18" || return
	[ "$(wc -l <<<"$out")" = 1 ] || return
	run 0 fake $ttpctl -json -pretty dev && json "len(v) == 2" || return
	[ "$(wc -l <<<"$out")" -gt 20 ] || return
	run 0 fake $ttpctl dev show -jp && json "len(v) == 2"
}

test_ctl_dump_interrupted() {
	run 0 fake env FAKE_INTR=3 $ttpctl -j dev || return
	json "[d['ifname'] for d in v] == ['eth0', 'veth0']" || return
	[ -z "$err" ] || return
	run 0 fake env FAKE_INTR=1 $ttpctl -j link && json "len(v) == 3" || return
	# It does not go on for ever, and says that the list may be wrong.
	run 0 fake env FAKE_INTR=1000 $ttpctl dev || return
	has "$err" inconsistent && has "$out" eth0
}

test_ctl_link_show() {
	run 0 fake $ttpctl link show || return
	has "$out" "OPEN       if33333 02:00:00:00:00:02 vc 1 port 40001 > 7 stream" \
		full-there "ids 4294967290..5 rx 77 bays 11/64/256 replays 3" \
		"chalk 2ms" "chalk -" || return
	[ "$(wc -l <<<"$out")" = 6 ] || return
	[ "$(wc -L <<<"$out")" -le 100 ] || return
	run 0 fake $ttpctl -s link show rport 7 || return
	has "$out" "epoch 513" "peer-window 2048" "timeout 30000ms" "readable 3" \
		"bytes 18446744073709551615" "inode 12345 uid 1000" || return
	[ "$(wc -l <<<"$out")" = 6 ] && [ "$(wc -L <<<"$out")" -le 100 ]
}

test_ctl_link_json() {
	run 0 fake $ttpctl -j link || return
	json "[l['rport'] for l in v] == [7, 8, 9]" || return
	json "v[0]['tx_una'] == 4294967290 and v[0]['bytes_rx'] == 1 << 40" ||
		return
	json "v[0]['state'] == 'OPEN' and v[0]['flags'] == ['full-there']" ||
		return
	# The struct of an older module is shorter.
	json "v[2]['epoch'] == 513 and v[2]['tx_una'] == v[2]['bays_open'] == 0" || return
	run 0 fake $ttpctl -j link show port 8 && json "len(v) == 1" || return
	run 0 fake $ttpctl -j link show port 40001 && json "len(v) == 3" || return
	run 0 fake $ttpctl -j link show port 5 && json "v == []"
}

test_ctl_stat() {
	run 0 fake $ttpctl stat || return
	has "$out" frames_in 8589934592 drop_short drop_length || return
	run 0 fake $ttpctl stat show nonzero drop_ || return
	[ "$(wc -l <<<"$out")" = 1 ] && has "$out" drop_length || return
	run 0 fake $ttpctl -j stat show || return
	json "v == {'frames_in': 1 << 33, 'drop_short': 0, 'drop_length': 2}"
}

test_ctl_refused() {
	local n

	run 0 fake $ttpctl dev add lo slots 64 && [ -z "$out$err" ] || return
	# With and without a full stop of the kernel's own
	for n in 1000 1001; do
		run 2 fake $ttpctl dev add lo slots $n || return
		[ "$err" = "Error: ttp: br0 rules eth0, enable br0." ] || return
	done
	run 2 fake $ttpctl dev set dev lo slots 1002 || return
	[ "$err" = "ttp answers: Operation not permitted" ] || return
	run 2 fake $ttpctl dev add lo slots 3 || return
	[ "$err" = "Error: slots: integer out of range, 16 to 65536." ] || return
	run 2 fake $ttpctl link del lo peer $peer lport 1 rport 2 || return
	[ "$err" = "Error: ttp: there is no such link." ]
}

test_ctl_monitor() {
	# The fake ends after three announcements, one of them lost before.
	run 2 fake $ttpctl monitor || return
	has "$err" "lost" || return
	has "$out" "added 2: eth0" "changed 2: eth0" "deleted 2: eth0" || return
	run 2 fake $ttpctl -j monitor dev || return
	out="[$(paste -sd, <<<"$out")]"
	json "[e['event'] for e in v] == ['added', 'changed', 'deleted']"
}

test_ctl_full_disk() {
	fake $ttpctl dev show >/dev/full 2>"$tmp/err"
	[ $? = 1 ] && has "$(cat "$tmp/err")" "No space left"
}

test_ctl_netns() {
	if ! unshare -n true 2>/dev/null; then
		echo "no network namespaces for this user" >"$tmp/skip"
		return 4
	fi
	# A path names a namespace as well; the one of this process has the
	# same devices, a new one has no eth0 of its own.
	run 0 fake $ttpctl -n /proc/self/ns/net dev show || return
	run 0 unshare -n $ttpctl -n "/proc/$$/ns/net" dev help
}

# complete WORDS...: what completion offers after these words
complete_words() {
	bash -c '
		. ../ttpctl/ttpctl.bash-completion
		COMP_WORDS=("$@")
		COMP_CWORD=$(($# - 1))
		_ttpctl
		echo "${COMPREPLY[@]}"' _ "$@"
}

test_ctl_completion() {
	[ "$(complete_words ttpctl "")" = "dev link stat monitor help" ] &&
	[ "$(complete_words ttpctl -n blue -j dev s)" = "set show" ] &&
	[ "$(complete_words ttpctl dev add lo link)" = link-slots ] &&
	[ "$(complete_words ttpctl dev add l)" = lo ] &&
	[ "$(complete_words ttpctl dev add lo policy "")" = "all raw gid" ] &&
	[ "$(complete_words ttpctl dev add lo slots "")" = "" ] &&
	[ "$(complete_words ttpctl link show dev l)" = lo ] &&
	[ "$(complete_words ttpctl -jx)" = "" ] &&
	[ "$(complete_words ttpctl -j)" = -json ]
}

# ---- ttping -----------------------------------------------------------------

test_ping_usage() {
	local line

	while read -r line; do
		run 2 $ttping $line && [ -n "$err" ] && [ -z "$out" ] || return
	done <<-'EOF'

		-x
		-c 0 02:00:00:00:00:02
		-c x 02:00:00:00:00:02
		-s 0 02:00:00:00:00:02
		-S -s 1048577 02:00:00:00:00:02
		-i x 02:00:00:00:00:02
		-t 0 02:00:00:00:00:02
		-V 3 02:00:00:00:00:02
		-p 0 02:00:00:00:00:02
		-I no-such-device 02:00:00:00:00:02
		02:00:00:00:00
		02:00:00:00:00:02%no-such-device
		no-such-host-in-ethers
		02:00:00:00:00:02 02:00:00:00:00:03
		-l 02:00:00:00:00:02
	EOF
	run 0 $ttping --help && has "$out" Usage: -c -l || return
	run 0 $ttping --version && has "$out" "ttping, ttp-"
}

test_ping_no_module() {
	[ ! -d /sys/module/ttp ] || {
		echo "the module is loaded" >"$tmp/skip"
		return 4
	}
	run 2 $ttping $peer && has "$err" "modprobe ttp" || return
	run 2 $ttping -l && has "$err" "modprobe ttp"
}

test_ping_answers() {
	local type port pid

	port=100
	for type in "" -S; do
		port=$((port + 1))
		fake $ttping -l $type -p $port >"$tmp/responder" &
		pid=$!
		listening $port || return
		run 0 fake $ttping $type -c 3 -i 0.01 -p $port $peer || return
		has "$out" "64 bytes from $peer:$port: seq=3 time=" \
			"3 sent, 3 received, 0 lost (0%)" "min/avg/max/mdev = " \
			"p50/p90/p99/p99.9 = " || return
		run 0 fake $ttping $type -f -c 2000 -s 5000 -j -p $port $peer ||
			return
		json "v['sent'] == v['received'] == 2000 and v['lost'] == 0" ||
			return
		json "0 < v['rtt_us']['min'] <= v['rtt_us']['p50'] <= v['rtt_us']['p99'] <= v['rtt_us']['max']" ||
			return
		# Many under way at once, more than the link's buffers hold
		run 0 fake $ttping $type -i 0 -c 300 -s 30000 -q -p $port $peer ||
			return
		has "$out" "300 sent, 300 received" || return
		kill -INT $pid
		wait $pid
		has "$(cat "$tmp/responder")" connected "gone after" || return
	done
}

test_ping_many_clients() {
	local i pid ok=0

	fake $ttping -l -q -p 110 &
	pid=$!
	listening 110 || return
	# One that sends and never reads, one that hangs up in the middle
	head -c 3000000 /dev/zero >"$tmp/zeroes"
	# shellcheck disable=SC2216 # that it does not read is the point
	fake $ttpcat $peer 110 <"$tmp/zeroes" 2>/dev/null | sleep 3 &
	fake $ttpcat -w 0.1 $peer 110 <"$tmp/zeroes" >/dev/null 2>&1
	for ((i = 0; i < 20; i++)); do
		fake $ttping -q -c 200 -i 0 -p 110 $peer >"$tmp/client.$i" &
		clients[i]=$!
	done
	for ((i = 0; i < 20; i++)); do
		wait "${clients[i]}" && ok=$((ok + 1))
	done
	kill $pid
	[ $ok = 20 ] || { echo "# $ok of 20 clients were served"; return 1; }
	wait $pid
}

test_ping_lost() {
	local pid

	run 1 fake $ttping -c 1 -p 120 $peer || return
	has "$err" refused && has "$out" "0 sent, 0 received" || return
	run 1 fake $ttping -j -c 1 -p 120 $peer && json "v['received'] == 0 and 'error' in v" ||
		return
	# A listener that takes all and answers nothing
	mkfifo "$tmp/never"
	fake $ttpcat -l 121 <>"$tmp/never" >/dev/null &
	pid=$!
	listening 121 || return
	run 1 fake $ttping -c 2 -i 0.1 -t 0.3 -p 121 $peer || return
	has "$out" "no answer from $peer:121: seq=1" "2 sent, 0 received, 2 lost (100%)" ||
		return
	kill $pid 2>/dev/null
	wait $pid 2>/dev/null
	# One that answers the wrong bytes
	head -c 64 /dev/zero | fake $ttpcat -l 122 >/dev/null &
	pid=$!
	listening 122 || return
	run 1 fake $ttping -c 1 -p 122 $peer && has "$out" "WRONG BYTES" "1 wrong"
}

test_ping_interrupted() {
	local pid client

	fake $ttping -l -q -p 130 &
	pid=$!
	listening 130 || return
	fake $ttping -i 0.05 -p 130 $peer >"$tmp/client" &
	client=$!
	until_so grep -q seq=5 "$tmp/client" || return
	kill -INT $client
	wait $client || return
	kill $pid
	wait $pid || return
	has "$(cat "$tmp/client")" "statistics" "0 lost (0%)"
}

# ---- ttpcat -----------------------------------------------------------------

test_cat_usage() {
	local line

	while read -r line; do
		run 1 $ttpcat $line && [ -n "$err" ] && [ -z "$out" ] || return
	done <<-'EOF'

		-x
		02:00:00:00:00:02
		02:00:00:00:00:02 0
		02:00:00:00:00:02 65536
		02:00:00:00:00:02 7-9
		-z 02:00:00:00:00:02 9-7
		02:00:00:00:00 7
		02:00:00:00:00:02 7 8
		02:00:00:00:00:02%no-such-device 7
		-b 0 02:00:00:00:00:02 7
		-S -b 1048577 02:00:00:00:00:02 7
		-w 0 02:00:00:00:00:02 7
		-k 02:00:00:00:00:02 7
		-V 3 02:00:00:00:00:02 7
		-l
		-l -p 7 8
		-l -z 7
	EOF
	run 0 $ttpcat --help && has "$out" Usage: -l -z || return
	run 0 $ttpcat --version && has "$out" "ttpcat, ttp-"
}

test_cat_no_module() {
	[ ! -d /sys/module/ttp ] || {
		echo "the module is loaded" >"$tmp/skip"
		return 4
	}
	run 1 $ttpcat $peer 7 && has "$err" "modprobe ttp" || return
	run 1 $ttpcat -l 7 && has "$err" "modprobe ttp"
}

# Files both ways at once, of different length, over pipes that are slow
test_cat_both_ways() {
	local type port=200 pid

	head -c 9000000 /dev/urandom >"$tmp/a"
	head -c 3000001 /dev/urandom >"$tmp/b"
	for type in "" -S "-b 7777" "-S -b 100000"; do
		port=$((port + 1))
		fake $ttpcat -v -l $type $port <"$tmp/b" 2>"$tmp/log" |
			(sleep 0.5; cat) >"$tmp/a.got" &
		pid=$!
		listening $port || return
		# shellcheck disable=SC2002
		cat "$tmp/a" | fake $ttpcat $type $peer $port |
			(sleep 0.5; cat) >"$tmp/b.got"
		[ "${PIPESTATUS[1]}" = 0 ] || return
		wait $pid
		cmp "$tmp/a" "$tmp/a.got" && cmp "$tmp/b" "$tmp/b.got" || return
		has "$(cat "$tmp/log")" "listening on *:$port" \
			"connection from" "sent 3.0 MB" "received 9.0 MB" || return
	done
}

# Nobody reads what comes; what is to go the other way must go all the same.
test_cat_stalled_reader() {
	local pid client ok=1

	head -c 9000000 /dev/urandom >"$tmp/a"
	head -c 3000001 /dev/urandom >"$tmp/b"
	mkfifo "$tmp/stalled" || return
	exec 3<>"$tmp/stalled"
	fake $ttpcat -l 260 <"$tmp/b" >"$tmp/stalled" 3>&- &
	pid=$!
	listening 260 || return
	fake $ttpcat $peer 260 <"$tmp/a" >"$tmp/b.got" 3>&- &
	client=$!
	until_so cmp -s "$tmp/b" "$tmp/b.got" && ok=0
	kill $pid $client
	wait $pid $client
	exec 3>&-
	return $ok
}

test_cat_half_close() {
	local pid client

	# The answer comes after the end of the question.
	mkfifo "$tmp/answer" || return
	fake $ttpcat -l 210 <"$tmp/answer" >"$tmp/question" &
	pid=$!
	exec 3>"$tmp/answer"
	listening 210 || return
	echo question | fake $ttpcat $peer 210 >"$tmp/answered" 3>&- &
	client=$!
	until_so grep -qx question "$tmp/question" || return
	sleep 0.2
	echo answer >&3
	exec 3>&-
	wait $client && wait $pid && [ "$(cat "$tmp/answered")" = answer ]
}

test_cat_keep() {
	local pid i

	fake $ttpcat -l -k -d 220 >"$tmp/all" &
	pid=$!
	listening 220 || return
	for i in 1 2 3; do
		echo $i | fake $ttpcat $peer:220 || return
	done
	kill $pid
	[ "$(tr '\n' ' ' <"$tmp/all")" = "1 2 3 " ]
}

test_cat_probe() {
	local pid

	run 1 fake $ttpcat -z $peer 230 && [ -z "$err" ] || return
	run 1 fake $ttpcat -z -v $peer 230 && has "$err" refused || return
	fake $ttpcat -l -k -d 231 &
	pid=$!
	listening 231 || return
	run 0 fake $ttpcat -z -v $peer 230-232 || return
	has "$err" "230: connection refused" "connected to $peer:231" \
		"232: connection refused" || return
	kill $pid
}

test_cat_timeout() {
	local pid

	run 1 fake $ttpcat -l -w 0.2 240 && has "$err" "nobody connected" || return
	mkfifo "$tmp/silent"
	fake $ttpcat -l 241 <>"$tmp/silent" >/dev/null &
	pid=$!
	listening 241 || return
	run 1 fake $ttpcat -w 0.3 $peer 241 && has "$err" "idle" || return
	kill $pid 2>/dev/null
	return 0
}

test_cat_output_fails() {
	local pid

	fake $ttpcat -l 250 >/dev/full 2>"$tmp/err" </dev/null &
	pid=$!
	listening 250 || return
	echo x | fake $ttpcat $peer 250 2>/dev/null
	wait $pid
	[ $? = 1 ] && has "$(cat "$tmp/err")" "standard output: No space left"
}

# ---- ttpperf ----------------------------------------------------------------

test_perf_usage() {
	local line

	while read -r line; do
		run 2 $ttpperf $line && [ -n "$err" ] && [ -z "$out" ] || return
	done <<-'EOF'

		-x
		nonsense
		client
		server 02:00:00:00:00:02
		local 02:00:00:00:00:02
		local -T nonsense
		local -t nonsense
		local -s 0
		local -s 17M
		local -s 4Q
		local -n x
		local -P 0
		local -v 3
		local -p 65536
		local -w 0
		local -T udp -t connect
		local -T udp -t pingpong -s 8
		local -T unix -t idle -P 2
		local -T unix -t pingpong -R
		local -T ttp
		local -T ttp -d no-such-device
		local -T tcp -N no-such-namespace
		client -T unix somewhere
		client -t selfpong 02:00:00:00:00:02
		client 02:00:00:00:00
		client -T packet 02:00:00:00:00:02
		server -T packet
		server -T unix
	EOF
	run 0 $ttpperf --help && has "$out" Usage: server client local tcp-nagle ||
		return
	run 0 $ttpperf -V && has "$out" "ttpperf, ttp-"
}

# What it measures beside TTP needs no module.
test_perf_local() {
	local t times="v['lost'] == 0 and 0 < v['ns']['min'] <= v['ns']['p50'] <= v['ns']['p999'] <= v['ns']['max']"

	for t in tcp tcp-nagle udp unix unix-seqpacket; do
		run 0 $ttpperf local -j -T $t -t pingpong -n 300 -O 10 &&
			json "v['count'] == 300 and $times" || return
		run 0 $ttpperf local -j -T $t -t selfpong -n 300 -s 5000 &&
			json "v['count'] == 300 and v['size'] == 5000 and $times" || return
		run 0 $ttpperf local -j -T $t -t messages -n 320 -D 16 -P 2 &&
			json "v['count'] == 640 and v['links'] == 2 and $times" || return
		run 0 $ttpperf local -j -T $t -b 3M -s 50000 -r 1000 &&
			json "3 << 20 <= v['bytes'] < (3 << 20) + 50000 and v['lost'] == 0 and v['ns_per_kb'] > 0" ||
			return
		run 0 $ttpperf local -j -T $t -R -b 3M -s 10000 &&
			json "3 << 20 <= v['bytes'] < (3 << 20) + 10000 and v['mbit_per_s'] > 0" ||
			return
	done
	for t in tcp unix; do
		run 0 $ttpperf local -j -T $t -t connect -n 100 -O 5 &&
			json "v['count'] == 100 and v['connections_per_s'] > 0 and $times" ||
			return
		run 0 $ttpperf local -j -T $t -t idle -n 200 && json "v['count'] == 200" ||
			return
	done
	run 0 $ttpperf local -j -T unix -l 0.6 -i 0.2 &&
		json "v['seconds'] >= 0.6 and len(v['intervals']) >= 2 and v['intervals'][0]['bytes'] > 0" ||
		return
	run 0 $ttpperf local -T unix -t pingpong -n 10 &&
		has "$out" "10 round trips" "p99.9" || return
	run 0 $ttpperf local -T unix -b 1M && has "$out" "1.0 MB in" "ns/KB"
}

# A port of the machine's own TCP that nobody has
free_port() {
	python3 -c 'import socket; s = socket.socket(); s.bind(("", 0))
print(s.getsockname()[1])'
}

# catches PID SIGNAL: it has said what is to be done at this signal
catches() {
	local mask

	mask=$(sed -n 's/^SigCgt:[[:blank:]]*//p' "/proc/$1/status") &&
		(((0x$mask >> ($2 - 1)) & 1))
}

# Interrupted, a client tells what there is so far; it notices that nobody is
# there, and that the server goes.
test_perf_ends() {
	local server client port

	port=$(free_port)
	run 1 $ttpperf client -T tcp -p $port 127.0.0.1 && has "$err" refused || return
	$ttpperf server -T tcp -q -p $port &
	server=$!
	until run 0 $ttpperf client -T tcp -p $port -t pingpong -n 1 127.0.0.1; do
		kill -0 $server || return
		sleep 0.1
	done >"$tmp/tries"
	$ttpperf client -T tcp -p $port -t pingpong -j -l 20 127.0.0.1 >"$tmp/client" &
	client=$!
	until_so catches $client 2 || return
	sleep 0.7
	kill -INT $client
	wait $client || return
	out=$(cat "$tmp/client")
	json "0 < v['seconds'] < 15 and v['count'] > 0" || return
	$ttpperf client -T tcp -p $port -t bulk -l 20 127.0.0.1 >"$tmp/client" 2>&1 &
	client=$!
	sleep 0.7
	pkill -KILL -P $server
	wait $client
	# Depending on what it had read, TCP resets the connection or ends it.
	[ $? = 1 ] && grep -qE "reset the link|server has gone" "$tmp/client" || return
	kill $server
	wait $server
}

# ---- the rest ---------------------------------------------------------------

test_man_pages() {
	local m

	if ! command -v groff >/dev/null; then
		echo "no groff" >"$tmp/skip"
		return 4
	fi
	for m in ../ttpctl/ttpctl.8 ../ttping/ttping.1 ../ttpcat/ttpcat.1 \
			../ttpperf/ttpperf.1; do
		groff -man -Tascii -P-cbou -ww "$m" >"$tmp/man" 2>"$tmp/err" || return
		[ ! -s "$tmp/err" ] || { sed 's/^/# /' "$tmp/err"; return 1; }
		grep -q "EXIT STATUS" "$tmp/man" || return
	done
}

# Every option of the help texts is in the man page, and the other way round.
test_man_options() {
	local t o

	for t in ttping ttpcat ttpperf; do
		for o in $("../$t/$t" --help | grep -o -- '--[a-z-]*' | sort -u); do
			grep -q -- "${o//-/\\\\-}" "../$t/$t.1" || {
				echo "# $t.1 lacks $o"
				return 1
			}
		done
		grep -o -- '\\-\\-[a-z\\-]*' "../$t/$t.1" | sort -u >"$tmp/options"
		while IFS= read -r o; do
			"../$t/$t" --help | grep -q -- "${o//\\/}" || {
				echo "# $t --help lacks $o"
				return 1
			}
		done <"$tmp/options"
	done
}

test_install() {
	make -s -C .. install DESTDIR="$tmp/root" prefix=/usr >/dev/null || return
	[ -x "$tmp/root/usr/bin/ttpctl" ] &&
	[ -x "$tmp/root/usr/bin/ttping" ] &&
	[ -x "$tmp/root/usr/bin/ttpcat" ] &&
	[ -x "$tmp/root/usr/bin/ttpperf" ] &&
	[ -s "$tmp/root/usr/share/man/man7/ttp.7" ] &&
	[ -s "$tmp/root/usr/share/man/man8/ttpctl.8" ] &&
	[ -s "$tmp/root/usr/share/man/man1/ttping.1" ] &&
	[ -s "$tmp/root/usr/share/man/man1/ttpcat.1" ] &&
	[ -s "$tmp/root/usr/share/man/man1/ttpperf.1" ] &&
	[ -s "$tmp/root/usr/share/bash-completion/completions/ttpctl" ] &&
	[ -s "$tmp/root/usr/lib/wireshark/plugins/ttp.lua" ]
}

test_run_library() {
	run 0 ./run_test || { echo "$out$err"; return 1; }
}

test_run_options() {
	run 0 $ttp_run --help && has "$out" "Usage: ttp_run" --only-ttp || return
	run 0 $ttp_run --version && has "$out" "ttp_run, ttp-" || return
	run 125 $ttp_run && has "$err" "Usage: ttp_run" || return
	run 125 $ttp_run --vc 3 true && has "$err" "virtual channel" || return
	run 125 $ttp_run --nonsense true && has "$err" "--help"
}

test_run_program() {
	run 0 $ttp_run true || return
	run 7 $ttp_run sh -c 'exit 7' || return
	# What follows the program is the program's.
	run 0 $ttp_run -- echo --vc 9 && has "$out" "--vc 9" || return
	run 127 $ttp_run no-such-program && has "$err" "No such file" || return
	run 126 $ttp_run / && has "$err" "Permission denied"
}

test_run_static() {
	echo 'int main(void) { return 0; }' >"$tmp/static.c"
	${CC:-cc} -static -o "$tmp/static" "$tmp/static.c" || return
	run 126 $ttp_run "$tmp/static" && has "$err" "statically linked" || return
	printf '#!%s\n' "$tmp/static" >"$tmp/script"
	chmod +x "$tmp/script"
	run 126 $ttp_run "$tmp/script" && has "$err" "statically linked"
}

# Without a kernel that has TTP everything stays as it was, and that is told.
test_run_tcp() {
	run 0 $ttp_run -v --log="$tmp/log" python3 -c "
import socket
s = socket.create_server(('', 0))
c = socket.create_connection(('127.0.0.1', s.getsockname()[1]))
a, who = s.accept()
a.sendall(b'x')
assert c.recv(1) == b'x' and who == c.getsockname()" || return
	has "$(cat "$tmp/log")" "listen 0.0.0.0:" "stays TCP: the loopback"
}

shark() {
	tshark -X lua_script:../wireshark/ttp.lua -r "$tmp/frames.pcap" "$@" \
		2>"$tmp/err"
}

test_dissector() {
	if ! command -v tshark >/dev/null; then
		echo "no tshark" >"$tmp/skip"
		return 4
	fi
	python3 frames.py "$tmp/frames.pcap" || return
	out=$(shark -T fields -E separator=, -e frame.number -e teslattp.op \
		-e teslattp.srcport -e teslattp.txid -e teslattp.rxid \
		-e teslattp.flags -e teslattp.payload.len) || return
	has "$out" "1,0,40001,999,0,0x20,100" "2,1,7,5000,999,0x08,100" \
		"4,6,40001,1000,4999,0x0d,5" "10,4,40001,5000,1001,0x08,0" \
		"12,6,,2,1,,4" || return
	! grep -i lua "$tmp/err" || return
	out=$(shark -Y 'teslattp.range.first == 1010' -T fields \
		-E occurrence=a -e teslattp.range.first -e teslattp.range.n)
	[ "$out" = "1001,1010	3,1" ] || return
	out=$(shark -Y 'teslattp.window == 4096' -T fields -e frame.number)
	[ "$out" = 1 ] || return
	out=$(shark -Y 'teslattp.payload == 68:65:6c:6c:6f' -T fields \
		-e frame.number -e teslattp.vc)
	[ "$out" = "4	2" ] || return
	out=$(shark -Y '_ws.expert' -T fields -e frame.number | paste -sd,)
	[ "$out" = 13,14,15,16,17 ] || { echo "# expert: $out"; return 1; }
	out=$(shark -Y '_ws.lua.error')
	[ -z "$out" ]
}

# ---- running them -----------------------------------------------------------


tests=${*:-$(sed -n 's/^test_\([a-z_]*\)() {$/\1/p' "$(basename "$0")")}

echo "KTAP version 1"
echo "1..$(wc -w <<<"$tests")"
n=0
failed=0
for t in $tests; do
	n=$((n + 1))
	"test_$t"
	case $? in
	0)
		echo "ok $n $t"
		;;
	4)
		echo "ok $n $t # SKIP $(cat "$tmp/skip")"
		;;
	*)
		failed=$((failed + 1))
		[ ! -s "$tmp/err" ] || sed 's/^/# /' "$tmp/err"
		echo "not ok $n $t"
		;;
	esac
done
exit $((failed > 0))
