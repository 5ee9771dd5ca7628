"""Services, doors and access: doors stay where they lead, health is true, the rules say what is so."""
import sys

from lab import Failure, Lab, Node, eventually, expect
from servers import echo_server, traffic

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
