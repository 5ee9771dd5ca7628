"""Services, doors and access: doors stay where they lead, health is true, the rules say what is so."""
import sys

from lab import Lab, Node, eventually, expect
from servers import echo_server

GREETER = ("import socket,sys\n"
           "s=socket.socket();s.setsockopt(1,2,1);s.bind(('127.0.0.1',int(sys.argv[1])));s.listen()\n"
           "while 1:\n c,_=s.accept();c.send(sys.argv[2].encode());c.close()")


def greeter(node, port, word=None):
    """A program that says its node's name to whoever connects."""
    program = node.host.start(sys.executable, "-c", GREETER, port, word or node.name)
    node.host.wait_port(port)
    return program


def greeting(node, port):
    code = f"import socket;print(socket.create_connection(('127.0.0.1',{port}),9).recv(20).decode())"
    done = node.host.run(sys.executable, "-c", code)
    return done.stdout.strip() or done.stderr.strip().splitlines()[-1]


def four(lab, may="relay"):
    a, b, c, e = (Node(h, n).start() for h, n in zip(lab.hosts, "abce"))
    a.invite(b)
    a.invite(c)
    a.invite(e, "--may", may)
    for node in (a, b, c, e):
        eventually("four members", 10, lambda node=node: len(node.do("members")["members"]) == 4)
    return a, b, c, e


def offered(node):
    return {(s["name"], s["node"]) for s in node.do("services")["services"]}


def case_nobody_takes_over_a_door(weft):
    """Who offers a service of the same name, nearer or alone, gets no client of an open door."""
    with Lab(weft, 4) as lab:
        a, b, c, e = four(lab, may="expose")
        greeter(b, 3000)
        greeter(e, 3000)
        b.do("expose", "3000", "--name", "blog", "--allow", "*")
        eventually("the service", 10, lambda: ("blog", "b") in offered(c))
        door = c.open("blog")
        expect(greeting(c, door) == "b", "the door does not lead to b")
        e.do("expose", "3000", "--name", "blog", "--allow", "*")
        eventually("the other service", 10, lambda: ("blog", "e") in offered(c))
        expect({greeting(c, door) for _ in range(6)} == {"b"}, "the door changed its node")
        b.stop()
        expect(greeting(c, door) != "e", "with b off the door leads to e")
        a.refuses(2, "open", "blog", says="blog@NODE")
        a.refuses(2, "pipe", "blog", says="offered by b and e")
        shown = [m["node"] for m in c.do("mappings")["mappings"]]
        expect(shown == ["b"], f"the door shows {shown}")


def case_without_the_right_nothing_is_exposed(weft):
    with Lab(weft, 4) as lab:
        _, _, c, e = four(lab)
        e.refuses(5, "expose", "3000", "--name", "blog", "--allow", "*", says="right to expose")
        expect(not e.do("status")["exposed"], "it is exposed all the same")
        expect(not offered(c), f"c is offered {offered(c)}")


def case_a_replica_serves_where_the_first_refuses(weft):
    """Of two that offer a service the one whose program is dead gets nobody, if the door may choose."""
    with Lab(weft, 4) as lab:
        a, b, c, e = four(lab, may="expose")
        dead, _ = greeter(b, 3000), greeter(e, 3000)
        for node in (b, e):
            node.do("expose", "3000", "--name", "blog", "--allow", "*")
        eventually("both", 10, lambda: {("blog", "b"), ("blog", "e")} <= offered(c))
        either, only = c.open("blog@b,e"), c.open("blog@b")
        any_door = c.open("blog@b", "--any")
        dead.kill()
        dead.wait()
        told = {greeting(c, door) for door in (either, any_door) for _ in range(6)}
        expect(told == {"e"}, f"through doors with replicas: {told}")
        expect(greeting(c, only) not in ("b", "e"), "a door to b alone leads elsewhere")
        b.stop()
        told = {greeting(c, either) for _ in range(3)}
        expect(told == {"e"}, f"with b off: {told}")


def case_health_is_what_the_last_connection_found(weft):
    with Lab(weft, 2) as lab:
        a, b = lab_pair(lab)
        said = a.ask("expose", "3000", "--name", "blog", "--allow", "b", json_out=False)
        expect("nothing listens on" in said.err and "3000 yet" in said.err, said.text)
        expect(a.do("status")["exposed"][0]["health"] == "refused", "unknown at the exposing node")
        eventually("refused at b", 5, lambda: health(b) == "refused")
        service = b.do("services")["services"][0]
        expect(not service["healthy"] and service["health_age_s"] < 30, f"{service}")
        b.refuses(7, "wait", "service:blog@a", "--timeout", "300ms")
        door = b.open("blog@a")
        greeting(b, door)
        for node, what in ((a, "is its program running?"), (b, "is its program running on a?")):
            told = "\n".join(node.do("status")["attention"])
            expect("refused" in told and what in told, f"{node.name} is told {told!r}")
        b.refuses(6, "pipe", "blog@a", json_out=False, says="start the program")
        greeter(a, 3000)
        b.do("wait", "service:blog@a", "--timeout", "15s")
        expect(greeting(b, door) == "a", "the door does not serve")
        for node in (a, b):
            told = "\n".join(node.do("status")["attention"])
            expect("blog" not in told, f"{node.name} is told {told!r}")


def lab_pair(lab):
    a, b = (Node(h, n).start() for h, n in zip(lab.hosts, "ab"))
    a.invite(b)
    return a, b


def health(node):
    return next((s["health"] for s in node.do("services")["services"]), "")


def case_who_is_away_is_said_so(weft):
    with Lab(weft, 2) as lab:
        a, b = lab_pair(lab)
        greeter(a, 3000)
        a.do("expose", "3000", "--name", "blog", "--allow", "b")
        eventually("the service", 5, lambda: health(b) == "ok")
        door = b.open("blog@a")
        a.stop()
        eventually("away", 10, lambda: b.do("services")["services"][0]["state"] == "away")
        shown = b.ask("services", json_out=False).out
        expect("away since " in shown, shown)
        greeting(b, door)
        eventually("away in status", 20, lambda: b.do("status")["peers"][0]["state"] == "away")
        expect({m["state"] for m in b.do("members")["members"]} == {"alive", "left"}, "members")
        told = "\n".join(b.do("status")["attention"])
        expect("blog@a: a is away since " in told, f"attention: {told!r}")
        code = ("import socket,time;t=time.monotonic()\n"
                f"try: print(socket.create_connection(('127.0.0.1',{door}),9).recv(20))\n"
                "except OSError: print(time.monotonic()-t)")
        took = float(b.host.run(sys.executable, "-c", code).stdout)
        expect(took < 6, f"a door to a node that is away hangs for {took:.1f} s")
        a.start(name=False)
        eventually("a is back", 30, lambda: health(b) == "ok")
        expect(greeting(b, door) == "a", "the door does not serve again")


def case_open_twice_is_one_door(weft):
    with Lab(weft, 2) as lab:
        a, b = lab_pair(lab)
        echo_server(a.host, 3000)
        a.do("expose", "3000", "--name", "blog", "--allow", "b")
        doors = [b.do("open", "blog@a") for _ in range(3)] + [b.do("open", "blog")]
        expect({d["listen"] for d in doors} == {doors[0]["listen"]}, f"{doors}")
        expect([d["existing"] for d in doors] == [False, True, True, True], f"{doors}")
        wide = b.ask("open", "blog@a", "--listen", "0.0.0.0:8080", json_out=False)
        expect("warning: whoever reaches this machine" in wide.err, wide.text)
        reach = sorted(m["reach"] for m in b.do("doors")["mappings"])
        expect(reach == ["machine", "network"], f"{reach}")
        expect(len(b.do("close", "blog")["closed"]) == 2, "close blog leaves doors")
        expect(not b.do("mappings")["mappings"], "a door is left")


def case_a_fix_lifts_what_refused(weft):
    with Lab(weft, 2) as lab:
        a, b = lab_pair(lab)
        greeter(a, 3000)
        a.do("expose", "3000", "--name", "blog", "--allow", "b")
        a.do("deny", "blog", "*")
        said = a.do("allow", "blog", "b")["warnings"]
        expect(said and "weft reset blog '*'" in said[0], f"{said}")
        told = "\n".join(a.do("status")["attention"])
        expect("weft reset blog '*'" in told, f"attention: {told!r}")
        b.refuses(5, "open", "blog@a", says="on a: weft reset blog '*'")
        b.refuses(5, "pipe", "blog@a", json_out=False, says="on a: weft reset blog '*'")
        a.do("reset", "blog", "*")
        expect(a.do("status")["exposed"][0]["may_use"] == ["b"], "b still may not")
        expect(greeting(b, b.open("blog@a")) == "a", "b is not let in")
        a.do("reset", "blog")
        b.refuses(5, "pipe", "blog@a", json_out=False, says="on a: weft allow blog b")
        a.refuses(4, "allow", "blog", "group:nope", says="no group")
        a.refuses(4, "group", "list", "nope", says="no group")
        a.do("group", "add", "staff", "b")
        a.refuses(4, "group", "remove", "staff", "a", says="not in the group")
        a.do("allow", "blog", "b", "group:staff")
        expect(a.do("status")["exposed"][0]["may_use"] == ["b"], "two at once")
