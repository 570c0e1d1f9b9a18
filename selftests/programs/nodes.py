# SPDX-License-Identifier: GPL-2.0
"""Network namespaces on a wire, and the programs that run in them."""

import os
import re
import shutil
import signal
import subprocess
import tempfile
import time

HERE = os.path.dirname(os.path.realpath(__file__))
TOP = os.path.dirname(os.path.dirname(HERE))
LAUNCHER = f"{TOP}/tools/ttp_run/ttp_run"
DEVICE = "eth0"
SWITCH = "switch"
LISTEN = "0A"           # the state, as /proc/net/tcp has it
PATIENCE = 60           # seconds for what takes no time on an idle machine

# What the programs are started with: as they are; under ttp_run; under ttp_run
# on node a alone, whose peers then know nothing of TTP.
TCP, TTP, FALLBACK = "tcp", "ttp", "fallback"


class Failure(Exception):
    """What a program did, or did not do, and should have."""


def need(condition, words):
    if not condition:
        raise Failure(words)


def command(*words, **more):
    """Run a command that has to succeed; its output."""
    done = subprocess.run(words, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False, **more)
    need(done.returncode == 0, f"{' '.join(words)} -> {done.returncode}: {done.stdout}")
    return done.stdout


def wait_for(condition, what, seconds=PATIENCE):
    """Until condition() is true; what it returned."""
    end = time.monotonic() + seconds
    while True:
        value = condition()
        if value:
            return value
        need(time.monotonic() < end, f"waited {seconds} s for {what}")
        time.sleep(0.05)


class Program:
    """One that runs in a node in the background; its output is in files."""

    def __init__(self, net, node, words, process, out, err):
        self.net = net
        self.node = node
        self.words = words
        self.process = process
        self.files = {"output": out, "errors": err}

    def text(self, which="output"):
        with open(self.files[which], errors="replace") as f:
            return f.read()

    def running(self):
        return self.process.poll() is None

    def listens(self, *ports):
        """Wait until somebody in this node listens on all of them."""
        def ready():
            need(self.running(), f"{self.words[0]} ended: {self.tail()}")
            return set(ports) <= self.net.listening(self.node)
        wait_for(ready, f"{self.words[0]} on {self.node} to listen on {ports}")
        return self

    def says(self, pattern, which="output", seconds=PATIENCE):
        """Wait until the output matches; the match."""
        def seen():
            match = re.search(pattern, self.text(which), re.M)
            need(match or self.running(), f"{self.words[0]} ended: {self.tail()}")
            return match
        return wait_for(seen, f"{self.words[0]} to say '{pattern}'", seconds)

    def ends(self, seconds=PATIENCE, status=0):
        """Wait for its end; its output. status None: any will do."""
        try:
            got = self.process.wait(seconds)
        except subprocess.TimeoutExpired:
            self.stop(signal.SIGABRT)
            raise Failure(f"{self.words[0]}: no end in {seconds} s: {self.tail()}") from None
        need(status in (None, got), f"{self.words[0]} -> {got}, not {status}: {self.tail()}")
        return self.text()

    def tail(self):
        return "\n".join((self.text() + self.text("errors")).splitlines()[-15:])

    def send(self, number):
        """To the program and what it has started."""
        try:
            os.killpg(self.process.pid, number)
        except ProcessLookupError:
            pass

    def stop(self, number=signal.SIGTERM):
        """End it; whoever does not listen is killed."""
        self.send(number)
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            pass
        self.send(signal.SIGKILL)
        self.process.wait()


class Nodes:
    """Nodes a, b ... on one wire: a veth between two, a bridge for more. Node
    number N has 10.7.0.N and fd07::N on its eth0, which carries TTP."""

    def __init__(self, names="ab", way=TCP, proving=True):
        self.names = list(names)
        self.way = way
        self.proving = proving
        self.figures = []
        self.programs = []
        self.holders = {}
        self.started = 0
        self.tmp = tempfile.mkdtemp(prefix="programs.")
        self.log = f"{self.tmp}/ttp_run.log"

    # ---- the wire ----

    def __enter__(self):
        try:
            self.make()
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        for program in reversed(self.programs):
            program.stop()
        for name in [*self.holders]:
            self.holders.pop(name).kill()
            subprocess.run(["ip", "netns", "del", name], check=False)
        shutil.rmtree(self.tmp)

    def make(self):
        for name in self.names:
            self.namespace(name)
        if len(self.names) == 2:
            a, b = self.names
            command("ip", "link", "add", DEVICE, "netns", a, "address", self.mac(a),
                    "type", "veth", "peer", "name", DEVICE, "netns", b, "address", self.mac(b))
        else:
            self.bridge()
        for name in self.names:
            ip = ["ip", "-n", name]
            command(*ip, "addr", "add", f"{self.ip(name)}/24", "dev", DEVICE)
            command(*ip, "addr", "add", f"{self.ip6(name)}/64", "dev", DEVICE, "nodad")
            command(*ip, "link", "set", DEVICE, "up")
        for name in self.names:
            self.holder_waits(name)
            command("ttpctl", "-n", name, "dev", "add", DEVICE)

    def namespace(self, name):
        command("ip", "netns", "add", name)
        # Its /proc tells of the namespace without a process for each look.
        self.holders[name] = subprocess.Popen(
            ["ip", "netns", "exec", name, "sleep", "infinity"], stdin=subprocess.DEVNULL)
        command("ip", "-n", name, "link", "set", "lo", "up")

    def bridge(self):
        self.namespace(SWITCH)
        command("ip", "-n", SWITCH, "link", "add", "br0", "type", "bridge")
        command("ip", "-n", SWITCH, "link", "set", "br0", "up")
        for name in self.names:
            command("ip", "link", "add", DEVICE, "netns", name, "address", self.mac(name),
                    "type", "veth", "peer", "name", f"to-{name}", "netns", SWITCH)
            command("ip", "-n", SWITCH, "link", "set", f"to-{name}", "master", "br0", "up")

    def holder_waits(self, name):
        """Until it is in its namespace and the wire there has a carrier."""
        def up():
            return re.search(rf"^ *{DEVICE}:", self.proc(name, "net/dev"), re.M) and \
                "LOWER_UP" in command("ip", "-n", name, "link", "show", DEVICE)
        wait_for(up, f"{DEVICE} of {name}")

    def number(self, name):
        return self.names.index(name) + 1

    def mac(self, name):
        return f"02:70:00:00:00:{self.number(name):02x}"

    def ip(self, name):
        return f"10.7.0.{self.number(name)}"

    def ip6(self, name):
        return f"fd07::{self.number(name)}"

    # ---- what the kernel tells ----

    def proc(self, name, path):
        with open(f"/proc/{self.holders[name].pid}/{path}") as f:
            return f.read()

    def listening(self, name):
        """The ports with a TCP listener."""
        lines = (self.proc(name, "net/tcp") + self.proc(name, "net/tcp6")).splitlines()
        rows = [line.split() for line in lines]
        return {int(r[1].rsplit(":", 1)[1], 16) for r in rows if r[3] == LISTEN}

    def counters(self, name):
        """The counters of TTP in this node."""
        names, values = self.proc(name, "net/ttp/netstat").splitlines()
        return dict(zip(names.split()[1:], map(int, values.split()[1:])))

    # ---- programs ----

    def launcher(self, name, options):
        """What stands before a command; options False: never ttp_run."""
        if options is False or self.way == TCP or \
                (self.way == FALLBACK and name != self.names[0]):
            return []
        words = [LAUNCHER, *(options or [])]
        return [*words, "-v", "--log", self.log] if self.proving else words

    def start(self, name, *words, ttp=None, **more):
        """Start a program on a node, in the background. ttp: options of ttp_run."""
        self.started += 1
        files = [f"{self.tmp}/{self.started}.{which}" for which in ("out", "err")]
        full = ["ip", "netns", "exec", name, *self.launcher(name, ttp), *words]
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("cwd", self.tmp)
        with open(files[0], "wb") as out, open(files[1], "wb") as err:
            process = subprocess.Popen(full, stdout=out, stderr=err,
                                       start_new_session=True, **more)
        program = Program(self, name, words, process, *files)
        self.programs.append(program)
        return program

    def run(self, name, *words, seconds=PATIENCE, status=0, **more):
        """Run a program to its end; its output."""
        return self.start(name, *words, **more).ends(seconds, status)

    # ---- results ----

    def size(self, short, long):
        """How much is enough: for the proof, for a figure."""
        return short if self.proving else long

    def figure(self, what, value, unit):
        """A figure for Documentation/programs.rst."""
        self.figures.append({"what": what, "way": self.way, "value": value, "unit": unit})

    def ttp_run_says(self):
        try:
            with open(self.log, errors="replace") as f:
                return f.read()
        except OSError:
            return ""
