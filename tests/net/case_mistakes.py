"""What people do wrong: tickets, names, ports, configuration, a full disk. Nothing is lost, nothing
hangs, and the message says what to do."""
import os
import select
import socket

from lab import Failure, Lab, Node, eventually, expect
from servers import echo_server, traffic


def two(lab, joined=False):
    a, b = (Node(h, n).start() for h, n in zip(lab.hosts, "ab"))
    if joined:
        a.invite(b)
    return a, b


def members(node):
    return {m["name"] for m in node.do("members")["members"]}


def case_wrong_tickets(weft):
    with Lab(weft, 3) as lab:
        a, b = two(lab)
        b.refuses((1, 2), "join", "nonsense")
        good = a.do("invite", "b")["ticket"]
        middle = len(good) // 2
        flipped = good[:middle] + ("q" if good[middle] != "q" else "p") + good[middle + 1:]
        b.refuses((1, 2), "join", flipped)
        expect(members(b) == {"b"}, "a wrong ticket changed b's network")
        b.do("join", good)
        expect(members(a) == {"a", "b"}, f"after the right ticket: {members(a)}")
        c = Node(lab.hosts[2], "c").start()
        c.refuses((1, 5), "join", good, timeout=40)
        expect(members(c) == {"c"}, "a used ticket changed c's network")
        expect("c" not in members(a), "a used ticket let c in")


def case_expired_ticket(weft):
    with Lab(weft, 2) as lab:
        a, b = two(lab)
        ticket = a.do("invite", "b", "--ttl", "1s")["ticket"]
        select.select([], [], [], 2.2)
        b.refuses((1, 5), "join", ticket, timeout=40)
        expect(members(a) == {"a"}, "an expired ticket let b in")
        b.do("join", a.do("invite", "b")["ticket"])


def case_ticket_of_another_network(weft):
    with Lab(weft, 3) as lab:
        a, b = two(lab, joined=True)
        c = Node(lab.hosts[2], "c").start()
        joined = b.do("join", c.do("invite", "b")["ticket"], timeout=40)
        expect(members(b) == {"a", "b"}, f"b left its network: {members(b)}; {joined}")
        expect(members(c) == {"b", "c"}, f"b is in c's network too: {members(c)}")
        names = [n["name"] for n in b.do("network", "list")["networks"]]
        expect(len(names) == 2 and names[1] == joined["network"], f"b is in {names}")
        b.refuses(1, "join", c.do("invite", "b2")["ticket"], says="already")


def case_nobody_home_for_a_ticket(weft):
    with Lab(weft, 2) as lab:
        a, b = two(lab)
        ticket = a.do("invite", "b")["ticket"]
        a.kill()
        b.refuses((1, 6, 7), "join", ticket, timeout=60)
        expect(members(b) == {"b"}, "b changed its network without an answer")
        a.start(name=False)
        b.do("join", ticket)


def case_exposures_survive_joining(weft):
    with Lab(weft, 2) as lab:
        a, b = two(lab)
        echo_server(b.host, 7000)
        b.do("expose", "7000", "--name", "echo")
        b.do("join", a.do("invite", "b")["ticket"])
        b.do("allow", "echo", "a")
        port = a.open("echo@b")
        expect(traffic(a.host, "probe", port)["end"] == "ok", "an exposure of before is lost")


def case_names_taken(weft):
    with Lab(weft, 2) as lab:
        a, b = two(lab, joined=True)
        b.do("expose", "7000", "--name", "web")
        b.refuses(1, "expose", "7001", "--name", "web", says="web")
        exposed = [e["target"] for e in b.do("status")["exposed"] if e["name"] == "web"]
        expect(len(exposed) == 1 and "7000" in exposed[0], f"the first exposure: {exposed}")
        a.refuses((1, 2), "invite", "b", says="b")
        a.refuses((1, 2), "expose", "7000", "--name", "not a label!")


def case_ports_in_use(weft):
    with Lab(weft, 2) as lab:
        a, b = two(lab, joined=True)
        echo_server(b.host, 7000)
        b.do("expose", "7000", "--name", "echo", "--allow", "a")
        echo_server(a.host, 7000)
        a.refuses(1, "open", "echo@b", "--listen", "127.0.0.1:7000", says="7000")
        a.refuses(2, "open", "echo@b", "--listen", "192.0.2.1:7000", says="not of this machine")
        port = a.open("echo@b")
        expect(port != 7000, "took a port that was in use")
        expect(traffic(a.host, "probe", port)["end"] == "ok", "the next free port does not serve")
        c = Node(lab.hosts[0], "c")
        for address, code in (("oak:1", 2), ("127.0.0.1:65536", 2), ("192.0.2.1:5000", 1)):
            c.refuses(code, "run", "--listen", address, says="write ADDRESS:PORT")
        taken = a.do("status")["node"]["listen"][0].rsplit(":", 1)[1]
        c.refuses(1, "run", "--listen", f"0.0.0.0:{taken}", says="`ss -lntup`")


def case_what_fails_at_the_start_is_done_later(weft):
    """The configuration names a node that joins later; a kept door finds its port taken."""
    with Lab(weft, 2) as lab:
        a, b = Node(lab.hosts[0], "a").start(), Node(lab.hosts[1], "b")
        for host in lab.hosts:
            echo_server(host, 7000)
        with open(os.path.join(b.home, "weft.toml"), "w", encoding="utf-8") as f:
            f.write('version = 1\n[[expose]]\nname = "echo"\ntarget = "7000"\nallow = ["a"]\n'
                    '[[consume]]\nservice = "page"\nlisten = "127.0.0.1:8200"\n')
        b.start()
        told = "\n".join(b.do("status")["attention"])
        expect('called "a"' in told and "open page" in told, f"status tells not enough: {told!r}")
        a.do("expose", "7000", "--name", "page", "--allow", "*")
        a.invite(b)
        eventually("the configured door", 30, lambda: probe(b, 8200) == "ok")
        a.do("wait", "service:echo@b", "--timeout", "30s")
        expect(probe(a, a.open("echo@b")) == "ok", "the configured service does not serve")
        expect(not b.do("status")["attention"], "what is done still asks for attention")
        b.stop()
        blocker = echo_server(b.host, 8200)
        b.start(name=False)
        told = "\n".join(b.do("status")["attention"])
        expect("8200" in told and "cannot be opened" in told, f"a door that is shut: {told!r}")
        blocker.kill()
        blocker.wait()
        eventually("the door whose port was taken", 30, lambda: probe(b, 8200) == "ok")
        expect(not b.do("status")["attention"], "an open door asks for attention")


def configure(node, text):
    with open(os.path.join(node.home, "weft.toml"), "w", encoding="utf-8") as f:
        f.write("version = 1\n" + text)


def case_the_configuration_wins_for_what_it_names(weft):
    with Lab(weft, 2) as lab:
        a, b = Node(lab.hosts[0], "a"), Node(lab.hosts[1], "b").start()
        echo_server(a.host, 7001)
        configure(a, '[node]\nname = "a"\n[[expose]]\nname = "echo"\ntarget = "7000"\n'
                     'allow = ["*"]\n')
        a.start(name=False)
        a.invite(b)
        expect(probe(b, b.open("echo@a")) != "ok", "something answers where nothing listens")
        a.stop()
        configure(a, '[node]\nname = "oak"\n[[expose]]\nname = "echo"\ntarget = "7001"\n'
                     'allow = ["*"]\n')
        a.start(name=False)
        status = a.do("status")
        expect([e["target"] for e in status["exposed"]] == ["localhost:7001"], f"{status}")
        asked = [line for line in status["attention"] if "only admin" not in line]
        expect(not asked, f"asks for attention: {asked}")
        expect(a.ready["name"] == "a", f"took another name: {a.ready}")
        expect("event=name_ignored name=a wanted=oak" in a.log_tail(), a.log_tail())
        b.do("wait", "service:echo@a", "--timeout", "30s")
        expect(probe(b, b.open("echo@a")) == "ok", "the new target is not reached")
        a.do("deny", "echo", "*")
        a.stop()
        a.start(name=False)
        expect(a.do("status")["exposed"][0]["deny"] == ["*"], "a deny by command is undone")


def case_a_configured_door_keeps_the_services_port(weft):
    """Its node is away when the daemon first looks for it."""
    with Lab(weft, 2) as lab:
        a, b = two(lab, joined=True)
        echo_server(a.host, 7000)
        a.do("expose", "7000", "--name", "echo", "--allow", "b")
        b.stop()
        a.stop()
        configure(b, '[[consume]]\nservice = "echo@a"\n')
        b.start(name=False)
        told = "\n".join(b.do("status")["attention"])
        expect("open echo@a" in told and "not been heard yet" in told, f"status tells {told!r}")
        expect(not b.do("mappings")["mappings"], "a door to nobody knows what port")
        a.start(name=False)
        eventually("the configured door", 30, lambda: b.do("mappings")["mappings"])
        listen = [m["listen"] for m in b.do("mappings")["mappings"]]
        expect(listen == ["127.0.0.1:7000"], f"the door is at {listen}")
        expect(probe(b, 7000) == "ok", "the configured door does not serve")
        expect(not b.do("status")["attention"], "what is done still asks for attention")


def case_waits_that_nobody_waits_for_end(weft):
    with Lab(weft, 1) as lab:
        a = Node(lab.hosts[0], "a").start()
        body = b'{"condition":"node:ghost","timeout_ms":3600000}'
        request = (b"POST /api/v1/wait HTTP/1.1\r\nHost: localhost\r\nContent-Type: "
                   b"application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body))
        before = a.rss_kib()
        for _ in range(40):
            clients = [socket.socket(socket.AF_UNIX) for _ in range(32)]
            for client in clients:
                client.connect(os.path.join(a.home, "weft.sock"))
                client.sendall(request)
            a.do("status")
            for client in clients:
                client.close()
        a.do("wait", "ready")
        grown = a.rss_kib() - before
        expect(grown < 3500, f"1280 waits of clients that are gone hold {grown} KiB")
        return f"1280 waits of clients that are gone hold {grown} KiB"


def probe(node, port):
    return traffic(node.host, "probe", port)["end"]


def case_no_daemon(weft):
    with Lab(weft, 1) as lab:
        a = Node(lab.hosts[0], "a")
        for argv in (["status"], ["expose", "80"], ["ping", "b"], ["services"], ["invite", "x"]):
            a.refuses(3, *argv, says="weft ")
        a.start()
        a.do("status")
        a.kill()
        a.refuses(3, "status", says="weft ")
        a.start(name=False)


def case_unknown_things(weft):
    with Lab(weft, 2) as lab:
        a, _ = two(lab, joined=True)
        a.refuses(4, "ping", "nobody", says="nobody")
        a.refuses(4, "open", "web@nobody", says="nobody")
        a.refuses((4, 5), "open", "none@b", says="none")
        a.refuses(4, "open", "none@a", says="none")
        a.refuses(4, "pipe", "none@a", json_out=False, says="none")
        a.do("expose", "7000", "--name", "own")
        for own in ("own@a", "own"):
            a.refuses(2, "open", own, says="localhost:7000")
        a.refuses(2, "pipe", "own@a", json_out=False, says="this very node")
        a.refuses(4, "unexpose", "none", says="none")
        a.refuses(4, "allow", "none", "*", says="none")
        a.refuses(4, "close", "none", says="none")
        a.refuses(4, "remove", "nobody", says="nobody")
        a.refuses(2, "frobnicate", says="no command is called")
        a.refuses(2, "dht", "find", says="dht find")
        a.refuses(2, "group", says="group needs a command after it")
        a.refuses(2, "expose")
        a.refuses((1, 2), "expose", "99999")
        a.refuses(7, "wait", "node:ghost", "--timeout", "300ms")


def case_bad_configuration(weft):
    with Lab(weft, 1) as lab:
        a = Node(lab.hosts[0], "a")
        path = os.path.join(a.home, "weft.toml")
        for text, says in (('version = 1\n[node]\nnmae = "x"\n', "name"),
                           ("version = 1\n[node\n", "weft.toml:2"),
                           ('version = 1\n[log]\nlevel = "loud"\n', "level")):
            with open(path, "w", encoding="utf-8") as f:
                f.write(text)
            a.refuses(78, "config", "check", says=says)
            answer = a.ask("run", "--name", "a", timeout=10)
            expect(answer.code == 78, f"run with bad configuration: exit {answer.code}")
            expect(says in answer.text, f"run with bad configuration says {answer.text!r}")
        with open(path, "w", encoding="utf-8") as f:
            f.write('version = 1\n[node]\nname = "oak"\n')
        expect(a.ask("config", "check").code == 0, "a good configuration is refused")
        a.start(name=False)
        expect(a.ready["name"] == "oak", f"the configured name: {a.ready}")


def case_two_daemons_in_one_home(weft):
    with Lab(weft, 1) as lab:
        a = Node(lab.hosts[0], "a").start()
        answer = a.ask("run", "--name", "other", timeout=10)
        expect(answer.code not in (0, 139, 134), f"a second daemon: exit {answer.code}")
        expect(answer.text.strip(), "a second daemon ends without a word")
        expect(a.do("status")["node"]["name"] == "a", "the first daemon was disturbed")


def case_private_files(weft):
    with Lab(weft, 1) as lab:
        a = Node(lab.hosts[0], "a").start()
        mode = os.stat(os.path.join(a.home, "identity.key")).st_mode & 0o777
        expect(mode == 0o600, f"identity.key has mode {mode:o}")
        sock = os.stat(os.path.join(a.home, "weft.sock")).st_mode & 0o777
        expect(sock & 0o007 == 0, f"weft.sock has mode {sock:o}")
        a.stop()
        os.chmod(os.path.join(a.home, "identity.key"), 0o644)
        try:
            a.start(name=False, seconds=5)
        except Failure:
            return "a key that others may read is refused"
        mode = os.stat(os.path.join(a.home, "identity.key")).st_mode & 0o777
        expect(mode == 0o600, "a key that others may read is used as it is")
        return "a key that others may read is closed to them"


def case_strangers_get_silence(weft):
    """Noise of all kinds at the UDP port: no answer, and the node goes on."""
    with Lab(weft, 2) as lab:
        a, b = two(lab, joined=True)
        listen = next(l for l in b.ready["listen"] if not l.startswith("["))
        port = int(listen.rsplit(":", 1)[1])
        script = (
            "import os,socket,select\n"
            "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
            f"s.connect(('{b.host.address}',{port}))\n"
            "for i in range(3000):\n"
            "  first=(0xc0,0xc3,0x40,0x04,0x05,0x80,0xff,0x3f)[i%8]\n"
            "  v=b'\\0\\0\\0\\1' if i%2 else os.urandom(4)\n"
            "  s.send(bytes([first])+v+b'\\x08'+os.urandom(8)+b'\\x08'+os.urandom(1200))\n"
            "print('answers', len(select.select([s],[],[],1)[0]))\n")
        done = a.host.run("python3", "-c", script)
        expect(done.stdout == "answers 0\n", f"a stranger got an answer: {done.stdout}")
        expect(a.ask("ping", "b", "-c", "1").code == 0, "the node does not answer its member")


def case_full_disk(weft):
    with Lab(weft, 1) as lab:
        home = lab.tmpfs("small", "3m")
        a = Node(lab.hosts[0], "a", home=home).start()
        a.do("expose", "7000", "--name", "before", "--allow", "*")
        ballast = os.path.join(home, "ballast")
        with open(ballast, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass
        kept, refused = {"before"}, 0
        for i in range(200):
            answer = a.ask("expose", str(10000 + i), "--name", f"s{i}")
            if answer.code == 0:
                kept.add(f"s{i}")
                continue
            refused += 1
            expect(answer.text.strip(), "a full disk is refused without a word")
            break
        expect(refused, "200 exposures acknowledged on a full disk")
        expect(a.do("status")["node"]["name"] == "a", "the daemon does not answer any more")
        a.kill()
        os.unlink(ballast)
        a.start(name=False)
        there = {e["name"] for e in a.do("status")["exposed"]}
        expect(kept <= there, f"lost after a full disk: {sorted(kept - there)}")
        a.do("expose", "9000", "--name", "after")
        return f"{len(kept)} acknowledged, the next refused: {answer.text.strip()[:80]}"


def case_background_up_and_down(weft):
    with Lab(weft, 1) as lab:
        a = Node(lab.hosts[0], "a")
        a.do("up", timeout=20)
        try:
            expect(a.do("status")["schema"] == "weft.status/1", "up, but no status")
        finally:
            a.do("down", timeout=20)
        a.refuses(3, "status")
        eventually("the socket is free again", 5, lambda: not reachable(a))


def reachable(node):
    with socket.socket(socket.AF_UNIX) as s:
        return s.connect_ex(os.path.join(node.home, "weft.sock")) == 0
