"""One node in several networks at once, over one socket: nothing of one is seen in another."""
import json

from case_broker import Follower, nats
from case_proxy import curl, web_server
from lab import Lab, Node, eventually, expect
from servers import echo_server, traffic


def there(node, network, *argv, **more):
    return node.do("--network", network, *argv, **more)


def members(node, network):
    return {m["name"] for m in there(node, network, "members")["members"]}


def listed(node):
    return {n["name"]: n for n in node.do("network", "list")["networks"]}


def connected(node, *networks):
    return all(listed(node)[n]["connected"] == listed(node)[n]["members"] - 1 for n in networks)


def three(lab):
    """m is in the networks of a and b, and in one that it made itself and let c into."""
    a, b, c, m = (Node(h, n).start() for h, n in zip(lab.hosts, ("a", "b", "c", "m")))
    m.do("join", a.do("invite", "m-at-a")["ticket"])
    m.do("join", b.do("invite", "m-at-b")["ticket"])
    m.do("network", "create", "work", "--name", "boss")
    c.do("join", there(m, "work", "invite", "c")["ticket"])
    eventually("all to be connected", 15, lambda: connected(m, "a-net", "b-net", "work"))
    return a, b, c, m


def case_three_networks_over_one_socket(weft):
    """What is exposed, called or asked in one is nothing in the others; one is left, the rest stays."""
    with Lab(weft, 4) as lab:
        a, b, c, m = three(lab)
        expect(list(listed(m)) == ["a-net", "b-net", "work"], f"m is in {listed(m)}")
        expect(listed(m)["a-net"]["default"], "the first network it was in is not the default")
        expect(members(m, "a-net") == {"a", "m-at-a"}, "a-net has others")
        expect(members(m, "b-net") == {"b", "m-at-b"}, "b-net has others")
        expect(members(c, "work") == {"c", "boss"}, "work has others")
        expect(len(m.do("status")["node"]["bound"]) == 1, "it took another socket")
        m.refuses(4, "--network", "nowhere", "members", says="network list")

        echo_server(m.host, 7000)
        there(m, "a-net", "expose", "7000", "--name", "files", "--allow", "*")
        there(m, "b-net", "expose", "7000", "--name", "music", "--allow", "*")
        there(m, "work", "expose", "7000", "--name", "plans", "--allow", "*")
        for node, service, name in ((a, "files", "m-at-a"), (b, "music", "m-at-b"),
                                    (c, "plans", "boss")):
            eventually(f"{node.name} to hear of it", 10, lambda n=node, s=service: [
                x["name"] for x in n.do("services")["services"]] == [s])
            node.do("open", f"{service}@{name}", "--listen", "127.0.0.1:9000")
            traffic(node.host, "digest", 9000, 1 << 16)
        a.refuses(4, "open", "music@m-at-b", says="weft members")
        a.refuses(4, "ping", "b", says="weft members")
        b.refuses((1, 4, 5, 6, 7), "open", "files@m-at-b", "--timeout", "3s")
        m.refuses(4, "--network", "b-net", "ping", "a", says="weft members")
        expect(there(m, "b-net", "ping", "b")["node"] == "b", "the control: b is reached in b-net")
        key = there(m, "a-net", "dht", "put", "hello")["key"]
        expect(a.do("dht", "get", key)["value"] == "hello", "the control: a finds it in its DHT")
        b.refuses((1, 4, 5, 6, 7), "dht", "get", key)

        left = m.do("network", "leave", "b-net", "--yes")
        expect(left["told"] and not left["anew"], f"leave answered {left}")
        expect(set(listed(m)) == {"a-net", "work"}, f"after leaving: {listed(m)}")
        eventually("b to be alone", 10, lambda: {x["name"] for x in b.do("members")["members"]} == {"b"})
        traffic(a.host, "digest", 9000, 1 << 16)
        traffic(c.host, "digest", 9000, 1 << 16)

        m.kill()
        m.start()
        expect(set(listed(m)) == {"a-net", "work"}, f"after kill -9: {listed(m)}")
        eventually("all to be connected again", 20, lambda: connected(m, "a-net", "work"))
        traffic(a.host, "digest", 9000, 1 << 16)
        traffic(c.host, "digest", 9000, 1 << 16)
        m.do("network", "default", "work")
        expect(m.do("status")["network"]["name"] == "work", "the default is another one")
        return f"{len(listed(m))} networks left"


def listening(node, network, topic):
    """`weft subscribe` in that network, once it is known to listen."""
    follower = Follower(node, node.lab.weft, "--network", network, "subscribe", topic, "--jsonl",
                        log=f"subscribe-{node.name}-{network}")
    eventually(f"{node.name} subscribes in {network}", 10, lambda: topic in [
        t["topic"] for t in there(node, network, "topic", "list")["topics"]])
    return follower


def heard(follower):
    return [(m["payload"], m["publisher"]) for m in map(json.loads, follower.lines())]


def case_topics_events_and_names_of_each_network(weft):
    """Messages, events, names for the proxy and the web, status: each is of one network."""
    with Lab(weft, 4) as lab:
        a, b, c, m = three(lab)
        status = m.do("status")
        expect([n["name"] for n in status["networks"]] == ["a-net", "b-net", "work"],
               f"status names {status['networks']}")
        text = m.ask("status", json_out=False).text
        expect("also in" in text and "boss" in text, f"people read {text}")

        # Topics.
        ears = {n: listening(m, n, "app.>") for n in ("a-net", "b-net", "work")}
        at_c = listening(c, "work", "app.>")
        a.do("publish", "app.x", "by a")
        b.do("publish", "app.x", "by b")
        there(m, "work", "publish", "app.x", "by boss")
        eventually("each to hear its own", 10, lambda: all(heard(e) for e in ears.values()))
        eventually("c to hear", 10, lambda: heard(at_c))
        expect(heard(ears["a-net"]) == [("by a", "a")], f"in a-net: {heard(ears['a-net'])}")
        expect(heard(ears["b-net"]) == [("by b", "b")], f"in b-net: {heard(ears['b-net'])}")
        expect(heard(ears["work"]) == [("by boss", "boss")], f"in work: {heard(ears['work'])}")
        expect(heard(at_c) == [("by boss", "boss")], f"at c: {heard(at_c)}")

        # A port for NATS programs in each, kept over kill -9.
        for port, network in ((4222, "a-net"), (4223, "work")):
            there(m, network, "broker", "listen", f"nats://127.0.0.1:{port}")
        program = nats(m, "sub", 4223, "app.>", log="nats-work")
        eventually("the NATS client listens", 10, lambda: "listening" in program.lines())
        nats(m, "pub", 4222, "app.n", 3, "n-", log="nats-a")
        there(m, "work", "publish", "app.x", "by boss again")
        eventually("the NATS client to hear", 10, lambda: "by boss again" in program.lines())
        eventually("a-net to hear the other", 10, lambda: len(heard(ears["a-net"])) == 4)
        expect(program.lines() == ["listening", "by boss again"], f"by NATS: {program.lines()}")
        expect({t for t, _ in heard(at_c)} == {"by boss", "by boss again"}, f"c: {heard(at_c)}")

        # Names: the same service in two networks, told apart by the network's name.
        for port, network, node in ((8001, "a-net", a), (8002, "b-net", b)):
            web_server(m, port, f"for {network}")
            there(m, network, "expose", str(port), "--name", "site", "--allow", "*")
            web_server(node, 8000, f"{node.name}'s own")
            node.do("expose", "8000", "--name", "blog", "--allow", "*")
            eventually(f"m to hear of {node.name}'s blog", 10, lambda n=network: [
                s["name"] for s in there(m, n, "services")["services"]] == ["blog"])
        m.do("proxy")
        m.do("web")
        for name, says in (("blog.a.weft", "a's own"), ("blog.a.a-net.weft", "a's own"),
                           ("blog.b.b-net.weft", "b's own")):
            code, out, err = curl(m, "--socks5-hostname", "127.0.0.1:1080", f"http://{name}/")
            expect(code == 0 and out == says, f"{name}: {out!r} {err!r}")
        for name in ("blog.b.weft", "blog.b.a-net.weft", "blog.b.work.weft", "blog.b.nowhere.weft"):
            code, out, _ = curl(m, "--socks5-hostname", "127.0.0.1:1080", f"http://{name}/")
            expect(code != 0, f"{name} leads somewhere: {out!r}")
        code, out, _ = curl(m, "http://blog.b.b-net.weft.localhost:8080/")
        expect(out == "b's own", f"by the web gateway: {out!r}")
        code, out, _ = curl(m, "http://localhost:8080/")
        expect("blog.a.weft.localhost" in out and "blog.b.b-net.weft.localhost" in out,
               f"the list: {out!r}")
        for node, says in ((a, "for a-net"), (b, "for b-net")):
            node.do("proxy")
            code, out, err = curl(node, "--socks5-hostname", "127.0.0.1:1080", "http://site.weft/")
            expect(out == says, f"site of {node.name}: {out!r} {err!r}")

        # Events.
        there(m, "b-net", "expose", "8001", "--name", "plans")  # for nobody
        b.refuses((1, 4, 5, 6, 7), "open", "plans@m-at-b", "--timeout", "3s")
        for network in ("a-net", "b-net", "work"):
            events = there(m, network, "events", "--past")["events"]
            expect(events and {e["network"] for e in events} == {network},
                   f"events of {network}: {[(e['kind'], e['network']) for e in events]}")
        denied = [e for e in m.do("events", "caller_denied", "--past")["events"]]
        expect(denied and {e["network"] for e in denied} == {"b-net"}, f"denied: {denied}")
        m.do("network", "leave", "b-net", "--yes")
        left = there(m, "a-net", "events", "network_left", "--past")["events"]
        expect(left == [], f"a-net was left: {left}")
        expect([e["network"] for e in m.do("events", "network_left", "--past")["events"]] == ["b-net"],
               "leaving b-net is no event")
        eventually("its subscriber to end", 10, lambda: ears["b-net"].process.poll() is not None)
        a.do("publish", "app.x", "again")
        eventually("a-net to go on", 10, lambda: len(heard(ears["a-net"])) == 5)
        ports = lambda: {n: there(m, n, "broker", "status")["nats"] for n in listed(m)}
        expect(ports() == {"a-net": "nats://127.0.0.1:4222", "work": "nats://127.0.0.1:4223"},
               f"NATS ports: {ports()}")
        m.kill()
        m.start()
        expect(ports() == {"a-net": "nats://127.0.0.1:4222", "work": "nats://127.0.0.1:4223"},
               f"NATS ports after kill -9: {ports()}")
        there(m, "work", "grant", "c", "admin")
        m.do("network", "leave", "work", "--yes")
        m.refuses(4, "--network", "work", "broker", "status", says="network list")
        ports_taken = lambda: m.host.run("ss", "-ltnH", "sport = :4223 or sport = :4222").stdout
        expect("4222" in ports_taken() and "4223" not in ports_taken(), f"taken: {ports_taken()}")
        return "three networks, each with its topics, events and names"
