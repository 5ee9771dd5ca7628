"""weft proxy: SOCKS5 and HTTP CONNECT, inside the network and through an exit."""
import os
import sys

from lab import Lab, Node, eventually, expect
from servers import make_file, nginx
from case_udp import offered


def web_server(node, port, text):
    folder = os.path.join(node.lab.folder, f"www-{node.name}-{port}")
    os.makedirs(folder, exist_ok=True)
    with open(os.path.join(folder, "index.html"), "w", encoding="utf-8") as f:
        f.write(text)
    nginx(node.host, folder, port)
    return folder


def curl(node, *more, timeout=40):
    done = node.host.run("curl", "-sS", "--max-time", "20", *more, timeout=timeout)
    return done.returncode, done.stdout, done.stderr


def case_a_proxy_leads_to_services_by_name(weft):
    """curl by SOCKS5 and by CONNECT, ncat and proxychains4; what is no service is refused."""
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        folder = web_server(b, 8000, "hello from blog")
        want = make_file(os.path.join(folder, "big"), 4 << 20)
        b.do("expose", "8000", "--name", "blog", "--allow", "a")
        b.do("expose", "8001", "--name", "dead", "--allow", "a")
        b.do("expose", "8000", "--name", "secret")
        offered(a, "blog")
        opened = a.do("proxy")
        expect(opened["listen"] == "127.0.0.1:1080", f"the proxy: {opened}")
        for host in ("blog.weft", "blog.b.weft", "BLOG.b.weft", "blog.b." +
                     a.do("status")["network"]["name"] + ".weft"):
            for how in (["--socks5-hostname", "127.0.0.1:1080"], ["-p", "-x", "127.0.0.1:1080"]):
                code, out, err = curl(a, *how, f"http://{host}/")
                expect(code == 0 and out == "hello from blog", f"{host} by {how}: {out!r} {err!r}")
        big = os.path.join(lab.folder, "fetched")
        code, _, err = curl(a, "--socks5-hostname", "127.0.0.1:1080", "-o", big,
                            "http://blog.b.weft/big")
        import hashlib
        with open(big, "rb") as f:
            expect(hashlib.file_digest(f, "sha256").hexdigest() == want, f"4 MiB came changed {err}")
        # curl says the reply code of SOCKS5 as its own exit 97 and in words.
        for host, says in (("dead.b.weft", "(5)"), ("secret.b.weft", "(2)"), ("none.b.weft", "(4)"),
                           ("example.org", "(2)"), ("blog.nobody.weft", "(4)")):
            code, _, err = curl(a, "--socks5-hostname", "127.0.0.1:1080", f"http://{host}/")
            expect(code == 97 and says in err, f"{host}: exit {code}, {err!r}")
        for host, status in (("dead.b.weft", "502"), ("secret.b.weft", "403"),
                             ("example.org", "403")):
            code, _, err = curl(a, "-p", "-x", "127.0.0.1:1080", f"http://{host}/")
            expect(status in err, f"{host} by CONNECT: {err!r}")
        code, out, _ = curl(a, "-x", "127.0.0.1:1080", "http://blog.b.weft/")
        expect("CONNECT only" in out, f"a plain GET by proxy: {out!r}")
        done = a.host.run("ncat", "--proxy", "127.0.0.1:1080", "--proxy-type", "socks5",
                          "--proxy-dns", "remote", "blog.b.weft", "80",
                          input="GET / HTTP/1.0\r\n\r\n")
        expect("hello from blog" in done.stdout, f"ncat: {done.stdout!r} {done.stderr!r}")
        conf = os.path.join(lab.folder, "proxychains.conf")
        with open(conf, "w", encoding="utf-8") as f:
            f.write("strict_chain\nproxy_dns\n[ProxyList]\nsocks5 127.0.0.1 1080\n")
        done = a.host.run("proxychains4", "-q", "-f", conf, "curl", "-sS", "http://blog.b.weft/")
        expect(done.stdout == "hello from blog", f"proxychains4: {done.stdout!r} {done.stderr!r}")
        a.refuses(2, "proxy", "--listen", "0.0.0.0:1081", says="this machine only")
        a.do("proxy", "off")
        code, _, _ = curl(a, "--socks5-hostname", "127.0.0.1:1080", "http://blog.weft/")
        expect(code != 0, "the proxy is closed and still answers")


def case_an_exit_leads_where_it_allows(weft):
    """Addresses and names outside through another node, and never into that node itself."""
    with Lab(weft, 3) as lab:
        a, b = [Node(host, name).start() for host, name in zip(lab.hosts, ("a", "b"))]
        a.invite(b)
        outside = Node(lab.hosts[2], "outside")  # no node of weft: only a web server
        folder = os.path.join(lab.folder, "out")
        os.makedirs(folder)
        with open(os.path.join(folder, "index.html"), "w", encoding="utf-8") as f:
            f.write("hello from outside")
        outside.host.start(sys.executable, "-m", "http.server", "8000", "--directory", folder,
                           log="outside")
        outside.host.wait_port(8000)
        b.host.start(sys.executable, "-m", "http.server", "8000", "--directory", folder, log="own")
        b.host.wait_port(8000)
        target = f"http://{outside.host.address}:8000/"
        b.do("expose", "--protocol", "socks5", "--to", f"{outside.host.address}/32", "--allow", "a")
        offered(a, "exit")
        a.do("proxy", "--exit", "b")
        for how in (["--socks5-hostname", "127.0.0.1:1080"], ["-p", "-x", "127.0.0.1:1080"]):
            code, out, err = curl(a, *how, target)
            expect(code == 0 and out == "hello from outside", f"by {how}: {out!r} {err!r}")
        for host in (b.host.address, "127.0.0.1", "localhost", "0.0.0.0", "169.254.169.254",
                     "10.77.0.77"):
            code, _, err = curl(a, "--socks5-hostname", "127.0.0.1:1080", f"http://{host}:8000/")
            expect(code == 97 and "(2)" in err, f"{host} through the exit: {code} {err!r}")
        code, _, err = curl(a, "--socks5-hostname", "127.0.0.1:1080", "http://none.b.weft/")
        expect("(4)" in err, f"a .weft name never leaves: {err!r}")
        # A door to the exit is a SOCKS5 proxy too.
        port = a.open("exit@b")
        code, out, err = curl(a, "--socks5-hostname", f"127.0.0.1:{port}", target)
        expect(out == "hello from outside", f"through a door to the exit: {out!r} {err!r}")
        b.do("unexpose", "exit")
        b.do("expose", "--protocol", "socks5", "--to", "any", "--allow", "a")
        code, _, err = curl(a, "--socks5-hostname", "127.0.0.1:1080", target)
        expect(code == 97, f"'any' means the public internet, yet {target} was reached: {err!r}")
        b.refuses(2, "expose", "--protocol", "socks5", "--to", "nonsense/9", says="cidr")
        b.refuses(2, "expose", "--protocol", "socks5", says="--to")


def case_a_proxy_does_not_wait_for_who_says_nothing(weft):
    """Clients that connect and are silent are let go; others are served meanwhile."""
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        web_server(b, 8000, "hello from blog")
        b.do("expose", "8000", "--name", "blog", "--allow", "a")
        offered(a, "blog")
        a.do("proxy")
        stall = ("import socket,time\n"
                 "s=[socket.create_connection(('127.0.0.1',1080)) for _ in range(200)]\n"
                 "s[0].settimeout(20);t=time.monotonic();s[0].recv(1)\n"
                 "print(round(time.monotonic()-t))")
        silent = a.host.start(sys.executable, "-c", stall, log="stall")
        code, out, err = curl(a, "--socks5-hostname", "127.0.0.1:1080", "http://blog.weft/")
        expect(out == "hello from blog", f"beside 200 silent clients: {out!r} {err!r}")
        expect(silent.wait(30) == 0, "the silent clients were not let go within 20 s")
