# shellcheck shell=bash
# SPDX-License-Identifier: GPL-2.0
#
# What the shell tests share: KTAP, namespaces a and b on a wire, tools.

top=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
for tool in ttpctl ttping ttpcat ttpperf ttp_run; do
	case :$PATH: in
	*:"$top/tools/$tool":*) ;;
	*) PATH=$PATH:$top/tools/$tool ;;
	esac
done
export PATH=$PATH:/usr/sbin:/sbin

# A debug kernel takes this much longer for everything.
slow=1
case ${TTP_SLOW:-0} in
0 | '') ;;
*) slow=8 ;;
esac

# Seconds for what has to come, on a machine that may stand still for a while
# shellcheck disable=SC2034 # for the tests
patience=$((20 * slow))

started=""
export started
ktap_n=0
ktap_bad=0
ktap_plan=0
export ktap_plan

plan() {
	ktap_plan=$1
	echo "TAP version 13"
	echo "1..$1"
}

# ok STATUS WORDS: one result
result() {
	local status=$1

	shift
	ktap_n=$((ktap_n + 1))
	if [ "$status" -eq 0 ]; then
		echo "ok $ktap_n $*"
	else
		echo "not ok $ktap_n $*"
		ktap_bad=$((ktap_bad + 1))
	fi
}

skip() {
	ktap_n=$((ktap_n + 1))
	echo "ok $ktap_n $1 # SKIP $2"
}

# check WORDS COMMAND...: the command must succeed; what it said is shown if not
check() {
	local words=$1 out status

	shift
	out=$("$@" 2>&1)
	status=$?
	[ "$status" -eq 0 ] || indent "$* -> $status"$'\n'"$out"
	result "$status" "$words"
}

# refused STATUS TEXT WORDS COMMAND...: must end with this status, saying TEXT
refused() {
	local want=$1 text=$2 words=$3 out status

	shift 3
	out=$("$@" 2>&1)
	status=$?
	if [ "$status" -eq "$want" ] && grep -qi -e "$text" <<<"$out"; then
		result 0 "$words"
		return
	fi
	indent "$* -> $status, not $want with '$text'"$'\n'"$out"
	result 1 "$words"
}

indent() {
	# shellcheck disable=SC2001 # every line
	sed 's/^/#   /' <<<"$1"
}

finished() {
	if [ "$ktap_n" -ne "$ktap_plan" ]; then
		echo "# planned $ktap_plan tests, ran $ktap_n"
		exit 1
	fi
	[ "$ktap_bad" -eq 0 ]
	exit
}

# ---- namespaces ----

ns_made=()
tmp=$(mktemp -d)

cleanup() {
	local pid ns

	for ns in "${ns_made[@]}"; do
		for pid in $(ip netns pids "$ns" 2>/dev/null); do
			kill -KILL "$pid" 2>/dev/null
		done
		ip netns del "$ns" 2>/dev/null
	done
	rm -rf "$tmp"
}

trap cleanup EXIT
trap 'exit 1' INT TERM

# Unlike those of another run at the same time
ns_name() {
	echo "ttp-$1-$$"
}

ns_add() {
	local ns

	ns=$(ns_name "$1")
	ip netns add "$ns" || exit 1
	ns_made+=("$ns")
	ip -n "$ns" link set lo up
}

ns_del() {
	local ns

	ns=$(ns_name "$1")
	ip netns del "$ns"
}

# on NODE COMMAND...: run it there
on() {
	local ns

	ns=$(ns_name "$1")
	shift
	ip netns exec "$ns" "$@"
}

# start NODE COMMAND...: the same, in the background; sets $started to be ended later
start() {
	local ns

	ns=$(ns_name "$1")
	shift
	# A shell would take its input away.
	ip netns exec "$ns" "$@" <&0 &
	started=$!
}

# dial NODE COMMAND...: again while nobody listens yet; input from $input
dial() {
	local end=$((SECONDS + patience)) status

	while :; do
		on "$@" <"${input:-/dev/null}" 2>"$tmp/dial"
		status=$?
		if [ "$SECONDS" -ge "$end" ] || ! grep -q refused "$tmp/dial"; then
			break
		fi
		sleep 0.1
	done
	cat "$tmp/dial" >&2
	return "$status"
}

# End what start has started.
end() {
	kill "$1" 2>/dev/null
	wait "$1" 2>/dev/null
}

mac_of() {
	case $1 in
	a) echo 02:70:00:00:00:0a ;;
	b) echo 02:70:00:00:00:0b ;;
	c) echo 02:70:00:00:00:0c ;;
	esac
}

# Two nodes, a veth between them, TTP enabled on it
wire_up() {
	ns_add a
	ns_add b
	ip link add wire0 netns "$(ns_name a)" address "$(mac_of a)" mtu "${1:-1500}" \
		type veth peer name wire0 netns "$(ns_name b)" \
		address "$(mac_of b)" mtu "${1:-1500}" || exit 1
	ip -n "$(ns_name a)" link set wire0 up
	ip -n "$(ns_name b)" link set wire0 up
	on a ttpctl dev add wire0 || exit 1
	on b ttpctl dev add wire0 || exit 1
}

# counter NODE NAME
counter() {
	on "$1" ttpctl stat show | awk -v n="$2" '$1 == n { print $2 }'
}

# wait_for SECONDS COMMAND...: until it succeeds
wait_for() {
	local end=$((SECONDS + $1 * slow + patience))

	shift
	until "$@" >/dev/null 2>&1; do
		[ "$SECONDS" -lt "$end" ] || return 1
		sleep 0.1
	done
}
