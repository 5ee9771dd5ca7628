"""weft why: the cause, what was tried, the fix; and the fix is what mends it. Each cause has a unit
test (tests/doctor/why_test.cpp); here are those that a whole network makes."""
from case_relay import part
from lab import Lab, Node, eventually, expect
from nat_lab import NatLab


def why(node, name):
    told = node.do("why", name)
    expect(told["schema"] == "weft.why/1" and told["text"], f"{told}")
    return told


def cause(node, name, wanted, seconds=30, **more):
    """Until this cause is told, with these fields; what was told."""
    def told():
        now = why(node, name)
        return now if now["cause"] == wanted and all(now[k] == v for k, v in more.items()) else None
    try:
        return eventually(f"why {name}: {wanted}", seconds, told)
    except Exception as error:
        raise type(error)(f"{error}: {node.do('why', name)}") from None


def tried(told, kind, result):
    return [t for t in told["tried"] if t["kind"] == kind and t["result"] == result]


def case_why_two_on_one_lan_are_direct(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        told = cause(a, "b", "lan", path="direct", fix=[])
        expect(tried(told, "udp", "worked"), f"{told}")
        expect(told["endpoint"].startswith(b.host.address), f"{told}")
        expect(why(a, "a")["cause"] == "this_node", "not of itself")
        a.refuses(4, "why", "nobody", says="no node named")
        text = a.ask("why", "b", json_out=False)
        expect(text.code == 0 and "direct" in text.out and "TRIED" in text.out, text.text)


def case_why_two_symmetric_nats_need_a_relay(weft):
    with NatLab(weft, ["symmetric", "symmetric"]) as lab:
        pub = lab.node(lab.public[0], "pub")
        a, b = (lab.node(home.host, f"h{i + 1}") for i, home in enumerate(lab.homes))
        for node in (a, b):
            pub.invite(node)
        cause(a, "h2", "looking", path="relay", seconds=10)
        told = cause(a, "h2", "both_symmetric", path="relay", via="pub", seconds=60)
        expect(tried(told, "punch", "failed") or tried(told, "punch", "under way"), f"{told}")
        expect([r["state"] for r in told["relays"]] == ["used"], f"{told['relays']}")
        expect(told["nat"]["there"]["mapping"] == "by destination", f"{told['nat']}")
        expect(any("forward UDP port" in fix for fix in told["fix"]), f"{told['fix']}")


def case_why_a_node_is_off(weft):
    with Lab(weft, 3) as lab:
        a, b, c = lab.nodes("a", "b", "c")
        b_id = next(m["id"] for m in a.do("members")["members"] if m["name"] == "b")
        cause(a, "b", "lan")
        b.kill()
        told = cause(a, "b", "off", seconds=120, path="none")
        expect(0 < told["heard_s_ago"] < 120 and tried(told, "udp", "no answer"), f"{told}")
        expect(any("weft up" in fix for fix in told["fix"]), f"{told['fix']}")
        b.start(name=False)  # the fix
        cause(a, "b", "lan", path="direct")
        b.stop()
        cause(a, "b", "left", path="none")
        a.do("remove", "b")
        expect(why(a, b_id)["cause"] == "removed", "its id is known no more")
        a.refuses(4, "why", "b", says="no node named")
        lab.hosts[0].cut()
        cause(a, "c", "silent", seconds=60, path="direct")


def case_why_there_is_no_relay(weft):
    with Lab(weft, 3) as lab:
        part(*lab.hosts[-2:])
        r = Node(lab.hosts[0], "r").start()
        r.do("relay", "off")
        a, b = (Node(host, name).start() for host, name in zip(lab.hosts[1:], "ab"))
        for node in (a, b):
            r.invite(node)
        told = cause(a, "b", "no_relay", seconds=60, path="none")
        expect(tried(told, "udp", "no answer"), f"{told}")
        expect([r["state"] for r in told["relays"]] == ["passed over"], f"{told['relays']}")
        expect("weft relay on" in told["fix"][0], f"{told['fix']}")
        r.do("relay", "on")  # the fix
        told = eventually("a relay", 60, lambda: (w := why(a, "b"))["path"] == "relay" and w)
        expect(told["via"] == "r", f"{told}")
