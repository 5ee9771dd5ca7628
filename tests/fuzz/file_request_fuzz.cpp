// The target and the range of a request for a file: no path leads up, no range leaves the file. The
// first byte is the file's size, a newline parts the two.
#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "node/adapter/file_request.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace weft::adapter;
  if (size == 0) return 0;
  const std::string_view text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const auto line = std::min(text.find('\n'), text.size());
  if (const auto path = file_path(text.substr(0, line))) {
    const auto whole = "/" + *path + "/";
    if (whole.find("/.") != std::string::npos || path->find('\0') != std::string::npos)
      std::abort();
    if (file_path("/" + url_text(*path)) != path) std::abort();
  }
  const auto range = asked_range(text.substr(std::min(line + 1, text.size())), data[0]);
  if (const auto* piece = std::get_if<Piece>(&range))
    if (piece->size == 0 || piece->first + piece->size > data[0]) std::abort();
  return 0;
}
