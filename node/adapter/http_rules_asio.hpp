// What a request must be before it is passed on, and what its head and that of its answer become on
// the way (RFC 9110 section 7.6, RFC 9112). Boost.Beast parses; this judges what it understood, so
// that the program behind reads the same request as we did (request smuggling, N32).
//
// Refused: a target that is no path (absolute-form asks for another server), over 64 headers,
// not exactly one Host, a body's length said twice or otherwise than by one Content-Length or by
// "Transfer-Encoding: chunked", an upgrade to anything but a WebSocket.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <boost/beast/http/fields.hpp>
#include <boost/beast/http/message.hpp>

#include "node/adapter/http_caller.hpp"

namespace weft::adapter {

inline constexpr std::size_t kMaxHttpHeaders = 64;
inline constexpr std::uint32_t kMaxHttpHead = 16 * 1024;  // bytes
inline constexpr std::string_view kCallerHeader = "Weft-Caller";
inline constexpr std::string_view kNetworkHeader = "Weft-Network";

using HttpRequestHead = boost::beast::http::request_header<>;
using HttpResponseHead = boost::beast::http::response_header<>;

struct HttpRefusal {
  unsigned status = 400;
  std::string why;
};

// Nothing: it may be passed on.
[[nodiscard]] std::optional<HttpRefusal> http_refusal(const HttpRequestHead& head);
[[nodiscard]] bool is_websocket(const HttpRequestHead& head);
// The host it names, lower case, without port.
[[nodiscard]] std::string http_host(const HttpRequestHead& head);

// Takes out what is for this hop only, and whatever says that it comes from weft; names the caller.
void rewrite_request(HttpRequestHead& head, const HttpCaller& caller, bool keep_alive);
void rewrite_response(HttpResponseHead& head, bool keep_alive);

// A page for people that says why there is no other, and what to do.
[[nodiscard]] std::string error_page(unsigned status, const std::string& why,
                                     const std::string& fix);

}  // namespace weft::adapter
