// Doors for names: each name that the DNS stub answers gets an address of its own in 127.77.0.0/16,
// where a door stands at the port of each service behind it. So `psql -h db.oak.weft` needs no port
// of its own, and two services with one port do not meet. The address comes from the name: after a
// restart it is the same one, unless that was taken.
//
// Invariants
//  1. kMaxNames names, kMaxDoors doors; beyond them a name has no address.
//  2. Clients wait for their stream kMaxWaiting at once; one more is closed.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "node/adapter/tcp_door.hpp"
#include "node/gateway.hpp"

namespace weft::node {

class NameDoors {
 public:
  static constexpr std::size_t kMaxNames = 256;
  static constexpr std::size_t kMaxDoors = 512;
  static constexpr std::size_t kMaxWaiting = 256;
  static constexpr Duration kOpenLimit = 10s;

  struct Service {
    std::string name, node;
    std::vector<std::uint16_t> ports;  // where clients will look for it
  };

  // Both outlive it.
  NameDoors(io::EventLoop& loop, Gateway& gateway) : loop_(loop), gateway_(gateway) {}
  ~NameDoors();
  NameDoors(const NameDoors&) = delete;
  NameDoors& operator=(const NameDoors&) = delete;

  // IPv4, host order. Nothing: no door could be opened.
  [[nodiscard]] std::optional<std::uint32_t> address_of(const std::string& name,
                                                        const std::vector<Service>& services);
  void close();
  [[nodiscard]] std::size_t size() const { return places_.size(); }
  [[nodiscard]] std::size_t doors() const;

 private:
  using DoorMap = std::map<std::uint16_t, std::unique_ptr<adapter::TcpDoor>>;
  struct Place {
    std::uint32_t address = 0;
    DoorMap doors;
  };
  [[nodiscard]] bool taken(std::uint32_t address) const;
  void open(Place& place, const std::vector<Service>& services, std::size_t room);
  void on_client(const std::string& service, const std::string& node, io::UniqueFd client);

  io::EventLoop& loop_;
  Gateway& gateway_;
  std::map<std::string, Place> places_;
  std::size_t waiting_ = 0;
  std::shared_ptr<bool> alive_ = std::make_shared<bool>(true);
};

}  // namespace weft::node
