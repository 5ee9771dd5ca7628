#!/usr/bin/env python3
"""Measures a NAT from inside, by the method of RFC 5780: what two addresses with two ports each see
of one socket, and which of them reach it unasked. Plain text datagrams; knows nothing of weft.

  nat_probe.py server     at 203.0.113.10, .11 and 2001:db8:ff::10, ::11, ports 3478 and 3479
  nat_probe.py probe 4|6  one line of JSON
"""
import json
import select
import socket
import sys

PORTS = (3478, 3479)
HOSTS = {4: ("203.0.113.10", "203.0.113.11"), 6: ("2001:db8:ff::10", "2001:db8:ff::11")}
PATIENCE = 0.4  # seconds until an answer is given up; a round trip takes a tenth of a millisecond


def bound(family, host, port):
    s = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET, socket.SOCK_DGRAM)
    s.bind((host, port))
    return s


def serve():
    sockets = {(f, h, p): bound(f, HOSTS[f][h], PORTS[p])
               for f in (4, 6) for h in (0, 1) for p in (0, 1)}
    by_file = {s.fileno(): key for key, s in sockets.items()}
    while True:
        for ready in select.select(list(by_file), [], [])[0]:
            family, host, port = by_file[ready]
            data, source = sockets[(family, host, port)].recvfrom(512)
            words = data.decode().split()  # "TAG other_host other_port"
            host, port = host ^ int(words[1]), port ^ int(words[2])
            answer = f"{words[0]} {source[0]} {source[1]}".encode()
            sockets[(family, host, port)].sendto(answer, source)


class Prober:
    def __init__(self, family):
        self.family, self.tag = family, 0
        self.socket = bound(family, "::" if family == 6 else "0.0.0.0", 0)

    def ask(self, host, port, other_host=0, other_port=0):
        """What the server at this place sees; None: no answer from where it was asked for."""
        self.tag += 1
        place = (HOSTS[self.family][host], PORTS[port])
        self.socket.sendto(f"{self.tag} {other_host} {other_port}".encode(), place)
        while select.select([self.socket], [], [], PATIENCE)[0]:
            words = self.socket.recv(512).decode().split()
            if words[0] == str(self.tag):
                return words[1], int(words[2])
        return None


def outside_address(family):
    return Prober(family).ask(0, 0)


def mapping(family):
    prober = Prober(family)
    first = prober.ask(0, 0)
    if first is None:
        return "blocked", None, prober
    local = prober.socket.getsockname()[1]
    other_port, other_host = prober.ask(0, 1), prober.ask(1, 0)
    if other_host == first:
        kind = "independent"
    elif other_port == first:
        kind = "address"
    else:
        kind = "address and port"
    return kind, first[1] == local, prober


def filtering(family):
    prober = Prober(family)  # new: nothing was sent from it to the other places
    if prober.ask(0, 0) is None:
        return "blocked"
    if prober.ask(0, 0, 1, 1):
        return "independent"
    return "address" if prober.ask(0, 0, 0, 1) else "address and port"


def hairpin(family):
    """A second socket sends to the first one's outside address."""
    first, second = Prober(family), Prober(family)
    seen, other = first.ask(0, 0), second.ask(0, 0)
    if seen is None or other is None:
        return False
    second.socket.sendto(b"hairpin", seen)
    if not select.select([first.socket], [], [], PATIENCE)[0]:
        return False
    return first.socket.recvfrom(512)[1][:2] == other


def probe(family):
    kind, kept, prober = mapping(family)
    seen = outside_address(family)
    own = socket.socket(prober.socket.family, socket.SOCK_DGRAM)
    own.connect((HOSTS[family][0], PORTS[0]))
    return {"mapping": kind, "filtering": filtering(family), "port_kept": kept,
            "translated": seen is not None and seen[0] != own.getsockname()[0],
            "hairpin": hairpin(family)}


if __name__ == "__main__":
    if sys.argv[1] == "server":
        serve()
    print(json.dumps(probe(int(sys.argv[2]))))
