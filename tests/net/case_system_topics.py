"""What nodes tell their own programs of the network: members that come and go, services that are
offered and are not any more."""
import json

from case_broker import payloads, subscriber
from lab import Lab, eventually, expect


def told(follower, topic):
    """The payloads of one topic, each an object."""
    lines = [json.loads(line) for line in follower.lines()]
    return [json.loads(line["payload"]) for line in lines if line["topic"] == topic]


def names(follower, topic):
    return [one["node"] for one in told(follower, topic)]


def case_programs_hear_who_comes_and_goes(weft):
    with Lab(weft, 3) as lab:
        a, b, c = lab.nodes("a", "b", "c")
        for node in (a, b, c):
            links = lambda n=node: n.do("broker", "status")["links"]
            eventually(f"{node.name} is linked to all", 15, lambda l=links: l() == 2)
        heard = subscriber(a, ">")
        # Who is online already is what a subscriber begins with.
        eventually("a hears who is here", 10, lambda: sorted(names(heard, "client.online")) == ["b", "c"])
        online = told(heard, "client.online")[0]
        expect(online["node_id"].startswith("wf1") and online["client_id"] > 0
               and online["timestamp"] > 0, f"client.online says {online}")
        # A service: offered to this node, to another, and to nobody any more.
        b.do("expose", "8080", "--name", "blog", "--allow", "a")
        eventually("a hears of blog", 5,
                   lambda: [m["service"] for m in told(heard, "mapping.created")] == ["blog"])
        created = told(heard, "mapping.created")[0]
        expect(created["node"] == "b" and created["protocol"] == "tcp", f"created: {created}")
        on_c = subscriber(c, "mapping.*")
        b.do("unexpose", "blog")
        eventually("a hears that blog is gone", 5,
                   lambda: [m["mapping_id"] for m in told(heard, "mapping.deleted")]
                   == [created["mapping_id"]])
        a.do("expose", "9090", "--name", "own")
        eventually("a hears of its own", 5,
                   lambda: names(heard, "mapping.created") == ["b", "a"])
        expect(on_c.lines() == [], f"c heard of what it may not use: {on_c.lines()}")
        # One is killed, one says goodbye; the first comes back.
        c.kill()
        eventually("a hears that c is dead", 30,
                   lambda: [(m["node"], m["reason"]) for m in told(heard, "client.offline")]
                   == [("c", "dead")])
        expect(told(heard, "node.shutdown") == [], "c said goodbye though it was killed")
        c.start(name=False)
        eventually("a hears that c is back", 30,
                   lambda: names(heard, "client.online")[-1] == "c"
                   and len(told(heard, "client.online")) == 3)
        b.stop()
        eventually("a hears b's goodbye", 10, lambda: names(heard, "node.shutdown") == ["b"])
        eventually("a hears that b left", 5,
                   lambda: [(m["node"], m["reason"]) for m in told(heard, "client.offline")]
                   == [("c", "dead"), ("b", "left")])
        # Nobody says such a thing for another, and nothing of it travels.
        c.refuses(5, "publish", "client.offline", "{}", says="only nodes themselves")
        a.do("remove", "c")
        eventually("a hears that c was removed", 10,
                   lambda: told(heard, "client.offline")[-1]["reason"] == "removed")
        expect(not [p for p in payloads(heard) if "epoch" in p], "not an object of ours")
        return "online, offline (dead, left, removed), shutdown, services offered and withdrawn"
