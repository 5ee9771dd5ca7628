"""People and their rights: tickets that are taken back, rights that move, nodes that are removed or
leave and come back, and the one port."""
import os
import pty
import select
import time

from lab import Failure, Lab, Node, eventually, expect
from servers import echo_server, traffic


def names(node):
    return {m["name"]: m for m in node.do("members")["members"]}


def on_terminal(node, typed, *argv, seconds=20):
    """Runs a command as somebody at a terminal does, who types that; what stood there in the end."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.execvpe("ip", ["ip", "netns", "exec", node.host.ns, node.lab.weft, *argv], node.env)
    shown, deadline = b"", time.monotonic() + seconds
    os.write(terminal, typed.encode())
    while True:
        left = deadline - time.monotonic()
        if left <= 0 or not select.select([terminal], [], [], left)[0]:
            raise Failure(f"weft {' '.join(argv)} hangs at a terminal: {shown!r}")
        try:
            piece = os.read(terminal, 4096)
        except OSError:  # the other end is closed
            piece = b""
        if not piece:
            break
        shown += piece
    os.close(terminal)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]), shown.decode(errors="replace")


def attention(node):
    return "\n".join(node.do("status")["attention"])


def three(lab):
    oak, laptop, phone = (Node(h, n).start() for h, n in zip(lab.hosts, ("oak", "laptop", "phone")))
    oak.invite(laptop)
    oak.invite(phone)
    return oak, laptop, phone


def case_more_invites_than_there_is_room_for(weft):
    """Expired and used tickets are no reason to refuse a new one; live ones can be taken back."""
    with Lab(weft, 2) as lab:
        oak, laptop = (Node(h, n).start() for h, n in zip(lab.hosts, ("oak", "laptop")))
        for i in range(256):
            oak.do("invite", f"n{i}", "--ttl", "15s")
        oak.refuses(1, "invite", "tv", says="weft invite --cancel")
        eventually("all to expire", 20, lambda: not oak.do("invite", "--list")["invites"])
        first = oak.do("invite", "tv")["ticket"]
        expect([i["name"] for i in oak.do("invite", "--list")["invites"]] == ["tv"],
               "the list holds what is over")
        second = oak.do("invite", "tv")["ticket"]
        laptop.refuses((1, 4, 5), "join", first, says="invite", timeout=40)
        oak.do("invite", "--cancel", "tv")
        laptop.refuses((1, 4, 5), "join", second, says="invite", timeout=40)
        oak.refuses(4, "invite", "--cancel", "tv", says="weft invite --list")
        expect(set(names(oak)) == {"oak"}, "a ticket taken back let somebody in")


def case_tickets_survive_mail(weft):
    with Lab(weft, 2) as lab:
        oak, laptop = (Node(h, n).start() for h, n in zip(lab.hosts, ("oak", "laptop")))
        ticket = oak.do("invite", "laptop")["ticket"]
        lines = [ticket[i:i + 72] for i in range(0, len(ticket), 72)]
        pasted = "Hi,\nrun weft join:\n> <" + "\n> ".join(lines).upper() + ">\n\n-- \noak\n"
        laptop.refuses(1, "join", "-", input=pasted[:150], says="checksum")
        laptop.do("join", "-", input=pasted)
        expect(set(names(laptop)) == {"oak", "laptop"}, "the wrapped ticket")


def case_rights_and_an_heir(weft):
    with Lab(weft, 3) as lab:
        oak, laptop, phone = three(lab)
        expect("weft grant" in attention(oak), f"one admin only, and no word: {attention(oak)!r}")
        laptop.refuses(5, "invite", "tv", says="on oak: weft invite tv")
        laptop.refuses(5, "rename", "phone", "tv", says="on oak")
        oak.do("grant", "laptop", "admin")
        expect("weft grant" not in attention(oak), f"two admins: {attention(oak)!r}")
        eventually("the right to arrive", 10, lambda: names(laptop)["laptop"]["role"] == "admin")
        oak.kill()
        laptop.do("rename", "phone", "desk")
        eventually("the name to arrive", 10, lambda: "desk" in names(phone))
        laptop.do("invite", "tv")
        laptop.do("remove", "desk")
        eventually("the removal", 10, lambda: set(names(laptop)) == {"oak", "laptop"})


def case_a_removed_node_finds_back(weft):
    """What it reads leads back in, and nothing is left of it where it was allowed."""
    with Lab(weft, 3) as lab:
        oak, laptop, phone = three(lab)
        echo_server(laptop.host, 7000)
        laptop.do("expose", "7000", "--name", "echo", "--allow", "phone")
        oak.do("remove", names(oak)["phone"]["id"][:10])
        eventually("the rule to go", 10,
                   lambda: laptop.do("status")["exposed"][0]["allow"] == [])
        eventually("phone to hear it", 10, lambda: "weft leave" in attention(phone))
        phone.refuses(5, "join", oak.do("invite", "phone")["ticket"], says="weft leave")
        before = phone.do("status")["node"]
        left = phone.do("leave")
        expect(left["told"] and left["id"] == before["id"], f"leave answered {left}")
        after = phone.do("status")
        expect(after["node"]["id"] == left["new_id"] != before["id"], "no new identity")
        expect(after["node"]["bound"] == before["bound"], "another port than the firewall knows")
        expect(after["network"]["role"] == "admin" and not after["attention"],
               f"not a fresh node: {after['network']}, {after['attention']}")
        phone.do("join", oak.do("invite", "phone")["ticket"])
        laptop.do("allow", "echo", "phone")
        port = phone.open("echo@laptop")
        expect(traffic(phone.host, "probe", port)["end"] == "ok", "it is not back")
        aside = [f for f in os.listdir(phone.home) if f.startswith("left-")]
        expect(len(aside) == 1 and "identity.key" in os.listdir(os.path.join(phone.home, aside[0])),
               f"the old keys are not kept: {os.listdir(phone.home)}")


def case_leaving(weft):
    with Lab(weft, 3) as lab:
        oak, laptop, phone = three(lab)
        oak.refuses(1, "leave", says="weft grant")
        expect(phone.do("leave")["told"], "an admin was there and was not told")
        expect(set(names(oak)) == {"oak", "laptop"}, f"oak still lists {set(names(oak))}")
        phone.refuses(1, "leave", says="alone")
        laptop.stop()
        laptop.start(name=False)
        oak.kill()
        left = laptop.do("leave", "--timeout", "3s", timeout=40)
        expect(not left["told"] and left["admins"] == ["oak"], f"nobody was told: {left}")
        oak.start(name=False)
        oak.do("remove", left["id"])
        laptop.kill()  # what was set aside stays so
        laptop.start(name=False)
        expect(laptop.do("status")["node"]["id"] == left["new_id"], "the old identity is back")


def case_one_port(weft):
    """41820 where it is free, another where not, and what --listen said is kept."""
    with Lab(weft, 2) as lab:
        oak, laptop = (Node(h, n).start() for h, n in zip(lab.hosts, ("oak", "laptop")))
        port = lambda node: int(node.do("status")["node"]["bound"][0].rsplit(":", 1)[1])
        expect(port(oak) == 41820 == port(laptop), f"ports {port(oak)}, {port(laptop)}")
        second = Node(lab.hosts[0], "second").start()
        drawn = port(second)
        expect(drawn != 41820, "two nodes at one port")
        oak.stop()
        second.stop()
        second.start(name=False)
        expect(port(second) == drawn, "a port that was drawn is not kept")
        second.stop()
        second.start(name=False, flags=("--listen", "127.0.0.1:0"))
        bound = second.do("status")["node"]["bound"]
        second.stop()
        second.start(name=False)
        expect(second.do("status")["node"]["bound"] == bound, "--listen is not kept")
        second.refuses(1, "up", "--listen", "0.0.0.0:5000", says="weft down")
        second.refuses(2, "up", "--listen", "banana", says="ADDRESS:PORT")
        second.do("up", "--listen", bound[0])
        second.stop()
        second.start(name=False, flags=("--listen", "default"))
        expect(port(second) == 41820, "the way back to the default")


def case_a_terminal_is_asked(weft):
    """What cannot be taken back is asked about; a ticket is asked for, and may come in lines."""
    with Lab(weft, 2) as lab:
        oak, laptop = (Node(h, n).start() for h, n in zip(lab.hosts, ("oak", "laptop")))
        ticket = oak.do("invite", "laptop")["ticket"]
        wrapped = "".join(ticket[i:i + 76] + "\n" for i in range(0, len(ticket), 76))
        code, shown = on_terminal(laptop, wrapped, "join")
        expect(code == 0 and "paste the ticket" in shown and "trying " in shown,
               f"join at a terminal: exit {code}: {shown}")
        code, shown = on_terminal(oak, "n\n", "remove", "laptop")
        expect(code == 1 and "[y/N]" in shown and "nothing was changed" in shown,
               f"remove, answered no: exit {code}: {shown}")
        expect(set(names(oak)) == {"oak", "laptop"}, "removed all the same")
        code, shown = on_terminal(laptop, "\n", "leave")
        expect(code == 1 and laptop.do("status")["network"]["members"] == 2,
               f"leave, not answered: exit {code}: {shown}")
        code, shown = on_terminal(laptop, "", "join", ticket)
        expect("other users" in shown and "weft members" in shown, f"a ticket in argv: {shown}")
        code, shown = on_terminal(oak, "y\n", "remove", "laptop")
        expect(code == 0 and set(names(oak)) == {"oak"}, f"remove, answered yes: {code}: {shown}")
