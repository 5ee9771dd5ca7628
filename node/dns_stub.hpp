// The DNS stub of this node: names below .weft for programs that know nothing of weft, over UDP and
// TCP on one port of this machine. Opt-in; the system's resolver is left alone.
//
// Invariants
//  1. It listens on loopback only and answers from what this node knows. Nothing is ever asked of
//     another server; what is not below .weft is REFUSED.
//  2. A name that exists and has nothing of the type asked for is NODATA, never NXDOMAIN.
//  3. kMaxClients TCP connections, kIdle each; a datagram is answered at once or not at all.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>

#include "node/adapter/tcp_door.hpp"
#include "node/gateway.hpp"
#include "node/io/fd_watch.hpp"
#include "node/name_doors.hpp"
#include "overlay/overlay.hpp"
#include "overlay/service/dns_message.hpp"

namespace weft::node {

class DnsStub final : private io::FdEvents {
 public:
  static constexpr std::size_t kMaxClients = 64;
  static constexpr Duration kIdle = 10s;
  static constexpr int kDatagramsPerTurn = 64;
  static constexpr std::uint32_t kTtlS = 5;  // what a member offers changes

  struct Counters {
    std::uint64_t queries = 0, answered = 0, no_such_name = 0, refused = 0, broken = 0;
  };

  // All outlive it.
  DnsStub(io::EventLoop& loop, overlay::Overlay& overlay, Gateway& gateway);
  ~DnsStub();
  DnsStub(const DnsStub&) = delete;
  DnsStub& operator=(const DnsStub&) = delete;

  // In place of where it was open before. Usage: not loopback. Else as Door::listen.
  [[nodiscard]] Result<void> open(const Endpoint& listen);
  void close();
  [[nodiscard]] std::optional<Endpoint> listen() const;
  [[nodiscard]] const Counters& counters() const { return counters_; }
  [[nodiscard]] const NameDoors& doors() const { return doors_; }

 private:
  class Client;
  void on_fd_readable() override;
  void on_accept(io::UniqueFd connection);
  void forget(std::uint64_t id);
  // Nothing: there is nobody to answer.
  [[nodiscard]] std::optional<Bytes> answer(ByteView message);
  [[nodiscard]] service::dns::Answer look_up(const service::dns::Query& query);
  // Where programs find it on this machine; nothing: not by an address.
  [[nodiscard]] std::optional<std::uint32_t> address_of(const std::string& service,
                                                        const std::string& node);

  io::EventLoop& loop_;
  overlay::Overlay& overlay_;
  NameDoors doors_;
  std::unique_ptr<adapter::TcpDoor> door_;
  std::unique_ptr<io::FdWatch> socket_;
  std::map<std::uint64_t, std::unique_ptr<Client>> clients_;
  std::uint64_t last_client_ = 0;
  Counters counters_;
};

}  // namespace weft::node
