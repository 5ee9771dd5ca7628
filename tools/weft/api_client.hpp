// A blocking client of the management API on its Unix socket. One connection per call; every call
// has a deadline. Nothing is sent, not even a question, to a socket that another user could have
// put there: its directory must be private (node/paths.hpp, check_private) and its peer this user
// or root.
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "node/api/json.hpp"
#include "node/api/result.hpp"
#include "tools/weft/event_stream.hpp"

namespace weft::cli {

using api::ApiError;
using api::ApiResult;
using api::Code;
using api::Json;

class ApiClient {
 public:
  // `start_command`: what the user should type when nobody answers. When nobody does, the socket
  // that the lock in `state_dir` names is tried too.
  ApiClient(std::filesystem::path socket, std::string start_command,
            std::filesystem::path state_dir = {})
      : socket_(std::move(socket)),
        start_command_(std::move(start_command)),
        state_dir_(std::move(state_dir)) {}

  // The `data` of the answer, or its error. An empty `body` sends none.
  [[nodiscard]] ApiResult<Json> call(std::string_view method, const std::string& path,
                                     const std::optional<Json>& body,
                                     std::chrono::milliseconds limit) const;

  struct Listener {
    EventStream::Take event;      // false: no more is wanted
    std::function<bool()> pause;  // all that came was taken; the same
  };
  // Reads an answer that goes on until it ends, nobody wants more of it, or `limit` has passed,
  // which is Code::Timeout; none: for ever.
  [[nodiscard]] ApiResult<void> stream(const std::string& path, const Listener& listener,
                                       std::optional<std::chrono::milliseconds> limit) const;

  struct Pipe {
    int fd = -1;        // the caller closes it
    std::string early;  // bytes that came right behind the answer
  };
  [[nodiscard]] ApiResult<Pipe> upgrade(const std::string& path,
                                        std::chrono::milliseconds limit) const;

  // The daemon's process id, from the socket; 0 when it cannot be seen from here.
  [[nodiscard]] ApiResult<int> daemon_pid() const;

 private:
  [[nodiscard]] ApiResult<int> connect() const;
  [[nodiscard]] ApiResult<int> connect_to(const std::filesystem::path& socket) const;

  std::filesystem::path socket_;
  std::string start_command_;
  std::filesystem::path state_dir_;
};

// One path segment, percent-encoded.
std::string escape(std::string_view segment);

}  // namespace weft::cli
