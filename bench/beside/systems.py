"""The tunnels that are measured: each brings itself up between the lab's two hosts and says where
to dial on the first one to reach port 7000 on the second, and which processes are its own."""
import json
import os
import subprocess

from lab import eventually, run
from servers import sshd

DOOR = 7100


class Tunnel:
    def __init__(self, address, processes):
        self.address, self.pids = address, [p.pid for p in processes]


def raw(lab):
    return Tunnel((lab.hosts[1].address, 7000), [])


def ssh(lab):
    a, b = lab.hosts
    options = sshd_on(b)
    client = a.start("ssh", *options, "-N", "-c", "aes128-gcm@openssh.com", "-o", "IPQoS=none",
                     "-p", "2222", "-L", f"127.0.0.1:{DOOR}:127.0.0.1:7000",
                     f"root@{b.address}", log="ssh")
    a.wait_port(DOOR)
    return Tunnel(("127.0.0.1", DOOR), [client, lab.processes[-2]])


def sshd_on(host):
    """A private sshd that listens on the host's own address."""
    options = sshd(host, 2222)
    first = host.lab.processes[-1]
    first.terminate()
    first.wait()
    path = os.path.join(host.lab.folder, "ssh", "sshd.conf")
    with open(path, encoding="utf-8") as f:
        text = f.read().replace("ListenAddress 127.0.0.1", f"ListenAddress {host.address}")
    with open(path, "w", encoding="utf-8") as f:
        f.write(text + "MaxSessions 100\n")
    host.start("/usr/sbin/sshd", "-D", "-e", "-f", path, log="sshd")
    host.wait_port(2222)
    return options


def stunnel(lab):
    a, b = lab.hosts
    folder = lab.folder
    run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "2", "-subj", "/CN=lab", "-keyout", f"{folder}/key.pem",
         "-out", f"{folder}/cert.pem"], check=True)
    common = "foreground = yes\npid =\nsocket = l:TCP_NODELAY=1\nsocket = r:TCP_NODELAY=1\n[t]\n"
    with open(f"{folder}/server.conf", "w", encoding="utf-8") as f:
        f.write(f"{common}accept = {b.address}:4433\nconnect = 127.0.0.1:7000\n"
                f"cert = {folder}/cert.pem\nkey = {folder}/key.pem\n")
    with open(f"{folder}/client.conf", "w", encoding="utf-8") as f:
        f.write(f"{common}client = yes\naccept = 127.0.0.1:{DOOR}\nconnect = {b.address}:4433\n"
                f"CAfile = {folder}/cert.pem\nverifyPeer = yes\n")
    ends = [b.start("stunnel4", f"{folder}/server.conf", log="stunnel"),
            a.start("stunnel4", f"{folder}/client.conf", log="stunnel")]
    b.wait_port(4433)
    a.wait_port(DOOR)
    return Tunnel(("127.0.0.1", DOOR), ends)


def wait_ping(host, address):
    def answers():
        probe = "import socket,sys; socket.create_connection((sys.argv[1], 7000), 1)"
        return host.run("python3", "-c", probe, address).returncode == 0
    eventually(f"{address} reachable", 25, answers)


def nebula(lab):
    a, b = lab.hosts
    pki = os.path.join(lab.folder, "nebula")
    os.makedirs(pki)
    cert = lambda *c: subprocess.run(["nebula-cert", *c], cwd=pki, check=True)
    cert("ca", "-name", "lab")
    ends = []
    for host, name, address in ((b, "b", "10.98.0.2"), (a, "a", "10.98.0.1")):
        cert("sign", "-name", name, "-ip", address + "/24")
        lighthouse = name == "b"
        conf = {
            "pki": {"ca": f"{pki}/ca.crt", "cert": f"{pki}/{name}.crt", "key": f"{pki}/{name}.key"},
            "static_host_map": {} if lighthouse else {"10.98.0.2": [f"{b.address}:4242"]},
            "lighthouse": {"am_lighthouse": lighthouse, "interval": 5,
                           "hosts": [] if lighthouse else ["10.98.0.2"]},
            "listen": {"host": "0.0.0.0", "port": 4242, "batch": 64}, "cipher": "aes",
            "tun": {"dev": "neb0", "mtu": 1300},
            "firewall": {d: [{"port": "any", "proto": "any", "host": "any"}]
                         for d in ("inbound", "outbound")}}
        path = os.path.join(pki, f"{name}.yml")
        with open(path, "w", encoding="utf-8") as f:
            json.dump(conf, f)  # JSON is YAML
        ends.append(host.start("nebula", "-config", path, log="nebula"))
    wait_ping(a, "10.98.0.2")
    return Tunnel(("10.98.0.2", 7000), ends)


def wireguard_go(lab):
    key = lambda: subprocess.run(["wg", "genkey"], capture_output=True, text=True).stdout
    public = lambda k: subprocess.run(["wg", "pubkey"], input=k, capture_output=True,
                                      text=True).stdout.strip()
    keys = [key(), key()]
    ends = []
    for i, host in enumerate(lab.hosts):
        other, device = lab.hosts[1 - i], f"wgo{i}"
        ends.append(host.start("wireguard-go", "-f", device, log="wg", env=dict(
            os.environ, WG_I_PREFER_BUGGY_USERSPACE_TO_POLISHED_KMOD="1")))
        eventually("the tun device", 5, lambda: host.run(
            "ip", "link", "show", device).returncode == 0)
        path = os.path.join(lab.folder, f"wg{i}.key")
        with open(path, "w", encoding="utf-8") as f:
            f.write(keys[i])
        host.run("wg", "set", device, "private-key", path, "listen-port", "51820", "peer",
                 public(keys[1 - i]), "allowed-ips", f"10.98.0.{2 - i}/32", "endpoint",
                 f"{other.address}:51820")
        host.run("ip", "addr", "add", f"10.98.0.{i + 1}/24", "dev", device)
        host.run("ip", "link", "set", device, "mtu", "1420", "up")
    wait_ping(lab.hosts[0], "10.98.0.2")
    return Tunnel(("10.98.0.2", 7000), ends)


def weft(lab):
    a, b = lab.nodes("a", "b")
    b.do("expose", "7000", "--name", "load", "--allow", "a")
    port = a.open("load@b", "--listen", f"127.0.0.1:{DOOR}")
    return Tunnel(("127.0.0.1", port), [a.daemon, b.daemon])


ALL = {"raw": raw, "ssh": ssh, "stunnel": stunnel, "nebula": nebula,
       "wireguard_go": wireguard_go, "weft": weft}
NEEDS = {"raw": [], "ssh": ["ssh", "sshd"], "stunnel": ["stunnel4"],
         "nebula": ["nebula", "nebula-cert"], "wireguard_go": ["wireguard-go", "wg"],
         "weft": ["weft"]}
