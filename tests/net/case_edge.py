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


def log_file(node):
    return os.path.join(node.home, "weft.log")


def started_up(node, *more):
    """As `weft up` does it: in the background, with a log file of its own."""
    node.do("up", "--name", node.name, *more)
    with open(os.path.join(node.home, "lock"), encoding="utf-8") as f:
        node.pid = int(f.read().split()[0])
    return node


def read(path):
    with open(path, encoding="utf-8", errors="replace") as f:
        return f.read()


def fail_often(node, port, count):
    """So many connections to a service whose program is not there."""
    done = node.host.run(sys.executable, "-c", "import socket, sys\n"
                         "for i in range(int(sys.argv[2])):\n"
                         "  try:\n"
                         "    c = socket.create_connection(('127.0.0.1', int(sys.argv[1])), 5)\n"
                         "    c.settimeout(5); c.recv(1)\n"
                         "  except OSError: pass", port, count, timeout=120)
    expect(done.returncode == 0, done.stderr)


def case_a_log_that_nobody_reads_stops_nothing(weft):
    with Lab(weft, 2) as lab:
        read_end, write_end = os.pipe()  # the collector: connected, never reads
        os.set_inheritable(write_end, True)
        a = Node(lab.hosts[0], "a")
        a.daemon = a.host.start(weft, "run", "--name", "a", env=a.env, stderr=write_end)
        os.close(write_end)
        a.do("wait", "ready")
        filler = os.open(f"/proc/{a.daemon.pid}/fd/2", os.O_WRONLY | os.O_NONBLOCK)
        try:  # what the lines of hours would do
            while os.write(filler, b"x" * 4096):
                pass
        except BlockingIOError:
            pass
        b = Node(lab.hosts[1], "b").start()
        a.invite(b)
        echo_server(a.host, 7001)
        a.do("expose", "7999", "--name", "dead", "--allow", "b")
        a.do("expose", "7001", "--name", "echo", "--allow", "b")
        b.do("wait", "service:echo")
        fail_often(b, b.open("dead@a"), 200)
        expect(probe(b, b.open("echo@a")) == "ok", "another service stopped")
        a.do("status", timeout=5)
        took, code = a.stop(3)
        expect(code == 0, f"ended with {code}")
        os.close(read_end)
        os.close(filler)
        return f"SIGTERM ended it in {took:.1f} s"


def case_equal_failures_are_a_line_and_a_count(weft):
    with Lab(weft, 2) as lab:
        a, b = started_up(Node(lab.hosts[0], "a")), started_up(Node(lab.hosts[1], "b"))
        try:
            a.invite(b)
            a.do("expose", "7999", "--name", "dead", "--allow", "b")
            b.do("wait", "node:a")
            fail_often(b, b.open("dead@a"), 300)
            for node, event in ((a, "target_failed"), (b, "refused_by_peer")):
                lines = [l for l in read(log_file(node)).splitlines() if f"event={event} " in l]
                expect(1 <= len(lines) <= 10, f"{len(lines)} lines of {event}")
                expect("service=dead" in lines[0] and "peer=" in lines[0], lines[0])
            expect('status="target refused"' in lines[0], lines[0])
            log = read(log_file(a))
            expect(" event=start version=" in log and "{" not in log, log)
            for action in ("invite", "expose"):
                expect(f"event=audit action={action} " in log, log)
            expect(a.do("status")["node"]["log"] == log_file(a), "status does not say where")
        finally:
            for node in (a, b):
                node.ask("down")
        told = [l for l in read(log_file(a)).splitlines() if "event=repeated of=target_failed" in l]
        expect(told and "count=2" in told[0], read(log_file(a)))


def case_logs_are_found_followed_and_turned_over(weft):
    with Lab(weft, 1) as lab:
        a = started_up(Node(lab.hosts[0], "a"))
        try:
            shown = a.do("logs", "-n", "5")
            expect(shown["file"] == log_file(a) and "event=start" in shown["lines"][-1], f"{shown}")
            follower = a.host.start(weft, "logs", "-f", "-n", "1", env=a.env, log="follower")
            out = os.path.join(lab.folder, f"{a.host.ns}.follower.log")
            eventually("the follower follows", 10, lambda: "event=" in read(out))
            a.do("invite", "one")
            eventually("the line of one", 10, lambda: 'name=one ' in read(out))
            os.rename(log_file(a), log_file(a) + ".1")  # as logrotate does
            os.kill(a.pid, 1)
            eventually("a new file", 10, lambda: os.path.exists(log_file(a)))
            a.do("invite", "two")
            eventually("the line of two", 10, lambda: 'name=two ' in read(out))
            expect('name=two ' in read(log_file(a)), "not in the new file")
            expect(any('name=one ' in l for l in a.do("logs")["lines"]), "older files not read")
            follower.kill()
        finally:
            a.ask("down")
        expect("event=stopping" in "".join(a.do("logs")["lines"]), "not found when it is down")


def configure(node, text):
    with open(os.path.join(node.home, "weft.toml"), "w", encoding="utf-8") as f:
        f.write("version = 1\n" + text)


def case_a_hangup_reloads_and_a_quit_says_goodbye(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo_server(a.host, 7001)
        configure(a, '[log]\nlevel = "debug"\n[[expose]]\nname = "echo"\ntarget = "7001"\n'
                     'allow = ["b"]\n')
        a.daemon.send_signal(1)
        b.do("wait", "service:echo")
        expect(probe(b, b.open("echo@a")) == "ok", "the new exposure does not serve")
        eventually("said in the log", 5, lambda: "event=reload " in a.log_tail(20))
        configure(a, '[log]\nlevle = "debug"\n')
        a.daemon.send_signal(1)
        eventually("the mistake is said", 5, lambda: "event=reload_failed" in a.log_tail(20))
        for number in (10, 12):
            a.daemon.send_signal(number)
        expect(a.do("status")["exposed"][0]["name"] == "echo", "lost by a mistake in the file")
        a.daemon.send_signal(3)
        expect(a.daemon.wait(5) == 0, "SIGQUIT is no clean end")
        expect("event=stopping" in a.log_tail(), a.log_tail())
        eventually("the peer knows", 5, lambda: b.do("status")["peers"][0]["state"] != "connected")


def case_without_threads_a_node_goes_on(weft):
    with Lab(weft, 2) as lab:
        a, b = Node(lab.hosts[0], "a"), Node(lab.hosts[1], "b").start()
        user = 45001
        os.chmod(lab.folder, 0o755)
        os.chown(a.home, user, user)
        argv = a.host.argv
        a.host.argv = lambda *more: argv("setpriv", f"--reuid={user}", f"--regid={user}",
                                         "--clear-groups", *more)
        a.daemon = a.host.start("prlimit", "--nproc=3", weft, "run", "--name", "a", log="weft-a",
                                env=a.env)
        # A command of this user counts as well: it would take the databases' thread.
        eventually("the socket", 10, lambda: os.path.exists(os.path.join(a.home, "weft.sock")))
        a.invite(b)
        echo_server(a.host, 7001)
        a.do("expose", "localhost:7001", "--name", "echo", "--allow", "b")
        a.do("expose", "name.test:80", "--name", "named", "--allow", "b")
        b.do("wait", "service:echo")
        expect(probe(b, b.open("named@a")) != "ok", "who resolved that?")
        expect(probe(b, b.open("echo@a")) == "ok", "localhost needs a thread")
        expect(a.daemon.poll() is None, "the daemon ended")
        expect("event=no_resolver" in a.log_tail(40) or "no thread" in a.log_tail(40),
               a.log_tail(40))


def case_vanished_clients_are_found_out(weft):
    with Lab(weft, 3) as lab:
        phone = lab.hosts[2]
        a, b = lab.nodes("a", "b")
        for host in lab.hosts[:2]:  # the system's own keepalive holds where it is set
            host.run("sysctl", "-qw", "net.ipv4.tcp_keepalive_time=1",
                     "net.ipv4.tcp_keepalive_intvl=1", "net.ipv4.tcp_keepalive_probes=2")
        echo_server(a.host, 7001)
        a.do("expose", "7001", "--name", "echo", "--allow", "b")
        b.do("wait", "service:echo")
        b.do("open", "echo@a", "--listen", "0.0.0.0:7001")
        phone.start(sys.executable, "-c", "import socket, sys, time\n"
                    f"k = [socket.create_connection(('{b.host.address}', 7001)) for i in range(5)]\n"
                    "time.sleep(999)")
        held = lambda: a.do("status")["exposed"][0]["connections"]
        eventually("five connections", 10, lambda: held() == 5)
        phone.cut()
        eventually("door and service are free again", 20, lambda: held() == 0)


def case_the_management_socket_keeps_places_for_short_calls(weft):
    with Lab(weft, 1) as lab:
        a = Node(lab.hosts[0], "a").start()
        path = os.path.join(a.home, "weft.sock")
        body = b'{"condition":"node:nobody","timeout_ms":3600000}'
        wait = (b"POST /api/v1/wait HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json"
                b"\r\nContent-Length: %d\r\n\r\n" % len(body)) + body
        for what in (wait, b"GET /version HT", wait[:-5]):
            clients = []
            for _ in range(200):
                client = socket.socket(socket.AF_UNIX)
                client.setblocking(False)
                try:
                    client.connect(path)
                    client.send(what)
                    clients.append(client)
                except OSError:
                    client.close()
            # Who sends slowly counts as slow after a moment; until then a refusal has words.
            answer = eventually("a place", 5, lambda: (lambda r: r if r.code == 0 else None)(
                a.ask("status", timeout=5)))
            expect(answer.json()["node"]["name"] == "a", answer.text)
            a.do("invite", f"n{len(what)}", timeout=5)
            for client in clients:
                client.close()
        a.do("down", timeout=5)
