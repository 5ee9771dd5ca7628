// How the control plane's files say in the API's words what the overlay told them.
#pragma once

#include <expected>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "node/api/result.hpp"
#include "node/io/clock.hpp"
#include "overlay/overlay.hpp"

namespace weft::node {

inline constexpr const char* kKex = "X25519+ML-KEM-768";

inline double milliseconds(Duration duration) {
  return static_cast<double>(duration.count()) / 1e6;
}

inline std::optional<double> milliseconds(const std::optional<Duration>& duration) {
  return duration ? std::optional(milliseconds(*duration)) : std::nullopt;
}

// The path's kind, in one word.
inline std::string path_of(const overlay::Overlay& overlay, PathId path) {
  return std::string(path::name_of(overlay.paths().at(path).kind));
}

// Of a path through a relay, that one's name; else nothing.
[[nodiscard]] std::string via_of(const overlay::Overlay& overlay, PathId path);
// "direct", "relay r": for a line of the log.
[[nodiscard]] std::string path_text(const overlay::Overlay& overlay, PathId path);
// Where the far end is; nothing behind a relay.
[[nodiscard]] std::string place_text(const overlay::Overlay& overlay, PathId path,
                                     const Endpoint& remote);
// By which path a node is reached now: the two words above, "none" without a session.
struct PathWords {
  std::string path, via;
};
[[nodiscard]] PathWords path_to(const overlay::Overlay& overlay, const NodeId& node);

// An address of this machine; unspecified, where sessions have not told one.
inline std::string address_text(const Endpoint& local) {
  if (local.is_unspecified()) return "all";
  const std::string text = to_text(local);
  return text.substr(0, text.rfind(':'));
}
inline std::string gso_off_text(const std::string& interface) {
  return "trains of datagrams that the kernel cuts (GSO) are lost on the interface of " +
         interface +
         ", single ones are not: the node sends each by itself there, which costs throughput";
}

// One word for one state, wherever it is shown (docs/glossary.md).
// How long the peer has acknowledged nothing, if that is too long to be called connected.
inline std::optional<Duration> silent_for(const overlay::PeerView& view) {
  if (!view.session || !view.session->unanswered_since) return std::nullopt;
  const Duration silence = io::monotonic_time() - *view.session->unanswered_since;
  return silence < session::kSilentAfter ? std::nullopt : std::optional(silence);
}

inline const char* state_of(const overlay::PeerView& view) {
  if (view.session) return silent_for(view) ? "silent" : "connected";
  return view.state == "dialing" ? "connecting" : "away";
}

inline const char* reach_of(const Endpoint& listen) {
  return listen.is_loopback() ? "machine" : "network";
}

inline std::optional<std::int64_t> seconds_since(const std::optional<Instant>& at, Instant now) {
  if (!at) return std::nullopt;
  return std::chrono::duration_cast<std::chrono::seconds>(now - *at).count();
}

// Of a member its name, else the beginning of its id; nothing for nobody.
[[nodiscard]] std::string node_label(const overlay::Overlay& overlay,
                                     const std::optional<NodeId>& node);
// The network that is meant, unless it is the default one: what is opened for "the default" goes on
// in whichever that is later.
[[nodiscard]] std::optional<NetworkId> other_than_default(const overlay::Overlay& overlay);
[[nodiscard]] std::optional<overlay::PeerView> peer_of(const overlay::Overlay& overlay,
                                                       const NodeId& node);
// Who may do it instead: on a node that may not.
[[nodiscard]] std::string ask_admin(const overlay::Overlay& overlay, const std::string& command);
// " laptop 'group:friends' '*'": behind a command.
[[nodiscard]] std::string quoted(const std::vector<std::string>& who);
[[nodiscard]] std::string joined(const std::vector<std::string>& words);  // "a, b"

template <class T>
std::unexpected<api::ApiError> refused(const Result<T>& result, std::string title,
                                       std::string fix = {}) {
  auto error = api::to_api_error(result.error(), std::move(title));
  if (error.fix.empty()) error.fix = std::move(fix);
  return std::unexpected(std::move(error));
}

}  // namespace weft::node
