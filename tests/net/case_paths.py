"""Paths that change under a running node: narrower, silent, called at another address."""
import json
import os

import subprocess
import sys
import time

from lab import HERE, Lab, Node, eventually, expect, run
from servers import echo_server, traffic

SIZE = 24 << 20


def serve(lab):
    """b serves an echo to a; the door's port on a."""
    a, b = lab.nodes("a", "b")
    echo_server(b.host, 7000)
    b.do("expose", "7000", "--name", "echo", "--allow", "a")
    return a, b, a.open("echo@b")


def one_packet_a_datagram(lab):
    """As on a real wire: a virtual one passes a whole GSO batch."""
    for host in lab.hosts:
        run(["ip", "-n", host.ns, "link", "set", "eth0", "gso_max_segs", "1"], check=True)


def whole(host, port, size=SIZE):
    """Carries `size` bytes through the door; the seconds it took."""
    started = time.monotonic()
    answer = traffic(host, "digest", port, size)
    expect(answer["sent"] == answer["got"], f"other bytes arrived: {answer}")
    return time.monotonic() - started


def peer_of(node, name):
    return next(p for p in node.do("status")["peers"] if p["name"] == name)


def narrowed(weft, direct, narrow):
    with Lab(weft, 2, direct=direct) as lab:
        one_packet_a_datagram(lab)
        a, b, port = serve(lab)
        before = whole(a.host, port)
        narrow(lab)
        took = [whole(a.host, port), whole(a.host, port)]
        expect(took[0] < before + 6, f"{took[0]:.1f} s through a path that became narrow, "
               f"{before:.1f} s before")
        answer = a.do("ping", "b", "-c", "1")
        expect(answer["replies"], "no ping through the narrow path")
        expect(peer_of(a, "b")["state"] == "connected", f"the peer is {peer_of(a, 'b')}")
        return f"{SIZE >> 20} MiB: {before:.1f} s wide, {took[0]:.1f} and {took[1]:.1f} s narrow"


def case_a_router_begins_to_take_only_1280_bytes(weft):
    def narrow(lab):
        for host in lab.hosts:
            run(["ip", "-n", lab.switch, "link", "set", host.link, "mtu", "1280"], check=True)
    return narrowed(weft, False, narrow)


def case_an_interface_begins_to_take_only_1280_bytes(weft):
    """Its own sends are refused (EMSGSIZE); what comes to it is dropped without a word."""
    def narrow(lab):
        run(["ip", "-n", lab.hosts[1].ns, "link", "set", "eth0", "mtu", "1280"], check=True)
    return narrowed(weft, True, narrow)


def case_silence_shorter_than_the_idle_limit_costs_a_transfer_only_time(weft):
    with Lab(weft, 2) as lab:
        a, b, port = serve(lab)
        for host in lab.hosts:
            run(["ip", "netns", "exec", host.ns, "tc", "qdisc", "add", "dev", "eth0", "root", "tbf",
                 "rate", "100mbit", "burst", "128kb", "latency", "50ms"], check=True)
        client = a.host.start(sys.executable, os.path.join(HERE, "traffic.py"), "digest", port,
                              64 << 20, stdout=subprocess.PIPE, text=True)
        time.sleep(2)
        a.host.cut()
        cut = time.monotonic()
        eventually("a says that nothing is heard of b", 10,
                   lambda: peer_of(a, "b")["state"] == "silent")
        said = time.monotonic() - cut
        expect(any("b answers nothing" in line for line in a.do("status")["attention"]),
               "the silence is not in attention")
        time.sleep(max(0, 22 - (time.monotonic() - cut)))
        expect(peer_of(a, "b")["heard_ms_ago"] > 15000, f"heard: {peer_of(a, 'b')}")
        a.host.mend()
        mended = time.monotonic()
        eventually("the peer is connected again", 5,
                   lambda: peer_of(a, "b")["state"] == "connected")
        back = time.monotonic() - mended
        out = client.communicate(timeout=60)[0]
        answer = json.loads(out.strip().splitlines()[-1]) if out.strip() else {}
        expect(answer and answer["sent"] == answer["got"], f"the transfer broke: {out!r}")
        return f"silent said after {said:.1f} s, going on {back:.1f} s after the end of 22 s"


def case_a_node_called_at_its_second_address_answers_from_it(weft):
    with Lab(weft, 2) as lab:
        a = Node(lab.hosts[0], "a").start()
        run(["ip", "-n", a.host.ns, "addr", "add", "10.78.0.1/24", "dev", "eth0"], check=True)
        run(["ip", "-n", lab.hosts[1].ns, "addr", "add", "10.78.0.2/24", "dev", "eth0"], check=True)
        eventually("the second address is told", 5,
                   lambda: any("10.78.0.1" in at for at in a.do("status")["node"]["listen"]))
        # From b nothing leads to a's first address: only answers from it could arrive.
        run(["ip", "-n", lab.hosts[1].ns, "addr", "flush", "dev", "eth0"], check=True)
        run(["ip", "-n", lab.hosts[1].ns, "addr", "add", "10.78.0.2/24", "dev", "eth0"], check=True)
        run(["ip", "-n", a.host.ns, "route", "add", "10.79.0.0/24", "dev", "eth0"], check=True)
        run(["ip", "-n", lab.hosts[1].ns, "addr", "add", "10.79.0.2/32", "dev", "lo"], check=True)
        run(["ip", "-n", lab.hosts[1].ns, "route", "add", "10.78.0.1/32", "dev", "eth0", "src",
             "10.79.0.2"], check=True)
        run(["ip", "-n", lab.hosts[1].ns, "route", "del", "10.78.0.0/24"], check=False)
        b = Node(lab.hosts[1], "b").start()
        a.invite(b)
        expect(b.do("ping", "a", "-c", "2")["replies"], "no ping to the second address")
