"""UDP services: iperf3, DNS, mosh and datagrams of every size through doors."""
import fcntl
import json
import os
import pty
import re
import select
import struct
import sys
import termios
import time

from lab import HERE, Lab, eventually, expect

DATAGRAMS = os.path.join(HERE, "datagrams.py")


def echo(node, port, host="127.0.0.1"):
    return node.host.start(sys.executable, DATAGRAMS, "echo", host, port, log="echo")


def ask(node, port, size, count=1, host="127.0.0.1"):
    done = node.host.run(sys.executable, DATAGRAMS, "ask", host, port, size, count, timeout=120)
    expect(done.returncode == 0, f"the asking program failed: {done.stderr}")
    return json.loads(done.stdout)


def door_of(node, service):
    return next(m for m in node.do("mappings")["mappings"] if m["service"] == service)


def offered(node, service):
    eventually(f"the service {service}", 10,
               lambda: service in {s["name"] for s in node.do("services")["services"]})


def case_datagrams_of_every_size_go_through_a_udp_door(weft):
    """Small ones as messages, large ones by the stream, IPv6, a restart; nothing comes changed."""
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo(b, 5300)
        given = b.do("expose", "5300", "--name", "echo", "--protocol", "udp", "--allow", "a")
        expect(given["protocol"] == "udp", f"exposed as {given}")
        offered(a, "echo")
        opened = a.do("open", "echo@b")
        expect(opened["protocol"] == "udp", f"opened as {opened}")
        port = int(opened["listen"].rsplit(":", 1)[1])
        expect(port == 5300, f"the service's own port is free, yet the door is at {port}")
        for size in (0, 1, 100, 1000, 1400, 4000, 40000, 65507):
            got = ask(a, port, size)
            expect(got["answered"] == 1 and got["changed"] == 0 and got["from_elsewhere"] == 0,
                   f"{size} bytes: {got}")
        # The path's size is known by now: what a WireGuard packet needs goes in one message.
        def largest():
            return (door_of(a, "echo")["largest_datagram"] or 0) >= 1400
        eventually("room for 1,400 bytes in one datagram", 20, largest)
        before = door_of(a, "echo")["datagrams"]
        got = ask(a, port, 1400, 200)
        expect(got["answered"] == 200 and got["changed"] == 0, f"200 x 1,400 bytes: {got}")
        after = door_of(a, "echo")["datagrams"]
        expect(after["large"] == before["large"], f"1,400 bytes went in pieces: {after}")
        expect(before["large"] >= 6, f"nothing went in pieces: {before}")
        expect(after["sent"] - before["sent"] >= 200, f"counted {before} and then {after}")
        v6 = a.open("echo@b", "--listen", "[::1]:5306")
        got = ask(a, v6, 500, 3, host="::1")
        expect(got["answered"] == 3 and got["from_elsewhere"] == 0, f"by IPv6: {got}")
        a.stop()
        a.start()
        eventually("the door after a restart", 20, lambda: ask(a, port, 9)["answered"] == 1)
        return f"largest datagram in one message: {door_of(a, 'echo')['largest_datagram']} bytes"


def case_answers_leave_from_the_address_that_was_asked(weft):
    """A door on all addresses: who asked 10.77.0.1 is answered by 10.77.0.1."""
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo(b, 5300)
        b.do("expose", "5300", "--name", "echo", "--protocol", "udp", "--allow", "a")
        offered(a, "echo")
        port = a.open("echo@b", "--listen", "0.0.0.0:5301")
        for host in ("127.0.0.1", "127.0.0.9", a.host.address):
            got = ask(a, port, 100, 2, host=host)
            expect(got["answered"] == 2 and got["from_elsewhere"] == 0, f"asked {host}: {got}")
        got = ask(b, port, 100, 2, host=a.host.address)
        expect(got["answered"] == 2 and got["from_elsewhere"] == 0, f"asked by a neighbour: {got}")


def case_a_udp_door_obeys_the_rules(weft):
    """Who is denied gets no answer, and with the right back it does."""
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo(b, 5300)
        b.do("expose", "5300", "--name", "echo", "--protocol", "udp", "--allow", "a")
        offered(a, "echo")
        port = a.open("echo@b")
        expect(ask(a, port, 50)["answered"] == 1, "nothing comes back")
        b.do("deny", "echo", "a")
        got = ask(a, port, 50, 3)
        expect(got["answered"] == 0, f"it is answered though denied: {got}")
        b.do("reset", "echo")
        b.do("allow", "echo", "a")
        eventually("an answer again", 30, lambda: ask(a, port, 50)["answered"] == 1)
        a.refuses(2, "pipe", "echo@b", says="datagrams", json_out=False)
        a.refuses(2, "expose", "5300", "--protocol", "sctp", says="protocol")


def case_iperf3_sends_datagrams(weft):
    """Control by TCP, data by UDP, on one port: two services, two doors, both on that port."""
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        b.host.start("iperf3", "-s", "-B", "127.0.0.1", "-p", "5201", log="iperf3")
        b.host.wait_port(5201)
        b.do("expose", "5201", "--name", "iperf", "--allow", "a")
        b.do("expose", "5201", "--name", "iperf-udp", "--protocol", "udp", "--allow", "a")
        offered(a, "iperf-udp")
        ports = [a.open("iperf@b"), a.open("iperf-udp@b")]
        expect(ports == [5201, 5201], f"the two doors are at {ports}")
        shown = []
        for more in ([], ["-R"]):
            done = a.host.run("iperf3", "-J", "-u", "-c", "127.0.0.1", "-p", "5201", "-b", "20M",
                              "-l", "1200", "-t", "3", *more, timeout=60)
            answer = json.loads(done.stdout)
            expect("error" not in answer, f"iperf3 -u {more}: {answer.get('error')}")
            end = answer["end"]["sum"]
            expect(end["packets"] > 3000, f"iperf3 -u {more}: {end}")
            expect(end["lost_percent"] < 5, f"iperf3 -u {more} lost {end['lost_percent']:.1f} %")
            shown.append(f"{end['bits_per_second'] / 1e6:.0f} Mbit/s, "
                         f"{end['lost_percent']:.2f} % lost{' back' if more else ''}")
        names = {(s["name"], s["protocol"]) for s in a.do("services")["services"]}
        expect(names == {("iperf", "tcp"), ("iperf-udp", "udp")}, f"services shows {names}")
        return "; ".join(shown)


def case_kdig_asks_a_name_server(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        b.host.start("dnsmasq", "--no-daemon", "--no-resolv", "--no-hosts", "--port=5353",
                     "--listen-address=127.0.0.1", "--bind-interfaces", "--user=root",
                     "--conf-file=/dev/null", "--pid-file=",
                     "--address=/oak.example/192.0.2.7", "--address=/oak.example/2001:db8::7",
                     log="dnsmasq")
        b.host.wait_port(5353)
        b.do("expose", "5353", "--name", "dns", "--protocol", "udp", "--allow", "a")
        offered(a, "dns")
        port = a.open("dns@b")
        for kind, want in (("A", "192.0.2.7"), ("AAAA", "2001:db8::7")):
            done = a.host.run("kdig", "@127.0.0.1", "-p", port, "+short", "+retry=1", "oak.example",
                              kind)
            expect(done.stdout.strip() == want, f"kdig {kind}: {done.stdout!r} {done.stderr!r}")


def read_terminal(fd, until, seconds):
    shown, deadline = b"", time.monotonic() + seconds
    while until not in shown and time.monotonic() < deadline:
        if not select.select([fd], [], [], 0.2)[0]:
            continue
        try:
            shown += os.read(fd, 65536)
        except OSError:
            break
    return shown


def case_mosh_runs_a_shell(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        env = dict(os.environ, LC_ALL="C.UTF-8", TERM="xterm", HOME=lab.folder)
        made = b.host.run("mosh-server", "new", "-i", "127.0.0.1", "-p", "60001", "--", "sh",
                          env=env)
        key = re.search(r"MOSH CONNECT 60001 (\S+)", made.stdout)
        expect(key, f"mosh-server: {made.stdout!r} {made.stderr!r}")
        b.do("expose", "60001", "--name", "mosh", "--protocol", "udp", "--allow", "a")
        offered(a, "mosh")
        port = a.open("mosh@b")
        main, side = pty.openpty()
        fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", 24, 80, 0, 0))
        env["MOSH_KEY"] = key[1]
        client = a.host.start("mosh-client", "127.0.0.1", port, env=env, stdin=side, stdout=side,
                              stderr=side)
        os.close(side)
        os.write(main, b"echo $((6*7))-by-mosh\n")
        shown = read_terminal(main, b"42-by-mosh", 20)
        expect(b"42-by-mosh" in shown, f"mosh shows {shown[-300:]!r}")
        os.write(main, b"exit\n")
        client.wait(20)
        os.close(main)


def case_a_flood_does_not_stop_another_client(weft):
    """One client sends as fast as it can; one that asks now and then is answered all the same."""
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo(b, 5300)
        echo(b, 5310)
        for name, port in (("sink", "5300"), ("echo", "5310")):
            b.do("expose", port, "--name", name, "--protocol", "udp", "--allow", "a")
            offered(a, name)
        sink, port = a.open("sink@b"), a.open("echo@b")
        alone = ask(a, port, 200, 50)
        expect(alone["answered"] == 50, f"without a flood: {alone}")
        flood = a.host.start(sys.executable, DATAGRAMS, "flood", "127.0.0.1", sink, 1200, 12,
                             log="flood")
        eventually("the flood", 10, lambda: door_of(a, "sink")["datagrams"]["sent"] > 1000)
        beside = ask(a, port, 200, 50)
        expect(flood.poll() is None, "the flood ended before it was looked at")
        lost = beside["sent"] - beside["answered"]
        expect(beside["answered"] == 50 and lost <= 5, f"beside a flood: {beside}")
        pinged = a.do("ping", "b", "-c", "3")
        expect(len(pinged["replies"]) == 3, f"the session beside it: {pinged}")
        flood.wait(30)
        return f"{lost} of {beside['sent']} lost, at worst {beside['worst_ms']} ms"
