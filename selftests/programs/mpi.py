#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""Open MPI: four ranks on four nodes; its messages, and what its daemons tell
each other, by the only wire there is."""

import os
import re

from cases import A_LITTLE, Case, main
from nodes import FALLBACK, HERE, TCP, TTP, need

NODES = "abcd"
# Sizes of mpi_allreduce.c
SIZES = [8, 64, 512, 4096, 32768, 262144, 1 << 20]
BLOCK = 1 << 20
DAEMONS = 16 * A_LITTLE         # bytes: what runs where, and its output
# In place of ssh: what it is told to run, in the namespace of that name. Nodes that
# share a host name would be taken for one machine.
AGENT = """#!/bin/sh
while [ "${1#-}" != "$1" ]; do shift; done
host=$1
shift
exec env -u LD_PRELOAD ip netns exec "$host" \\
	unshare -u sh -c 'hostname "$0"; exec sh -c "$1"' "$host" "$*"
"""


def agent(net):
    path = f"{net.tmp}/agent"
    with open(path, "w") as f:
        f.write(AGENT)
    os.chmod(path, 0o755)
    return path


def mpirun(net, program, *arguments):
    """A program of ours, one rank on each node; what it printed."""
    daemon = " ".join([*net.launcher("b", None), "orted"])
    settings = {
        "plm_rsh_agent": agent(net), "orte_launch_agent": daemon,
        "pml": "ob1", "btl": "tcp,self", "btl_tcp_if_include": "eth0",
        "oob_tcp_if_include": "eth0",
        # There are fewer processors than ranks.
        "mpi_yield_when_idle": "1",
    }
    options = [word for name, value in settings.items() for word in ("--mca", name, value)]
    return net.run("a", "unshare", "-u", "sh", "-c", 'hostname a; exec "$@"', "sh",
                   "mpirun", "--allow-run-as-root", "-np", str(len(NODES)),
                   "-H", ",".join(NODES), *options, f"{HERE}/{program}", *arguments,
                   seconds=240)


def allreduce(net):
    """Each sum of each rank; the time of each size."""
    rounds = net.size(3, 10)
    said = mpirun(net, "mpi_allreduce", str(rounds))
    rows = re.findall(r"^(\d+) bytes: (\d+) wrong, ([\d.]+) us$", said, re.M)
    need([int(size) for size, _, _ in rows] == SIZES, f"not each size: {said}")
    need(all(wrong == "0" for _, wrong, _ in rows), said)
    for size, _, took in rows:
        net.figure(f"all-reduce of {size} bytes", float(took), "us")
    # Each rank's numbers have to leave it; a ring sends them twice at most.
    moved = len(NODES) * (rounds * sum(SIZES) + SIZES[-1])
    return moved, 2.5 * moved + DAEMONS


def ring(net):
    rounds = net.size(50, 500)
    said = mpirun(net, "mpi_ring", str(rounds))
    match = re.search(r"^4 ranks: good, ([\d.]+) us each round$", said, re.M)
    need(match, said)
    net.figure("a token round four ranks", float(match[1]), "us")
    moved = len(NODES) * BLOCK
    return moved, 1.25 * moved + DAEMONS


if __name__ == "__main__":
    main([
        Case("mpi: all-reduce", allreduce, nodes=NODES, figures=True),
        Case("mpi: a ring", ring, nodes=NODES, ways=(TCP, TTP, FALLBACK), figures=True),
    ])
