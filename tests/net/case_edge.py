"""Where weft meets its machine: descriptors, threads, names, logs, signals, the management socket.
Each is taken to its limit by one member or one program, while others work on."""
import os
import socket
import sys

from lab import Failure, HERE, Lab, Node, eventually, expect, run
from servers import echo_server, traffic

TRAFFIC = os.path.join(HERE, "traffic.py")


def probe(node, port):
    return traffic(node.host, "probe", port)["end"]


class Resolver:
    """/etc/netns/NAME/resolv.conf for one host: names are asked of a server that says nothing."""

    def __init__(self, host):
        self.host, self.folder = host, f"/etc/netns/{host.ns}"

    def __enter__(self):
        os.makedirs(self.folder)
        for name, text in (("resolv.conf", "nameserver 127.0.0.1\n"),
                           ("nsswitch.conf", "hosts: files dns\n")):
            with open(os.path.join(self.folder, name), "w", encoding="utf-8") as f:
                f.write(text)
        self.host.start(sys.executable, "-c", "import socket, time; s = socket.socket(2, 2); "
                        "s.bind(('127.0.0.1', 53)); time.sleep(999)", log="silent-dns")
        return self

    def __exit__(self, *what):
        run(["rm", "-r", self.folder])
        try:
            os.rmdir("/etc/netns")
        except OSError:
            pass


def case_a_dead_name_delays_its_own_callers_only(weft):
    with Lab(weft, 2) as lab:
        lab.hosts[0].run("true")
        with Resolver(lab.hosts[0]):
            a, b = lab.nodes("a", "b")
            echo_server(a.host, 7001)
            a.do("expose", "gone.test:80", "--name", "dead", "--allow", "b")
            a.do("expose", "localhost:7001", "--name", "good", "--allow", "b")
            b.do("wait", "service:good")
            dead, good = b.open("dead@a"), b.open("good@a")
            waiting = [b.host.start(sys.executable, TRAFFIC, "probe", dead) for _ in range(8)]
            for _ in range(3):
                expect(probe(b, good) == "ok", "a dead name stops another target")
            expect(any(w.poll() is None for w in waiting), "nobody waited for the dead name")


def case_a_port_is_this_machine_in_both_families(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        a.host.start(sys.executable, "-c", "import asyncio, sys; sys.path.insert(0, sys.argv[1])\n"
                     "import traffic\nasync def go():\n"
                     "  s = await asyncio.start_server(traffic.serve_one, '::1', 3000)\n"
                     "  await s.serve_forever()\nasyncio.run(go())", HERE, log="v6-only")
        a.host.wait_port(3000)
        a.do("expose", "3000", "--name", "web", "--allow", "b")
        b.do("wait", "service:web")
        expect(probe(b, b.open("web@a")) == "ok", "a program on ::1 alone was not reached")
