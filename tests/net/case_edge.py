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


def limited(node, soft, hard=None):
    """Starts this node with that many descriptors."""
    argv, node.host.argv = node.host.argv, lambda *a: argv(
        "prlimit", f"--nofile={soft}:{hard or ''}", *a)
    try:
        return node.start()
    finally:
        node.host.argv = argv


def attention(node):
    return " ".join(node.do("status", timeout=10)["attention"])


def case_the_soft_limit_of_descriptors_is_raised(weft):
    with Lab(weft, 1) as lab:
        a = limited(Node(lab.hosts[0], "a"), 256)
        with open(f"/proc/{a.daemon.pid}/limits", encoding="utf-8") as f:
            soft, hard = next(l for l in f if l.startswith("Max open files")).split()[3:5]
        expect(soft == hard, f"soft limit {soft} of {hard}")


def case_one_member_holds_all_it_may_and_others_are_served(weft):
    with Lab(weft, 3) as lab:
        a = limited(Node(lab.hosts[0], "a"), 1024, 1024)
        b, c = (Node(h, n).start() for h, n in zip(lab.hosts[1:], "bc"))
        for node in (b, c):
            a.invite(node)
        echo_server(a.host, 7000)
        a.do("expose", "7000", "--name", "echo", "--allow", "b", "--allow", "c")
        for node in (b, c):
            node.do("wait", "service:echo")
        hog = c.host.start(sys.executable, TRAFFIC, "idle", c.open("echo@a"), 1100, 60)
        eventually("refused for c", 30, lambda: "c holds" in attention(a))
        held = next(e for e in a.do("status")["exposed"])["connections"]
        expect(200 <= held <= 256, f"c holds {held} of 1024 descriptors")
        door = b.open("echo@a")
        for _ in range(5):
            expect(probe(b, door) == "ok", "another member was not served")
        expect("event=limit" in a.log_tail(40), a.log_tail(40))
        a.do("deny", "echo", "c", timeout=10)
        eventually("c's connections ended", 10, lambda: next(
            e for e in a.do("status")["exposed"])["connections"] == 0)
        expect(probe(b, door) == "ok", "b was cut off too")
        hog.kill()


def case_local_clients_leave_descriptors_to_the_management_socket(weft):
    with Lab(weft, 2) as lab:
        a, b = Node(lab.hosts[0], "a").start(), limited(Node(lab.hosts[1], "b"), 256, 256)
        a.invite(b)
        echo_server(a.host, 7000)
        a.do("expose", "7000", "--name", "echo", "--allow", "b")
        b.do("wait", "service:echo")
        door = b.open("echo@a")
        hog = b.host.start(sys.executable, TRAFFIC, "idle", door, 400, 60)
        eventually("refused at the door", 30, lambda: "programs of this machine" in attention(b))
        b.do("close", "echo", timeout=10)
        hog.kill()
