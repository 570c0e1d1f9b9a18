# SPDX-License-Identifier: GPL-2.0
"""A mosquitto broker in a node, and clients of it."""

import os

from nodes import PATIENCE, wait_for

PORT = 1883
CONFIG = """listener 1883
allow_anonymous true
persistence false
max_queued_messages 0
log_dest stderr
log_type error
log_type warning
log_type notice
log_type subscribe
"""
NODELAY = "set_tcp_nodelay true\n"


class Broker:
    """A broker, and clients that know where it is. nodelay: all set TCP_NODELAY."""

    def __init__(self, net, node="c", nodelay=False):
        self.net = net
        self.node = node
        self.options = ["--nodelay"] if nodelay else []
        # It gives up root before it listens.
        os.chmod(net.tmp, 0o755)
        with open(f"{net.tmp}/mosquitto.conf", "w") as f:
            f.write(CONFIG + (NODELAY if nodelay else ""))
        self.program = net.start(node, "mosquitto", "-c", f"{net.tmp}/mosquitto.conf")
        self.program.listens(PORT)

    def client(self, node, name, *options, **more):
        return self.net.start(node, name, "-h", self.net.ip(self.node), *self.options,
                              *options, **more)

    def publish(self, node, *options, **more):
        self.client(node, "mosquitto_pub", *options, **more).ends()

    def subscriber(self, node, name, topic, *options, **more):
        return self.client(node, "mosquitto_sub", "-i", name, "-t", topic, *options, **more)

    def knows(self, *names, seconds=PATIENCE):
        """Wait until they have subscribed to something."""
        def known():
            lines = self.program.text("errors").splitlines()
            have = {words[1] for words in map(str.split, lines) if len(words) == 4}
            return have >= set(names)
        wait_for(known, f"subscriptions of {', '.join(names)}", seconds)
