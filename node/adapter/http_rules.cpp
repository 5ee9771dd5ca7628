#include "node/adapter/http_rules_asio.hpp"

#include <algorithm>
#include <iterator>

#include <boost/beast/http/field.hpp>
#include <boost/beast/http/rfc7230.hpp>
#include <boost/beast/http/status.hpp>

namespace weft::adapter {

namespace {

namespace http = boost::beast::http;

std::string_view view_of(boost::beast::string_view text) { return {text.data(), text.size()}; }

std::string lower(std::string_view text) {
  std::string out(text);
  for (auto& c : out)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return out;
}

std::string html(std::string_view text) {
  std::string out;
  for (const char c : text) {
    if (c == '&')
      out += "&amp;";
    else if (c == '<')
      out += "&lt;";
    else if (c == '>')
      out += "&gt;";
    else
      out += c;
  }
  return out;
}

// Headers of one hop (RFC 9110 section 7.6.1), and those that a Connection header names.
std::vector<std::string> hop_headers(const http::fields& head) {
  std::vector<std::string> out{"connection",          "keep-alive",    "proxy-connection",
                               "proxy-authenticate",  "upgrade",       "te",
                               "proxy-authorization", "http2-settings"};
  for (const auto& field : head) {
    if (field.name() != http::field::connection) continue;
    for (const auto& token : http::token_list(field.value())) out.push_back(lower(view_of(token)));
  }
  return out;
}

void drop(http::fields& head, const std::vector<std::string>& names, bool weft) {
  for (auto at = head.begin(); at != head.end();) {
    const auto name = lower(view_of(at->name_string()));
    const bool kept = name == "content-length" || name == "transfer-encoding" || name == "host";
    const bool gone = (!kept && std::ranges::find(names, name) != names.end()) ||
                      (weft && name.starts_with("weft-"));
    at = gone ? head.erase(at) : std::next(at);
  }
}

}  // namespace

bool is_websocket(const HttpRequestHead& head) {
  return head.method() == http::verb::get &&
         http::token_list(head[http::field::connection]).exists("upgrade") &&
         lower(view_of(head[http::field::upgrade])) == "websocket";
}

std::string http_host(const HttpRequestHead& head) {
  auto host = lower(view_of(head[http::field::host]));
  if (const auto colon = host.rfind(':'); colon != std::string::npos && !host.ends_with(']'))
    host.resize(colon);
  return host;
}

std::optional<HttpRefusal> http_refusal(const HttpRequestHead& head) {
  const auto target = view_of(head.target());
  const bool all = target == "*" && head.method() == http::verb::options;
  if (head.method() == http::verb::connect || (!target.starts_with('/') && !all))
    return HttpRefusal{400, "the target must be a path"};
  if (head.version() != 10 && head.version() != 11)
    return HttpRefusal{505, "only HTTP/1.1 and 1.0"};
  if (static_cast<std::size_t>(std::distance(head.begin(), head.end())) > kMaxHttpHeaders)
    return HttpRefusal{431, "more than 64 headers"};
  if (head.count(http::field::host) != 1)
    return HttpRefusal{400, "a request names one host, in one Host header"};
  const auto lengths = head.count(http::field::content_length);
  const auto codings = head.count(http::field::transfer_encoding);
  if (lengths + codings > 1) return HttpRefusal{400, "the body's length is said twice"};
  if (codings == 1 &&
      (head.version() != 11 || lower(view_of(head[http::field::transfer_encoding])) != "chunked"))
    return HttpRefusal{400, "a transfer coding other than chunked"};
  return std::nullopt;
}

void rewrite_request(HttpRequestHead& head, const HttpCaller& caller, bool keep_alive) {
  const bool websocket = is_websocket(head);
  drop(head, hop_headers(head), true);
  const auto say = [&](std::string_view name, const std::string& value) {
    if (!value.empty()) head.set(boost::beast::string_view(name.data(), name.size()), value);
  };
  say(kCallerHeader, caller.who);
  say(kNetworkHeader, caller.network);
  if (websocket) {
    head.set(http::field::connection, "Upgrade");
    head.set(http::field::upgrade, "websocket");
  } else if (!keep_alive) {
    head.set(http::field::connection, "close");
  }
}

void rewrite_response(HttpResponseHead& head, bool keep_alive) {
  if (head.result() == http::status::switching_protocols) return;
  drop(head, hop_headers(head), false);
  if (!keep_alive) head.set(http::field::connection, "close");
}

std::string error_page(unsigned status, const std::string& why, const std::string& fix) {
  const auto reason = std::string(view_of(http::obsolete_reason(http::int_to_status(status))));
  const auto title = std::to_string(status) + " " + reason;
  return "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><title>" + title +
         "</title><style>body{font:16px/1.5 sans-serif;max-width:40em;margin:4em auto;padding:0 "
         "1em}"
         "code{background:#eee;padding:.1em .3em}</style><h1>" +
         title + "</h1><p>" + html(why) + "</p>" +
         (fix.empty() ? "" : "<p>What to do: <code>" + html(fix) + "</code></p>") +
         "<p><small>said by weft</small></p></html>\n";
}

}  // namespace weft::adapter
