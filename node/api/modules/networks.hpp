// The networks that this daemon is in (decision 32): which there are, another one, and which is
// meant when none is named. Joining one and leaving one are joining.hpp.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct NetworkEntry {
  std::string name, id, role;  // role: admin, member, none (removed)
  std::string node;            // what this node is called there
  std::uint64_t members = 0;
  std::uint64_t connected = 0;  // of them, now
  bool is_default = false;
};

struct NetworksResult {
  std::vector<NetworkEntry> networks;  // the default one first
};

struct CreateNetworkRequest {
  std::string name;  // of the network
  std::string node;  // what this node is called in it
};

class Networks {
 public:
  virtual ~Networks() = default;
  virtual void networks(Done<NetworksResult> done) = 0;
  // The changes answer with what there is then.
  virtual void create(CreateNetworkRequest request, Done<NetworksResult> done) = 0;
  virtual void make_default(const std::string& which, Done<NetworksResult> done) = 0;
};

[[nodiscard]] Json to_json(const NetworkEntry& entry);
[[nodiscard]] Json to_json(const NetworksResult& result);

}  // namespace weft::api
