#include "node/nats/parser.hpp"

#include <algorithm>
#include <charconv>
#include <utility>
#include <vector>

namespace weft::nats {

namespace {

constexpr std::string_view kBlank = " \t";

std::vector<std::string_view> words_of(std::string_view text) {
  std::vector<std::string_view> out;
  for (;;) {
    const auto begin = text.find_first_not_of(kBlank);
    if (begin == std::string_view::npos) return out;
    text.remove_prefix(begin);
    const auto end = std::min(text.find_first_of(kBlank), text.size());
    out.push_back(text.substr(0, end));
    text.remove_prefix(end);
  }
}

bool is_verb(std::string_view word, std::string_view verb) {
  return std::ranges::equal(word, verb, [](char a, char b) {
    return (a >= 'a' && a <= 'z' ? static_cast<char>(a - 'a' + 'A') : a) == b;
  });
}

std::optional<std::uint64_t> number_of(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

}  // namespace

void Parser::feed(ByteView bytes) {
  if (broken_) return;
  buffer_.erase(0, std::exchange(at_, 0));
  buffer_ += text_of(bytes);
}

std::unexpected<Error> Parser::broken(std::string why) {
  broken_ = true;
  return fail(Errc::Malformed, std::move(why));
}

Result<std::optional<Command>> Parser::next() {
  if (broken_) return fail(Errc::Closed, "Parser Error");
  if (awaited_) return payload();
  const std::string_view rest = std::string_view(buffer_).substr(at_);
  const auto end = rest.find('\n');
  if (end == std::string_view::npos) {
    if (rest.size() > kMaxLine) return broken("Maximum Control Line Exceeded");
    return std::nullopt;
  }
  if (end > kMaxLine) return broken("Maximum Control Line Exceeded");
  auto text = rest.substr(0, end);
  if (text.ends_with('\r')) text.remove_suffix(1);
  at_ += end + 1;
  return line(text);
}

Result<std::optional<Command>> Parser::line(std::string_view text) {
  const auto begin = std::min(text.find_first_not_of(kBlank), text.size());
  text.remove_prefix(begin);
  const auto end = std::min(text.find_first_of(kBlank), text.size());
  const auto verb = text.substr(0, end);
  const auto rest = text.substr(end);
  const auto words = words_of(rest);
  if (is_verb(verb, "PUB")) return publish(rest, false);
  if (is_verb(verb, "HPUB")) return publish(rest, true);
  if (is_verb(verb, "PING") && words.empty()) return Command(Ping{});
  if (is_verb(verb, "PONG") && words.empty()) return Command(Pong{});
  if (is_verb(verb, "SUB") && words.size() == 2)
    return Command(Sub{std::string(words[0]), {}, std::string(words[1])});
  if (is_verb(verb, "SUB") && words.size() == 3)
    return Command(Sub{std::string(words[0]), std::string(words[1]), std::string(words[2])});
  if (is_verb(verb, "UNSUB") && words.size() == 1) return Command(Unsub{std::string(words[0]), 0});
  if (is_verb(verb, "UNSUB") && words.size() == 2) {
    const auto max = number_of(words[1]);
    if (!max) return broken("Unknown Protocol Operation");
    return Command(Unsub{std::string(words[0]), *max});
  }
  if (is_verb(verb, "CONNECT")) {
    const auto from = std::min(rest.find_first_not_of(kBlank), rest.size());
    return Command(Connect{std::string(rest.substr(from))});
  }
  return broken("Unknown Protocol Operation");
}

Result<std::optional<Command>> Parser::publish(std::string_view rest, bool headers) {
  const auto words = words_of(rest);
  const std::size_t sizes = headers ? 2 : 1;
  if (words.size() != sizes + 1 && words.size() != sizes + 2)
    return broken("Unknown Protocol Operation");
  Awaited awaited;
  awaited.pub.subject = words[0];
  if (words.size() == sizes + 2) awaited.pub.reply = words[1];
  const auto size = number_of(words.back());
  const auto header = headers ? number_of(words[words.size() - 2]) : std::uint64_t{0};
  if (!size || !header || *header > *size) return broken("Unknown Protocol Operation");
  if (*size > max_payload_) return broken("Maximum Payload Violation");
  awaited.header_size = static_cast<std::size_t>(*header);
  awaited.size = static_cast<std::size_t>(*size);
  awaited_ = std::move(awaited);
  return payload();
}

Result<std::optional<Command>> Parser::payload() {
  const ByteView rest = bytes_of(std::string_view(buffer_).substr(at_));
  const std::size_t size = awaited_->size;
  if (rest.size() < size + 1) return std::nullopt;
  const std::size_t end = rest[size] == '\r' ? 2 : 1;
  if (rest.size() < size + end) return std::nullopt;
  if (rest[size + end - 1] != '\n') return broken("Unknown Protocol Operation");
  Pub pub = std::move(awaited_->pub);
  pub.headers = to_bytes(rest.first(awaited_->header_size));
  pub.payload = to_bytes(rest.subspan(awaited_->header_size, size - awaited_->header_size));
  awaited_.reset();
  at_ += size + end;
  return Command(std::move(pub));
}

}  // namespace weft::nats
