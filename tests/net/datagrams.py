"""Both ends of datagram traffic for case_udp.py.

  datagrams.py echo HOST PORT            answers each datagram with its own bytes
  datagrams.py ask HOST PORT SIZE COUNT  one line of JSON: sent, answered, changed, from_elsewhere
  datagrams.py flood HOST PORT SIZE SECONDS   as fast as it goes; how many were sent
"""
import json
import os
import socket
import sys
import time


def family_of(host):
    return socket.AF_INET6 if ":" in host else socket.AF_INET


def echo(host, port):
    s = socket.socket(family_of(host), socket.SOCK_DGRAM)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
    s.bind((host, port))
    while True:
        data, sender = s.recvfrom(70000)
        s.sendto(data, sender)


def ask(host, port, size, count):
    """One question at a time, each with bytes of its own; a lost one is asked again once."""
    s = socket.socket(family_of(host), socket.SOCK_DGRAM)
    s.settimeout(1)
    seen = {"sent": 0, "answered": 0, "changed": 0, "from_elsewhere": 0, "worst_ms": 0}
    for _ in range(count):
        question = os.urandom(size)
        started = time.monotonic()
        for _ in range(2):
            s.sendto(question, (host, port))
            seen["sent"] += 1
            try:
                answer, sender = s.recvfrom(70000)
            except TimeoutError:
                continue
            seen["answered"] += 1
            seen["changed"] += answer != question
            seen["from_elsewhere"] += sender[:2] != (host, port)
            break
        seen["worst_ms"] = max(seen["worst_ms"], round(1000 * (time.monotonic() - started)))
    print(json.dumps(seen))


def flood(host, port, size, seconds):
    s = socket.socket(family_of(host), socket.SOCK_DGRAM)
    s.connect((host, port))
    data, sent, end = b"f" * size, 0, time.monotonic() + seconds
    while time.monotonic() < end:
        for _ in range(100):
            try:
                s.send(data)
                sent += 1
            except OSError:
                pass
    print(sent)


if __name__ == "__main__":
    job, host, *numbers = sys.argv[1:]
    {"echo": echo, "ask": ask, "flood": flood}[job](host, *(int(n) for n in numbers))
