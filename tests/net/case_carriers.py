"""What carries a node's datagrams: several sockets, and trains of datagrams that a path mangles."""
from lab import Lab, Node, expect, run


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
