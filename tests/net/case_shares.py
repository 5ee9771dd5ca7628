"""Access that ends by itself: shares, on open connections too, over kills, and what the caller is told."""
import socket
import subprocess
import sys
import time

from lab import Lab, eventually, expect
from servers import echo_server

# Connects, says so, and then says when the other side hangs up.
HOLDER = ("import socket,sys,time\n"
          "s=socket.create_connection(('127.0.0.1',int(sys.argv[1])),9);s.send(b'hello')\n"
          "print('in',flush=True)\n"
          "s.settimeout(60)\n"
          "try:\n"
          " while s.recv(4096):pass\n"
          "except ConnectionError:pass\n"
          "print(time.time(),flush=True)")


def offered(node):
    return [s["name"] for s in node.do("services")["services"]]


def hold(node, port):
    process = node.host.start(sys.executable, "-c", HOLDER, port, stdout=subprocess.PIPE)
    expect(process.stdout.readline().strip() == b"in", "the held connection did not open")
    return process


def state(node):
    return [(s["who"], s["state"]) for s in node.do("shares")["shares"]]


def case_a_share_ends_on_open_connections(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo_server(a.host, 3000)
        a.do("expose", "3000", "--name", "blog")
        a.refuses(2, "share", "blog", "b", says="--for")
        a.refuses(4, "share", "none", "b", "--for", "1h")
        a.refuses(4, "share", "blog", "nobody", "--for", "1h")
        until = time.time() + 8
        said = a.ask("share", "blog", "b", "--for", "8s", json_out=False)
        expect(said.code == 0 and "until" in said.out, said.text)
        eventually("the service", 5, lambda: offered(b) == ["blog"])
        door = b.open("blog@a")
        held = hold(b, door)
        expect(a.do("trace", "blog", "b")["verdict"] == "allowed", "trace denies")
        ended = float(held.stdout.readline())
        expect(-1.1 <= ended - until <= 1.0, f"ended {ended - until:.2f} s after its time")
        expect(state(a) == [("b", "ended")], f"{state(a)}")
        trace = a.do("trace", "blog", "b")
        expect(trace["verdict"] == "denied" and "ended" in trace["rule"], f"{trace}")
        eventually("no service", 5, lambda: offered(b) == [])
        b.refuses(5, "pipe", "blog@a", says="ended", stdin=subprocess.DEVNULL)
        return f"open connection ended {ended - until:+.2f} s from its time"


def case_a_share_survives_kills_and_is_taken_back(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo_server(a.host, 3000)
        a.do("expose", "3000", "--name", "blog")
        share = a.do("share", "blog", "b", "--for", "1h")["shares"][0]
        a.kill()
        a.start()
        after = a.do("shares")["shares"]
        expect([(s["id"], s["until"]) for s in after] == [(share["id"], share["until"])], f"{after}")
        eventually("the service", 20, lambda: offered(b) == ["blog"])
        held = hold(b, b.open("blog@a"))
        gone = a.do("unshare", share["id"])
        expect(gone["closed"] == 1, f"{gone}")
        held.stdout.readline()
        a.refuses(4, "unshare", share["id"])
        # A short one that ends while its node is down.
        a.do("share", "blog", "b", "--for", "3s")
        a.kill()
        time.sleep(3.2)
        a.start()
        expect(state(a) == [("b", "ended")], f"{state(a)}")
        b.refuses(5, "pipe", "blog@a", says="ended", stdin=subprocess.DEVNULL, timeout=60)


def case_who_asks_is_approved_or_refused(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo_server(a.host, 3000)
        a.do("expose", "3000", "--name", "blog")
        b.refuses(4, "ask", "none@a")
        b.refuses((2, 4), "ask", "blog@nobody")
        expect(b.do("ask", "blog@a", "--note", "for the report")["status"] == "asked", "not asked")
        [ask] = a.do("asks")["asks"]
        expect((ask["node"], ask["service"], ask["note"]) == ("b", "blog", "for the report"), f"{ask}")
        line = [l for l in a.do("status")["attention"] if "asks to use blog" in l]
        expect(line and f"weft approve {ask['id']}" in line[0], f"{line}")
        a.do("approve", ask["id"], "--for", "6s")
        expect(a.do("asks")["asks"] == [], "it waits still")
        eventually("the service", 5, lambda: offered(b) == ["blog"])
        expect(b.do("ask", "blog@a")["status"] == "allowed", "asks for what it has")
        held = hold(b, b.open("blog@a"))
        held.stdout.readline()
        eventually("no service", 5, lambda: offered(b) == [])
        b.do("ask", "blog@a")
        [ask] = a.do("asks")["asks"]
        a.do("refuse", ask["id"])
        a.refuses(4, "approve", ask["id"])
        b.refuses(5, "ask", "blog@a", says="refused")


def case_a_share_of_a_place_or_an_hour(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        echo_server(a.host, 3000)
        a.do("expose", "3000", "--name", "blog")
        a.refuses(2, "share", "blog", "b", "--cidr", "10.0.0.0/40")
        a.refuses(2, "share", "blog", "b", "--hours", "8-17")
        far = a.do("share", "blog", "b", "--cidr", "192.168.0.0/16")["shares"][0]
        b.refuses(5, "pipe", "blog@a", says="192.168.0.0/16", stdin=subprocess.DEVNULL)
        near = a.do("share", "blog", "b", "--cidr", "10.77.0.0/24")["shares"][0]
        eventually("the service", 5, lambda: offered(b) == ["blog"])
        held = hold(b, b.open("blog@a"))
        b.host.move("10.77.0.99")  # still inside
        time.sleep(1)
        expect(held.poll() is None, "a move inside the range ended it")
        a.do("unshare", near["id"])
        held.stdout.readline()
        a.do("unshare", far["id"])
        hour = time.localtime().tm_hour
        other = f"{(hour + 2) % 24:02}:00-{(hour + 3) % 24:02}:00"
        a.do("share", "blog", "b", "--hours", other)
        expect(state(a) == [("b", "outside its hours")], f"{state(a)}")
        b.refuses(5, "pipe", "blog@a", says=other, stdin=subprocess.DEVNULL)
        a.do("share", "blog", "b", "--hours", f"{hour:02}:00-{(hour + 2) % 24:02}:00")
        eventually("the service again", 5, lambda: offered(b) == ["blog"])
        # A deny comes first, whatever is shared.
        a.do("deny", "blog", "b")
        eventually("no service", 5, lambda: offered(b) == [])
