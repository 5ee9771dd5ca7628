"""The DHT inside the daemon: LAN discovery, nodes that moved, a cold start, the command."""

import os

from lab import Lab, Node, eventually, expect, run


def stats(node):
    return node.do("dht", "stats")


def move(host, address):
    """The host gets another address, as a laptop that changes networks does."""
    run(["ip", "-n", host.ns, "addr", "flush", "dev", "eth0"], check=True)
    run(["ip", "-n", host.ns, "addr", "add", address + "/24", "dev", "eth0"], check=True)
    host.address = address


def deaf(host):
    """No multicast here: what is found then was found without it."""
    run(["ip", "-n", host.ns, "link", "set", "eth0", "multicast", "off"], check=True)


def in_dht(node, contacts):
    return eventually(f"{node.name} knows {contacts} nodes of the DHT", 30,
                      lambda: stats(node)["server"] and stats(node)["contacts"] >= contacts)


def ping(node, other, seconds):
    eventually(f"{node.name} reaches {other.name}", seconds,
               lambda: node.ask("ping", other.name, "-c", "1", "--timeout", "2s").code == 0)


def case_dht_serves_the_command(weft):
    with Lab(weft, 3) as lab:
        a, b, c = lab.nodes("a", "b", "c")
        for node in (a, b, c):
            in_dht(node, 2)
        put = a.do("dht", "put", "hello from a")
        expect(put["stored"] >= 2, f"stored on {put['stored']} nodes")
        got = c.do("dht", "get", put["key"])
        expect(got["value"] == "hello from a" and got["seq"] == put["seq"], f"read back: {got}")
        a.do("dht", "put", "second")
        expect(b.do("dht", "get", put["key"])["value"] == "second", "a newer value does not win")
        c.refuses(4, "dht", "get", "0" * 64)
        c.refuses(4, "dht", "lookup", "nobody")
        c.refuses(2, "dht", "put", "x" * 961)
        where = eventually("a's own record is found by name", 20,
                           lambda: c.do("dht", "lookup", "a")["endpoints"])
        expect(any(e.startswith(a.host.address + ":") for e in where), f"a is at {where}")
        b.do("expose", "7000", "--name", "echo", "--allow", "a")
        found = eventually("the provider of a service", 20, lambda: a.ask(
            "dht", "get", "service:echo").code == 0 and a.do("dht", "get", "service:echo"))
        expect(found["providers"] == [b.ready["id"]], f"providers: {found['providers']}")
        expect(a.do("status")["dht"]["contacts"] == 2, "status does not show the DHT")
        return f"get took {got['took_ms']:.1f} ms, {got['messages']} messages"


def case_two_nodes_on_a_lan_need_no_address(weft):
    with Lab(weft, 2, direct=True) as lab:
        a, b = lab.nodes("a", "b")
        ping(a, b, 10)
        a.stop()
        b.stop()
        move(a.host, "10.88.0.7")  # everything either remembers is wrong
        move(b.host, "10.88.0.8")
        a.start(name=False)
        b.start(name=False)
        ping(a, b, 20)
        expect(stats(a)["lan_heard"] > 0, "not by multicast")


def case_two_nodes_on_a_lan_of_ipv6_need_no_address(weft):
    if not os.path.exists("/proc/net/if_inet6"):
        return "not shown: this kernel has no IPv6"
    with Lab(weft, 2, direct=True) as lab:
        a, b = lab.nodes("a", "b")
        ping(a, b, 10)
        a.stop()
        b.stop()
        for host, address in ((a.host, "fd00:88::7"), (b.host, "fd00:88::8")):
            run(["ip", "-n", host.ns, "-4", "addr", "flush", "dev", "eth0"], check=True)
            run(["ip", "-n", host.ns, "addr", "add", address + "/64", "dev", "eth0", "nodad"],
                check=True)
        a.start(name=False)
        b.start(name=False)
        ping(a, b, 20)
        expect(stats(a)["lan_heard"] > 0, "not by multicast")
        peer = a.do("status")["peers"][0]
        expect("fd00:88::8" in peer["endpoint"], f"reached at {peer['endpoint']}")


def case_a_foreign_network_on_the_lan_is_not_heard(weft):
    with Lab(weft, 3) as lab:
        a, b = lab.nodes("a", "b")
        stranger = Node(lab.hosts[2], "stranger").start()
        in_dht(a, 1)
        expect(stats(a)["lan_heard"] > 0, "control: the own network is heard")
        expect(stats(stranger)["lan_heard"] == 0 and stats(stranger)["contacts"] == 0,
               f"the stranger hears others: {stats(stranger)}")


def case_two_that_moved_are_found_by_id(weft):
    with Lab(weft, 3) as lab:
        for host in lab.hosts:
            deaf(host)
            run(["ip", "-n", host.ns, "addr", "add", f"10.99.0.{host.address.split('.')[-1]}/16",
                 "dev", "eth0"], check=True)
        a, b, c = lab.nodes("a", "b", "c")
        for node in (a, b, c):
            in_dht(node, 2)
        before = c.do("dht", "lookup", "b")["endpoints"]
        a.kill()
        b.kill()
        for host, address in ((a.host, "10.99.7.1"), (b.host, "10.99.7.2")):
            run(["ip", "-n", host.ns, "addr", "flush", "dev", "eth0"], check=True)
            run(["ip", "-n", host.ns, "addr", "add", address + "/16", "dev", "eth0"], check=True)
        a.start(name=False)
        b.start(name=False)
        ping(a, b, 40)
        def found():  # c may know nobody yet in the first moment after both were gone
            answer = c.ask("dht", "lookup", b.ready["id"])
            return answer.code == 0 and [e for e in answer.json()["endpoints"]
                                         if e.startswith("10.99.7.2:")]
        where = eventually("b's new address in the DHT", 30, found)
        expect(not any(e.startswith("10.99.7.2:") for e in before), "control: it was elsewhere")
        expect(stats(a)["lan_heard"] == 0, "multicast helped")
        return f"b is at {where[0]}"


def case_cold_start_with_the_inviter_gone(weft):
    with Lab(weft, 4) as lab:
        for host in lab.hosts:
            deaf(host)
        a, b, c, d = lab.nodes("a", "b", "c", "d")
        for node in (b, c, d):
            in_dht(node, 2)
        for node in (a, b, c, d):
            node.stop()
        for node in (b, c, d):
            node.start(name=False)
        for node in (b, c, d):
            in_dht(node, 1)
        put = b.do("dht", "put", "still here")
        expect(d.do("dht", "get", put["key"])["value"] == "still here", "not read back")
