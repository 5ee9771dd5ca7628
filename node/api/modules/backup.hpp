// Keys and state in one file.
#pragma once

#include <string>

#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct BackupRequest {
  std::string file;  // absolute, and not there yet
};

struct BackupResult {
  std::string file;
};

class Backups {
 public:
  virtual ~Backups() = default;
  virtual void backup(BackupRequest request, Done<BackupResult> done) = 0;
};

[[nodiscard]] Json to_json(const BackupResult& result);

}  // namespace weft::api
