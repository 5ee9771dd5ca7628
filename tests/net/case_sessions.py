"""What programs that read nothing, or a member that floods, may take from the others: nothing."""
import sys
import time

from lab import Lab, eventually, expect
from servers import echo_server, traffic

DEAF = """
import socket, sys
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=4096)
held = []
while True:
    held.append(listener.accept()[0])
"""
# Sends for ever to whoever asks, and never reads.
SPRING = """
import socket, sys, threading
listener = socket.create_server(("127.0.0.1", int(sys.argv[1])), backlog=4096)
def pour(client):
    try:
        while True:
            client.sendall(b"x" * 65536)
    except OSError:
        pass
while True:
    threading.Thread(target=pour, args=(listener.accept()[0],), daemon=True).start()
"""
# Holds connections; with "push" writes to each until it takes no more, over and over.
HOLD = """
import socket, sys, time
port, count, push = int(sys.argv[1]), int(sys.argv[2]), sys.argv[3] == "push"
held = [socket.create_connection(("127.0.0.1", port)) for _ in range(count)]
for one in held:
    one.setblocking(False)
print("held", flush=True)
block = b"y" * 65536
while True:
    for one in held if push else ():
        try:
            one.send(block)
        except BlockingIOError:
            pass
    time.sleep(0.05)
"""


def hold(host, port, count, how):
    import subprocess
    process = host.start(sys.executable, "-c", HOLD, port, count, how, stdout=subprocess.PIPE,
                         text=True)
    expect(process.stdout.readline() == "held\n", f"{count} connections did not open")
    return process


def works(lab, a, b, port, what):
    expect(traffic(b.host, "probe", port)["end"] == "ok", f"{what}: the other service is dead")
    answer = b.ask("ping", "a", "-c", "1", "--timeout", "3s")
    expect(answer.code == 0, f"{what}: ping: {answer.text}")


def case_streams_nobody_reads(weft):
    with Lab(weft, 3) as lab:
        a, b, c = lab.nodes("a", "b", "c")
        ports = {}
        for name, code, port in (("deaf", DEAF, 7000), ("spring", SPRING, 7002)):
            a.host.start(sys.executable, "-c", code, port, log=name)
            a.host.wait_port(port)
            a.do("expose", port, "--name", name, "--allow", "b")
            ports[name] = b.open(f"{name}@a")
        echo_server(a.host, 7001)
        a.do("expose", "7001", "--name", "echo", "--allow", "b")
        echo = b.open("echo@a")
        works(lab, a, b, echo, "before")
        before = a.rss_kib()
        holders = []
        for count in (4, 300):
            holders.append(hold(b.host, ports["deaf"], count, "push"))
            time.sleep(2)
            works(lab, a, b, echo, f"{count} stuck uploads")
            holders.append(hold(b.host, ports["spring"], count, "idle"))
            time.sleep(2)
            works(lab, a, b, echo, f"{count} stuck downloads")
        grown = (a.rss_kib() - before) >> 10
        expect(grown < 64, f"a grew by {grown} MiB")
        # What is said about the roster comes through as well.
        a.do("remove", "c")
        names = lambda: [m["name"] for m in b.do("members")["members"]]
        eventually("the removal reaches b", 5, lambda: "c" not in names())
        for process in holders:
            process.kill()
        works(lab, a, b, echo, "after")
        return f"608 stuck connections cost a {grown} MiB"
