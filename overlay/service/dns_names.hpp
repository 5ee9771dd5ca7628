// Which names below .weft exist, and what is behind them:
//   SERVICE.NODE.NETWORK.weft, SERVICE.NODE.weft, SERVICE.weft where one node offers it
//   NODE.NETWORK.weft, NODE.weft        all that this node lets us use
//   NETWORK.weft, weft                  exist, and have no address
// A service goes before a node of the same name. Pure; the lists are handed in.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

namespace weft::service::dns {

struct Named {
  std::string service;
  std::string node;
  bool operator==(const Named&) const = default;
};

struct Directory {
  std::string network;
  std::vector<std::string> nodes;
  std::vector<Named> services;
};

struct Outside {  // not below .weft: never answered, never asked elsewhere
  bool operator==(const Outside&) const = default;
};
struct Nothing {
  bool operator==(const Nothing&) const = default;
};
struct Branch {  // a name with others below it
  bool operator==(const Branch&) const = default;
};
struct Host {  // a node
  std::string node;
  bool operator==(const Host&) const = default;
};
using Found = std::variant<Outside, Nothing, Branch, Host, Named>;

// `name` in lower case, without a last dot.
[[nodiscard]] Found find(const Directory& directory, std::string_view name);

}  // namespace weft::service::dns
