"""Who may publish to a topic and who may read it: by rules in the roster, which every member holds to."""
import json
import os

from case_broker import door, nats, subscriber
from lab import Lab, eventually, expect


def logged(node, log):
    path = os.path.join(node.lab.folder, f"{node.host.ns}.{log}.log")
    with open(path, encoding="utf-8") as f:
        return f.read()


def payloads(follower):
    """What members published, without what nodes tell their own programs."""
    lines = [json.loads(line) for line in follower.lines()]
    return [line["payload"] for line in lines if line["topic"].startswith(("app.", "secret."))]


def rules_known(nodes, count):
    for node in nodes:
        known = lambda n=node: len(n.do("topic", "list")["rules"])
        eventually(f"{node.name} knows {count} rules", 10, lambda k=known: k() == count)


def case_topics_are_for_whom_the_roster_names(weft):
    with Lab(weft, 3) as lab:
        nodes = a, b, c = lab.nodes("a", "b", "c")
        for node in nodes:
            links = lambda n=node: n.do("broker", "status")["links"]
            eventually(f"{node.name} is linked to all", 15, lambda l=links: l() == 2)
        on_a, on_c = subscriber(a, ">"), subscriber(c, ">")
        # Open: the control of all that is refused below.
        b.do("publish", "app.door", "open to all", "--ack", "held")
        # An admin closes a topic to all but one.
        a.do("topic", "allow", "app.door", "a", "--publish")
        a.do("group", "add", "trusted", "a")
        a.do("group", "add", "trusted", "b")
        answer = a.do("topic", "allow", "secret.>", "group:trusted", "--read")
        expect({"topic": "secret.>", "who": "group:trusted", "publish": None, "read": "allow"}
               in answer["rules"], f"rules: {answer}")
        rules_known(nodes, 2)
        # Refused where it is published, with the rule and the way out.
        refused = b.ask("publish", "app.door", "by b", json_out=False)
        expect(refused.code == 5 and "only some may publish app.door" in refused.text
               and "weft topic allow app.door b --publish" in refused.text, refused.text)
        a.do("publish", "app.door", "by a", "--ack", "held")
        # Not read by who may not, not even held: two of three are all who can hold it.
        held = b.do("publish", "secret.code", "1234", "--ack", "held")
        expect(held["holders"] == 2, f"held by {held['holders']}")
        b.do("publish", "app.end", "end", "--ack", "held")
        eventually("c hears the end", 5, lambda: "end" in payloads(on_c))
        eventually("a hears the end", 5, lambda: "end" in payloads(on_a))
        expect(payloads(on_a) == ["open to all", "by a", "1234", "end"], f"a: {payloads(on_a)}")
        expect(payloads(on_c) == ["open to all", "by a", "end"], f"c: {payloads(on_c)}")
        missed = [line for line in on_c.lines() if "missed" in json.loads(line)]
        expect(not missed, f"c was told that it missed something: {missed}")
        c.refuses(5, "subscribe", "secret.code", says="only some may read secret.>")
        # By NATS, in NATS' words.
        door(c)
        listener = nats(c, "sub", 4222, "secret.code", log="nats-sub")
        eventually("NATS refuses to read", 5, lambda: "Permissions Violation for Subscription"
                   in logged(c, "nats-sub"))
        expect(listener.lines() == [], f"it printed {listener.lines()}")
        nats(c, "pub", 4222, "app.door", "1", "n-", log="nats-pub")
        eventually("NATS refuses to publish", 5, lambda: "Permissions Violation for Publish"
                   in logged(c, "nats-pub"))
        # What only nodes say, and what only admins do.
        b.refuses(5, "publish", "client.online", "me", says="only nodes themselves")
        a.refuses(2, "topic", "allow", "client.online", "b", says="nodes' own")
        b.refuses(5, "topic", "allow", "app.door", "b", says="may not change")
        a.refuses(4, "topic", "deny", "app.door", "nobody", says="nobody")
        # Taken back; and still there after a restart.
        a.do("topic", "reset", "app.door", "a")
        rules_known(nodes, 1)
        b.do("publish", "app.door", "by b", "--ack", "held")
        eventually("c hears b again", 5, lambda: payloads(on_c)[-1] == "by b")
        c.stop()
        c.start(name=False)
        c.refuses(5, "subscribe", "secret.code", says="only some may read secret.>")
        return "who may publish and read: refused, withheld and taken back, by the roster"
