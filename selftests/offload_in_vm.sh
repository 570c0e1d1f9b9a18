#!/bin/bash
# SPDX-License-Identifier: GPL-2.0
#
# The protocol's tests once more where frames leave one by one, where those of
# one end alone do, and with an MTU of 9000; the MTU of live links; RPS. On a
# machine where the module is installed. Prints KTAP.
#
#   offload_in_vm.sh [--short]		--short: what make check runs

cd "$(dirname "$0")" || exit 1

failed=0

# with NAME=VALUE TEST...
with() {
	echo "# ==== $1"
	env "$1" ./run_in_vm.sh "${@:2}" || failed=1
}

if [ "${1:-}" = --short ]; then
	with TTP_GSO=off ttp_data
	with TTP_GSO=mixed ttp_frames
	with TTP_MTU=9000 ttp_frames
	exit "$failed"
fi
with TTP_GSO=on ttp_rps ttp_mtu.sh
with TTP_GSO=off ttp_data ttp_frames ttp_close ttp_zerocopy
with TTP_GSO=mixed ttp_frames ttp_close ttp_zerocopy ttp_wrap
with TTP_MTU=9000 ttp_data ttp_frames ttp_zerocopy ttp_wrap
exit "$failed"
