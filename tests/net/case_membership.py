"""Who is alive, as all the others see it: killed, stopped for a while, cut off, stopped in order."""
import signal
import time

from lab import FULL, Lab, eventually, expect

COUNT = 8 if FULL else 6


def states(node, of):
    for member in node.do("members")["members"]:
        if member["name"] == of:
            return member
    return {"state": "none"}


def changes(node, of):
    """The states it went through, as the events of this node tell."""
    told = node.do("events", "member_state", "--since", "0")["events"]
    return [one["state"] for one in told if one["peer"] == of]


def all_see(nodes, of, state):
    return all(states(n, of)["state"] == state for n in nodes)


def network(lab):
    nodes = lab.nodes(*[f"n{i}" for i in range(COUNT)])
    for one in nodes:
        others = [n.name for n in nodes if n is not one]
        eventually(f"{one.name} sees all", 30,
                   lambda: all(states(one, o)["state"] == "alive" and
                               states(one, o)["incarnation"] > 0 for o in others))
    time.sleep(3)  # what the start brought is told
    return nodes


def cut_link(a, b, on):
    """Nothing passes between these two; everybody else is reached by both."""
    for one, other in ((a, b), (b, a)):
        one.host.run("ip", "route", "add" if on else "del", "blackhole",
                     f"{other.host.address}/32")


def case_a_killed_member_is_dead_for_all_within_seconds(weft):
    with Lab(weft, COUNT) as lab:
        nodes = network(lab)
        victim, others = nodes[2], nodes[:2] + nodes[3:]
        before = states(others[0], victim.name)["incarnation"]
        began = time.monotonic()
        victim.kill()
        eventually("known by all", 8, lambda: all(
            states(n, victim.name)["state"] in ("suspect", "dead") for n in others))
        known = time.monotonic() - began
        eventually("dead for all", 12, lambda: all_see(others, victim.name, "dead"))
        print(f"    suspect or dead for all after {known:.1f} s, dead after "
              f"{time.monotonic() - began:.1f} s")
        expect(known <= 5, f"all knew after {known:.1f} s")
        for n in others:
            for o in others:
                expect(states(n, o.name)["state"] == "alive", f"{n.name}: {o.name} is not alive")
        shown = others[0].ask("members", json_out=False).out
        expect("dead" in shown, shown)
        victim.start(name=False)
        eventually("alive again for all", 20, lambda: all_see(others, victim.name, "alive"))
        eventually("under a higher incarnation", 10,
                   lambda: states(others[0], victim.name)["incarnation"] > before)
        told = changes(others[0], victim.name)
        expect("dead" in told and told[-1] == "alive", f"events: {told}")


def case_a_stopped_member_comes_back_and_accuses_nobody(weft):
    with Lab(weft, COUNT) as lab:
        nodes = network(lab)
        victim, others = nodes[1], [n for n in nodes if n is not nodes[1]]
        victim.daemon.send_signal(signal.SIGSTOP)
        eventually("dead for all", 15, lambda: all_see(others, victim.name, "dead"))
        time.sleep(10)
        victim.daemon.send_signal(signal.SIGCONT)
        began = time.monotonic()
        eventually("alive for all", 20, lambda: all_see(others, victim.name, "alive"))
        print(f"    alive for all {time.monotonic() - began:.1f} s after SIGCONT")
        eventually("it sees all", 20, lambda: all(
            states(victim, n.name)["state"] == "alive" for n in others))
        for n in others:
            for o in others:
                expect("dead" not in changes(n, o.name), f"{n.name} thought {o.name} dead")


def case_a_cut_link_is_no_death(weft):
    with Lab(weft, COUNT) as lab:
        nodes = network(lab)
        a, b = nodes[3], nodes[4]
        cut_link(a, b, True)
        try:
            deadline = time.monotonic() + 25
            while time.monotonic() < deadline:
                for n in nodes:
                    for o in (a, b):
                        if n is not o:
                            state = states(n, o.name)["state"]
                            expect(state in ("alive", "suspect"), f"{n.name}: {o.name} is {state}")
                time.sleep(1)
        finally:
            cut_link(a, b, False)
        # The control: without its cable it is dead for all.
        a.host.cut()
        others = [n for n in nodes if n is not a]
        eventually("dead for all", 20, lambda: all_see(others, a.name, "dead"))
        a.host.mend()
        eventually("alive for all", 30, lambda: all_see(others, a.name, "alive"))


def case_who_is_stopped_in_order_has_left(weft):
    with Lab(weft, 3) as lab:
        a, b, c = lab.nodes("a", "b", "c")
        eventually("all alive", 30, lambda: all(
            states(one, other.name)["incarnation"] > 0
            for one in (a, b, c) for other in (a, b, c)))
        b.stop()
        eventually("left", 5, lambda: all_see((a, c), "b", "left"))
        time.sleep(8)
        expect(all_see((a, c), "b", "left"), "whoever has left is not dead")
        b.start(name=False)
        eventually("back", 20, lambda: all_see((a, c), "b", "alive"))
        # Removed it is in no state at all.
        a.do("remove", "b", "--yes")
        eventually("gone", 10, lambda: states(c, "b")["state"] == "none")
