"""The node's own state and sockets: what is damaged, foreign or missing is refused and told, what is
its own is not given away, and what was saved comes back."""
import json
import os
import shutil
import signal
import socket
import subprocess

from lab import Lab, Node, eventually, expect
from servers import echo_server


def case_own_socket_is_no_service(weft):
    """W5: neither named, nor linked to, nor exchanged after it was exposed."""
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        own = os.path.join(b.home, "weft.sock")
        link = os.path.join(lab.folder, "link.sock")
        os.symlink(own, link)
        for path in (own, link, os.path.join(b.home, "identity.key")):
            b.refuses(5, "expose", f"unix:{path}", "--name", "api", says="management socket"
                      if path != os.path.join(b.home, "identity.key") else "keys")
        os.unlink(link)
        b.do("expose", f"unix:{link}", "--name", "api", "--allow", "a")
        os.symlink(own, link)
        answer = a.ask("pipe", "api@b", json_out=False, input="GET /api/v1/status HTTP/1.1\r\n"
                       "Host: localhost\r\n\r\n")
        expect(answer.code != 0 and "weft.status" not in answer.text,
               f"a member reached b's management socket: {answer.text[:200]}")


def refuses_to_start(node, *says):
    answer = node.ask("run", timeout=10)
    expect(answer.code == 1, f"run: exit {answer.code}, {answer.text!r}")
    error = json.loads(answer.out)
    expect(error.get("schema") == "weft.error/1", f"run --json fails as {answer.out!r}")
    for word in says:
        expect(word in error["detail"] or word in error["fix"], f"{word!r} is not in {error}")
    expect(error["fix"], f"no way out: {error}")
    return error


def access(node):
    return {e["name"]: (sorted(e["allow"]), sorted(e["deny"])) for e in node.do("status")["exposed"]}


def case_damaged_state_opens_no_door(weft):
    """F13: one flipped bit, a file of no bytes, a missing key, a cut log; then the backup."""
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo_server(b.host, 7000)
        b.do("expose", "7000", "--name", "secret", "--allow", "*")
        b.do("deny", "secret", "a")
        saved = os.path.join(lab.folder, "b.backup")
        b.do("backup", saved)
        expect(os.stat(saved).st_mode & 0o7777 == 0o600, "the backup may be read by others")
        b.do("expose", "7001", "--name", "later")
        rules = access(b)
        b.kill()
        good = os.path.join(lab.folder, "good")
        shutil.copytree(b.home, good, ignore=shutil.ignore_patterns("weft.sock"))

        def spoilt(name, change):
            shutil.rmtree(b.home)
            shutil.copytree(good, b.home)
            path = os.path.join(b.home, name)
            change(path)

        def flip_deny(path):
            data = bytearray(open(path, "rb").read())
            at = data.rfind(b"\xc2\x00\xc4\x20")  # deny, a node, its id follows
            expect(at > 0, "no deny rule in the log")
            data[at] ^= 1
            open(path, "wb").write(data)

        spoilt("state.db-wal", flip_deny)
        refuses_to_start(b, "state.db", "restore")
        spoilt("state.db-wal", lambda p: os.truncate(p, os.path.getsize(p) - 100))
        refuses_to_start(b, "state.db", "changes are gone", "start-over seal")
        spoilt("state.db-wal", os.unlink)
        refuses_to_start(b, "state.db", "restore")
        spoilt("trust.db", lambda p: open(p, "w").close())
        refuses_to_start(b, "trust.db is missing or empty", "network")
        spoilt("identity.key", os.unlink)
        error = refuses_to_start(b, "identity.key is missing", "start-over all")
        expect(b.home in error["fix"], f"the fix does not work when pasted: {error['fix']}")
        up = b.refuses(1, "up", says="identity.key is missing")
        expect("{" not in up.json()["detail"], f"a nested error: {up.out}")
        spoilt("lock", lambda p: None)
        b.start(name=False)
        expect(access(b) == rules, f"whole, but {access(b)}")
        b.stop()

        b.refuses(1, "restore", saved, says="already")
        b.do("start-over", "all")
        b.do("restore", saved)
        b.start(name=False)
        expect(access(b) == {"secret": rules["secret"]}, f"after the restore: {access(b)}")
        b.refuses(1, "restore", saved, says="LOCKED")
        a.do("wait", "node:b", "--timeout", "20s")
        a.refuses((4, 5), "open", "secret@b")


def case_ways_out_without_a_backup(weft):
    with Lab(weft, 1) as lab:
        a = Node(lab.hosts[0], "a").start()
        a.do("expose", "7000", "--name", "web", "--allow", "*")
        me = a.do("status")["node"]["id"]
        a.stop()
        open(os.path.join(a.home, "state.db"), "w").close()
        refuses_to_start(a, "start-over services")
        moved = a.do("start-over", "services")
        expect(any(p.endswith("state.db") for p in moved["moved"]), f"moved: {moved}")
        a.start(name=False)
        status = a.do("status")
        expect(status["node"]["id"] == me and status["network"]["role"] == "admin",
               f"after start-over services: {status['node']} {status['network']}")
        expect(status["exposed"] == [], "services are there again")
        a.stop()
        phrase = os.path.join(lab.folder, "phrase")
        with open(phrase, "w", encoding="utf-8") as f:
            f.write("correct horse battery\n")
        exported = os.path.join(lab.folder, "a.identity")
        a.do("identity", "export", exported, "--passphrase-file", phrase)
        a.refuses(1, "identity", "import", exported, "--passphrase-file", phrase, says="already")
        a.do("start-over", "all")
        a.do("identity", "import", exported, "--passphrase-file", phrase)
        a.start()
        expect(a.do("status")["node"]["id"] == me, "another identity after the import")


def up_and_pid(node):
    answer = node.ask("up", timeout=40, json_out=False)
    expect(answer.code == 0, f"up: exit {answer.code}: {answer.text}")
    return answer.text


def case_up_again_and_again(weft):
    """A2, faults 45: who comes second says so and succeeds; a lost socket is found or made anew."""
    with Lab(weft, 1) as lab:
        a = Node(lab.hosts[0], "a")
        ups = [subprocess.Popen(a.host.argv(weft, "up"), env=a.env, stdout=subprocess.PIPE,
                                stderr=subprocess.STDOUT, text=True) for _ in range(5)]
        said = [p.communicate(timeout=60)[0] for p in ups]
        codes = [p.returncode for p in ups]
        try:
            expect(codes == [0] * 5, f"five at once: {codes}\n" + "\n".join(said))
            pid = int(open(os.path.join(a.home, "lock"), encoding="utf-8").readline())
            lab.processes.append(Attached(pid))
            expect(sum("ready in" in s for s in said) == 1, f"who started it? {said}")
            expect(f"runs already, pid {pid}" in up_and_pid(a), "up on a running node")
            os.unlink(os.path.join(a.home, "weft.sock"))
            expect(f"runs already, pid {pid}" in up_and_pid(a), "up after the socket was removed")
            a.do("status")
        finally:
            a.ask("down", timeout=20)


class Attached:
    """A process of another parent, for the lab to end."""

    def __init__(self, pid):
        self.pid, self.stdout = pid, None

    def poll(self):
        return None if os.path.exists(f"/proc/{self.pid}") else 0

    def send_signal(self, number):
        try:
            os.kill(self.pid, number)
        except ProcessLookupError:
            pass

    def wait(self, seconds=5):
        eventually(f"process {self.pid} ends", seconds, lambda: self.poll() == 0)

    def kill(self):
        self.send_signal(signal.SIGKILL)


def case_socket_elsewhere_is_found(weft):
    """What the lock says is tried when the usual place is silent."""
    with Lab(weft, 1) as lab:
        a = Node(lab.hosts[0], "a").start()
        lock = open(os.path.join(a.home, "lock"), encoding="utf-8").read().split("\n")
        expect(lock[1] == os.path.join(a.home, "weft.sock"), f"the lock says {lock}")
        hidden = os.path.join(lab.folder, "hidden")
        os.mkdir(hidden, 0o700)
        os.link(os.path.join(a.home, "weft.sock"), os.path.join(hidden, "weft.sock"))
        os.rename(os.path.join(a.home, "weft.sock"), os.path.join(a.home, "other.sock"))
        with open(os.path.join(a.home, "lock"), "r+", encoding="utf-8") as f:
            f.write(lock[0] + "\n" + os.path.join(hidden, "weft.sock") + "\n")
        expect(a.do("status")["node"]["name"] == "a", "not found through the lock")


def case_another_users_socket_gets_nothing(weft):
    """F9: not a byte goes to a socket that another user may have put there."""
    with Lab(weft, 1) as lab:
        os.chmod(lab.folder, 0o755)
        home = os.path.join(lab.folder, "home-a")
        a = Node(lab.hosts[0], "a", home=home)
        path = os.path.join(home, "weft.sock")
        server = socket.socket(socket.AF_UNIX)
        server.bind(path)
        os.chmod(path, 0o777)
        ready, told = os.pipe()
        child = os.fork()
        if child == 0:
            os.setuid(65534)
            server.listen(4)  # the kernel names who listens
            os.write(told, b"x")
            server.settimeout(8)
            client = server.accept()[0]
            client.settimeout(3)
            try:
                got = client.recv(4096)
            except OSError:
                got = b""
            os._exit(1 if got else 0)
        os.read(ready, 1)
        a.refuses(5, "join", "wt1secret", says="user 65534")
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        expect(code == 0, "the stranger got bytes of a ticket")
        server.close()
        os.unlink(path)
        a.start()
        a.do("status")
        os.chmod(home, 0o777)
        a.refuses(5, "status", says="chmod go-w")
        a.stop()
        refuses_to_start(a, "chmod go-w")
        os.chmod(home, 0o700)
        a.start(name=False)


def case_disk_trouble_is_in_status(weft):
    """W8: what is not saved is told before it is lost."""
    with Lab(weft, 1) as lab:
        home = lab.tmpfs("small", "3m")
        a = Node(lab.hosts[0], "a", home=home).start()
        expect(a.do("status")["attention"] == [], "a healthy node wants attention")
        ballast = os.path.join(home, "ballast")
        with open(ballast, "wb", buffering=0) as f:
            try:
                while True:
                    f.write(bytes(4096))
            except OSError:
                pass
        for i in range(200):
            if a.ask("expose", str(10000 + i), "--name", f"s{i}").code != 0:
                break
        lines = a.do("status")["attention"]
        expect(any("cannot be saved" in line and "disk" in line for line in lines),
               f"a full disk is not in status: {lines}")
        os.unlink(ballast)
        eventually("saved once there is room", 20, lambda: not any(
            "cannot be saved" in line for line in a.do("status")["attention"]))


def case_start_failures_can_be_read(weft):
    """B12, faults 43: one what, why and fix; as JSON where JSON is asked for."""
    with Lab(weft, 1) as lab:
        a = Node(lab.hosts[0], "a")
        with open(os.path.join(a.home, "weft.toml"), "w", encoding="utf-8") as f:
            f.write('version = 1\n[node]\nnmae = "x"\n')
        answer = a.refuses(78, "up", json_out=False, says="weft.toml:3")
        expect("{" not in answer.err and "weft did not start" not in answer.err,
               f"bad configuration under up: {answer.err}")
        expect(a.refuses(78, "run").json()["schema"] == "weft.error/1", "run --json")
        os.unlink(os.path.join(a.home, "weft.toml"))
        a.start()
        error = a.refuses(1, "run", says="LOCKED").json()
        expect(error["schema"] == "weft.error/1" and " down" in error["fix"] and a.home in error["fix"], f"{error}")
        a.stop()
        done = a.host.run("unshare", "-m", "sh", "-c",
                          f"mount -t tmpfs none /proc && exec {weft} up", env=a.env, timeout=40)
        try:
            expect(done.returncode == 0, f"up without /proc: {done.stdout}{done.stderr}")
        finally:
            a.ask("down", timeout=20)
