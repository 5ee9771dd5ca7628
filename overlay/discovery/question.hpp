// What people ask of the DHT (weft dht lookup, get, put), and what came of it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/endpoint.hpp"
#include "base/error.hpp"
#include "base/node_id.hpp"

namespace weft::discovery {

using QuestionId = std::uint64_t;

struct Question {
  enum class Action : std::uint8_t { Lookup, Get, Put } action = Action::Get;
  // Lookup and Get: a member; else service:NAME, 64 hexadecimal digits or a node's id.
  std::optional<NodeId> member;
  std::string key;
  std::string value;       // Put
  std::string salt;        // Put: several values of one node
  std::int64_t ttl_s = 0;  // Put: 0, kept and published again
};

struct Found {
  struct Node {
    NodeId id;
    Endpoint endpoint;
  };
  NodeId key;
  std::optional<std::string> value;
  std::uint64_t sequence = 0;
  std::vector<Node> nodes;          // Lookup: the closest
  std::vector<Endpoint> endpoints;  // of a node, as its own record says
  std::vector<NodeId> providers;    // of a service
  std::uint64_t stored = 0;         // Put: nodes that took it
  bool agreed = false;              // independent paths said the same
  std::uint64_t hops = 0;
  std::uint64_t messages = 0;
  Duration took{};
};

// Why there is no Found. The code's classes: NotFound, Busy (too much under way), Usage (no such
// key), NoPath (not stored).
struct Unanswered {
  Errc code{};
  std::string what;
  std::string why;
  bool alone = false;  // this node knows nobody in the DHT yet
};

struct Answer {
  QuestionId id = 0;
  std::optional<Found> found;
  Unanswered unanswered;  // unless found
};

}  // namespace weft::discovery
