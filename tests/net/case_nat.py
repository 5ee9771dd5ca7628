"""Nodes behind NATs. First, that the laboratory's NATs are what they are called."""
import os
import time

from lab import FULL, Failure, Node, eventually, expect
from nat_lab import KINDS, ROUTABLE, NatLab, measure, miniupnpd, public
from servers import echo_server, traffic

# kind: mapping, filtering, ports kept, addresses translated, hairpin
TRUTH = {
    "open": ("independent", "independent", True, False, True),
    "independent": ("independent", "independent", True, True, False),
    "address": ("independent", "address", True, True, False),
    "port": ("independent", "address and port", True, True, False),
    "symmetric": ("address and port", "address and port", False, True, False),
    "double": ("independent", "address and port", True, True, False),
    "double_symmetric": ("address and port", "address and port", False, True, False),
    "blocked": ("blocked", "blocked", None, False, False),
    "six": ("independent", "address and port", True, False, True),
    "hairpin": ("independent", "independent", True, True, True),
}


def case_the_nats_of_the_laboratory_are_what_they_are_called(weft):
    wrong = []
    for kind in KINDS:
        got = measure(weft, kind)
        seen = (got["mapping"], got["filtering"], got["port_kept"], got["translated"],
                got["hairpin"])
        if seen != TRUTH[kind]:
            wrong.append(f"{kind}: {seen}, wanted {TRUTH[kind]}")
    expect(not wrong, "; ".join(wrong))
    return f"{len(KINDS)} kinds"


def nat_of(node, family="ipv4"):
    told = [n for n in node.do("status")["net"]["nat"] if n["family"] == family]
    return told[0] if told else None


# kind: mapping, filtering, ports; as a node tells its user, with one member that has two addresses
VERDICTS = {
    "independent": ("independent", "by address at most", "kept"),
    "address": ("independent", "by address at most", "kept"),
    "port": ("independent", "by address and port", "kept"),
    "double": ("independent", "by address and port", "kept"),
    "symmetric": ("by destination", "by address and port", "unknown"),
}


def case_a_node_learns_from_members_what_its_nat_does(weft):
    for kind, truth in VERDICTS.items():
        with NatLab(weft, [kind]) as lab:
            home, pub = lab.homes[0], lab.node(lab.public[0], "pub")
            node = lab.node(home.host, "home")
            pub.invite(node)

            def told():
                nat = nat_of(node)
                return nat and (nat["mapping"], nat["filtering"], nat["ports"]) == truth

            try:
                eventually("the verdict", 10, told)
            except Failure:
                raise Failure(f"{kind}: status says {nat_of(node)}, wanted {truth}") from None
            seen = nat_of(node)["seen_at"][0].rsplit(":", 1)[0]
            expect(seen == home.outside, f"{kind}: seen at {seen}, the router is {home.outside}")
            hairpin = nat_of(node)["hairpin"]
            expect(hairpin is not True, f"{kind}: hairpin is {hairpin}")
    return ", ".join(VERDICTS)


def case_stun_is_answered_to_members_and_to_this_machine_alone(weft):
    with NatLab(weft, ["port"], publics=2) as lab:
        pub = lab.node(lab.public[0], "pub")
        port = pub.ready["listen"][0].rsplit(":", 1)[1]
        ask = ("turnutils_stunclient", "-p", port)
        own = lab.public[0].run(*ask, "127.0.0.1", timeout=20)
        expect("127.0.0.1" in own.stdout and own.returncode == 0,
               f"no answer on this machine: {own.stdout!r} {own.stderr!r}")
        quiet = lab.public[1].run("timeout", "2", *ask, lab.public[0].address)
        expect(lab.public[1].address not in quiet.stdout,
               f"a stranger was answered: {quiet.stdout!r}")
        # The control: the same machine, once a member lives there.
        other = lab.node(lab.public[1], "other")
        pub.invite(other)
        told = lab.public[1].run("timeout", "5", *ask, lab.public[0].address)
        expect(lab.public[1].address in told.stdout, f"a member was not answered: {told.stdout!r}")


def peer_of(node, name):
    return next(p for p in node.do("status")["peers"] if p["name"] == name)


def joined(lab):
    """A public member and one in each home, all of one network; [pub, first home, ...]."""
    nodes = [lab.node(lab.public[0], "pub")]
    for i, home in enumerate(lab.homes):
        nodes.append(lab.node(home.host, f"h{i + 1}"))
        nodes[0].invite(nodes[-1])
    return nodes


def met(weft, first, second, seconds=15):
    """Two homes: how long until each says that the other is reached directly, after both are in;
    None: not within `seconds`. A service's bytes flow whatever the path."""
    with NatLab(weft, [first, second]) as lab:
        _, a, b = joined(lab)
        started = time.monotonic()
        direct = None
        while direct is None and time.monotonic() < started + seconds:
            if all(peer_of(x, y)["path"] == "direct" and peer_of(x, y)["state"] == "connected"
                   for x, y in ((a, "h2"), (b, "h1"))):
                direct = time.monotonic() - started
            time.sleep(0.05)
        echo_server(b.host, 7000)
        b.do("expose", "7000", "--name", "echo", "--allow", "h1")
        answer = traffic(a.host, "digest", a.open("echo@h2"), 1 << 20)
        expect(answer["sent"] == answer["got"], f"{first} x {second}: other bytes: {answer}")
        return direct


def hard(kind):
    return kind in ("symmetric", "double_symmetric")


def possible(first, second):
    """Whether two NATs can be crossed by who knows only what a third one sees of the other."""
    if "blocked" in (first, second) or (first == "six") != (second == "six"):
        return False
    careful = ("port", "double", "symmetric", "double_symmetric")
    return not (hard(first) and second in careful or hard(second) and first in careful)


FEW = [("port", "port"), ("independent", "symmetric"), ("symmetric", "address"),
       ("double", "port"), ("six", "six"), ("open", "symmetric"), ("symmetric", "symmetric")]
ALL = [(a, b) for i, a in enumerate(KINDS) for b in KINDS[i:]
       if (a == "six") == (b == "six") and not {"hairpin", "blocked"} & {a, b}]


def case_two_homes_meet_directly_where_theory_has_a_way(weft):
    wrong, table = [], []
    for first, second in ALL if FULL else FEW:
        way = possible(first, second)
        took = met(weft, first, second, seconds=15 if way else 4)
        table.append(f"{first} x {second}: {'relay' if took is None else f'{took:.2f} s'}")
        if (took is not None) != way:
            wrong.append(f"{first} x {second}: {'a' if way else 'no'} direct way was expected")
    expect(not wrong, "; ".join(wrong) + " (" + ", ".join(table) + ")")
    return ", ".join(table)


def case_a_change_of_network_is_outlived(weft):
    """The router gives out another outside address: what was punched is gone, bytes flow again."""
    with NatLab(weft, ["port", "port"]) as lab:
        _, a, b = joined(lab)
        direct = lambda: (peer_of(a, "h2")["path"] == "direct"
                          and peer_of(a, "h2")["state"] == "connected")
        eventually("the two to meet", 15, direct)
        home = lab.homes[0]
        home.router.ip("addr", "flush", "dev", "wan")
        home.router.ip("addr", "add", public(150) + "/24", "dev", "wan")
        echo_server(b.host, 7000)
        b.do("expose", "7000", "--name", "echo", "--allow", "h1")
        port = eventually("a door", 30, lambda: a.ask("open", "echo@h2").code == 0
                          and int(a.do("status")["mappings"][0]["listen"].rsplit(":", 1)[1]))

        def flows():  # a connection that begins while nobody has noticed yet may be reset
            try:
                return traffic(a.host, "digest", port, 1 << 20)
            except Failure:
                return None

        answer = eventually("bytes to flow again", 90, flows)
        expect(answer["sent"] == answer["got"], f"other bytes: {answer}")


def mapped(weft, protocol):
    """A home whose router speaks `protocol`; who was never heard of joins through it."""
    with NatLab(weft, ["port"], internet=ROUTABLE) as lab:
        home, outside = lab.homes[0], lab.public[0]
        leases = miniupnpd(home, (protocol,))
        node = lab.node(home.host, "home")

        def address():
            told = node.do("status")["net"]["port_mapping"]
            return told and told["address"] and told

        told = eventually("a mapping", 15, address)
        expect(told["protocol"] == protocol and told["left_s"] > 3000, f"{protocol}: {told}")
        expect(told["address"].rsplit(":", 1)[0] == home.outside, f"{protocol}: {told}")
        with open(leases, encoding="utf-8") as f:
            expect("192.168.1.2" in f.read(), f"{protocol}: the router has no lease")
        other = lab.node(outside, "other")
        started = time.monotonic()
        node.invite(other)
        took = time.monotonic() - started
        echo_server(node.host, 7000)
        node.do("expose", "7000", "--name", "echo", "--allow", "other")
        answer = traffic(outside, "digest", other.open("echo@home"), 1 << 20)
        expect(answer["sent"] == answer["got"], f"{protocol}: other bytes: {answer}")
        seconds, code = node.stop()
        expect(code == 0 and seconds < 5, f"{protocol}: ended with {code} after {seconds:.1f} s")
        with open(leases, encoding="utf-8") as f:
            expect("192.168.1.2" not in f.read(), f"{protocol}: the lease outlives the node")
        return took


def case_a_router_that_maps_ports_lets_strangers_to_the_network_in(weft):
    return ", ".join(f"{p}: joined in {mapped(weft, p):.1f} s" for p in ("nat-pmp", "upnp"))


def case_no_port_is_mapped_against_the_owners_wish(weft):
    with NatLab(weft, ["port"], internet=ROUTABLE) as lab:
        leases = miniupnpd(lab.homes[0])
        node = Node(lab.homes[0].host, "home")
        node.env["WEFT_NAT__PORT_MAPPING"] = "false"
        node.start()
        time.sleep(4)
        expect(node.do("status")["net"]["port_mapping"] is None, "status tells of a mapping")
        expect(not os.path.exists(leases), "the router was asked")
