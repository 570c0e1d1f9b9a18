#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0
"""A small 9P2000.L file server, and a user of the kernel's client for it.

ninep.py serve              files in memory, by standard input and output
ninep.py use MAC PORT DIR   connect an AF_TTP socket, hand it to the kernel as
                            the transport of a file system, and use that
"""

import ctypes
import errno
import os
import socket
import struct
import sys
import threading

AF_TTP = 18
RLERROR, MSIZE = 7, 65536
ROOT = 0


class Refused(Exception):
    """An errno for the client."""


class Words:
    """What a message consists of, one after the other."""

    def __init__(self, data):
        self.data = data
        self.at = 0

    def take(self, form):
        values = struct.unpack_from("<" + form, self.data, self.at)
        self.at += struct.calcsize("<" + form)
        return values if len(values) > 1 else values[0]

    def text(self):
        n = self.take("H")
        self.at += n
        return bytes(self.data[self.at - n:self.at])


class Server:
    """One directory of files; paths are numbers, the directory is 0."""

    def __init__(self):
        self.names = {}
        self.files = {}
        self.fids = {}
        self.last = ROOT
        self.calls = {
            100: self.version, 104: self.attach, 110: self.walk, 24: self.getattr,
            26: self.setattr, 12: self.open, 14: self.create, 116: self.read,
            118: self.write, 120: self.clunk, 40: self.readdir, 50: self.fsync,
            76: self.unlink, 8: self.statfs,
        }

    def qid(self, path):
        return struct.pack("<BIQ", 0 if path else 0x80, 0, path)

    def version(self, w):
        size, name = w.take("I"), w.text()
        if name != b"9P2000.L":
            name = b"unknown"
        return struct.pack("<IH", min(size, MSIZE), len(name)) + name

    def attach(self, w):
        self.fids[w.take("I")] = ROOT
        return self.qid(ROOT)

    def walk(self, w):
        fid, new, n = w.take("IIH")
        path, qids = self.fids[fid], []
        for _ in range(n):
            name = w.text()
            if name not in (b".", b"..") and name not in self.names:
                break
            path = self.names.get(name, ROOT)
            qids.append(self.qid(path))
        if len(qids) < n and not qids:
            raise Refused(errno.ENOENT)
        if len(qids) == n:
            self.fids[new] = path
        return struct.pack("<H", len(qids)) + b"".join(qids)

    def getattr(self, w):
        path = self.fids[w.take("I")]
        size = len(self.files[path]) if path else 0
        mode = 0o100644 if path else 0o40755
        return struct.pack("<Q", 0x7ff) + self.qid(path) + struct.pack(
            "<III15Q", mode, 0, 0, 1, 0, size, 4096, (size + 511) // 512, *[0] * 10)

    def setattr(self, w):
        fid, valid, _, _, _, size = w.take("IIIIIQ")
        if valid & 8:
            data = self.files[self.fids[fid]]
            del data[size:]
            data.extend(bytes(size - len(data)))
        return b""

    def open(self, w):
        path = self.fids[w.take("I")]
        if path and w.take("I") & os.O_TRUNC:
            self.files[path].clear()
        return self.qid(path) + struct.pack("<I", 0)

    def create(self, w):
        fid, name = w.take("I"), w.text()
        self.last += 1
        self.names[name] = self.fids[fid] = self.last
        self.files[self.last] = bytearray()
        return self.qid(self.last) + struct.pack("<I", 0)

    def read(self, w):
        fid, at, n = w.take("IQI")
        data = bytes(self.files[self.fids[fid]][at:at + n])
        return struct.pack("<I", len(data)) + data

    def write(self, w):
        fid, at, n = w.take("IQI")
        data = self.files[self.fids[fid]]
        if len(data) < at:
            data.extend(bytes(at - len(data)))
        data[at:at + n] = w.data[w.at:w.at + n]
        return struct.pack("<I", n)

    def clunk(self, w):
        del self.fids[w.take("I")]
        return b""

    def readdir(self, w):
        _, at, n = w.take("IQI")
        out = b""
        for i, (name, path) in enumerate(sorted(self.names.items())):
            entry = self.qid(path) + struct.pack("<QBH", i + 1, 8, len(name)) + name
            if i >= at and len(out) + len(entry) <= n:
                out += entry
        return struct.pack("<I", len(out)) + out

    def fsync(self, w):
        return b""

    def unlink(self, w):
        w.take("I")
        if self.names.pop(w.text(), None) is None:
            raise Refused(errno.ENOENT)
        return b""

    def statfs(self, w):
        return struct.pack("<II6QI", 0x01021997, 4096, 1, 1, 1, 1, 1, 1, 255)

    def answer(self, kind, w):
        try:
            if kind not in self.calls:
                raise Refused(errno.EOPNOTSUPP)
            return kind + 1, self.calls[kind](w)
        except Refused as e:
            return RLERROR, struct.pack("<I", e.args[0])

    def serve(self, source, sink):
        while head := source.read(7):
            size, kind, tag = struct.unpack("<IBH", head)
            kind, body = self.answer(kind, Words(source.read(size - 7)))
            sink.write(struct.pack("<IBH", 7 + len(body), kind, tag) + body)
            sink.flush()


# ---- the client -------------------------------------------------------------

def mount(libc, mac, port, where):
    """The kernel keeps the socket; ours can be closed."""
    with socket.socket(AF_TTP, socket.SOCK_STREAM) as s:
        to = struct.pack("=H", AF_TTP) + struct.pack("!H", port) + struct.pack("=i", 0) + \
            bytes.fromhex(mac.replace(":", "")) + bytes(2)
        if libc.connect(s.fileno(), to, len(to)):
            raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
        how = f"trans=fd,rfdno={s.fileno()},wfdno={s.fileno()},version=9p2000.L,msize={MSIZE}"
        if libc.mount(b"ttp", where.encode(), b"9p", 0, how.encode()):
            raise OSError(ctypes.get_errno(), "mount")


def work(where, i, failed):
    """Write, read back, change in the middle, read again."""
    try:
        name, data = f"{where}/file{i}", bytearray(os.urandom(700000 + i))
        with open(name, "wb") as f:
            f.write(data)
            f.flush()
            os.fsync(f.fileno())
        with open(name, "r+b") as f:
            f.seek(100000)
            f.write(b"x" * 5000)
            data[100000:105000] = b"x" * 5000
        with open(name, "rb") as f:
            if f.read() != data or os.stat(name).st_size != len(data):
                failed.append(f"{name} differs")
    except OSError as e:
        failed.append(f"{i}: {e}")


def use(mac, port, where):
    libc = ctypes.CDLL(None, use_errno=True)
    mount(libc, mac, port, where)
    failed = []
    threads = [threading.Thread(target=work, args=(where, i, failed)) for i in range(4)]
    for t in threads:
        t.start()
    for t in threads:
        t.join()
    if sorted(os.listdir(where)) != [f"file{i}" for i in range(4)]:
        failed.append(f"there is {os.listdir(where)}")
    os.unlink(f"{where}/file2")
    if os.path.exists(f"{where}/file2"):
        failed.append("what was removed is there")
    if libc.umount2(where.encode(), 0):
        failed.append(f"umount: {os.strerror(ctypes.get_errno())}")
    return failed


def main():
    if sys.argv[1:] == ["serve"]:
        Server().serve(sys.stdin.buffer, sys.stdout.buffer)
        return 0
    failed = use(sys.argv[2], int(sys.argv[3]), sys.argv[4])
    for text in failed:
        print(text)
    return bool(failed)


if __name__ == "__main__":
    sys.exit(main())
