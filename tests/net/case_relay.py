"""Two nodes that do not reach each other talk through members that both reach. a and b drop every
packet of each other; r, and where it is needed r2, reach both."""
import hashlib
import os
import subprocess
import time

from lab import Lab, eventually, expect
from nat_lab import NatLab
from servers import make_file, nginx


def part(one, other):
    """Neither hears the other from now on."""
    for here, there in ((one, other), (other, one)):
        rules = (f"table inet part {{\n"
                 f"  chain in {{ type filter hook input priority 0; "
                 f"ip saddr {there.address} drop; }}\n"
                 f"  chain out {{ type filter hook output priority 0; "
                 f"ip daddr {there.address} drop; }}\n}}\n")
        here.run("nft", "-f", "-", input=rules, check=True)


def join_up(one, other):
    for host in (one, other):
        host.run("nft", "delete", "table", "inet", "part", check=True)


def split(lab, *names):
    """Nodes of these names; the hosts of a and b, which are the last two, are parted before they
    start."""
    part(*lab.hosts[-2:])
    return lab.nodes(*names)


def peer_of(node, name):
    return next((p for p in node.do("status")["peers"] if p["name"] == name), {})


def path_is(node, peer, path, seconds=15):
    return eventually(f"{node.name} reaches {peer} by {path}", seconds,
                      lambda: peer_of(node, peer) if peer_of(node, peer).get("path") == path
                      and peer_of(node, peer)["state"] == "connected" else None)


def serve_file(lab, b, size):
    folder = os.path.join(lab.folder, "www")
    os.makedirs(folder)
    digest = make_file(os.path.join(folder, "file"), size)
    nginx(b.host, folder, 8080)
    b.do("expose", "8080", "--name", "web", "--allow", "a")
    return digest


def fetch(a, port, timeout=60):
    """The SHA-256 of what came, and the seconds to the first byte."""
    target = os.path.join(a.lab.folder, f"got-{time.monotonic_ns()}")
    done = a.host.run("curl", "-sS", "-m", timeout, "-o", target, "-w", "%{time_starttransfer}",
                      f"http://127.0.0.1:{port}/file", timeout=timeout + 5)
    expect(done.returncode == 0, f"curl: {done.stderr}")
    with open(target, "rb") as f:
        return hashlib.file_digest(f, "sha256").hexdigest(), float(done.stdout)


def case_two_that_do_not_reach_each_other_talk_through_a_third(weft):
    with Lab(weft, 3) as lab:
        r, a, b = split(lab, "r", "a", "b")
        digest = serve_file(lab, b, 5 << 20)
        peer = path_is(a, "b", "relay")
        expect(peer["via"] == "r", f"the relay is {peer['via']!r}")
        port = a.open("web@b")
        got, first = fetch(a, port)
        expect(got == digest, "other bytes arrived")
        expect(first < 1, f"the first byte came after {first:.2f} s")
        expect("relay r" in a.ask("status", json_out=False).text, "weft status names no relay")
        expect("relay r" in a.ask("ping", "b", "-c", "1", json_out=False).text,
               "weft ping names no relay")
        expect("relay r" in a.ask("services", json_out=False).text,
               "weft services names no relay")
        a.refuses(7, "wait", "direct:b", "--timeout", "1s")
        a.do("wait", "path:b", "--timeout", "5s")
        status = r.do("relay", "status")
        expect(status["enabled"] and status["source"] == "default", f"weft relay says {status}")
        expect(status["used_bytes"] > 5 << 20 and status["reservations"] == 2, f"it says {status}")
        return f"first byte after {first * 1000:.0f} ms, {status['used_bytes']} bytes relayed"


def case_a_relay_switched_off_refuses(weft):
    with Lab(weft, 3) as lab:
        r, a, b = split(lab, "r", "a", "b")
        path_is(a, "b", "relay")
        off = r.do("relay", "off")
        expect(not off["enabled"] and off["circuits"] == 0, f"weft relay off says {off}")
        eventually("a has no path to b", 40, lambda: peer_of(a, "b").get("path") == "none")
        time.sleep(3)
        expect(peer_of(a, "b")["path"] == "none", "a path without a relay")
        r.do("relay", "on", "--rate", "8Mbit/s", "--cap", "1GB/month")
        path_is(a, "b", "relay")
        on = r.do("relay", "status")
        expect(on["rate"] == "8Mbit/s" and on["cap"] == "1GB/month", f"it says {on}")
        r.refuses(2, "relay", "on", "--rate", "fast", says="20Mbit/s")


def case_a_second_relay_takes_over_when_the_first_is_killed(weft):
    with Lab(weft, 4) as lab:
        r, r2, a, b = split(lab, "r", "r2", "a", "b")
        for relay in (r, r2):  # who dialled everybody itself does not know that others reach it
            relay.do("relay", "on")
        digest = serve_file(lab, b, 24 << 20)
        path_is(a, "b", "relay")
        port = a.open("web@b")
        eventually("a second circuit is ready", 15,
                   lambda: a.do("relay", "status")["own_circuits"] == 2)
        first = peer_of(a, "b")["via"]
        client = a.host.start("curl", "-sS", "-m", "90", "-o", os.path.join(lab.folder, "got"),
                              f"http://127.0.0.1:{port}/file", log="curl")
        time.sleep(2)
        expect(client.poll() is None, "the file came before anything could happen to it")
        (r if first == "r" else r2).kill()
        began = time.monotonic()
        expect(client.wait(90) == 0, "the transfer broke when its relay was killed")
        took = time.monotonic() - began
        with open(os.path.join(lab.folder, "got"), "rb") as f:
            expect(hashlib.file_digest(f, "sha256").hexdigest() == digest, "other bytes arrived")
        second = peer_of(a, "b")
        expect(second["path"] == "relay" and second["via"] != first, f"the path is {second}")
        return f"{first} killed, done {took:.1f} s later through {second['via']}"


def case_once_they_reach_each_other_they_go_direct(weft):
    with Lab(weft, 3) as lab:
        r, a, b = split(lab, "r", "a", "b")
        digest = serve_file(lab, b, 1 << 20)
        path_is(a, "b", "relay")
        port = a.open("web@b")
        expect(fetch(a, port)[0] == digest, "other bytes arrived")
        join_up(a.host, b.host)
        began = time.monotonic()
        a.do("wait", "direct:b", "--timeout", "90s", timeout=100)
        took = time.monotonic() - began
        expect(fetch(a, port)[0] == digest, "other bytes arrived")
        expect(peer_of(a, "b")["via"] == "", "a direct path with a relay")
        return f"direct {took:.1f} s after the way was free"


def case_what_asks_for_a_direct_way_takes_no_relay(weft):
    with Lab(weft, 3) as lab:
        _, a, b = split(lab, "r", "a", "b")
        digest = serve_file(lab, b, 1 << 20)
        b.do("expose", "8080", "--name", "private", "--relay", "never", "--allow", "a")
        path_is(a, "b", "relay")
        expect(fetch(a, a.open("web@b"))[0] == digest, "other bytes arrived")  # the control
        a.refuses(8, "open", "web@b", "--require", "direct", "--timeout", "2s", says="through r")
        eventually("a knows of private@b", 10, lambda: any(
            s["name"] == "private" for s in a.do("services")["services"]))
        a.refuses(8, "pipe", "private@b", says="relay")
        told = [e for e in b.do("status")["exposed"] if e["name"] == "private"]
        expect(told[0]["relay"] == "never", f"status says {told}")
        join_up(a.host, b.host)
        a.do("wait", "direct:b", "--timeout", "90s", timeout=100)
        port = a.do("open", "web@b", "--require", "direct")["listen"].rsplit(":", 1)[1]
        expect(fetch(a, port)[0] == digest, "other bytes arrived")
        private = a.open("private@b")
        expect(fetch(a, private)[0] == digest, "other bytes arrived")
        part(a.host, b.host)
        path_is(a, "b", "relay", 60)
        for door in (port, private):
            done = a.host.run("curl", "-sS", "-m", "15", f"http://127.0.0.1:{door}/file", timeout=20)
            expect(done.returncode != 0, "bytes came through a relay against the owner's wish")


def case_a_ticket_brings_a_node_in_through_a_relay(weft):
    """Both homes behind NATs that draw another port for each peer; one member is public."""
    with NatLab(weft, ["symmetric", "symmetric", "symmetric"]) as lab:
        pub = lab.node(lab.public[0], "pub")
        a = lab.node(lab.homes[0].host, "a")
        pub.invite(a)
        pub.do("grant", "a", "admin")
        eventually("pub has a reservation", 10,
                   lambda: pub.do("relay", "status")["reservations"])
        ticket = a.do("invite", "b")["ticket"]
        b = lab.node(lab.homes[1].host, "b")
        began = time.monotonic()
        joined = b.do("join", ticket, timeout=40)
        took = time.monotonic() - began
        expect(joined["via"]["path"] == "relay" and joined["via"]["name"] == "a",
               f"it says {joined}")
        path_is(a, "b", "relay", 30)
        digest = serve_file(lab, b, 5 << 20)
        port, began = a.open("web@b"), time.monotonic()
        got, first = fetch(a, port)
        whole = time.monotonic() - began
        expect(got == digest, "other bytes arrived")
        # Somebody else, with the ticket that was used: through to the inviter, which refuses.
        c = lab.node(lab.homes[2].host, "c")
        answer = c.ask("join", ticket, timeout=40)
        expect(answer.code != 0 and "used" in answer.text, f"a used ticket: {answer.text}")
        # The same with one that was taken back, whose relay knows nothing of it any more.
        back = a.do("invite", "c")["ticket"]
        a.do("invite", "--cancel", "c")
        answer = c.ask("join", back, timeout=40)
        expect(answer.code != 0 and "relay" in answer.text, f"a ticket taken back: {answer.text}")
        c.do("join", a.do("invite", "c")["ticket"], timeout=40)
        return (f"joined in {took:.2f} s, the first byte of a page after {first * 1000:.0f} ms, "
                f"5 MiB in {whole:.1f} s")
