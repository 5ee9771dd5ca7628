"""Nodes behind NATs. First, that the laboratory's NATs are what they are called."""
from lab import Failure, eventually, expect
from nat_lab import KINDS, NatLab, measure

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
