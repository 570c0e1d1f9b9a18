# SPDX-License-Identifier: GPL-2.0
"""asyncio: sends back what comes, and tells who has come. echo_server.py HOST PORT"""

import asyncio
import sys


async def serve(reader, writer):
    print("from", *writer.get_extra_info("peername")[:2],
          "to", *writer.get_extra_info("sockname")[:2], flush=True)
    while data := await reader.read(65536):
        writer.write(data)
        await writer.drain()
    writer.close()


async def main():
    server = await asyncio.start_server(serve, sys.argv[1], int(sys.argv[2]), backlog=200)
    async with server:
        await server.serve_forever()


asyncio.run(main())
