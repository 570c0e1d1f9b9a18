#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""mosquitto: a hundred clients, what a broker keeps, and clients that die."""

import collections
import hashlib
import json
import os
import signal
import time

from cases import A_LITTLE, Case, main
from mqtt import Broker
from nodes import DEVICE, FALLBACK, PATIENCE, TCP, TTP, command, need

CLIENTS = "ab"
LONG = 6 * PATIENCE     # seconds for a hundred programs to start
PACKET = 64             # bytes of MQTT beside payload and topic, generously
HANDSHAKE = 200         # the same for a client's whole life


# ---- a hundred clients ----

def clients_of(count):
    return [(number, CLIENTS[number % len(CLIENTS)]) for number in range(count)]


def write_lines(net, name, lines):
    with open(f"{net.tmp}/{name}", "w") as f:
        f.write("".join(f"{line}\n" for line in lines))
    return f"{net.tmp}/{name}"


def patient(net):
    """A hundred programs that start at once keep a slow machine busy for longer than a
    peer has to answer by TTP before TCP is tried."""
    return ["--only-ttp"] if net.way == TTP else None


def publish_all(net, broker, count, each):
    """Publishers of each quality of service; what every subscriber is to get."""
    want = collections.Counter()
    publishers = []
    for number, node in clients_of(count):
        lines = [f"{serial} of {number}" for serial in range(each)]
        qos = number % 3
        want.update(f"{qos} crowd/{number} {line}" for line in lines)
        with open(write_lines(net, f"publisher{number}", lines)) as f:
            publishers.append(broker.client(
                node, "mosquitto_pub", "-i", f"publisher{number}", "-q", str(qos),
                "-t", f"crowd/{number}", "-l", stdin=f, ttp=patient(net)))
    for publisher in publishers:
        publisher.ends(LONG)
    return want


def crowd(net, nodelay=False):
    """Each message at each subscriber, once."""
    count, each = 50, net.size(4, 20)
    broker = Broker(net, nodelay=nodelay)
    readers = [broker.subscriber(node, f"reader{number}", "crowd/#", "-q", "2",
                                 "-F", "%q %t %p", ttp=patient(net))
               for number, node in clients_of(count)]
    broker.knows(*(f"reader{number}" for number in range(count)), seconds=LONG)
    began = time.monotonic()
    want = publish_all(net, broker, count, each)
    # What the broker sends to one client it sends in order.
    broker.publish("a", "-q", "2", "-t", "crowd/last", "-m", "end")
    want["2 crowd/last end"] += 1
    for reader in readers:
        reader.says(r"^2 crowd/last end$", seconds=LONG)
    net.figure("messages delivered", count * sum(want.values()) /
               (time.monotonic() - began), "1/s")
    for reader in readers:
        reader.stop()
        got = collections.Counter(reader.text().splitlines())
        need(got == want, f"{reader.words}: missing {want - got}, too many {got - want}")
    copies = (count + 1) * sum(want.values())
    return copies * 12, copies * (12 + PACKET) + 2 * count * HANDSHAKE


def crowd_at_once(net):
    """The same when TCP does not wait for more either."""
    return crowd(net, nodelay=True)


# ---- what the broker keeps, and what is big ----

def kept(net):
    """Who comes later gets the retained message, until it is taken back."""
    broker = Broker(net)
    broker.publish("a", "-q", "1", "-r", "-t", "kept/state", "-m", "on")
    form = ("-F", "%r %t %p", "-W", "60")
    got = broker.subscriber("b", "later", "kept/#", "-C", "1", *form).ends()
    need(got == "1 kept/state on\n", f"not the retained message: {got}")
    broker.publish("a", "-q", "1", "-r", "-n", "-t", "kept/state")
    last = broker.subscriber("b", "last", "kept/#", "-C", "1", *form)
    broker.knows("last")
    broker.publish("a", "-t", "kept/now", "-m", "x")
    got = last.ends()
    need(got == "0 kept/now x\n", f"not taken back: {got}")
    return 20, 3 * A_LITTLE


def big(net):
    """A payload of 1 MB there and on, at each quality of service."""
    broker = Broker(net)
    data = os.urandom(1 << 20)
    with open(f"{net.tmp}/big", "wb") as f:
        f.write(data)
    for qos in "012":
        reader = broker.subscriber("b", f"big{qos}", f"big/{qos}", "-q", qos, "-C", "1", "-N")
        broker.knows(f"big{qos}")
        broker.publish("a", "-q", qos, "-t", f"big/{qos}", "-f", f"{net.tmp}/big")
        reader.ends()
        with open(reader.files["output"], "rb") as f:
            got = f.read()
        need(hashlib.sha256(got).digest() == hashlib.sha256(data).digest(),
             f"quality {qos}: {len(got)} bytes of {len(data)}, or others")
    return 3 * 2 * len(data)


# ---- clients that die ----

def link_of(net, program):
    """The link whose socket this program holds."""
    folder = f"/proc/{program.process.pid}/fd"
    inodes = {os.readlink(f"{folder}/{fd}") for fd in os.listdir(folder)}
    links = json.loads(command("ttpctl", "-j", "-n", program.node, "link", "show"))
    mine = [link for link in links if f"socket:[{link['inode']}]" in inodes]
    need(len(mine) == 1, f"not one link of {program.words}: {links}")
    return mine[0]


def reset(net, program):
    link = link_of(net, program)
    command("ttpctl", "-n", program.node, "link", "del", "dev", DEVICE,
            "peer", link["peer"], "vc", str(link["vc"]), "lport", str(link["lport"]),
            "rport", str(link["rport"]))


def mortal(broker, name, *options):
    """A client that leaves a will."""
    return broker.subscriber("a", name, f"to/{name}", "--will-topic", f"will/{name}",
                             "--will-payload", "gone", "--will-qos", "1", *options)


def wills(net):
    """Of clients that are killed, hang or are reset, but not of those that take
    their leave or have nothing to say for long."""
    broker = Broker(net)
    heirs = broker.subscriber("b", "heirs", "will/#", "-q", "1", "-F", "%t %p")
    killed, leaving = mortal(broker, "killed"), mortal(broker, "leaving")
    hanging, idle = mortal(broker, "hanging", "-k", "5"), mortal(broker, "idle", "-k", "5")
    cut = mortal(broker, "cut")
    names = {"heirs", "killed", "leaving", "hanging", "idle", "cut"}
    broker.knows(*names)
    hanging.send(signal.SIGSTOP)
    leaving.stop()
    killed.stop(signal.SIGKILL)
    heirs.says(r"^will/killed gone$")
    dead = ["will/hanging gone", "will/killed gone"]
    if net.way == TTP:
        reset(net, cut)
        heirs.says(r"^will/cut gone$")
        dead.append("will/cut gone")
    # One and a half times its keep-alive
    heirs.says(r"^will/hanging gone$")
    broker.publish("b", "-q", "1", "-t", "to/idle", "-m", "hello")
    idle.says(r"^hello$")
    need(sorted(heirs.text().splitlines()) == sorted(dead), f"not {dead}: {heirs.text()}")
    return len(dead) * 20, A_LITTLE


if __name__ == "__main__":
    main([
        Case("mosquitto: 50 publishers, 50 subscribers", crowd, nodes="abc",
             figures=True),
        Case("mosquitto: the same with TCP_NODELAY", crowd_at_once, nodes="abc",
             ways=(), figures=True),
        Case("mosquitto: retained messages", kept, nodes="abc",
             ways=(TCP, TTP, FALLBACK)),
        Case("mosquitto: a message of 1 MB", big, nodes="abc"),
        Case("mosquitto: wills and keep-alives", wills, nodes="abc"),
    ])
