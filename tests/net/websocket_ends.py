"""A WebSocket server that echoes, and a client that tries it: serve PORT, or ask URL."""
import asyncio
import os
import sys

import websockets


async def serve(port):
    async def echo(socket, *_):
        async for message in socket:
            await socket.send(message)
    async with websockets.serve(echo, "127.0.0.1", int(port), max_size=None):
        await asyncio.Future()


async def ask(url):
    # Names below localhost are this machine, whatever its resolver says of them.
    host, port = "127.0.0.1", int(url.rsplit(":", 1)[1].rstrip("/"))
    async with websockets.connect(url, host=host, port=port, max_size=None) as socket:
        for message in ("hello", "ä" * 1000, os.urandom(1 << 20)):
            await socket.send(message)
            if await socket.recv() != message:
                return print("changed")
        await asyncio.sleep(1)
        await socket.send("still there")
        print("ok" if await socket.recv() == "still there" else "changed")


if __name__ == "__main__":
    asyncio.run({"serve": serve, "ask": ask}[sys.argv[1]](sys.argv[2]))
