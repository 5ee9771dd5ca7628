"""A few hosts on one machine: network namespaces on a bridge, and weft nodes in them.

Nothing here sees inside weft: nodes are the built program, spoken to through its command line, with
real servers and clients beside it. Names carry this process's id, so two runs do not meet; whatever
a lab made, it takes away again, also when a case fails or the run is interrupted.
"""
import atexit
import json
import os
import random
import select
import shutil
import signal
import subprocess
import tempfile
import time

FULL = os.environ.get("WEFT_NET_FULL", "") not in ("", "0")
HERE = os.path.dirname(os.path.abspath(__file__))


class Failure(Exception):
    """What a case throws when the product is wrong."""


def expect(condition, message):
    if not condition:
        raise Failure(message)


def eventually(what, seconds, probe):
    """Asks until the answer is truthy; the answer. For things that take a moment, not for luck."""
    deadline = time.monotonic() + seconds
    last = None
    while True:
        last = probe()
        if last:
            return last
        if time.monotonic() > deadline:
            raise Failure(f"{what}: not within {seconds} s")
        select.select([], [], [], 0.05)


def run(argv, timeout=60, **more):
    return subprocess.run(argv, capture_output=True, text=True, timeout=timeout, **more)


class Answer:
    """What one command of the CLI said."""

    def __init__(self, argv, done):
        self.argv, self.code = argv, done.returncode
        self.out, self.err = done.stdout, done.stderr

    def json(self):
        try:
            return json.loads(self.out)
        except ValueError:
            raise Failure(f"weft {' '.join(self.argv)}: no JSON on stdout: {self.out!r} "
                          f"{self.err!r}") from None

    @property
    def text(self):
        return self.out + self.err


class Host:
    """One network namespace with one address."""

    def __init__(self, lab, index):
        self.lab, self.address = lab, f"10.77.0.{index + 1}"
        self.ns = f"wt{os.getpid()}h{index}"
        self.link = f"v{os.getpid()}h{index}"[-15:]

    def argv(self, *argv):
        return ["ip", "netns", "exec", self.ns, *map(str, argv)]

    def run(self, *argv, timeout=60, **more):
        return run(self.argv(*argv), timeout=timeout, **more)

    def start(self, *argv, log="program", **more):
        out = open(os.path.join(self.lab.folder, f"{self.ns}.{log}.log"), "ab")
        more.setdefault("stdin", subprocess.DEVNULL)
        more.setdefault("stdout", out)
        more.setdefault("stderr", out)
        process = subprocess.Popen(self.argv(*argv), **more)
        out.close()
        self.lab.processes.append(process)
        return process

    def wait_port(self, port, seconds=10):
        def listening():
            return self.run("ss", "-Hltn", f"sport = :{port}").stdout.strip()
        eventually(f"something listening on port {port}", seconds, listening)

    def cut(self):
        """Pulls the cable."""
        run(["ip", "-n", self.lab.switch, "link", "set", self.link, "down"], check=True)

    def move(self, address):
        """Another address, as after a change of network; the old one is gone."""
        run(["ip", "-n", self.ns, "addr", "flush", "dev", "eth0"], check=True)
        run(["ip", "-n", self.ns, "addr", "add", address + "/24", "dev", "eth0"], check=True)
        self.address = address

    def mend(self):
        run(["ip", "-n", self.lab.switch, "link", "set", self.link, "up"], check=True)


class Node:
    """One weft daemon on a host, and its command line."""

    def __init__(self, host, name, home=None):
        self.host, self.lab, self.name = host, host.lab, name
        self.home = home or os.path.join(host.lab.folder, f"home-{name}")
        os.makedirs(self.home, mode=0o700, exist_ok=True)
        self.env = dict(os.environ, WEFT_HOME=self.home, HOME=host.lab.folder)
        for noise in ("XDG_RUNTIME_DIR", "NOTIFY_SOCKET"):
            self.env.pop(noise, None)
        self.daemon = None

    def start(self, seconds=10, name=True, flags=()):
        argv = [self.lab.weft, "run", "--json", *flags] + (["--name", self.name] if name else [])
        self.daemon = self.host.start(*argv, log=f"weft-{self.name}", env=self.env,
                                      stdout=subprocess.PIPE)
        line = self._ready_line(seconds)
        self.ready = json.loads(line)
        expect(self.ready.get("schema") == "weft.ready/1", f"no weft.ready/1: {line!r}")
        return self

    def _ready_line(self, seconds):
        deadline, got = time.monotonic() + seconds, b""
        fd = self.daemon.stdout.fileno()
        while not got.endswith(b"\n"):
            left = deadline - time.monotonic()
            if left <= 0 or not select.select([fd], [], [], left)[0]:
                raise Failure(f"node {self.name} not ready in {seconds} s\n{self.log_tail()}")
            piece = os.read(fd, 4096)
            if not piece:
                code = self.daemon.wait(5)
                raise Failure(f"node {self.name} ended with {code}\n{self.log_tail()}")
            got += piece
        return got.decode().splitlines()[0]

    def log_tail(self, lines=15):
        path = os.path.join(self.lab.folder, f"{self.host.ns}.weft-{self.name}.log")
        try:
            with open(path, encoding="utf-8", errors="replace") as f:
                return "".join(f.readlines()[-lines:])
        except OSError:
            return "(no log)"

    def stop(self, seconds=5):
        """SIGTERM; how long it took and what it returned."""
        started = time.monotonic()
        self.daemon.terminate()
        try:
            code = self.daemon.wait(seconds)
        except subprocess.TimeoutExpired:
            raise Failure(f"node {self.name} still there {seconds} s after SIGTERM") from None
        return time.monotonic() - started, code

    def kill(self):
        self.daemon.kill()
        self.daemon.wait()

    def ask(self, *argv, timeout=30, json_out=True, **more):
        """Runs a command whatever it answers."""
        full = [self.lab.weft, *map(str, argv)] + (["--json"] if json_out else [])
        try:
            done = self.host.run(*full, timeout=timeout, env=self.env, **more)
        except subprocess.TimeoutExpired:
            raise Failure(f"weft {' '.join(map(str, argv))} hangs (over {timeout} s)") from None
        return Answer([str(a) for a in argv], done)

    def do(self, *argv, **more):
        """Runs a command that must succeed; its JSON."""
        answer = self.ask(*argv, **more)
        expect(answer.code == 0, f"{self.name}: weft {' '.join(answer.argv)}: exit {answer.code}: "
               f"{answer.text.strip()}\n{self.log_tail()}")
        return answer.json()

    def refuses(self, code, *argv, says=None, **more):
        """Runs a command that must fail with this exit code and say something useful."""
        answer = self.ask(*argv, **more)
        codes = code if isinstance(code, tuple) else (code,)
        shown = f"weft {' '.join(answer.argv)}: exit {answer.code}, {answer.text.strip()!r}"
        expect(answer.code in codes, f"{shown}; wanted exit {codes}")
        expect(answer.text.strip(), f"{shown}; an error must say what is wrong")
        if says:
            expect(says.lower() in answer.text.lower(), f"{shown}; wanted it to say {says!r}")
        return answer

    def invite(self, other, *more):
        ticket = self.do("invite", other.name, *more)["ticket"]
        return other.do("join", ticket)

    def open(self, service, *more):
        """A local door; its port."""
        listen = self.do("open", service, *more)["listen"]
        return int(listen.rsplit(":", 1)[1])

    def rss_kib(self):
        with open(f"/proc/{self.daemon.pid}/status", encoding="utf-8") as f:
            for line in f:
                if line.startswith("VmRSS:"):
                    return int(line.split()[1])
        return 0


class Lab:
    """Hosts on one switch, or two joined by one cable. Use as `with Lab(weft, 2) as lab`."""

    def __init__(self, weft, count, direct=False):
        self.weft, self.direct = weft, direct
        self.folder = tempfile.mkdtemp(prefix="weft-net.")
        self.switch = f"wt{os.getpid()}s"
        self.processes = []
        self.mounts = []
        self.hosts = [Host(self, i) for i in range(count)]
        self.random = random.Random(int(os.environ.get("WEFT_NET_SEED", "1")))

    def __enter__(self):
        atexit.register(self.close)
        try:
            self._wire()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *what):
        self.close()

    def _wire(self):
        do = lambda *a: run(["ip", *a], check=True)
        for host in self.hosts:
            do("netns", "add", host.ns)
        if self.direct:
            do("link", "add", "eth0", "netns", self.hosts[0].ns, "type", "veth",
               "peer", "name", "eth0", "netns", self.hosts[1].ns)
        else:
            do("netns", "add", self.switch)
            do("-n", self.switch, "link", "add", "br0", "type", "bridge", "forward_delay", "0")
            do("-n", self.switch, "link", "set", "br0", "up")
        for host in self.hosts:
            if not self.direct:
                do("link", "add", "eth0", "netns", host.ns, "type", "veth",
                   "peer", "name", host.link, "netns", self.switch)
                do("-n", self.switch, "link", "set", host.link, "master", "br0", "up")
            do("-n", host.ns, "link", "set", "lo", "up")
            do("-n", host.ns, "addr", "add", host.address + "/24", "dev", "eth0")
            do("-n", host.ns, "link", "set", "eth0", "up")
            run(host.argv("sysctl", "-qw", "net.ipv4.tcp_congestion_control=cubic"))

    def nodes(self, *names):
        """One started node per name, each on its own host, all in the first one's network."""
        nodes = [Node(host, name).start() for host, name in zip(self.hosts, names)]
        for other in nodes[1:]:
            nodes[0].invite(other)
        return nodes

    def tmpfs(self, name, size):
        path = os.path.join(self.folder, name)
        os.makedirs(path)
        run(["mount", "-t", "tmpfs", "-o", f"size={size},mode=0700", "none", path], check=True)
        self.mounts.append(path)
        return path

    def close(self):
        atexit.unregister(self.close)
        for process in self.processes:
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)
        for process in self.processes:
            try:
                process.wait(2)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
            if process.stdout:
                process.stdout.close()
        for path in self.mounts:
            run(["umount", "-l", path])
        for ns in [h.ns for h in self.hosts] + [self.switch]:
            run(["ip", "netns", "del", ns])
        if not os.environ.get("WEFT_NET_KEEP"):
            shutil.rmtree(self.folder, ignore_errors=True)
