"""Messages among the members: each acknowledged one once and in order, by the command line and by
programs that speak NATS, while a node is killed and a cable is pulled."""
import json
import os
import signal
import subprocess
import sys
import time

from lab import Lab, eventually, expect

# A client of the NATS protocol, which knows nothing of weft: nothing of Debian 12 is one.
NATS = """
import socket, sys, time
verb, port, subject = sys.argv[1], int(sys.argv[2]), sys.argv[3]
link = socket.create_connection(("127.0.0.1", port))
link.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
stream = link.makefile("rb")
def line():
    text = stream.readline()
    if not text.endswith(b"\\r\\n"):
        sys.exit("the server hung up")
    if text.startswith(b"-ERR"):
        sys.exit(text.decode())
    return text.decode().split()
info = line()
assert info[0] == "INFO", info
link.sendall(b'CONNECT {"verbose":false,"headers":true,"lang":"python"}\\r\\n')
if verb == "pub":
    count, prefix = int(sys.argv[4]), sys.argv[5]
    for i in range(count):
        payload = f"{prefix}{i}".encode()
        link.sendall(b"PUB %s %d\\r\\n%s\\r\\n" % (subject.encode(), len(payload), payload))
        time.sleep(0.02)
    link.sendall(b"PING\\r\\n")
    while line()[0] != "PONG":
        pass
    print("published", flush=True)
if verb == "sub":
    queue = sys.argv[4] + " " if len(sys.argv) > 4 else ""
    link.sendall(f"SUB {subject} {queue}7\\r\\nPING\\r\\n".encode())
    while True:
        words = line()
        if words[0] == "PONG":
            print("listening", flush=True)
        if words[0] not in ("MSG", "HMSG"):
            continue
        payload = stream.read(int(words[-1]) + 2)[:-2]
        if len(words) == 5 and words[0] == "MSG":
            answer = b"answer to " + payload
            link.sendall(b"PUB %s %d\\r\\n%s\\r\\n" % (words[3].encode(), len(answer), answer))
        print(payload.decode(), flush=True)
if verb == "request":
    link.sendall(b"SUB _INBOX.t.* 9\\r\\n")
    payload = sys.argv[4].encode()
    link.sendall(b"PUB %s _INBOX.t.1 %d\\r\\n%s\\r\\n" % (subject.encode(), len(payload), payload))
    words = line()
    print(stream.read(int(words[-1]))[:].decode(), flush=True)
"""


class Follower:
    """A process that prints what it hears, one message a line."""

    def __init__(self, node, *argv, log):
        self.path = os.path.join(node.lab.folder, log + ".out")
        self.out = open(self.path, "wb")
        self.process = node.host.start(*argv, log=log, env=node.env, stdout=self.out)

    def lines(self):
        with open(self.path, encoding="utf-8") as f:
            return [line for line in f.read().split("\n")[:-1]]


def subscriber(node, topic, *more):
    """`weft subscribe --jsonl`; returns when it is known to listen."""
    follower = Follower(node, node.lab.weft, "subscribe", topic, "--jsonl", *more,
                        log=f"subscribe-{node.name}")
    topics = lambda: [t["topic"] for t in node.do("topic", "list")["topics"]]
    eventually(f"{node.name} subscribes", 5, lambda: topic in topics())
    return follower


def nats(node, *words, log):
    return Follower(node, sys.executable, "-c", NATS, *words, log=log)


def door(node, port=4222):
    node.do("broker", "listen", f"nats://127.0.0.1:{port}")
    return port


def payloads(follower):
    return [json.loads(line)["payload"] for line in follower.lines()]


def once_and_in_order(what, got, prefix, wanted):
    mine = [text for text in got if text.startswith(prefix)]
    expect(len(set(mine)) == len(mine), f"{what}: {prefix}: some came twice")
    numbers = [int(text[len(prefix):]) for text in mine]
    expect(numbers == sorted(numbers), f"{what}: {prefix}: out of order")
    lost = sorted(set(wanted) - set(mine), key=lambda text: int(text[len(prefix):]))
    expect(not lost, f"{what}: {len(lost)} of {len(wanted)} acknowledged lost: {lost[:5]}")


def case_messages_survive_a_kill_and_a_cut(weft):
    with Lab(weft, 5) as lab:
        a, b, c, d, e = lab.nodes("a", "b", "c", "d", "e")
        for node in (a, b, c, d, e):
            links = lambda n=node: n.do("broker", "status")["links"]
            eventually(f"{node.name} is linked to all", 15, lambda l=links: l() == 4)
        door(b)
        door(c)
        by_nats = nats(c, "sub", 4222, "app.>", log="nats-c")
        eventually("the NATS client listens", 5, lambda: "listening" in by_nats.lines())
        on_d, on_b = subscriber(d, "app.>"), subscriber(b, "app.>")
        publisher = nats(b, "pub", 4222, "app.b", 300, "b-", log="nats-b")
        held = []
        for i in range(60):
            if i == 15:
                e.kill()
            if i == 25:
                d.host.cut()
            if i == 45:
                d.host.mend()
            answer = a.ask("publish", "app.a", f"a-{i}", "--ack", "held", "--timeout", "5s")
            if answer.code == 0:
                expect(answer.json()["holders"] >= 3, f"held by fewer: {answer.out}")
                held.append(f"a-{i}")
        expect(len(held) >= 55, f"only {len(held)} of 60 were held")
        eventually("the NATS client has published", 30, lambda: "published" in publisher.lines())
        sent = [f"b-{i}" for i in range(300)]
        complete = lambda got: set(held) | set(sent) <= set(got)
        eventually("c has all", 20, lambda: complete(by_nats.lines()))
        eventually("d has all", 60, lambda: complete(payloads(on_d)))
        for what, got in (("c", by_nats.lines()), ("d", payloads(on_d)), ("b", payloads(on_b))):
            once_and_in_order(what, got, "a-", held)
            once_and_in_order(what, got, "b-", sent)
        return f"{len(held)} held and {len(sent)} sent messages, each once and in order at three"


def case_requests_values_and_groups(weft):
    with Lab(weft, 3) as lab:
        a, b, c = lab.nodes("a", "b", "c")
        eventually("linked", 15, lambda: a.do("broker", "status")["links"] == 2)
        # Retained values.
        a.do("publish", "app.door", "open", "--retain")
        a.do("publish", "app.door", "shut", "--retain")
        last = b.ask("subscribe", "app.*", "--count", "1", "--timeout", "5s", json_out=False)
        expect(last.code == 0 and last.out == "app.door  shut\n", f"retained: {last.text!r}")
        # From where somebody was.
        first = a.do("publish", "app.log", "1")
        a.do("publish", "app.log", "2", "--ack", "held")
        for since, wanted in ((first["hlc"], ["2"]), ("10m", ["1", "2"])):
            got = b.ask("subscribe", "app.log", "--since", since, "--count", str(len(wanted)),
                        "--timeout", "5s", json_out=False)
            expect(got.out.split() == [w for text in wanted for w in ("app.log", text)],
                   f"since {since}: {got.text!r}")
        b.refuses(2, "subscribe", "app.log", "--since", "yesterday", says="hlc")
        # Requests by both doors.
        b.host.start(weft, "reply", "app.echo", "--exec", "tr a-z A-Z", env=b.env, log="reply")
        eventually("b replies", 5, lambda: "app.echo" in str(b.do("topic", "list")))
        answer = a.ask("request", "app.echo", "hello", json_out=False)
        expect(answer.out == "HELLO\n", f"request: {answer.text!r}")
        for node in (a, c):
            door(node)
        asked = nats(c, "request", 4222, "app.echo", "by nats", log="ask")
        eventually("the NATS client is answered", 5, lambda: asked.lines() == ["BY NATS"])
        serving = nats(c, "sub", 4222, "app.serve", log="serve")
        eventually("c serves", 5, lambda: "listening" in serving.lines())
        answer = a.ask("request", "app.serve", "x", json_out=False)
        expect(answer.out == "answer to x\n", f"a NATS program replies: {answer.text!r}")
        a.refuses(7, "request", "app.nobody", "x", "--timeout", "1s", says="nobody replied")
        # A group shares the work.
        workers = [nats(c, "sub", 4222, "app.work", "workers", log=f"worker{i}") for i in (0, 1)]
        for worker in workers:
            eventually("a worker listens", 5, lambda w=worker: "listening" in w.lines())
        for i in range(20):
            a.do("publish", "app.work", f"job-{i}")
        jobs = lambda: [j for w in workers for j in w.lines() if j.startswith("job-")]
        eventually("the jobs are done", 5, lambda: len(jobs()) >= 20)
        expect(sorted(jobs()) == sorted(f"job-{i}" for i in range(20)), f"jobs: {jobs()}")
        expect(all(len(w.lines()) > 3 for w in workers), "one worker did it all")
        # What is wrong is said.
        a.refuses(2, "broker", "listen", "nats://0.0.0.0:4222", says="loopback")
        a.refuses(2, "publish", "app.*", "x", says="topic")
        a.refuses(5, "publish", "weft.members", "x", says="nodes' own")
        # The door is there again after a restart.
        c.stop()
        c.start(name=False)
        c.host.wait_port(4222)
        c.do("broker", "off")
        expect(c.do("broker", "status")["nats"] is None, "the door is still there")
        return "retained values, requests, a queue group, by the command line and by NATS"


def case_durable_messages_outlive_every_process(weft):
    with Lab(weft, 3) as lab:
        nodes = a, b, c = lab.nodes("a", "b", "c")
        eventually("linked", 15, lambda: a.do("broker", "status")["links"] == 2)
        for i in range(10):
            answer = a.do("publish", "app.log", f"line {i}", "--ack", "durable")
            expect(answer["holders"] == 3, f"durable on {answer['holders']}")
        for node in nodes:
            node.daemon.send_signal(signal.SIGKILL)
        for node in nodes:
            node.daemon.wait()
        for node in nodes:
            node.start(name=False)
        for node in nodes:
            got = node.ask("subscribe", "app.log", "--last", "10", "--count", "10", "--timeout",
                           "10s", json_out=False)
            lines = [line.split("  ", 1)[1] for line in got.out.splitlines()]
            expect(lines == [f"line {i}" for i in range(10)], f"{node.name}: {got.text}")
        a.do("publish", "app.log", "after", "--ack", "durable")
        return "10 messages on three disks, after kill -9 of all"
