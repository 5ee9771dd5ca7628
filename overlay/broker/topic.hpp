// Names of topics and patterns of them, as NATS subjects are: tokens parted by dots. In a pattern
// "*" stands for one token and a last ">" for one or more.
//
//   app.door.kitchen   app.door.*   app.>
//
// A token is one or more bytes of UTF-8 without spaces, control characters and dots. A topic has no
// token "*" or ">". Whole: at most kMaxTopic bytes.
#pragma once

#include <string_view>

namespace weft::broker {

inline constexpr std::size_t kMaxTopic = 255;
inline constexpr std::string_view kReserved = "weft.";  // what nodes say to each other

// What nodes tell programs. No program publishes to one of these.
inline constexpr std::string_view kSystemTopics[] = {
    "client.online",  "client.offline",  "config.update",  "mapping.created", "mapping.deleted",
    "bridge.request", "bridge.response", "node.heartbeat", "node.shutdown"};

[[nodiscard]] bool is_topic(std::string_view text);
[[nodiscard]] bool is_pattern(std::string_view text);  // every topic is one
[[nodiscard]] bool is_system(std::string_view topic);
[[nodiscard]] bool has_wildcard(std::string_view pattern);
// REQUIRES: is_pattern(pattern), is_topic(topic).
[[nodiscard]] bool matches(std::string_view pattern, std::string_view topic);

}  // namespace weft::broker
