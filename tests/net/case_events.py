"""What a node tells of: events in order, resumed where a reader stopped; counters that count."""
import http.client
import json
import os
import select
import signal
import socket
import subprocess
import time

from lab import Lab, eventually, expect
from servers import echo_server, traffic


class Reader:
    """`weft events --jsonl`, read as it comes."""

    def __init__(self, node, *flags):
        argv = [node.lab.weft, "events", "--jsonl", *flags]
        self.process = node.host.start(*argv, env=node.env, stdout=subprocess.PIPE)
        self.pending, self.seen = b"", []

    def until(self, what, found, seconds=30):
        """Reads until an event for which found(event) is true; that event."""
        deadline = time.monotonic() + seconds
        fd = self.process.stdout.fileno()
        while True:
            while b"\n" in self.pending:
                line, self.pending = self.pending.split(b"\n", 1)
                event = json.loads(line)
                self.seen.append(event)
                if found(event):
                    return event
            left = deadline - time.monotonic()
            ready = left > 0 and select.select([fd], [], [], left)[0]
            piece = os.read(fd, 65536) if ready else b""
            expect(piece, f"no event of {what}; there were "
                   f"{[(e.get('seq'), e.get('kind')) for e in self.seen]}")
            self.pending += piece

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(5)


def kind(name, **fields):
    return lambda e: e.get("kind") == name and all(e.get(k) == v for k, v in fields.items())


def follow(node, *flags):
    """A reader that is known to be heard: what is done from now on it will tell."""
    reader = Reader(node, *flags)
    eventually("the reader is connected", 20, lambda: metrics(node)["weft_api_connections"] >= 2)
    return reader


def metrics(node, url=None, *flags):
    """The series by name, labels and all."""
    where = [url] if url else ["--unix-socket", socket_of(node), "http://weft/metrics"]
    done = node.host.run("curl", "-sS", "--max-time", "10", *flags, *where)
    expect(done.returncode == 0, f"curl: {done.stderr}")
    out = {}
    for line in done.stdout.splitlines():
        if line and not line.startswith("#"):
            name, value = line.rsplit(" ", 1)
            out[name] = float(value)
    return out


def socket_of(node):
    return node.do("events", "start")["events"][-1]["socket"]


def case_events_are_told_in_order_and_resumed(weft):
    with Lab(weft, 3) as lab:
        a, b, c = lab.nodes("a", "b", "c")
        echo_server(a.host, 3000)
        reader = follow(a)
        a.do("expose", "3000", "--name", "echo")
        reader.until("the exposure", kind("service_exposed", service="echo"))
        refused = b.ask("open", "echo@a", timeout=40)
        if refused.code == 0:  # a door may be made; its client is refused
            traffic(b.host, "probe", int(refused.json()["listen"].rsplit(":", 1)[1]))
        denied = reader.until("the denied caller", kind("caller_denied", service="echo"))
        expect(denied["peer"] == "b" and denied["node"].startswith("wf1"), f"{denied}")
        a.do("allow", "echo", "b")
        reader.until("the audit", kind("audit", action="allow"))
        port = b.open("echo@a") if refused.code else int(
            refused.json()["listen"].rsplit(":", 1)[1])
        expect(traffic(b.host, "probe", port)["end"] == "ok", "the door does not work")
        c.kill()
        down = reader.until("the peer that went", kind("peer_down", peer="c"), 120)
        a.do("remove", "c")
        reader.until("the removal", kind("member_removed", peer="c"))
        seqs = [e["seq"] for e in reader.seen]
        expect(seqs == list(range(seqs[0], seqs[0] + len(seqs))), f"numbers with holes: {seqs}")
        expect(all(e["schema"] == "weft.event/1" and e["text"] for e in reader.seen), "no text")
        reader.stop()

        # A reader that stopped comes back with its last id and misses nothing.
        again = Reader(a, "--since", down["id"])
        first = again.until("anything", lambda e: True)
        expect(first["seq"] == down["seq"] + 1, f"{first} after {down['id']}")
        again.until("the removal, again", kind("member_removed", peer="c"))
        again.stop()
        # The same by the header that a program sends by itself.
        raw = a.host.run("curl", "-sS", "--max-time", "20", "--unix-socket", socket_of(a),
                         "-H", f"Last-Event-ID: {down['id']}",
                         "http://weft/api/v1/events?follow=false&kind=members")
        expect(raw.returncode == 0 and "event: member_removed\n" in raw.stdout
               and "event: peer_down" not in raw.stdout, f"{raw.stdout}{raw.stderr}")

        # Doors are told where they are.
        doors = [e["service"] for e in b.do("events", "door_opened")["events"]]
        expect("echo" in doors, f"{doors}")
        joined = [e["kind"] for e in b.do("events", "members")["events"]]
        expect("joined" in joined, f"{joined}")
        b.refuses(2, "events", "no_such_kind", says="kind")
        b.refuses(2, "events", "--since", "yesterday", says="id")


def case_a_gap_is_told(weft):
    with Lab(weft, 1) as lab:
        a, = lab.nodes("a")
        # After a restart the ids of before are of another run.
        before = a.do("events")["events"][-1]["id"]
        a.stop()
        a.start(name=False)
        told = a.do("events", "--since", before)["events"]
        expect(told[0]["schema"] == "weft.gap/1" and told[0]["reason"] == "restarted", f"{told[0]}")
        expect(any(e.get("kind") == "start" for e in told), "the new run is not told")
        # More than is kept: what was overwritten is told as such. Audits are never held back.
        connection = http.client.HTTPConnection("weft", timeout=60)
        connection.sock = socket.socket(socket.AF_UNIX)
        connection.sock.connect(socket_of(a))
        for _ in range(4300):
            connection.request("DELETE", "/api/v1/exposed/nothing")
            connection.getresponse().read()
        connection.close()
        newest = a.do("events", "audit")["events"][-1]["seq"]
        expect(newest > 4200, f"only {newest} events")
        told = a.do("events", "--since", "1")["events"]
        expect(told[0]["schema"] == "weft.gap/1" and told[0]["reason"] == "overwritten"
               and told[0]["from"] == 2, f"{told[0]}")
        expect(told[1]["seq"] == told[0]["to"] + 1, f"{told[:2]}")


def case_waits_end_with_the_change(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo_server(a.host, 3000)
        waiting = b.host.start(weft, "wait", "service:echo@a", "--timeout", "60s", "--json",
                               env=b.env, stdout=subprocess.PIPE)
        eventually("somebody waits", 20, lambda: metrics(b)["weft_api_connections"] >= 2)
        reader = follow(b)
        a.do("expose", "3000", "--name", "echo", "--allow", "b")
        reader.until("the offer", kind("services_changed", peer="a"))
        out, _ = waiting.communicate(timeout=30)
        expect(waiting.returncode == 0 and json.loads(out)["schema"] == "weft.wait/1", f"{out}")
        reader.stop()
        watch = b.host.start(weft, "members", "--watch", "--json", "--timeout", "60s", env=b.env,
                             stdout=subprocess.PIPE, text=True)
        first = json.loads(watch.stdout.readline())
        expect(len(first["members"]) == 2, f"{first}")
        a.do("rename", "b", "desk")
        for line in watch.stdout:
            if any(m["name"] == "desk" for m in json.loads(line)["members"]):
                break
        else:
            expect(False, "members --watch ended without the change")
        watch.terminate()
        watch.wait(5)


def case_metrics_count(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo_server(a.host, 3000)
        a.do("expose", "3000", "--name", "echo", "--allow", "b")
        b.do("wait", "service:echo@a", "--timeout", "30s")
        port = b.open("echo@a")
        before = metrics(b)
        expect(traffic(b.host, "probe", port)["end"] == "ok", "the door does not work")
        after = eventually("the bytes are counted", 20, lambda: (lambda m: m if m[
            "weft_flow_to_stream_total"] > before["weft_flow_to_stream_total"] else None)(metrics(b)))
        expect(after["weft_udp_tx_datagrams_total"] > before["weft_udp_tx_datagrams_total"]
               and after["weft_sessions"] == 1 and after["weft_members"] == 2
               and after["weft_doors"] == 1 and after['weft_peers{state="connected"}'] == 1
               and after['weft_peer_rtt_seconds{peer="a"}'] > 0, f"{after}")
        expect(after["weft_store_commit_seconds_count"] > 0, "no change was timed")
        expect(len(after) < 500, f"{len(after)} series")
        # On a port of the loopback, if the configuration says so; nobody else is served.
        with open(os.path.join(b.home, "weft.toml"), "w", encoding="utf-8") as f:
            f.write('version = 1\n[metrics]\nlisten = "127.0.0.1:9464"\n')
        b.daemon.send_signal(signal.SIGHUP)
        b.host.wait_port(9464)
        expect(metrics(b, "http://127.0.0.1:9464/metrics")["weft_sessions"] == 1, "no metrics")
        for flags in (["-H", "Host: evil.example"], ["-X", "POST"], ["-H", "Origin: http://x"]):
            code = b.host.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", *flags,
                              "http://127.0.0.1:9464/metrics").stdout
            expect(code in ("403", "405"), f"{flags}: {code}")
        code = b.host.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}",
                          "http://127.0.0.1:9464/api/v1/status").stdout
        expect(code == "404", f"another path: {code}")
        with open(os.path.join(b.home, "weft.toml"), "w", encoding="utf-8") as f:
            f.write('version = 1\n[metrics]\nlisten = "0.0.0.0:9465"\n')
        b.daemon.send_signal(signal.SIGHUP)
        eventually("an open port without a token is refused", 20,
                   lambda: "event=config_failed what=metrics" in b.log_tail(20))
        with open(os.path.join(b.home, "weft.toml"), "w", encoding="utf-8") as f:
            f.write('version = 1\n[metrics]\nlisten = "0.0.0.0:9465"\n'
                    'token = "0123456789abcdef0123"\n')
        b.daemon.send_signal(signal.SIGHUP)
        b.host.wait_port(9465)
        url = f"http://{b.host.address}:9465/metrics"
        code = a.host.run("curl", "-s", "-o", "/dev/null", "-w", "%{http_code}", url).stdout
        expect(code == "401", f"without the token: {code}")
        told = metrics(b, url, "-H", "Authorization: Bearer 0123456789abcdef0123")
        expect(told["weft_sessions"] == 1, "the token is not taken")
