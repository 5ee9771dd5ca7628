"""Paths that change under a running node: narrower, silent, called at another address."""
import json
import os
import shutil
import signal

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


def case_both_ends_renumbered_at_once_keep_their_connections(weft):
    with Lab(weft, 2) as lab:
        a, b, port = serve(lab)
        client = a.host.start(sys.executable, os.path.join(HERE, "traffic.py"), "talk", port,
                              stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        expect(client.stdout.readline() == "open\n", "the connection did not open")
        a.host.move("10.77.9.1")
        b.host.move("10.77.9.2")
        moved = time.monotonic()
        client.stdin.write("hello\n")
        client.stdin.flush()
        waiting = traffic(a.host, "probe", port)["end"]
        served = time.monotonic() - moved
        said = client.stdout.readline()
        kept = time.monotonic() - moved
        expect(waiting == "ok", f"a new connection right after the move: {waiting}")
        expect(said == "ok\n", f"the old connection after the move: {said!r}")
        expect(max(served, kept) < 8, f"new after {served:.1f} s, old after {kept:.1f} s")
        return f"a new connection served after {served:.1f} s, the old one after {kept:.1f} s"


def case_a_node_that_stood_still_ends_what_its_peer_has_lost(weft):
    with Lab(weft, 2) as lab:
        a, b, port = serve(lab)
        client = a.host.start(sys.executable, os.path.join(HERE, "traffic.py"), "watch", port, 120,
                              stdout=subprocess.PIPE, text=True)
        expect(client.stdout.readline() == "open\n", "the connection did not open")
        a.daemon.send_signal(signal.SIGSTOP)
        time.sleep(50)
        a.daemon.send_signal(signal.SIGCONT)
        going = time.monotonic()
        eventually("a new connection after standing still", 10,
                   lambda: traffic(a.host, "probe", port)["end"] == "ok")
        answer = json.loads(client.stdout.readline())
        took = time.monotonic() - going
        expect(answer["end"] in ("reset", "eof") and took < 15,
               f"the lost connection ended with {answer['end']} after {took:.1f} s")
        return f"the lost connection ended {took:.1f} s after going on"


def case_a_copied_home_is_named_on_all_three_nodes(weft):
    with Lab(weft, 3) as lab:
        a, b = lab.nodes("a", "b")
        eventually("a and b see each other", 5, lambda: peer_of(a, "b")["state"] == "connected")
        b.stop()
        copy = Node(lab.hosts[2], "copy")
        shutil.rmtree(copy.home)
        shutil.copytree(b.home, copy.home)
        b.start(name=False)
        eventually("b is back", 10, lambda: peer_of(a, "b")["state"] == "connected")
        copy.start(name=False)
        started = time.monotonic()
        for node in (a, b, copy):
            eventually(f"{node.name} names it", 60, lambda: any(
                "runs twice" in line for line in node.do("status")["attention"]))
        return f"named on all three after {time.monotonic() - started:.1f} s"


def case_eight_addresses_do_not_hide_the_one_that_works(weft):
    with Lab(weft, 2) as lab:
        first, second = lab.hosts
        for i in range(1, 9):
            run(["ip", "-n", first.ns, "link", "add", f"br{i}", "type", "bridge"], check=True)
            run(["ip", "-n", first.ns, "addr", "add", f"172.{16 + i}.0.1/16", "dev", f"br{i}"],
                check=True)
            run(["ip", "-n", first.ns, "link", "set", f"br{i}", "up"], check=True)
            life = [] if i == 1 else ["preferred_lft", "0"]
            run(["ip", "-n", first.ns, "addr", "add", f"2001:db8::{i}/64", "dev", "eth0", "nodad",
                 *life], check=True)
        second.run("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
        a, b = Node(first, "a").start(), Node(second, "b").start()
        listen = a.do("status")["node"]["listen"]
        expect(any(at.startswith(first.address) for at in listen), f"told: {listen}")
        expect(not any(at.startswith("172.") for at in listen), f"without carrier: {listen}")
        a.invite(b)


def case_a_beacon_is_heard_beside_25_bridges(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        for node in (a, b):
            node.stop()
        for host in lab.hosts:
            run(["ip", "-n", host.ns, "link", "set", "eth0", "down"], check=True)
            for i in range(25):
                run(["ip", "-n", host.ns, "link", "add", f"br{i}", "type", "bridge"], check=True)
                run(["ip", "-n", host.ns, "addr", "add", f"10.{100 + i}.{lab.hosts.index(host)}.1/24",
                     "dev", f"br{i}"], check=True)
                run(["ip", "-n", host.ns, "link", "set", f"br{i}", "up"], check=True)
        for k, host in enumerate(lab.hosts):
            host.move(f"192.168.5.{k + 1}")
            run(["ip", "-n", host.ns, "link", "set", "eth0", "up"], check=True)
        a.start(name=False)
        b.start(name=False)
        b.do("wait", "node:a", "--timeout", "20s")
        groups = b.host.run("ip", "maddr", "show", "dev", "eth0").stdout
        expect("239.192.119.102" in groups, f"the wire's groups: {groups}")


def case_an_invite_that_nobody_else_can_use_says_so(weft):
    with Lab(weft, 1) as lab:
        a = Node(lab.hosts[0], "a").start(flags=("--listen", "127.0.0.1:41820"))
        answer = a.do("invite", "b")
        expect("no other machine" in answer.get("warning", ""), f"no warning: {answer}")
        said = a.ask("invite", "c", json_out=False)
        expect("no other machine" in said.text, f"not said: {said.text}")


SKEW = """
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stdlib.h>
#include <time.h>
int clock_gettime(clockid_t clock, struct timespec *out) {
  int (*next)(clockid_t, struct timespec *) = dlsym(RTLD_NEXT, "clock_gettime");
  int result = next(clock, out);
  if (clock == CLOCK_REALTIME && getenv("SKEW")) out->tv_sec += atol(getenv("SKEW"));
  return result;
}
time_t time(time_t *out) {
  struct timespec now;
  clock_gettime(CLOCK_REALTIME, &now);
  if (out) *out = now.tv_sec;
  return now.tv_sec;
}
"""


def case_a_wrong_clock_is_named_with_how_much(weft):
    for skew, word in ((3600, "ahead"), (-3600, "behind")):
        with Lab(weft, 2) as lab:
            source, shim = os.path.join(lab.folder, "skew.c"), os.path.join(lab.folder, "skew.so")
            with open(source, "w", encoding="utf-8") as f:
                f.write(SKEW)
            run(["cc", "-shared", "-fPIC", "-o", shim, source, "-ldl"], check=True)
            a, b = Node(lab.hosts[0], "a").start(), Node(lab.hosts[1], "b")
            b.env.update(SKEW=str(skew), LD_PRELOAD=shim)
            b.start()
            ticket = a.do("invite", "b")["ticket"]
            answer = b.ask("join", ticket)
            expect(answer.code != 0 and "clock" in answer.text and word in answer.text,
                   f"{skew}: {answer.text}")
