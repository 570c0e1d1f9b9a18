# SPDX-License-Identifier: GPL-2.0
"""asyncio: clients that all talk at once, half of them with streams, half with
sockets. echo_clients.py HOST PORT CLIENTS ROUNDS BYTES; prints the bytes that
came back and the seconds that took."""

import asyncio
import os
import socket
import sys
import time

host, port = sys.argv[1], int(sys.argv[2])
clients, rounds, size = map(int, sys.argv[3:6])
data = os.urandom(size)


def same(got):
    if got != data:
        raise SystemExit("other bytes came back")
    return len(got)


async def by_streams():
    reader, writer = await asyncio.open_connection(host, port)
    back = 0
    for _ in range(rounds):
        writer.write(data)
        await writer.drain()
        back += same(await reader.readexactly(size))
    writer.write_eof()
    if await reader.read():
        raise SystemExit("more bytes came back")
    writer.close()
    await writer.wait_closed()
    return back


async def by_sockets():
    loop = asyncio.get_running_loop()
    back = 0
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as s:
        s.setblocking(False)
        await loop.sock_connect(s, (host, port))
        for _ in range(rounds):
            # A peer that sends back while it reads must not have to wait for us.
            sending = asyncio.ensure_future(loop.sock_sendall(s, data))
            got = bytearray()
            while len(got) < size:
                piece = await loop.sock_recv(s, size - len(got))
                if not piece:
                    raise SystemExit("the end came early")
                got += piece
            await sending
            back += same(bytes(got))
    return back


async def main():
    kinds = (by_streams, by_sockets)
    return await asyncio.gather(*(kinds[i % 2]() for i in range(clients)))


start = time.monotonic()
total = sum(asyncio.run(main()))
print(total, time.monotonic() - start)
