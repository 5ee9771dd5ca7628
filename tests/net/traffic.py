#!/usr/bin/env python3
"""Client and server sides of the traffic tests; each client mode prints one JSON line.

  serve PORT             'E': echo; 'D': read to the end, answer the SHA-256, close; 'H': hold
  idle PORT N SECONDS    N connections open at once, echoed before and after holding them
  churn PORT RATE SECS   RATE connections a second opened, echoed and closed
  digest PORT BYTES      sends BYTES, half-closes, and reads the digest that comes back
  probe PORT             one connection, one echo: "ok", "reset", "eof", "refused" or "timeout"
  watch PORT SECONDS     one connection held: prints "open" once echoed, then how it ended
"""
import asyncio
import hashlib
import json
import os
import resource
import sys
import time


async def serve_one(reader, writer):
    try:
        mode = await reader.read(1)
        if mode == b"D":
            digest = hashlib.sha256()
            while piece := await reader.read(1 << 16):
                digest.update(piece)
            writer.write(digest.hexdigest().encode())
        else:
            while piece := await reader.read(1 << 16):
                if mode == b"E":
                    writer.write(piece)
                    await writer.drain()
        await writer.drain()
    except OSError:
        pass
    finally:
        writer.close()


async def serve(port):
    server = await asyncio.start_server(serve_one, "127.0.0.1", port, backlog=4096)
    await server.serve_forever()


async def connect(port):
    return await asyncio.open_connection("127.0.0.1", port)


async def echo(reader, writer, byte=b"x", first=False):
    writer.write((b"E" if first else b"") + byte)
    await writer.drain()
    return await reader.readexactly(1) == byte


async def idle(port, count, seconds):
    started = time.monotonic()
    gate = asyncio.Semaphore(64)

    async def one():
        async with gate:
            pair = await asyncio.wait_for(connect(port), 20)
            await asyncio.wait_for(echo(*pair, first=True), 20)
            return pair

    got = await asyncio.gather(*(one() for _ in range(count)), return_exceptions=True)
    pairs = [g for g in got if not isinstance(g, BaseException)]
    opened = time.monotonic() - started
    print("READY", file=sys.stderr, flush=True)
    await asyncio.sleep(seconds)
    again = await asyncio.gather(*(asyncio.wait_for(echo(*p, byte=b"y"), 20) for p in pairs),
                                 return_exceptions=True)
    for _, writer in pairs:
        writer.close()
    return {"asked": count, "opened": len(pairs), "again": again.count(True),
            "open_s": round(opened, 3)}


async def churn(port, rate, seconds):
    times, failures = [], []

    async def one():
        began = time.monotonic()
        try:
            reader, writer = await asyncio.wait_for(connect(port), 10)
            good = await asyncio.wait_for(echo(reader, writer, first=True), 10)
            writer.close()
            if not good:
                raise ValueError("wrong echo")
            times.append(time.monotonic() - began)
        except (OSError, ValueError, asyncio.TimeoutError, asyncio.IncompleteReadError) as error:
            failures.append(repr(error))

    started, tasks = time.monotonic(), []
    for index in range(int(rate * seconds)):
        wait = started + index / rate - time.monotonic()
        if wait > 0:
            await asyncio.sleep(wait)
        tasks.append(asyncio.create_task(one()))
    await asyncio.gather(*tasks)
    times.sort()
    return {"asked": int(rate * seconds), "done": len(times), "failed": failures[:3],
            "p50_ms": round(times[len(times) // 2] * 1e3, 2) if times else None,
            "p99_ms": round(times[len(times) * 99 // 100] * 1e3, 2) if times else None}


async def digest(port, size):
    reader, writer = await asyncio.wait_for(connect(port), 10)
    sent, left, block = hashlib.sha256(), size, os.urandom(1 << 16)
    writer.write(b"D")
    while left > 0:
        piece = block[:left]
        sent.update(piece)
        writer.write(piece)
        await writer.drain()
        left -= len(piece)
    writer.write_eof()
    answer = await asyncio.wait_for(reader.read(-1), 60)
    return {"sent": sent.hexdigest(), "got": answer.decode()}


async def end_of(reader, seconds):
    try:
        return "eof" if not await asyncio.wait_for(reader.read(1), seconds) else "bytes"
    except asyncio.TimeoutError:
        return "timeout"
    except OSError:
        return "reset"


async def probe(port):
    try:
        reader, writer = await asyncio.wait_for(connect(port), 10)
    except ConnectionRefusedError:
        return {"end": "refused"}
    except OSError:
        return {"end": "reset"}  # the door took it and reset it before we looked
    try:
        good = await asyncio.wait_for(echo(reader, writer, first=True), 15)
        writer.close()
        return {"end": "ok" if good else "wrong"}
    except asyncio.IncompleteReadError:
        return {"end": "eof"}
    except asyncio.TimeoutError:
        return {"end": "timeout"}
    except OSError:
        return {"end": "reset"}


async def watch(port, seconds):
    reader, writer = await asyncio.wait_for(connect(port), 10)
    await asyncio.wait_for(echo(reader, writer, first=True), 10)
    print("open", flush=True)
    started = time.monotonic()
    return {"end": await end_of(reader, seconds), "after_s": round(time.monotonic() - started, 2)}


def main(argv):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 65536), hard))
    mode, port, rest = argv[0], int(argv[1]), [float(a) for a in argv[2:]]
    if mode == "serve":
        asyncio.run(serve(port))
        return 0
    modes = {"idle": lambda: idle(port, int(rest[0]), rest[1]),
             "churn": lambda: churn(port, rest[0], rest[1]),
             "digest": lambda: digest(port, int(rest[0])),
             "probe": lambda: probe(port), "watch": lambda: watch(port, rest[0])}
    print(json.dumps(asyncio.run(modes[mode]())))
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
