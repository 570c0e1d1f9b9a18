#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""nginx: files by sendfile() to curl and wrk, uploads, and a server behind it."""

import hashlib
import json
import os
import re

from cases import Case, main
from nodes import FALLBACK, TCP, TTP, need

PORT, BEHIND = 80, 8080
WORKERS = 2
SMALL = 1000
CONFIG = """daemon off;
worker_processes {workers};
pid {tmp}/nginx.pid;
error_log {tmp}/nginx.log;
events {{ worker_connections 256; }}
http {{
	access_log off;
	client_body_temp_path {tmp}/body;
	proxy_temp_path {tmp}/proxy;
	fastcgi_temp_path {tmp}/fastcgi;
	uwsgi_temp_path {tmp}/uwsgi;
	scgi_temp_path {tmp}/scgi;
	sendfile on;
	tcp_nopush on;
	keepalive_timeout 60;
	client_max_body_size 100m;
	server {{
		listen {port};
		listen [::]:{port};
		root {tmp}/www;
		location /up/ {{ dav_methods PUT; }}
		location /behind/ {{
			proxy_pass http://{behind}/;
			proxy_http_version 1.1;
			proxy_set_header Connection "";
		}}
	}}
}}
"""


class Site:
    """nginx on node b, with a big and a small file; requests from node a."""

    def __init__(self, net, size):
        self.net = net
        self.data = os.urandom(size)
        self.url = f"http://{net.ip('b')}:{PORT}"
        os.chmod(net.tmp, 0o755)
        os.makedirs(f"{net.tmp}/www/up")
        os.chmod(f"{net.tmp}/www/up", 0o777)
        self.write("www/big", self.data)
        self.write("www/small", self.data[:SMALL])
        behind = f"{net.ip(net.names[-1])}:{BEHIND}"
        config = CONFIG.format(tmp=net.tmp, workers=WORKERS, port=PORT, behind=behind)
        self.write("nginx.conf", config.encode())
        self.program = net.start("b", "nginx", "-e", f"{net.tmp}/nginx.log",
                                 "-c", f"{net.tmp}/nginx.conf").listens(PORT)

    def write(self, name, data):
        with open(f"{self.net.tmp}/{name}", "wb") as f:
            f.write(data)

    def read(self, name):
        with open(f"{self.net.tmp}/{name}", "rb") as f:
            return f.read()

    def curl(self, *options, **more):
        return self.net.run("a", "curl", "-sSf", *options, **more)

    def same(self, name, want):
        got = self.read(name)
        need(hashlib.sha256(got).digest() == hashlib.sha256(want).digest(),
             f"{name}: {len(got)} bytes of {len(want)}, or others")

    def ends(self):
        """All workers have to end by themselves, and without a complaint."""
        self.program.stop()
        need(self.program.process.returncode == 0, f"nginx: {self.read('nginx.log')}")
        bad = re.findall(rb".*\[(?:alert|crit|emerg|error)\].*", self.read("nginx.log"))
        need(not bad, f"nginx: {bad}")


def one_file(net):
    """Once, into nothing: for the figure."""
    site = Site(net, net.size(4 << 20, 64 << 20))
    speed = site.curl("-o", "got", "-w", "%{speed_download}", f"{site.url}/big")
    site.same("got", site.data)
    net.figure("a file", float(speed) / 1e6, "MB/s")
    site.ends()
    return len(site.data)


def parallel(net):
    """Downloads at the same time, each the same bytes."""
    site = Site(net, 2 << 20)
    names = [f"got{n}" for n in range(8)]
    urls = [word for name in names for word in ("-o", name, f"{site.url}/big")]
    site.curl("-Z", "--parallel-immediate", *urls)
    for name in names:
        site.same(name, site.data)
    site.ends()
    return len(names) * len(site.data)


def requests(net):
    """Ranges; one connection for many; the addresses that curl sees; IPv6."""
    site = Site(net, 1 << 20)
    first, last = 300001, 800000
    said = json.loads(site.curl("-r", f"{first}-{last}", "-o", "range", "-w", "%{json}",
                                f"{site.url}/big"))
    need(said["http_code"] == 206, f"not a part: {said}")
    site.same("range", site.data[first:last + 1])
    seen = (said["local_ip"], said["remote_ip"], said["remote_port"])
    need(seen == (net.ip("a"), net.ip("b"), PORT), f"addresses: {seen}")
    urls = [word for n in range(20) for word in ("-o", f"small{n}", f"{site.url}/small")]
    said = site.curl("-w", "%{num_connects}\\n", *urls)
    need(said.split() == ["1"] + 19 * ["0"], f"connections of one curl: {said.split()}")
    for n in range(20):
        site.same(f"small{n}", site.data[:SMALL])
    site.curl("-o", "six", f"http://[{net.ip6('b')}]:{PORT}/big")
    site.same("six", site.data)
    site.ends()
    return last + 1 - first + 20 * SMALL + len(site.data)


SERVER = """
import hashlib, http.server, sys
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_POST(self):
        data = self.rfile.read(int(self.headers["Content-Length"]))
        said = hashlib.sha256(data).hexdigest().encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)
http.server.ThreadingHTTPServer(("", int(sys.argv[1])), Handler).serve_forever()
"""


def uploads(net):
    """A file stored by nginx, and one sent on to a server behind it."""
    site = Site(net, 2 << 20)
    net.start("c", "python3", "-c", SERVER, str(BEHIND)).listens(BEHIND)
    site.curl("-T", f"{net.tmp}/www/big", f"{site.url}/up/file")
    site.same("www/up/file", site.data)
    got = site.curl("--data-binary", f"@{net.tmp}/www/big", f"{site.url}/behind/")
    need(got == hashlib.sha256(site.data).hexdigest(), f"the server behind read {got}")
    site.ends()
    return 3 * len(site.data)


def many(net):
    """wrk counts whatever is not an answer; each answer has all of the file."""
    site = Site(net, SMALL)
    seconds = net.size(3, 8)
    said = net.run("a", "wrk", "-t", "1", "-c", "32", "-d", f"{seconds}s", "--timeout", "30s",
                   f"{site.url}/small")
    need("Socket errors" not in said and "Non-2xx" not in said, said)
    count = int(re.search(r"(\d+) requests in", said)[1])
    need(count >= 32, said)
    net.figure("requests", float(re.search(r"Requests/sec: *([\d.]+)", said)[1]), "1/s")
    site.ends()
    return count * SMALL, (count + 32) * (SMALL + 500) * 2


if __name__ == "__main__":
    main([
        Case("nginx: a file", one_file, ways=(TCP, TTP, FALLBACK), figures=True),
        Case("nginx: eight downloads at once", parallel),
        Case("nginx: ranges, kept connections, IPv6", requests),
        Case("nginx: uploads, and a server behind", uploads, nodes="abc"),
        Case("nginx: wrk with 32 connections", many, figures=True),
    ])
