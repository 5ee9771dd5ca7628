#include "tests/harness/vectors.hpp"

#include <zlib.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <stdexcept>

namespace weft::vectors {

namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  if (!in) throw std::runtime_error("cannot read " + path.string());
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string read_gzip(const std::filesystem::path& path) {
  gzFile in = gzopen(path.c_str(), "rb");
  if (in == nullptr) throw std::runtime_error("cannot read " + path.string());
  std::string out;
  char buffer[65536];
  int n = 0;
  while ((n = gzread(in, buffer, sizeof buffer)) > 0)
    out.append(buffer, static_cast<std::size_t>(n));
  gzclose(in);
  if (n < 0) throw std::runtime_error("damaged " + path.string());
  return out;
}

}  // namespace

std::filesystem::path folder() {
  if (const char* given = std::getenv("WEFT_VECTORS"); given != nullptr && *given != 0)
    return std::filesystem::path(std::string(given));
  return std::filesystem::path(WEFT_SOURCE_DIR) / ".." / "shared" / "vectors";
}

bool has(const std::string& name) { return std::filesystem::is_regular_file(folder() / name); }

bool required() {
  const char* value = std::getenv("WEFT_REQUIRE_VECTORS");
  return value != nullptr && std::string_view(value) == "1";
}

Json load(const std::string& name) { return Json::parse(read_file(folder() / name)); }

std::string load_text(const std::string& name) {
  return name.ends_with(".gz") ? read_gzip(folder() / name) : read_file(folder() / name);
}

Bytes hex(const std::string& text) {
  auto out = from_hex(text);
  if (!out) throw std::runtime_error("not hex: " + text.substr(0, 40));
  return *out;
}

Bytes hex(const Json& object, const char* key) { return hex(object.at(key).get<std::string>()); }

Tally::~Tally() {
  std::printf("vectors: %zu of %zu run (%s)\n", run_, total_, name_.c_str());
  const char* summary = std::getenv("WEFT_VECTORS_SUMMARY");
  if (summary == nullptr || *summary == 0) return;
  if (std::FILE* out = std::fopen(summary, "a"); out != nullptr) {
    std::fprintf(out, "%s %zu %zu\n", name_.c_str(), run_, total_);
    std::fclose(out);
  }
}

}  // namespace weft::vectors
