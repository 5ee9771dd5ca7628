// One connection of an HTTP client, request after request, each passed on to where its role leads:
// at a gateway to the service that its Host names, at a service to the program behind it. Bodies
// and answers are streamed both ways at once; a WebSocket becomes a tunnel.
//
// Invariants
//  1. A head is whole within kHeadLimit, or 408; a refused request ends the connection, because
//     where its body ends is not known for sure.
//  2. What says that it comes from weft is taken out of every request (adapter/http_rules_asio.hpp); a role that
//     knows its caller says so in its place.
// Not there: HTTP/2, trailers.
#pragma once

#include <cstddef>
#include <expected>
#include <functional>
#include <memory>
#include <set>
#include <string>

#include "base/time.hpp"
#include "node/adapter/http_caller.hpp"
#include "node/io/event_loop.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::node {

struct HttpPage {  // instead of an answer of the service
  unsigned status = 502;
  std::string why, fix;
  std::string body = {};  // the whole page; else one is made of the others
};

class HttpSessions {
 public:
  static constexpr std::size_t kMaxSessions = 2048;  // descriptors are counted elsewhere
  static constexpr Duration kHeadLimit = 10s;
  static constexpr Duration kIdleLimit = 75s;

  using Routed = std::function<void(std::expected<io::UniqueFd, HttpPage>)>;
  // Where requests for this host go: calls back once, not necessarily at once.
  using Route = std::function<void(const std::string& host, Routed routed)>;

  explicit HttpSessions(io::EventLoop& loop);  // outlives it
  ~HttpSessions();
  HttpSessions(const HttpSessions&) = delete;
  HttpSessions& operator=(const HttpSessions&) = delete;

  // Each request goes where its host leads. False: too many sessions.
  bool gateway(io::UniqueFd client, Route route);
  // All requests go to `program`, and say that they come from `caller`.
  bool service(io::UniqueFd client, io::UniqueFd program, adapter::HttpCaller caller);
  [[nodiscard]] std::size_t size() const;
  void close_all();

 private:
  class Session;
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace weft::node
