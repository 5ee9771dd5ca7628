#include "node/adapter/connect_head.hpp"

#include <charconv>
#include <iterator>

#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/error.hpp>
#include <boost/beast/http/parser.hpp>

namespace weft::adapter {

namespace {

namespace http = boost::beast::http;

constexpr std::uint32_t kMaxHead = 8 * 1024;
constexpr int kMaxHeaders = 64;

// HOST:PORT or [IPV6]:PORT.
Result<ConnectHead> parse_authority(std::string_view text) {
  const auto colon = text.rfind(':');
  if (colon == std::string_view::npos) return fail(Errc::Malformed, "CONNECT wants HOST:PORT");
  ConnectHead out;
  const auto port = text.substr(colon + 1);
  const auto* end = port.data() + port.size();
  const auto [at, error] = std::from_chars(port.data(), end, out.port);
  if (error != std::errc{} || at != end || out.port == 0)
    return fail(Errc::Malformed, "CONNECT wants HOST:PORT");
  auto host = text.substr(0, colon);
  const bool brackets = host.starts_with('[') && host.ends_with(']');
  if (brackets) host = host.substr(1, host.size() - 2);
  if (host.empty() || host.size() > 255 || brackets != (host.find(':') != std::string_view::npos))
    return fail(Errc::Malformed, "not a host name or address");
  out.host = std::string(host);
  return out;
}

}  // namespace

Result<std::optional<ConnectHead>> parse_connect_head(ByteView received) {
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kMaxHead);
  boost::beast::error_code error;
  const auto used = parser.put(boost::asio::buffer(received.data(), received.size()), error);
  if (error == http::error::need_more) {
    if (received.size() >= kMaxHead) return fail(Errc::TooLarge, "a head of over 8 KiB");
    return std::nullopt;
  }
  if (error == http::error::header_limit) return fail(Errc::TooLarge, "a head of over 8 KiB");
  if (error && !parser.is_header_done()) return fail(Errc::Malformed, error.message());
  const auto& head = parser.get();
  if (head.method() != http::verb::connect)
    return fail(Errc::Unsupported, "this proxy takes CONNECT only (curl: --proxytunnel)");
  if (std::distance(head.begin(), head.end()) > kMaxHeaders)
    return fail(Errc::TooLarge, "over 64 headers");
  if (head.count(http::field::content_length) + head.count(http::field::transfer_encoding) > 0)
    return fail(Errc::Malformed, "a CONNECT with a body");
  const auto target = head.target();
  WEFT_TRY(auto out, parse_authority({target.data(), target.size()}));
  out.consumed = used;
  return out;
}

}  // namespace weft::adapter
