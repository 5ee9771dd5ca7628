"""weft web and http services: names, the caller's header, streaming, WebSockets, smuggling."""
import json
import os
import subprocess
import sys

from lab import HERE, Lab, expect
from case_udp import offered

SERVER = os.path.join(HERE, "web_server.py")
PYTHON = "/usr/bin/python3"  # the system's, which has the system's packages


def served(node, port):
    node.host.start(sys.executable, SERVER, port, log="web")
    node.host.wait_port(port)


def curl(node, *more, timeout=60):
    done = node.host.run("curl", "-sS", "--max-time", "40", *more, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def raw(node, port, text, timeout=20):
    """What a server answers to these bytes, until it closes."""
    ask = ("import socket,sys\n"
           "s=socket.create_connection(('127.0.0.1',int(sys.argv[1])));s.settimeout(15)\n"
           "s.sendall(sys.stdin.buffer.read())\n"
           "out=b''\n"
           "while True:\n"
           " try: d=s.recv(65536)\n"
           " except OSError: break\n"
           " if not d: break\n"
           " out+=d\n"
           "sys.stdout.buffer.write(out)")
    done = subprocess.run(node.host.argv(sys.executable, "-c", ask, port), input=text,
                          capture_output=True, timeout=timeout)
    return done.stdout


def case_web_services_by_name(weft):
    """Host names, the caller's header, uploads and downloads both ways, keep-alive, pages."""
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        served(b, 8000)
        shown = b.do("expose", "8000", "--name", "app", "--protocol", "http", "--allow", "a")
        expect(shown["protocol"] == "http" and shown["health"] == "ok", f"exposed as {shown}")
        b.do("expose", "8001", "--name", "dead", "--protocol", "http", "--allow", "a")
        b.do("expose", "8000", "--name", "secret", "--protocol", "http")
        offered(a, "app")
        web = a.do("web", "--listen", "127.0.0.1:8088")
        expect(web["listen"] == "127.0.0.1:8088", f"web: {web}")
        network = a.do("status")["network"]["name"]
        me = a.do("status")["node"]
        port = 8088
        resolve = ["--connect-to", f"::127.0.0.1:{port}"]
        for host in ("app.weft.localhost", "app.b.weft.localhost",
                     f"app.b.{network}.weft.localhost"):
            code, out, err = curl(a, *resolve, f"http://{host}:{port}/seen")
            expect(code == 0, f"{host}: {err}")
            seen = json.loads(out)
            expect(seen["Weft-Caller"] == [f"a {me['id']}"] and seen["Weft-Network"] == [network],
                   f"the program sees {seen}")
        # Nobody makes the caller's header: neither by the gateway nor by a plain door.
        door = a.open("app@b")
        for url in (f"http://app.b.weft.localhost:{port}/seen", f"http://127.0.0.1:{door}/seen"):
            more = resolve if "localhost" in url else []
            code, out, err = curl(a, *more, "-H", "Weft-Caller: root wf1x", "-H",
                                  "weft-CALLER: other", "-H", "Weft-Admin: yes",
                                  "-H", "Weft-Network: other", url)
            seen = json.loads(out)
            expect(seen["Weft-Caller"] == [f"a {me['id']}"] and "Weft-Admin" not in seen
                   and seen["Weft-Network"] == [network], f"forged: {seen}")
        big = os.path.join(lab.folder, "big")
        with open(big, "wb") as f:
            for _ in range(20):
                f.write(os.urandom(1 << 20))
        base = f"http://app.b.weft.localhost:{port}"
        for more in ([], ["-H", "Transfer-Encoding: chunked"]):
            back = os.path.join(lab.folder, "back")
            code, _, err = curl(a, *resolve, *more, "--data-binary", f"@{big}", "-H",
                                "Content-Type: application/octet-stream", "-o", back,
                                f"{base}/echo")
            expect(code == 0, f"20 MiB {more}: {err}")
            same = subprocess.run(["cmp", big, back], capture_output=True, text=True)
            expect(same.returncode == 0, f"20 MiB there and back {more}: {same.stdout}")
        code, out, _ = curl(a, *resolve, "-w", "%{num_connects} ", "-o", "/dev/null",
                            f"{base}/seen", "-o", "/dev/null", f"{base}/seen")
        expect(out.split() == ["1", "0"], f"the connection is not kept: {out!r}")
        code, out, _ = curl(a, *resolve, "-I", f"{base}/seen")
        expect(out.startswith("HTTP/1.1 200"), f"HEAD: {out!r}")
        code, out, _ = curl(a, *resolve, "-N", "--max-time", "3", f"{base}/slowly")
        expect("first" in out, f"a piece waits for the end of the answer: {out!r}")
        for host, status, says in (("dead.b", "502", "start the program"), ("secret.b", "403", "weft allow secret a"),
                                   ("none.b", "404", "none"), ("app.nobody", "404", "nobody")):
            code, out, _ = curl(a, *resolve, "-w", "%{http_code}",
                                f"http://{host}.weft.localhost:{port}/")
            expect(out.endswith(status) and says in out, f"{host}: wanted {status}, {says!r}: {out}")
        code, out, _ = curl(a, *resolve, "-w", "%{http_code}", f"http://evil.example:{port}/")
        expect(out.endswith("421"), f"another host: {out}")
        code, out, _ = curl(a, f"http://127.0.0.1:{port}/")
        expect("app.b.weft.localhost" in out, f"the list: {out}")
        a.refuses(2, "web", "--listen", "0.0.0.0:8089", says="this machine only")


def case_a_websocket_passes(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        b.host.start(PYTHON, os.path.join(HERE, "websocket_ends.py"), "serve", 8000,
                     log="ws")
        b.host.wait_port(8000)
        b.do("expose", "8000", "--name", "chat", "--protocol", "http", "--allow", "a")
        offered(a, "chat")
        a.do("web", "--listen", "127.0.0.1:8088")
        door = a.open("chat@b")
        for url in ("ws://chat.b.weft.localhost:8088/", f"ws://127.0.0.1:{door}/"):
            done = a.host.run(PYTHON, os.path.join(HERE, "websocket_ends.py"), "ask", url)
            expect(done.stdout.strip() == "ok", f"{url}: {done.stdout!r} {done.stderr[-500:]!r}")


SMUGGLED = {
    "two lengths": b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    "the same length twice": b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
    "length and chunked": b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    "chunked and length": b"POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
    "another coding": b"POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
    "two codings": b"POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
    "coding twice": b"POST / HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
    "a length that is no number": b"POST / HTTP/1.1\r\nHost: HOST\r\nContent-Length: +5\r\n\r\nhello",
    "bare LF": b"GET /seen HTTP/1.1\nHost: HOST\n\n",
    "a space before the colon": b"GET /seen HTTP/1.1\r\nHost : HOST\r\n\r\n",
    "absolute form": b"GET http://other.example/seen HTTP/1.1\r\nHost: HOST\r\n\r\n",
    "two hosts": b"GET /seen HTTP/1.1\r\nHost: HOST\r\nHost: other\r\n\r\n",
    "no host": b"GET /seen HTTP/1.1\r\n\r\n",
    "65 headers": b"GET /seen HTTP/1.1\r\nHost: HOST\r\n" + b"".join(b"X-%d: 1\r\n" % i for i in range(65)) + b"\r\n",
    "a head of 20 KiB": b"GET /seen HTTP/1.1\r\nHost: HOST\r\nX: " + b"x" * 20000 + b"\r\n\r\n",
    "CONNECT": b"CONNECT other.example:80 HTTP/1.1\r\nHost: HOST\r\n\r\n",
}


def case_smuggled_requests_are_refused(weft):
    """N32, at the gateway and at a plain door to an http service: the program sees none of them."""
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        served(b, 8000)
        b.do("expose", "8000", "--name", "app", "--protocol", "http", "--allow", "a")
        offered(a, "app")
        a.do("web", "--listen", "127.0.0.1:8088")
        door = a.open("app@b")
        for port, host in ((8088, b"app.b.weft.localhost"), (door, b"app")):
            good = raw(a, port, b"GET /seen HTTP/1.1\r\nHost: " + host + b"\r\nConnection: close\r\n\r\n")
            expect(good.startswith(b"HTTP/1.1 200"), f"port {port}, a good request: {good[:200]!r}")
            for what, text in SMUGGLED.items():
                got = raw(a, port, text.replace(b"HOST", host))
                expect(got.startswith((b"HTTP/1.1 400", b"HTTP/1.1 431")),
                       f"port {port}, {what}: {got[:200]!r}")
                expect(got.count(b"HTTP/1.1 ") == 1, f"port {port}, {what}: answered twice {got!r}")
        code, out, _ = curl(a, f"http://127.0.0.1:{door}/count")
        expect(out.strip() == "3", f"the program saw {out} requests, not the 2 good ones and this")
