// A look into the DHT.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct DhtStats {
  bool running = false;
  std::uint64_t contacts = 0, buckets = 0;  // verified, in the table
  std::uint64_t records = 0;                // held for others
  std::string mode = "iterative";           // or "full-table"
  bool server = false;
  std::uint64_t known = 0;     // by hearsay, in full-table mode
  std::uint64_t estimate = 0;  // nodes in the network, by how dense they lie
  std::uint64_t found = 0;     // addresses of members that the DHT told
  std::uint64_t lan_heard = 0;
  std::uint64_t datagrams_in = 0, datagrams_out = 0, bytes_in = 0, bytes_out = 0;
  std::uint64_t dropped = 0;  // forged, malformed, over a limit
};

struct DhtRequest {
  enum class Action { Lookup, Get, Put } action = Action::Get;
  std::string key;         // a node, service:NAME or 64 hex digits; not with Put
  std::string value;       // Put
  std::string salt;        // Put: several values of one node
  std::int64_t ttl_s = 0;  // Put: 0, kept and published again
};

struct DhtNode {
  std::string id, endpoint;
};

struct DhtResult {
  std::string key;  // 64 hex digits
  std::optional<std::string> value;
  std::uint64_t seq = 0;
  std::vector<DhtNode> nodes;          // Lookup: the closest
  std::vector<std::string> endpoints;  // of a node, as its own record says
  std::vector<std::string> providers;  // of a service
  std::uint64_t stored = 0;            // Put: nodes that took it
  bool agreed = false;                 // independent paths said the same
  std::uint64_t hops = 0, messages = 0;
  double took_ms = 0;
};

class DhtQuestions {
 public:
  virtual ~DhtQuestions() = default;
  virtual void dht(DhtRequest request, Done<DhtResult> done) = 0;
  virtual void dht_stats(Done<DhtStats> done) = 0;
};

[[nodiscard]] Json to_json(const DhtStats& result);
[[nodiscard]] Json to_json(const DhtResult& result);

}  // namespace weft::api
