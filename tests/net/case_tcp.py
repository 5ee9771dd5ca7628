"""Where UDP is dead the same datagrams travel over TCP: sessions, services, and back again."""
import concurrent.futures
import os
import subprocess
import sys
import time

from case_doctor import look, result
from case_programs import sha_of_download
from lab import FULL, HERE, Lab, Node, eventually, expect, run
from servers import echo_server, make_file, nginx

SIZE = (256 << 20) if FULL else (16 << 20)
PORT = 4443


def block_udp(host):
    """Nothing of UDP comes to this host or leaves it, as behind a firewall that knows only TCP."""
    rules = """table inet noudp {
      chain inbound { type filter hook input priority 0; iifname "eth0" meta l4proto udp drop
      }
      chain outbound { type filter hook output priority 0; oifname "eth0" meta l4proto udp drop
      }
    }"""
    done = host.run("nft", "-f", "-", input=rules)
    expect(done.returncode == 0, f"nft: {done.stderr}")


def free_udp(host):
    run(host.argv("nft", "delete", "table", "inet", "noudp"), check=True)


def peer_of(node, name):
    return next(p for p in node.do("status")["peers"] if p["name"] == name)


def on_path(node, name, path, seconds=20):
    started = time.monotonic()
    eventually(f"{node.name} reaches {name} by {path}", seconds,
               lambda: (p := peer_of(node, name))["path"] == path and p["state"] == "connected")
    return time.monotonic() - started


def web(node, reader, folder, size=SIZE):
    """The node serves a file to the reader; its checksum and the door's URL there."""
    os.makedirs(folder, exist_ok=True)
    digest = make_file(os.path.join(folder, "file"), size)
    nginx(node.host, folder, 8000)
    node.do("expose", "8000", "--name", "web", "--allow", reader.name)
    return digest, f"http://127.0.0.1:{reader.open('web@' + node.name)}/file"


def fetch(reader, url, digest, size=SIZE):
    started = time.monotonic()
    got, length = sha_of_download(reader.host, url)
    expect(length == size and got == digest, f"other bytes came: {length} of {size}")
    return size / (time.monotonic() - started) / (1 << 20)


def talker(host, port):
    client = host.start(sys.executable, os.path.join(HERE, "traffic.py"), "talk", port,
                        stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    expect(client.stdout.readline() == "open\n", "the connection did not open")
    return client


def says(client, word="hello"):
    client.stdin.write(word + "\n")
    client.stdin.flush()
    return client.stdout.readline() == "ok\n"


def there_and_back(weft, kind):
    """Joins, serves and fetches with UDP dead, then alive, then dead again."""
    with Lab(weft, 2) as lab:
        a = Node(lab.hosts[0], "a").start(flags=("--listen", f"{kind}:0.0.0.0:{PORT}"))
        b = Node(lab.hosts[1], "b").start()
        block_udp(a.host)
        started = time.monotonic()
        a.invite(b)
        joined = time.monotonic() - started
        on_path(b, "a", kind)
        on_path(a, "b", kind)
        answer = b.do("ping", "a", "-c", "2")["replies"]
        expect(answer and all(r["path"] == kind for r in answer), f"ping says {answer}")
        expect(b.do("wait", "direct:a", "--timeout", "5s"), "a connection to a is not direct")
        digest, url = web(a, b, os.path.join(lab.folder, "www"))
        slow = fetch(b, url, digest)
        echo_server(a.host, 7000)
        a.do("expose", "7000", "--name", "echo", "--allow", "b")
        kept = talker(b.host, b.open("echo@a"))
        free_udp(a.host)
        back = on_path(b, "a", "direct", 30)
        on_path(a, "b", "direct", 5)
        fast = fetch(b, url, digest)
        expect(says(kept), f"the connection over {kind} did not go on over udp")
        block_udp(a.host)
        dead = time.monotonic()
        expect(says(kept), "the connection was cut with udp")
        gap = time.monotonic() - dead
        expect(gap < 10, f"what was said when udp died arrived after {gap:.1f} s")
        on_path(b, "a", kind, 5)
        on_path(a, "b", kind, 5)
        fetch(b, url, digest)
        return (f"joined in {joined:.1f} s; {slow:.0f} MiB/s over {kind}, {fast:.0f} over udp; "
                f"udp again after {back:.1f} s, {kind} again after {gap:.1f} s of silence")


def case_where_udp_is_dead_all_goes_over_tcp_and_back_when_it_lives(weft):
    return there_and_back(weft, "tcp")


def case_where_udp_is_dead_all_goes_over_wss_and_back_when_it_lives(weft):
    return there_and_back(weft, "wss")


def hear(argument):
    """A connection that says `words`; what it heard until it was closed, and after how long."""
    host, port, words = argument
    script = ("import socket, sys, time\n"
              f"s = socket.create_connection(({host.lab.hosts[0].address!r}, {port})); "
              f"s.settimeout(30); s.sendall({words!r}); t = time.monotonic(); got = b''\n"
              "try:\n"
              "  while (piece := s.recv(4096)): got += piece\n"
              "except ConnectionResetError: pass\n"
              "print(len(got), time.monotonic() - t)")
    done = host.run(sys.executable, "-c", script, timeout=60)
    expect(done.returncode == 0, f"the stranger was not hung up on: {done.stderr[-300:]}")
    size, took = done.stdout.split()
    return int(size), float(took)


def case_strangers_get_bounded_silence_from_tcp_and_wss(weft):
    with Lab(weft, 3) as lab:
        a = Node(lab.hosts[0], "a").start(
            flags=("--listen", f"tcp:0.0.0.0:{PORT}", "--listen", f"wss:0.0.0.0:{PORT + 1}"))
        b = Node(lab.hosts[1], "b").start()
        get = b"GET /weft HTTP/1.1\r\nHost: a\r\n\r\n"
        said = {"nothing": b"", "a plain GET": get, "garbage": os.urandom(4096),
                "half a frame": b"\x04\xb0" + b"\xc3" * 100, "a ping": b"\x00\x01\x01",
                "a datagram": b"\x04\xb0" + b"\xc3" * 1200}
        with concurrent.futures.ThreadPoolExecutor(16) as pool:
            heard = dict(zip(said, pool.map(hear, ((b.host, PORT, w) for w in said.values()))))
            tls = dict(zip(said, pool.map(hear, ((b.host, PORT + 1, w) for w in said.values()))))
        for what, (size, took) in heard.items():
            expect(size == 0, f"a stranger who said {what} over tcp heard {size} bytes")
            expect(9 < took < 13, f"{what} over tcp was held for {took:.1f} s, not 10")
        for what, (size, took) in tls.items():
            expect(size <= 7, f"{what} without TLS heard {size} bytes")  # an alert at most
            expect(took < 13, f"{what} without TLS was held for {took:.1f} s")
        # TLS, and then a web browser's question.
        page = b.host.run("curl", "-sk", "--max-time", "20",
                          f"https://{a.host.address}:{PORT + 1}/weft")
        expect(page.returncode in (52, 56) and not page.stdout,
               f"a browser heard {page.stdout!r}, curl {page.returncode}")
        # Half-open ones of one address, more than it may have: a member comes in all the same.
        crowd = lab.hosts[2].start(
            sys.executable, "-c", "import socket, time\n"
            f"c = [socket.create_connection(({a.host.address!r}, p)) "
            f"for p in ({PORT}, {PORT + 1}) for _ in range(100)]\n"
            "print('there', flush=True); time.sleep(60)", stdout=subprocess.PIPE, text=True)
        expect(crowd.stdout.readline() == "there\n", "the crowd did not connect")
        block_udp(a.host)
        a.invite(b)
        on_path(b, "a", "tcp")
        return f"{len(said)} strangers each heard nothing and were hung up on after 10 s"


def only_to(host, address, port):
    """This host reaches nothing but that port there, by TCP: a hotel, an office."""
    rules = f"""table inet hotel {{
      chain outbound {{ type filter hook output priority 0; policy drop; oifname "lo" accept
        ip daddr {address} tcp dport {port} accept
      }}
      chain inbound {{ type filter hook input priority 0; policy drop; iifname "lo" accept
        ip saddr {address} tcp sport {port} accept
      }}
    }}"""
    done = host.run("nft", "-f", "-", input=rules)
    expect(done.returncode == 0, f"nft: {done.stderr}")


def tinyproxy(host, port, user, password):
    conf = os.path.join(host.lab.folder, "tinyproxy.conf")
    with open(conf, "w", encoding="utf-8") as f:
        f.write(f"Port {port}\nListen {host.address}\nTimeout 600\nMaxClients 50\n"
                f"BasicAuth {user} {password}\nConnectPort 443\nLogLevel Connect\n"
                f'LogFile "{conf}.log"\n')
    process = host.start("tinyproxy", "-d", "-c", conf, log="tinyproxy")
    host.wait_port(port)
    return process


def case_where_only_a_web_proxy_lets_out_it_is_used(weft):
    with Lab(weft, 3) as lab:
        a = Node(lab.hosts[0], "a").start(flags=("--listen", "wss:0.0.0.0:443"))
        proxy = lab.hosts[2]
        tinyproxy(proxy, 8888, "guest", "open")
        b = Node(lab.hosts[1], "b")
        only_to(b.host, proxy.address, 8888)
        b.env["https_proxy"] = f"http://guest:wrong@{proxy.address}:8888"
        b.start()
        ticket = a.do("invite", "b")["ticket"]
        b.refuses(6, "join", ticket, timeout=60)
        eventually("the log says what the proxy wants", 5, lambda: "407" in b.log_tail(1000)
                   or "401" in b.log_tail(1000))
        result(look(b), "proxy", "WARN", "the proxy answers 40")
        b.stop()
        b.env["https_proxy"] = f"http://guest:open@{proxy.address}:8888"
        b.start(name=False)
        started = time.monotonic()
        via = b.do("join", ticket)["via"]
        expect(via["path"] == "wss", f"joined over {via}")
        joined = time.monotonic() - started
        on_path(b, "a", "wss")
        result(look(b), "proxy", "PASS", f"{proxy.address}:8888")
        expect(peer_of(a, "b")["endpoint"].startswith(proxy.address), "not through the proxy")
        digest, url = web(a, b, os.path.join(lab.folder, "www"))
        speed = fetch(b, url, digest)
        return f"joined in {joined:.1f} s, {speed:.0f} MiB/s through tinyproxy"


def case_wss_shows_the_operators_certificate_and_members_ask_for_none(weft):
    with Lab(weft, 2) as lab:
        chain, key = (os.path.join(lab.folder, n) for n in ("chain.pem", "key.pem"))
        run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
             "-nodes", "-days", "2", "-subj", "/CN=relay.example", "-keyout", key, "-out", chain],
            check=True)
        a = Node(lab.hosts[0], "a")

        def configure(certificate):
            with open(os.path.join(a.home, "weft.toml"), "w", encoding="utf-8") as f:
                f.write('version = 1\n[node]\nlisten = ["wss:0.0.0.0:443"]\n'
                        f'[listen]\ncertificate = "{certificate}"\nkey = "{key}"\n')

        configure(key)  # no certificate at all
        a.refuses(2, "run", says="key.pem")
        configure(chain)
        a.start()
        shown = lab.hosts[1].run("openssl", "s_client", "-connect", f"{a.host.address}:443",
                                 input="", timeout=20)
        expect("relay.example" in shown.stdout, f"it shows another: {shown.stdout[:300]}")
        b = Node(lab.hosts[1], "b").start()
        block_udp(a.host)
        a.invite(b)
        on_path(b, "a", "wss")
        # What TLS a stranger speaks is no matter: an old one is refused by it.
        old = lab.hosts[1].run("openssl", "s_client", "-connect", f"{a.host.address}:443", "-tls1_1",
                               "-cipher", "ALL@SECLEVEL=0", input="", timeout=20)
        expect("Cipher is (NONE)" in old.stdout or old.returncode != 0, "TLS 1.1 is spoken")
