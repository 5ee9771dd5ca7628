"""A cable that loses trains: forwards frames between two interfaces, and drops those that the kernel
would still have to cut (GSO), as a driver or a virtual machine that mangles them does.

  mangler.py INTERFACE INTERFACE

Says "ready" when it forwards, and at its end how many trains it dropped.
"""
import select
import signal
import socket
import struct
import sys

SOL_PACKET, PACKET_VNET_HDR, PACKET_IGNORE_OUTGOING = 263, 15, 23
VNET_HEADER = 10  # flags, gso type, ...; the checksum that is still to be made travels in it


def port(interface):
    s = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))  # every protocol
    s.setsockopt(SOL_PACKET, PACKET_VNET_HDR, 1)
    s.setsockopt(SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 8 << 20)
    s.bind((interface, 0))
    s.setblocking(False)
    return s


def main():
    ends = [port(name) for name in sys.argv[1:3]]
    other = {ends[0]: ends[1], ends[1]: ends[0]}
    dropped = 0

    def end(*_):
        print(dropped, flush=True)
        sys.exit(0)

    signal.signal(signal.SIGTERM, end)
    print("ready", flush=True)
    while True:
        for s in select.select(ends, [], [])[0]:
            for _ in range(64):
                try:
                    frame = s.recv(1 << 17)
                except BlockingIOError:
                    break
                if struct.unpack_from("BB", frame)[1] != 0 or len(frame) > VNET_HEADER + 1514:
                    dropped += 1
                    continue
                try:
                    other[s].send(frame)
                except OSError:
                    pass  # its queue is full: lost, as on a cable


if __name__ == "__main__":
    main()
