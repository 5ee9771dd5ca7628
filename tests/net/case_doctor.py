"""weft doctor: each thing that is broken here is found, said and gets its fix; what is well passes."""
import os

from lab import Lab, Node, eventually, expect
from servers import echo_server


def look(node, code=0):
    """The checks by name, of a doctor that ended with this code."""
    answer = node.ask("doctor")
    data = answer.json()
    expect(data["schema"] == "weft.doctor/1", f"{data}")
    checks = {c["name"]: c for c in data["checks"]}
    expect(len(checks) == len(data["checks"]), f"a name twice: {data}")
    for check in data["checks"]:
        expect(check["detail"] and bool(check["fix"]) == (check["result"] != "PASS"), f"{check}")
    bad = [c for c in data["checks"] if c["result"] != "PASS"]
    expect(answer.code == code, f"exit {answer.code}, wanted {code}: {bad}")
    return checks


def result(checks, name, wanted, says=""):
    check = checks.get(name)
    expect(check and check["result"] == wanted and says in check["detail"],
           f"{name}: wanted {wanted} with {says!r}, got {check}")


def case_the_doctor_looks_at_a_machine_without_a_daemon(weft):
    with Lab(weft, 1) as lab:
        host = lab.hosts[0]
        a = Node(host, "a")
        checks = look(a)
        result(checks, "daemon", "WARN")
        result(checks, "home", "WARN", "no node")
        for name in ("configuration", "disk", "store", "descriptors", "sockets"):
            result(checks, name, "PASS")
        a.start()
        a.stop()
        checks = look(a)
        result(checks, "home", "PASS")
        result(checks, "store", "PASS", "whole")
        a.start(name=False)  # it looked and changed nothing: the node begins as before
        a.stop()

        key = os.path.join(a.home, "identity.key")
        os.chmod(key, 0o644)
        result(look(a, 1), "home", "FAIL", "identity.key")
        os.chmod(key, 0o600)
        config = os.path.join(a.home, "weft.toml")
        with open(config, "w", encoding="utf-8") as f:
            f.write("version = 1\n[node]\nnmae = \"a\"\n")
        checks = look(a, 1)
        result(checks, "configuration", "FAIL", "weft.toml:3")
        expect("name" in checks["configuration"]["fix"], f"{checks['configuration']}")
        with open(config, "w", encoding="utf-8") as f:
            f.write('version = 1\n[node]\nlisten = ["127.0.0.1:45000"]\n[metrics]\n'
                    'token = "0123456789abcdef0123"\n')
        os.chmod(config, 0o644)
        checks = look(a)
        result(checks, "configuration", "WARN", "token")
        result(checks, "sockets", "PASS", "127.0.0.1:45000")
        os.chmod(config, 0o600)
        result(look(a), "configuration", "PASS")
        holder = host.start("python3", "-c", "import socket,time\n"
                            "s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)\n"
                            "s.bind(('127.0.0.1', 45000))\ntime.sleep(600)\n")
        eventually("the port is taken", 10, lambda: host.run(
            "ss", "-Hlun", "sport = :45000").stdout.strip())
        result(look(a, 1), "sockets", "FAIL", "127.0.0.1:45000")
        holder.kill()
        holder.wait()
        with open(os.path.join(a.home, "state.db"), "r+b") as f:
            f.seek(0)
            f.write(b"no database at all")
        result(look(a, 1), "store", "FAIL")
        text = a.ask("doctor", json_out=False)
        expect(text.code == 1 and "FAIL" in text.out and "store" in text.out, text.text)


def case_the_doctor_asks_the_daemon(weft):
    with Lab(weft, 2) as lab:
        a, b = lab.nodes("a", "b")
        a.do("wait", "node:b")
        checks = look(a)
        for name in ("daemon", "version", "sockets", "gso", "mtu", "network", "store", "log",
                     "names", "clock_against_peers", "peer_versions", "reachable", "nat", "relay",
                     "relays", "proxy", "captive_portal", "port_mapping"):
            result(checks, name, "PASS")
        result(checks, "peers", "PASS", "1 of 1")
        result(checks, "services", "PASS", "none")
        a.do("expose", "7999", "--name", "dead", "--allow", "b")
        result(look(a), "services", "WARN", "dead")
        a.do("unexpose", "dead")
        # A door whose port somebody else has when the daemon comes back.
        echo_server(b.host, 7001)
        b.do("expose", "7001", "--name", "far", "--allow", "a")
        a.do("wait", "service:far", "--timeout", "20s")
        port = a.open("far")
        result(look(a), "doors", "PASS", "1 is open")
        a.stop()
        holder = a.host.start("python3", "-m", "http.server", str(port), "--bind", "127.0.0.1")
        a.host.wait_port(port)
        a.start(name=False)
        a.do("wait", "node:b", "--timeout", "20s")
        result(look(a), "doors", "WARN", "cannot be opened")
        holder.kill()
        holder.wait()
        b.stop()
        eventually("nobody is connected", 60,
                   lambda: a.do("status")["peers"][0]["state"] == "away")
        result(look(a, 1), "peers", "FAIL", "none of 1")
        # A daemon that hangs is not one that does not run.
        a.daemon.send_signal(19)
        result(look(a, 1), "daemon", "FAIL", "does not answer")
        a.daemon.send_signal(18)
