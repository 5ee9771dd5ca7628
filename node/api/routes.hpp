// The router: finds the route of a request, checks what it brings, and has the route's module
// answer. The same table of routes is the OpenAPI 3.1 document at /api/v1/openapi.json; nothing is
// written down twice.
// Knows no socket: HttpServer feeds it, tests and fuzzers do too.
#pragma once

#include <chrono>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.hpp"
#include "node/api/answer_stream.hpp"
#include "node/api/host.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct ApiRequest {
  std::string method;  // "GET"
  std::string target;  // "/api/v1/members/oak?n=1", still percent-encoded
  std::string content_type;
  std::string body;
  std::string last_event_id = {};  // of a client that comes back to a stream; 64 bytes at most
  bool upgrade = false;            // Connection: Upgrade with Upgrade: weft-pipe
  std::shared_ptr<const bool> wanted = nullptr;  // false once nobody is there to take the answer
  bool crowded = false;                          // no place for a call that waits for something
  std::optional<unsigned> uid = std::nullopt;    // who asks, for the log
};

struct ApiAnswer {
  int status = 200;   // 101: switch to the pipe in `adopt`
  std::string body;   // JSON
  std::string allow;  // 405: the methods there are
  std::function<void(int fd, Bytes early)> adopt;
  std::optional<StreamAnswer> stream = std::nullopt;  // instead of a body; with status 200
};

struct Route;

class Router {
 public:
  // The routes of all modules, or just `routes`, as far as a host offers what they ask. `hosts`
  // must outlive the router.
  explicit Router(const Hosts& hosts);
  Router(const Hosts& hosts, std::vector<Route> routes);
  ~Router();
  Router(Router&&) noexcept;
  Router& operator=(Router&&) noexcept;

  // Calls `answer` exactly once, now or later, on the caller's thread. Returns how long the answer
  // may take; a caller that has none by then gives up.
  std::chrono::milliseconds handle(const ApiRequest& request,
                                   std::function<void(ApiAnswer)> answer) const;
  [[nodiscard]] std::string openapi() const;

  struct Table;

 private:
  std::unique_ptr<Table> table_;
};

// "/a%20b/c" -> {"a b", "c"}. Refuses a query, a fragment, a bad escape, an escaped '/' or NUL,
// more than 8 segments or 2 KiB.
[[nodiscard]] Result<std::vector<std::string>> split_target(std::string_view target);

}  // namespace weft::api
