// The commented file that `weft config init` writes.
#include "node/config.hpp"

namespace weft::node {

std::string_view starter_config() {
  return R"(# weft configuration. Every key is optional; what is here is what there is.
# Check it with: weft config check      See what holds with: weft config show --origin
version = 1

[node]
# name = "oak"                    # default: the hostname
# listen = ["0.0.0.0:41820"]      # default: every address, a port chosen once and kept;
#                                 # "tcp:0.0.0.0:443", "wss:0.0.0.0:443": where UDP is blocked

[log]
level = "info"                    # trace, debug, info, warn, error

[net]
# gso = "auto"                    # may the kernel cut trains of datagrams: auto, on, off
# udp_idle_s = 120                # a flow of a udp service ends after that silence

[nat]
# port_mapping = true             # ask the router to let others in (NAT-PMP, UPnP)

# What the node counts, for Prometheus; the API's socket has it always.
# [metrics]
# listen = "127.0.0.1:9464"
# token = "..."                   # a bearer token; with one, other addresses may be listened on

[relay]
# enabled = "auto"                # hand on datagrams for members that do not reach each other:
                                  # auto (once others reach this node), on, off
# rate = "20Mbit/s"               # at most so fast, or "unlimited"
# cap = "50GB/month"              # at most so much

# [listen]                        # of wss: in node.listen; without these one is made at each start
# certificate = "/etc/weft/fullchain.pem"
# key = "/etc/weft/privkey.pem"

# [proxy]                         # where only a web proxy lets out; default: https_proxy
# url = "http://user:password@proxy.example:3128"

# A service this node offers; nobody may use it until allowed. At each start the target is what is
# written here. Who stands in allow may use it unless a command has denied it; whom you take out
# here keeps what it has until: weft deny blog laptop
# [[expose]]
# name = "blog"
# target = "127.0.0.1:3000"       # HOST:PORT or unix:/path
# protocol = "tcp"                # or udp
# allow = ["laptop", "group:friends"]

# A local door to somebody's service.
# [[consume]]
# service = "db@oak"
# listen = "127.0.0.1:5432"

# Where a member is reached, should nobody have told yet.
# [[peer]]
# node = "oak"
# addresses = ["203.0.113.7:41820"]
)";
}

}  // namespace weft::node
