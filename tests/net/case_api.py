"""The management API and its commands: what is asked, for which network, and what is said then."""
from lab import Lab, Node, eventually, expect


def case_trace_names_the_rule(weft):
    """Allowed, denied and not named at all: the verdict is what happens, the rule is why."""
    with Lab(weft, 2) as lab:
        a, b = (Node(h, n).start() for h, n in zip(lab.hosts, "ab"))
        a.invite(b)
        a.do("expose", "3000", "--name", "blog")

        def trace():
            said = a.do("trace", "blog", "b")
            return said["verdict"], said["rule"]
        expect(trace()[0] == "denied" and trace()[1].startswith("default"), f"at first: {trace()}")
        a.do("allow", "blog", "b")
        expect(trace() == ("allowed", "allow b"), f"allowed by name: {trace()}")
        a.do("reset", "blog")
        a.do("group", "add", "friends", "b")
        a.do("allow", "blog", "group:friends")
        expect(trace() == ("allowed", "allow group:friends"), f"by its group: {trace()}")
        a.do("deny", "blog", "b")
        expect(trace() == ("denied", "deny b"), f"a deny comes first: {trace()}")
        expect(a.do("trace", "blog", "b")["fix"] == "weft reset blog b", "the fix does not lift it")
        a.do("reset", "blog", "b")
        expect(trace()[0] == "allowed", "the fix that was named does not help")
        eventually("b is offered it", 10, lambda: [s for s in b.do("services")["services"]])
        a.refuses(4, "trace", "wiki", "b", says="exposes no service")
        a.refuses(4, "trace", "blog", "nobody", says="no node named")
        a.refuses(2, "trace", "blog", "No Body", says="no-body")
        a.refuses(4, "--network", "other", "trace", "blog", "b", says="in no network called")
        a.do("--network", a.ready["network"], "trace", "blog", "b")
