"""Who has a say: a removed admin with an old copy of its home, and what a second program makes of
the roster afterwards."""
import json
import os
import shutil
import subprocess

from lab import Lab, Node, eventually, expect

CHECK = os.path.join(os.path.dirname(__file__), "../../tools/roster_check/roster_check")


def members(node):
    return sorted(m["name"] for m in node.do("members")["members"])


def case_a_removed_admins_old_copy(weft):
    with Lab(weft, 4) as lab:
        a, b, c = (Node(h, n).start() for h, n in zip(lab.hosts, "abc"))
        a.invite(b, "--may", "admin,expose")
        a.invite(c, "--may", "admin,expose")
        for n in (a, b, c):
            eventually("three members", 10, lambda n=n: members(n) == ["a", "b", "c"])
        b.stop()
        copy = os.path.join(lab.folder, "copy-of-b")
        shutil.copytree(b.home, copy, ignore=shutil.ignore_patterns("weft.sock"))
        b.start(name=False)
        c.do("group", "add", "friends", "c")
        a.do("remove", "b")
        eventually("b is out", 10, lambda: members(c) == ["a", "c"])
        b.refuses((1, 2, 5), "remove", "c")
        b.stop()

        far = lab.hosts[3]
        far.cut()
        old = Node(far, "old-b", home=copy).start(name=False)
        e = Node(far, "e").start()
        e.do("join", old.do("invite", "e", "--may", "admin,expose")["ticket"])
        old.stop()
        e.stop()
        far.mend()
        e.start(name=False)
        old.start(name=False)
        for _ in range(3):
            e.ask("ping", "a", "-c", "1", "--timeout", "3s")
            for n in (a, c):
                expect(members(n) == ["a", "c"], f"the old copy changed who is in: {members(n)}")

        document = a.do("roster", "export")
        expect(document["schema"] == "weft.roster/1", document.keys())
        path = os.path.join(lab.folder, "roster.json")
        with open(path, "w", encoding="utf-8") as file:
            json.dump(document, file)
        done = subprocess.run([CHECK, path], capture_output=True, text=True, timeout=60, check=False)
        expect(done.returncode == 0, done.stdout + done.stderr)
        expect("2 members" in done.stdout, done.stdout)
