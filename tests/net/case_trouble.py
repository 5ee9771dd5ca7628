"""What goes wrong between nodes: refusals, departures, vanished peers, restarts, kills."""
import json
import os
import select
import subprocess
import sys
import threading
import time

from lab import FULL, HERE, Lab, Node, eventually, expect, run
from servers import echo_server, traffic


def watcher(host, port, seconds=60):
    """A connection held open through a door by another process."""
    process = host.start(sys.executable, os.path.join(HERE, "traffic.py"), "watch", port, seconds,
                         stdout=subprocess.PIPE, text=True)
    expect(process.stdout.readline() == "open\n", "the watched connection did not open")
    return process


def ends(process, seconds):
    """How a watched connection ended, within this time."""
    ready = select.select([process.stdout], [], [], seconds)[0]
    expect(ready, f"a connection that had to end lived on for {seconds} s")
    return json.loads(process.stdout.readline())


def probe(host, port):
    return traffic(host, "probe", port)["end"]


def echo_pair(lab):
    a, b = lab.nodes("a", "b")
    echo_server(b.host, 7000)
    b.do("expose", "7000", "--name", "echo", "--allow", "a")
    return a, b, a.open("echo@b")


def case_denied_callers_get_nothing(weft):
    with Lab(weft, 3) as lab:
        a, b, c = lab.nodes("a", "b", "c")
        echo_server(b.host, 7000)
        b.do("expose", "7000", "--name", "echo")
        a.refuses((4, 5), "open", "echo@b")
        b.do("allow", "echo", "a")
        port = a.open("echo@b")
        expect(probe(a.host, port) == "ok", "an allowed caller gets no answer")
        c.refuses((4, 5), "open", "echo@b")
        held = watcher(a.host, port)
        b.do("deny", "echo", "a")
        how = ends(held, 5)
        expect(how["end"] == "reset", f"the open connection after deny: {how}")
        expect(probe(a.host, port) in ("reset", "eof"), "a denied caller still gets through")
        b.do("allow", "echo", "a")
        eventually("the allowed door serves again", 5, lambda: probe(a.host, port) == "ok")
        return f"an open connection saw {how['end']} {how['after_s']} s after it was opened, on deny"


def case_groups_open_doors(weft):
    with Lab(weft, 3) as lab:
        a, b, c = lab.nodes("a", "b", "c")
        echo_server(a.host, 7000)
        a.do("group", "add", "friends", "b")
        a.do("expose", "7000", "--name", "echo", "--allow", "group:friends")
        port = b.open("echo@a")
        expect(probe(b.host, port) == "ok", "a member of the group gets no answer")
        c.refuses((4, 5), "open", "echo@a")
        a.do("group", "remove", "friends", "b")
        eventually("out of the group, out of the service", 5,
                   lambda: probe(b.host, port) in ("reset", "eof"))


def case_refused_target(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        b.do("expose", "7999", "--name", "nobody", "--allow", "a")
        port = a.open("nobody@b")
        end = probe(a.host, port)
        expect(end in ("reset", "eof", "refused"), f"a refused target gives the client: {end}")
        expect("nobody" in b.log_tail(50) or "7999" in b.log_tail(50),
               f"the operator's log does not name the target:\n{b.log_tail(10)}")
        echo_server(b.host, 7999)
        expect(probe(a.host, port) == "ok", "the door does not recover when the target is back")


def case_a_removed_node_can_do_nothing_more(weft):
    with Lab(weft, 3) as lab:
        a, b, c = lab.nodes("a", "b", "c")
        echo_server(b.host, 7000)
        b.do("expose", "7000", "--name", "echo", "--allow", "*")
        ports = {n.name: n.open("echo@b") for n in (a, c)}
        for n in (a, c):
            expect(probe(n.host, ports[n.name]) == "ok", f"{n.name} cannot use echo before")
        held, kept = watcher(c.host, ports["c"]), watcher(a.host, ports["a"])
        a.do("remove", "c")
        how = ends(held, 5)
        expect(probe(c.host, ports["c"]) != "ok", "a removed node still uses a service")
        gone = c.ask("ping", "b", "-c", "1", "--timeout", "3s")
        expect(gone.code != 0, f"a removed node still pings: {gone.text}")
        for n in (a, b):
            members = [m["name"] for m in n.do("members")["members"]
                       if m["state"] not in ("left", "removed")]
            expect("c" not in members, f"{n.name} still counts c: {members}")
        c.stop()
        c.start(name=False)
        expect(c.ask("ping", "b", "-c", "1", "--timeout", "3s").code != 0,
               "a removed node is back after a restart")
        expect(probe(a.host, ports["a"]) == "ok", "removing c broke a")
        expect(kept.poll() is None, "removing c ended a's connection")
        return f"its connection ended {how['after_s']} s after it had opened"


def case_a_vanished_peer_and_its_return(weft):
    with Lab(weft, 2) as lab:
        a, b, port = echo_pair(lab)
        expect(probe(a.host, port) == "ok", "no echo before")
        held = watcher(a.host, port, 90)
        b.kill()
        how = ends(held, 75)
        # An end of file would look like a transfer that is complete.
        expect(how["end"] == "reset", f"client of a vanished peer: {how}")
        end = probe(a.host, port)
        expect(end in ("reset", "eof", "refused"), f"a new client of a vanished peer: {end}")
        b.start(name=False)
        eventually("the door serves again after its peer is back", 70,
                   lambda: probe(a.host, port) == "ok")
        return f"killed: its client saw {how['end']} after {how['after_s']} s"


def case_a_pulled_cable(weft):
    with Lab(weft, 2) as lab:
        a, b, port = echo_pair(lab)
        held = watcher(a.host, port, 30)
        b.host.cut()
        expect(not select.select([], [], [], 2)[0], "unreachable")
        b.host.mend()
        expect(held.poll() is None, "two seconds without a cable ended a connection")
        eventually("traffic flows again", 15, lambda: probe(a.host, port) == "ok")


def case_exposed_a_moment_ago(weft):
    """The news that b exposes something is held up: who asks meanwhile waits for it."""
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        said = {}
        for name in ("with its node", "without"):
            b.host.cut()
            b.do("expose", str(5000 + len(said)), "--name", f"late{len(said)}", "--allow", "a")
            mending = threading.Timer(0.5, b.host.mend)
            mending.start()
            try:
                said[name] = a.do("open", f"late{len(said)}" + ("" if said else "@b"))["node"]
            finally:
                mending.join()
        expect(set(said.values()) == {"b"}, f"doors lead to {said}")
        a.refuses(4, "open", "never@b", says="offers you no service")


def case_either_node_roams_with_its_connections(weft):
    with Lab(weft, 2) as lab:
        a, b, port = echo_pair(lab)
        held = a.host.start(sys.executable, os.path.join(HERE, "traffic.py"), "talk", port,
                            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        expect(held.stdout.readline() == "open\n", "the connection did not open")

        def echoed(seconds):
            held.stdin.write("hello\n")
            held.stdin.flush()
            ready = select.select([held.stdout], [], [], seconds)[0]
            return bool(ready) and held.stdout.readline() == "ok\n"

        expect(echoed(10), "no echo before any move")
        took = []
        for host, address in ((a.host, "10.77.0.101"), (b.host, "10.77.0.102"),
                              (a.host, "10.77.0.103")):
            host.move(address)
            started = time.monotonic()
            # The kernel tells the daemon; were it silent, it looks itself every 10 s.
            expect(echoed(25), f"the connection did not survive the move to {address}")
            took.append(time.monotonic() - started)
            eventually("a ping after the move", 20,
                       lambda: a.ask("ping", "b", "-c", "1", "--timeout", "2s").code == 0)
        expect(probe(a.host, port) == "ok", "no new connection after the moves")
        return "one connection through three moves, seconds: " + ", ".join(f"{t:.1f}" for t in took)


def case_several_listen_addresses(weft):
    with Lab(weft, 2) as lab:
        a, b, port = echo_pair(lab)
        first, second = f"{b.host.address}:5001", "10.77.0.102:5002"
        # Else the second address goes with the first.
        b.host.run("sysctl", "-qw", "net.ipv4.conf.all.promote_secondaries=1")
        run(["ip", "-n", b.host.ns, "addr", "add", "10.77.0.102/24", "dev", "eth0"], check=True)
        b.stop()
        b.start(name=False, flags=("--listen", first, "--listen", second))
        expect(sorted(b.ready["listen"]) == sorted([first, second]), f"{b.ready['listen']}")
        eventually("the door serves", 30, lambda: probe(a.host, port) == "ok")
        # The second one alone: b speaks from there as soon as its kernel says so, and a follows.
        run(["ip", "-n", b.host.ns, "addr", "del", f"{b.host.address}/24", "dev", "eth0"],
            check=True)
        started = time.monotonic()
        eventually("the door serves by the other address", 20,
                   lambda: probe(a.host, port) == "ok")
        took = time.monotonic() - started
        expect(b.do("status")["node"]["listen"] == [second], "a lost address is still told")
        b.stop()
        b.daemon = None
        taken = b.ask("run", "--listen", second, "--listen", second)
        expect(taken.code == 2 and "twice" in taken.text, f"one address twice: {taken.text!r}")
        return f"served by the second {took:.1f} s after the first was gone"


def case_a_configured_peer_is_dialled(weft):
    """Both moved while they were down, and no multicast: nobody but the configuration knows."""
    with Lab(weft, 2) as lab:
        a, b, port = echo_pair(lab)
        udp = b.ready["listen"][0].rpartition(":")[2]
        for node, address in ((a, "10.77.0.101"), (b, "10.77.0.102")):
            node.stop()
            run(["ip", "-n", node.host.ns, "link", "set", "eth0", "multicast", "off"], check=True)
            node.host.move(address)
        for node in (a, b):
            node.start(name=False)
        lost = a.ask("ping", "b", "-c", "1", "--timeout", "3s")
        expect(lost.code != 0, f"found without being told: {lost.text}")
        a.stop()
        with open(os.path.join(a.home, "weft.toml"), "w", encoding="utf-8") as f:
            f.write(f'version = 1\n[[peer]]\nnode = "b"\naddresses = ["10.77.0.102:{udp}"]\n')
        expect(a.do("config", "check")["peer"] == 1, "the peer is not counted")
        a.start(name=False)
        eventually("b is found where weft.toml says", 20, lambda: probe(a.host, port) == "ok")


def case_restarts_keep_everything(weft):
    with Lab(weft, 2) as lab:
        a, b, port = echo_pair(lab)
        expect(probe(a.host, port) == "ok", "no echo before")
        took = [n.stop()[0] for n in (a, b)]
        expect(max(took) < 2, f"SIGTERM took {took} s; 2 s are promised")
        b.start(name=False)
        a.start(name=False)
        expect(b.ready["name"] == "b" and a.ready["name"] == "a", "a name was lost")
        doors = [m["listen"] for m in a.do("mappings")["mappings"]]
        expect(doors == [f"127.0.0.1:{port}"], f"doors after a restart: {doors}")
        eventually("the old door serves after a restart of both", 30,
                   lambda: probe(a.host, port) == "ok")
        b.stop()
        b.start(name=False)
        eventually("the door serves after a restart of the peer", 30,
                   lambda: probe(a.host, port) == "ok")
        return f"SIGTERM to end: {took[0]:.2f}, {took[1]:.2f} s"


def case_ping_and_status_tell_the_path(weft):
    with Lab(weft, 2) as lab:
        a, b, port = echo_pair(lab)
        replies = a.do("ping", "b", "-c", "3")["replies"]
        expect(len(replies) == 3 and all(r["path"] == "direct" for r in replies), f"{replies}")
        expect(all(0 < r["rtt_ms"] < 1000 for r in replies), f"round trips: {replies}")
        peer = next(p for p in a.do("status")["peers"] if p["name"] == "b")
        expect(peer["kex"] == "X25519+ML-KEM-768", f"key exchange: {peer}")
        expect(peer["path"] == "direct", f"path: {peer}")
        expect(peer["cipher"] in ("AES-256-GCM", "ChaCha20-Poly1305"), f"cipher: {peer}")
        names = [(s["name"], s["node"]) for s in a.do("services")["services"]]
        expect(("echo", "b") in names, f"services: {names}")
        waited = a.do("wait", "service:echo", "--timeout", "5s")
        expect(waited["schema"] == "weft.wait/1", f"{waited}")
        return f"{peer['kex']}, {peer['cipher']}, {replies[-1]['rtt_ms']} ms"


def case_kill_nine_loses_nothing_acknowledged(weft):
    rounds = 300 if FULL else 20
    with Lab(weft, 2) as lab:
        a, b, port = echo_pair(lab)
        services, doors, last, gone, there = {"echo"}, {port}, None, set(), set()
        for i in range(rounds):
            victim = lab.random.choice((a, b))
            last = f"s{i}"
            b.do("expose", str(20000 + i), "--name", last, "--allow", "a")
            services.add(last)
            if i >= 100:  # a node exposes 256 at most; what was withdrawn stays so
                b.do("unexpose", f"s{i - 100}")
                services.discard(f"s{i - 100}")
                gone.add(f"s{i - 100}")
                if (old := f"maybe{i - 100}") in there:
                    b.do("unexpose", old)
                    gone.add(old)
            if i % 4 == 0:
                door = a.open(f"{last}@b", "--listen", f"127.0.0.1:{21000 + i}")
                doors.add(door)
            # Half of the time in the middle of the next command, which nobody acknowledged.
            if lab.random.random() < 0.5:
                argv = [weft, "expose", str(30000 + i), "--name", f"maybe{i}"]
                late = victim.host.start(*argv, env=victim.env)
                select.select([], [], [], lab.random.random() * 0.02)
                victim.kill()
                late.wait(10)
            else:
                victim.kill()
            victim.start(name=False)
            there = {s["name"] for s in b.do("status")["exposed"]}
            expect(services <= there, f"round {i}: lost {sorted(services - there)}")
            expect(not gone & there, f"round {i}: back again {sorted(gone & there)}")
            kept = {int(m["listen"].rsplit(":", 1)[1]) for m in a.do("mappings")["mappings"]}
            expect(doors <= kept, f"round {i}: lost doors {sorted(doors - kept)}")
            for n in (a, b):
                names = {m["name"] for m in n.do("members")["members"]}
                expect(names == {"a", "b"}, f"round {i}: {n.name} knows {names}")
        eventually("the first door still serves", 70, lambda: probe(a.host, port) == "ok")
        return f"{rounds} kills"


def case_joins_and_removals_survive_kills(weft):
    rounds = 60 if FULL else 5
    with Lab(weft, 2) as lab:
        a = Node(lab.hosts[0], "a").start()
        known = {"a"}
        for i in range(rounds):
            b = Node(lab.hosts[1], f"b{i}").start()
            a.invite(b)
            known.add(b.name)
            (a if i % 2 else b).kill()
            if i % 2:
                a.start(name=False)
                b.kill()
            if i % 5 == 4:
                a.do("remove", f"b{i - 1}")
                known.discard(f"b{i - 1}")
                a.kill()
                a.start(name=False)
            names = {m["name"] for m in a.do("members")["members"]
                     if m["state"] not in ("left", "removed")}
            expect(names == known, f"round {i}: members {names}, wanted {known}")
