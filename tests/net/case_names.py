"""weft dns: names of services for programs that know nothing of weft, asked by kdig."""
import socket
import struct
import sys

from lab import Lab, eventually, expect

PAGE = ("import http.server as h,sys\n"
        "class P(h.BaseHTTPRequestHandler):\n"
        " def do_GET(s):\n"
        "  b=sys.argv[2].encode();s.send_response(200);s.send_header('Content-Length',str(len(b)))\n"
        "  s.end_headers();s.wfile.write(b)\n"
        " def log_message(s,*a):pass\n"
        "h.HTTPServer(('127.0.0.1',int(sys.argv[1])),P).serve_forever()")


def page(node, port, text):
    node.host.start(sys.executable, "-c", PAGE, port, text)
    node.host.wait_port(port)


def kdig(node, *argv, port=5353):
    """(status, answers) as kdig understood them."""
    done = node.host.run("kdig", "@127.0.0.1", "-p", port, "+retry=0", "+time=3", *argv)
    status = [l.split("status: ")[1].split(";")[0] for l in done.stdout.splitlines() if "status: " in l]
    answers = [l.split()[-1] for l in done.stdout.splitlines()
               if l and not l.startswith(";") and "\tA\t" in l.replace(" ", "\t")]
    expect(status, f"kdig {argv}: {done.stdout!r} {done.stderr!r}")
    return status[0], answers


def raw(node, text, port=5353):
    """The bytes that come back for these, by UDP; empty: nothing within 1 s."""
    code = ("import socket,sys\ns=socket.socket(2,2);s.settimeout(1)\n"
            f"s.sendto(bytes.fromhex(sys.argv[1]),('127.0.0.1',{port}))\n"
            "try:print(s.recv(4096).hex())\nexcept TimeoutError:print()")
    return bytes.fromhex(node.host.run(sys.executable, "-c", code, text.hex()).stdout.strip())


def case_names_lead_to_services(weft):
    with Lab(weft, 2) as lab:
        oak, pc = lab.nodes("oak", "pc")
        page(oak, 3000, "blog")
        page(oak, 3001, "wiki")
        oak.do("expose", "3000", "--name", "blog", "--allow", "pc")
        oak.do("expose", "3001", "--name", "wiki", "--protocol", "http", "--allow", "pc")
        eventually("the services", 5, lambda: len(pc.do("services")["services"]) == 2)
        network = pc.do("status")["network"]["name"]
        expect(not pc.do("dns", "status")["running"], "it runs without being asked to")
        pc.do("dns")
        names = ["blog.oak." + network + ".weft", "blog.oak.weft", "blog.weft", "BLOG.Oak.WEFT"]
        told = {kdig(pc, name, "A")[1][0] for name in names}
        expect(len(told) == 1 and told.pop().startswith("127.77."), f"{told}")
        for how in ("+tcp", "+edns", "+noedns"):
            expect(kdig(pc, how, "blog.oak.weft")[0] == "NOERROR", how)
        [blog] = kdig(pc, "blog.oak.weft")[1]
        [wiki] = kdig(pc, "wiki.oak.weft")[1]
        [node] = kdig(pc, "oak.weft")[1]
        expect(len({blog, wiki, node}) == 3, f"{blog} {wiki} {node}")
        for address, port, want in ((blog, 3000, "blog"), (wiki, 3001, "wiki"), (wiki, 80, "wiki"),
                                    (node, 3000, "blog"), (node, 3001, "wiki")):
            got = pc.host.run("curl", "-sm", "9", f"http://{address}:{port}/").stdout
            expect(got == want, f"{address}:{port}: {got!r}")
        # The program of the node itself.
        expect(kdig(oak, "pc.weft", port=5353)[0] if oak.do("dns") else "", "oak answers nothing")
        expect(kdig(oak, "blog.oak.weft")[1] == ["127.0.0.1"], "its own service")
        pc.do("dns", "off")
        closed = pc.host.run("curl", "-sm", "3", f"http://{blog}:3000/").returncode
        expect(closed == 7, f"the door stays: curl {closed}")


def case_a_name_without_that_type_is_no_missing_name(weft):
    with Lab(weft, 2) as lab:
        oak, pc = lab.nodes("oak", "pc")
        page(oak, 3000, "blog")
        oak.do("expose", "3000", "--name", "blog", "--allow", "pc")
        eventually("the service", 5, lambda: len(pc.do("services")["services"]) == 1)
        network = pc.do("status")["network"]["name"]
        pc.refuses(2, "dns", "--listen", "10.77.0.2:53")
        pc.do("dns")
        for name, kind in (("blog.oak.weft", "AAAA"), ("oak.weft", "MX"), ("weft", "A"),
                           (network + ".weft", "A"), ("weft", "SOA")):
            got = kdig(pc, name, kind)
            expect(got == ("NOERROR", []), f"{name} {kind}: {got}")
        for name in ("none.oak.weft", "blog.none.weft", "none.weft", "blog.oak.other.weft"):
            expect(kdig(pc, name)[0] == "NXDOMAIN", name)
        for name in ("example.org", ".", "oak", "1.0.77.127.in-addr.arpa", "weft.example"):
            expect(kdig(pc, name)[0] == "REFUSED", name)
        expect(kdig(pc, "-c", "CH", "blog.oak.weft")[0] == "REFUSED", "class CH")
        expect(kdig(pc, "+edns=1", "blog.oak.weft")[0] == "BADVERS", "EDNS 1")
        question = b"\x04blog\x03oak\x04weft\0\0\1\0\1"
        good = raw(pc, b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + question)
        expect(good[:2] == b"\x12\x34" and good[3] & 15 == 0, f"{good}")
        broken = raw(pc, b"\x12\x34\1\0\0\2\0\0\0\0\0\0" + question)
        expect(broken[3] & 15 == 1, f"two questions: {broken}")
        expect(raw(pc, b"\x12\x34\x81\0\0\1\0\0\0\0\0\0" + question) == b"", "answers an answer")
        expect(raw(pc, b"\x12") == b"", "answers a byte")
        two = struct.pack(">H", 31) + b"\x12\x34\1\0\0\1\0\0\0\0\0\0" + question
        code = ("import socket,sys\ns=socket.create_connection(('127.0.0.1',5353),3)\n"
                "b=bytes.fromhex(sys.argv[1])\n"
                "for i in range(0,len(b),7):s.send(b[i:i+7])\n"
                "n=0\nwhile n<98:\n d=s.recv(999)\n n+=len(d)\n if not d:break\nprint(n)")
        got = pc.host.run(sys.executable, "-c", code, (two + two).hex()).stdout.strip()
        expect(got == "98", f"two questions in pieces on one connection: {got}")
        counted = pc.do("dns", "status")
        expect(counted["refused"] >= 6 and counted["broken"] >= 1, f"{counted}")
