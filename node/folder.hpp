// A folder whose files are given away: read only, and nothing outside of it, whatever links say.
// Each look resolves from the open folder with openat2 (RESOLVE_BENEATH): "..", absolute links and
// links that lead out end there, checked by the kernel while it walks, so nothing can be swapped in
// between. What is no file and no folder (a FIFO, a device, a socket) is not opened at all.
// Calls wait for the disk: not on the loop.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "node/io/unique_fd.hpp"

namespace weft::node {

class Folder {
 public:
  static constexpr std::size_t kMaxListed = 5000;  // a page, not an archive

  struct Entry {
    io::UniqueFd fd;
    bool folder = false;
    std::uint64_t size = 0;  // bytes, of a file
    std::string tag;         // another one once the file was changed
  };
  struct Line {
    std::string name;
    bool folder = false;
    std::uint64_t size = 0;
  };
  struct Listing {
    std::vector<Line> lines;  // folders first, then by name; what begins with a dot is left out
    bool more = false;        // than kMaxListed
  };

  // NotFound, Denied, Usage (no folder), Unsupported (a kernel before 5.6).
  [[nodiscard]] static Result<Folder> open(const std::string& path);
  // `path` as adapter::file_path gives it; empty: the folder itself. NotFound, Denied.
  [[nodiscard]] Result<Entry> find(const std::string& path) const;
  [[nodiscard]] static Listing list(const Entry& folder);

 private:
  explicit Folder(io::UniqueFd fd) : fd_(std::move(fd)) {}
  io::UniqueFd fd_;
};

}  // namespace weft::node
