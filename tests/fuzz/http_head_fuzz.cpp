// Heads of HTTP on anything: no crash; what passes has one host and one length, and whatever was
// said under weft's name is gone from what is passed on.
#include <boost/asio/buffer.hpp>
#include <boost/beast/http/empty_body.hpp>
#include <boost/beast/http/parser.hpp>

#include "base/assert.hpp"
#include "node/adapter/connect_head.hpp"
#include "node/adapter/http_rules_asio.hpp"

namespace http = boost::beast::http;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::adapter;
  if (const auto head = parse_connect_head({data, size}); head && *head)
    WEFT_ASSERT((*head)->consumed <= size && (*head)->port != 0 && !(*head)->host.empty());
  http::request_parser<http::empty_body> parser;
  parser.header_limit(kMaxHttpHead);
  boost::beast::error_code error;
  parser.put(boost::asio::buffer(data, size), error);
  if (!parser.is_header_done()) return 0;
  auto head = parser.get().base();
  if (http_refusal(head)) return 0;
  rewrite_request(head, {"caller", "network"}, true);
  WEFT_ASSERT(head.count("Weft-Caller") == 1 && head["Weft-Caller"] == "caller");
  WEFT_ASSERT(head.count(http::field::host) == 1);
  WEFT_ASSERT(
      head.count(http::field::content_length) + head.count(http::field::transfer_encoding) <= 1);
  return 0;
}
