// A blocking client of the management API on its Unix socket. One connection per call; every call
// has a deadline.
#pragma once

#include <chrono>
#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

#include "node/api/control.hpp"
#include "node/api/json.hpp"

namespace weft::cli {

using api::ApiError;
using api::ApiResult;
using api::Code;
using api::Json;

class ApiClient {
 public:
  // `start_command`: what the user should type when nobody answers.
  ApiClient(std::filesystem::path socket, std::string start_command)
      : socket_(std::move(socket)), start_command_(std::move(start_command)) {}

  // The `data` of the answer, or its error. An empty `body` sends none.
  [[nodiscard]] ApiResult<Json> call(std::string_view method, const std::string& path,
                                     const std::optional<Json>& body,
                                     std::chrono::milliseconds limit) const;

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

  std::filesystem::path socket_;
  std::string start_command_;
};

// One path segment, percent-encoded.
std::string escape(std::string_view segment);

}  // namespace weft::cli
