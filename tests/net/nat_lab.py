"""Hosts behind NATs, in network namespaces with nftables: an "internet" on one bridge, hosts with
public addresses on it, and homes: a host behind a router of a named kind, or behind two.

Words are RFC 4787's. Every kind maps with Linux's own NAT; what differs is which port it draws and
whom it lets in again.

  open          a public address and no filter
  independent   mapping independent, filtering independent
  address       mapping independent, filtering by address
  port          mapping independent, filtering by address and port: plain Linux masquerade
  symmetric     mapping and filtering by address and port, ports drawn at random
  double        "port" behind a carrier's "port"
  double_symmetric  "port" behind a carrier's "symmetric"
  blocked       "port", and no UDP passes
  six           IPv6 alone behind a stateful firewall, nothing translated
  hairpin       "independent", and the router turns packets for its own outside address around

`measure(kind)` says what a kind does, seen from inside by nat_probe.py; case_nat.py compares.
Ports of a mapping are kept where they are free, as Linux does it, except by the symmetric kinds.
A router is silent outside: it drops what nobody asked for, as home routers do. Were it to answer,
its own connection entry would take the port that a punch needs.
"""
import json
import os
import sys

from lab import HERE, Failure, Host, Lab, Node, eventually, run

KINDS = ("open", "independent", "address", "port", "symmetric", "double", "double_symmetric",
         "blocked", "six", "hairpin")
PROBE = os.path.join(HERE, "nat_probe.py")
PORTS = (3478, 3479)  # of the probe's server, at each of its two addresses
LIFE = 120            # seconds for which a router keeps a mapping without traffic


INTERNET = "203.0.113"  # RFC 5737
# miniupnpd calls documentation addresses no internet; nothing of this leaves the namespaces.
ROUTABLE = "11.0.0"


def public(index, internet=INTERNET):
    return f"{internet}.{index}"


def public6(index):
    return f"2001:db8:ff::{index}"


def base_rules():
    """What each router filters: nothing comes in that is not an answer or was let in by a rule."""
    return """
table inet gate {
  chain passing { type filter hook forward priority filter; policy drop;
    ct state established,related accept
    iifname "lan" accept
    ct status dnat accept
    meta l4proto ipv6-icmp accept
  }
  chain coming { type filter hook input priority filter; policy drop;
    iifname { "lo", "lan" } accept
    ct state established,related accept
    meta l4proto { icmp, ipv6-icmp } accept
  }
}
"""


def nat_rules(kind, inside, outside):
    """`inside`: the host that packets for an open port go to; `outside`: the router's address."""
    draw = " fully-random" if kind == "symmetric" else ""
    rules = f"""
table ip nat {{
  chain leaving {{ type nat hook postrouting priority srcnat;
    oifname "wan" masquerade{draw}
  }}
}}
"""
    if kind in ("independent", "hairpin"):
        rules += f"""
table ip memory {{
  set used {{ type inet_service; flags dynamic, timeout; size 65535; timeout {LIFE}s; }}
  chain note {{ type filter hook postrouting priority srcnat + 1;
    oifname "wan" meta l4proto udp update @used {{ udp sport }}
  }}
  chain back {{ type nat hook prerouting priority dstnat;
    iifname "wan" udp dport @used dnat to {inside}
  }}
}}
"""
    if kind == "address":
        rules += f"""
table ip memory {{
  set used {{ type ipv4_addr . inet_service; flags dynamic, timeout; size 65535; timeout {LIFE}s; }}
  chain note {{ type filter hook postrouting priority srcnat + 1;
    oifname "wan" meta l4proto udp update @used {{ ip daddr . udp sport }}
  }}
  chain back {{ type nat hook prerouting priority dstnat;
    iifname "wan" ip saddr . udp dport @used dnat to {inside}
  }}
}}
"""
    if kind == "hairpin":
        rules += f"""
table ip hairpin {{
  chain turn {{ type nat hook prerouting priority dstnat;
    iifname "lan" ip daddr {outside} meta l4proto udp dnat to {inside}
  }}
  chain mask {{ type nat hook postrouting priority srcnat - 1;
    oifname "lan" ct status dnat ip saddr {inside} meta l4proto udp snat to {outside}
  }}
}}
"""
    if kind == "blocked":
        rules += """
table inet wall {
  chain no_udp { type filter hook forward priority -10; meta l4proto udp drop;
  }
}
"""
    return rules


class Box(Host):
    """A namespace without an address of the lab's own making: a router, or a host behind one."""

    def __init__(self, lab, name, address=""):
        super().__init__(lab, 0)
        self.name, self.address = name, address
        self.ns = f"wt{os.getpid()}{name}"
        self.link = f"v{os.getpid()}{name}"[-15:]

    def ip(self, *argv):
        run(["ip", "-n", self.ns, *map(str, argv)], check=True)

    def sysctl(self, *settings):
        self.run("sysctl", "-qw", *settings)

    def nft(self, rules):
        done = self.run("nft", "-f", "-", input=rules)
        if done.returncode:
            raise Failure(f"nft: {done.stderr}\n{rules}")


class Home:
    """A host behind its router; `router` is None for kind "open", `carrier` the second router."""

    def __init__(self, lab, index, kind):
        self.kind, self.index = kind, index
        self.host = Box(lab, f"h{index}")
        self.router = Box(lab, f"r{index}") if kind != "open" else None
        self.carrier = Box(lab, f"c{index}") if kind.startswith("double") else None
        self.outside = (public6(100 + index) if kind == "six"
                        else public(100 + index, lab.internet))

    def boxes(self):
        return [box for box in (self.host, self.router, self.carrier) if box]


class NatLab(Lab):
    """`with NatLab(weft, ["port", "symmetric"]) as lab`: lab.public[0] and lab.homes[0], [1]."""

    def __init__(self, weft, kinds, publics=1, internet=INTERNET):
        super().__init__(weft, 0)
        self.internet = internet
        self.homes = [Home(self, i + 1, kind) for i, kind in enumerate(kinds)]
        self.public = [Box(self, f"p{i}", public(10 * (i + 1), internet)) for i in range(publics)]
        self.boxes = self.public + [box for home in self.homes for box in home.boxes()]
        self.hosts = self.boxes  # what close() takes away

    def _wire(self):
        run(["ip", "netns", "add", self.switch], check=True)
        run(["ip", "-n", self.switch, "link", "add", "br0", "type", "bridge", "forward_delay", "0"],
            check=True)
        run(["ip", "-n", self.switch, "link", "set", "br0", "up"], check=True)
        for box in self.boxes:
            run(["ip", "netns", "add", box.ns], check=True)
            box.ip("link", "set", "lo", "up")
            box.sysctl("net.ipv6.conf.all.accept_dad=0", "net.ipv6.conf.default.accept_dad=0",
                       "net.ipv4.tcp_congestion_control=cubic")
        for i, box in enumerate(self.public):
            self._plug(box, "eth0")
            for last in (10 * (i + 1), 10 * (i + 1) + 1):  # two addresses each
                box.ip("addr", "add", public(last, self.internet) + "/24", "dev", "eth0")
                box.ip("addr", "add", public6(last) + "/64", "dev", "eth0", "nodad")
        for home in self.homes:
            self._wire_home(home)
        for home in self.homes:
            if home.kind != "six":
                continue
            for box in self.boxes:  # everybody on the internet knows the way to that home
                if box is not home.router and self._on_internet(box):
                    box.ip("route", "add", f"2001:db8:{home.index}::/64", "via", home.outside)

    def _on_internet(self, box):
        return bool(box.run("ip", "-6", "route", "show", "2001:db8:ff::/64").stdout.strip())

    def _plug(self, box, device):
        run(["ip", "link", "add", device, "netns", box.ns, "type", "veth", "peer", "name", box.link,
             "netns", self.switch], check=True)
        run(["ip", "-n", self.switch, "link", "set", box.link, "master", "br0", "up"], check=True)
        box.ip("link", "set", device, "up")

    def _cable(self, upper, lower, device):
        run(["ip", "link", "add", "lan", "netns", upper.ns, "type", "veth", "peer", "name", device,
             "netns", lower.ns], check=True)
        upper.ip("link", "set", "lan", "up")
        lower.ip("link", "set", device, "up")

    def _wire_home(self, home):
        host, router, carrier, i = home.host, home.router, home.carrier, home.index
        if home.kind == "open":
            self._plug(host, "eth0")
            host.ip("addr", "add", home.outside + "/24", "dev", "eth0")
            host.ip("addr", "add", public6(100 + i) + "/64", "dev", "eth0", "nodad")
            host.address = home.outside
            return
        self._cable(router, host, "eth0")
        for box in (router, carrier):
            if box:
                box.sysctl("net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1",
                           f"net.netfilter.nf_conntrack_udp_timeout={LIFE}",
                           f"net.netfilter.nf_conntrack_udp_timeout_stream={LIFE}")
        if home.kind == "six":
            self._plug(router, "wan")
            router.ip("addr", "add", home.outside + "/64", "dev", "wan", "nodad")
            router.ip("addr", "add", f"2001:db8:{i}::1/64", "dev", "lan", "nodad")
            host.address = f"2001:db8:{i}::2"
            host.ip("addr", "add", host.address + "/64", "dev", "eth0", "nodad")
            host.ip("route", "add", "default", "via", f"2001:db8:{i}::1")
            router.nft(base_rules())
            return
        host.address = f"192.168.{i}.2"
        router.ip("addr", "add", f"192.168.{i}.1/24", "dev", "lan")
        host.ip("addr", "add", host.address + "/24", "dev", "eth0")
        host.ip("route", "add", "default", "via", f"192.168.{i}.1")
        outer, kind = router, home.kind
        if carrier:
            self._cable(carrier, router, "wan")
            carrier.ip("addr", "add", f"100.64.{i}.1/24", "dev", "lan")
            router.ip("addr", "add", f"100.64.{i}.2/24", "dev", "wan")
            router.ip("route", "add", "default", "via", f"100.64.{i}.1")
            router.nft(base_rules() + nat_rules("port", host.address, f"100.64.{i}.2"))
            outer, kind = carrier, "symmetric" if home.kind == "double_symmetric" else "port"
        self._plug(outer, "wan")
        outer.ip("addr", "add", home.outside + "/24", "dev", "wan")
        inside = f"100.64.{i}.2" if carrier else host.address
        outer.nft(base_rules() + nat_rules(kind, inside, home.outside))

    def probe_server(self):
        """At both addresses of the first public host, with both ports."""
        server = self.public[0]
        server.start(sys.executable, PROBE, "server", log="probe")
        eventually("the probe's server", 5, lambda: server.run(
            "ss", "-Hlun", f"sport = :{PORTS[1]}").stdout.count("\n") >= 4)

    def node(self, box, name, flags=()):
        return Node(box, name).start(flags=flags)


def measure(weft, kind):
    """What a host behind this kind of NAT sees of it, by nat_probe.py."""
    with NatLab(weft, [kind]) as lab:
        lab.probe_server()
        home = lab.homes[0]
        done = home.host.run(sys.executable, PROBE, "probe", "6" if kind == "six" else "4")
        if done.returncode:
            raise Failure(f"probe behind {kind}: {done.stderr}")
        return json.loads(done.stdout)


def miniupnpd(home, protocols=("upnp", "nat-pmp")):
    """A port mapping daemon on that home's router, as people have it: miniupnpd. Its lease file."""
    router = home.router
    router.nft("""
table inet upnp {
  chain miniupnpd { }
  chain prerouting_miniupnpd { }
  chain postrouting_miniupnpd { }
  chain forward { type filter hook forward priority filter - 1; jump miniupnpd; }
  chain prerouting { type nat hook prerouting priority dstnat; jump prerouting_miniupnpd; }
  chain postrouting { type nat hook postrouting priority srcnat; jump postrouting_miniupnpd; }
}
""")
    leases = os.path.join(router.lab.folder, f"{router.ns}.leases")
    config = os.path.join(router.lab.folder, f"{router.ns}.miniupnpd.conf")
    with open(config, "w", encoding="utf-8") as f:
        f.write(f"""ext_ifname=wan
listening_ip=lan
http_port=0
enable_upnp={"yes" if "upnp" in protocols else "no"}
enable_natpmp={"yes" if "nat-pmp" in protocols else "no"}
secure_mode=yes
min_lifetime=120
max_lifetime=86400
lease_file={leases}
upnp_table_name=upnp
upnp_nat_table_name=upnp
upnp_forward_chain=miniupnpd
upnp_nat_chain=prerouting_miniupnpd
upnp_nat_postrouting_chain=postrouting_miniupnpd
uuid=82030820-3098-476c-ad0a-afe9844117c9
allow 1024-65535 192.168.0.0/16 1024-65535
deny 0-65535 0.0.0.0/0 0-65535
""")
    router.ip("route", "add", "224.0.0.0/4", "dev", "lan")  # SSDP answers where it is asked
    router.start("miniupnpd", "-d", "-f", config, "-P", config + ".pid", log="miniupnpd")
    return leases
