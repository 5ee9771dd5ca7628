"""What carries a node's datagrams: several sockets, and trains of datagrams that a path mangles."""
import os
import subprocess
import sys
import time

from lab import HERE, Lab, Node, expect, run
from servers import echo_server, traffic


def case_a_session_on_the_second_listen_address_is_named_direct(weft):
    with Lab(weft, 2) as lab:
        run(["ip", "-n", lab.hosts[0].ns, "addr", "add", "10.78.0.1/24", "dev", "eth0"], check=True)
        run(["ip", "-n", lab.hosts[1].ns, "addr", "add", "10.78.0.2/24", "dev", "eth0"], check=True)
        a = Node(lab.hosts[0], "a").start(
            flags=("--listen", "10.77.0.1:41820", "--listen", "10.78.0.1:41820"))
        # b calls a at its second address: of the first one nothing is heard.
        run(["ip", "-n", lab.hosts[1].ns, "addr", "del", "10.77.0.2/24", "dev", "eth0"], check=True)
        run(["ip", "-n", lab.hosts[0].ns, "route", "del", "10.77.0.0/24"], check=False)
        b = Node(lab.hosts[1], "b").start()
        a.invite(b)
        for node, other in ((a, "b"), (b, "a")):
            node.do("wait", f"direct:{other}", "--timeout", "10s")
            peer = next(p for p in node.do("status")["peers"] if p["name"] == other)
            expect(peer["path"] == "direct", f"{node.name} shows {peer}")
            answers = node.do("ping", other, "-c", "1")["replies"]
            expect(answers and answers[0]["path"] == "direct", f"ping says {answers}")
        expect("10.78.0.1" in next(p for p in b.do("status")["peers"])["endpoint"],
               "b has not called the second address")


class Mangled(Lab):
    """Two hosts on a cable that carries single datagrams and loses trains (mangler.py)."""

    def __init__(self, weft):
        super().__init__(weft, 2)

    def __enter__(self):
        lab = super().__enter__()
        for host in self.hosts:
            run(["ip", "-n", self.switch, "link", "set", host.link, "nomaster"], check=True)
        script = os.path.join(HERE, "mangler.py")
        self.mangler = subprocess.Popen(
            ["ip", "netns", "exec", self.switch, sys.executable, script,
             *(host.link for host in self.hosts)], stdout=subprocess.PIPE, text=True)
        self.processes.append(self.mangler)
        expect(self.mangler.stdout.readline().strip() == "ready", "the cable does not come up")
        return lab

    def trains_lost(self):
        self.mangler.terminate()
        return int(self.mangler.stdout.readline())


def serve(lab, gso):
    """b serves an echo to a; the door's port on a."""
    a, b = (Node(host, name) for host, name in zip(lab.hosts, ("a", "b")))
    for node in (a, b):
        with open(os.path.join(node.home, "weft.toml"), "w", encoding="utf-8") as f:
            f.write(f'version = 1\n[net]\ngso = "{gso}"\n')
        node.start()
    a.invite(b)
    echo_server(b.host, 7000)
    b.do("expose", "7000", "--name", "echo", "--allow", "a")
    return a, b, a.open("echo@b")


def digest(host, port, size):
    started = time.monotonic()
    answer = traffic(host, "digest", port, size)
    expect(answer["sent"] == answer["got"], f"other bytes arrived: {answer}")
    return time.monotonic() - started


def case_where_trains_are_lost_each_datagram_is_sent_by_itself(weft):
    with Mangled(weft) as lab:
        a, b, port = serve(lab, "auto")
        first = digest(a.host, port, 4 << 20)
        status = a.do("status")
        expect(status["net"]["gso"] == "auto", f"the setting: {status['net']}")
        off = status["net"]["gso_off"]
        expect([o["interface"] for o in off] == [a.host.address], f"off at {off}")
        expect(0 < off[0]["again_in_s"] <= 3600, f"tried again: {off}")
        expect(any("GSO" in line and a.host.address in line for line in status["attention"]),
               f"attention: {status['attention']}")
        expect("event=gso_off" in a.log_tail(1000), "not in the log")
        expect(b.do("status")["net"]["gso_off"] == [], "b made no trains, and blames somebody")
        second = digest(a.host, port, 4 << 20)
        lost = lab.trains_lost()
        expect(lost > 0, "no train was lost: the cable is no test")
        return f"4 MiB: {first:.1f} s, then {second:.1f} s; {lost} trains lost"


def case_with_gso_forced_off_no_train_is_made(weft):
    with Mangled(weft) as lab:
        a, b, port = serve(lab, "off")
        took = digest(a.host, port, 4 << 20)
        status = a.do("status")
        net = status["net"]
        expect(net["gso"] == "off" and net["gso_off"] == [], f"net: {net}")
        lost = lab.trains_lost()
        expect(lost == 0, f"{lost} trains were made")
        return f"4 MiB in {took:.1f} s"


def case_on_a_cable_that_carries_trains_the_kernel_goes_on_cutting(weft):
    with Lab(weft, 2) as lab:
        a, b, port = serve(lab, "auto")
        digest(a.host, port, 64 << 20)
        for node in (a, b):
            expect(node.do("status")["net"]["gso_off"] == [], "GSO is off on a good cable")
