// Where the official test vectors are, and the count of what was run of them.
//
// The folder is $WEFT_VECTORS, else ../shared/vectors beside the source. A test whose file is
// missing is skipped with a message, or fails when WEFT_REQUIRE_VECTORS=1. Each Tally appends one
// line "name run total" to the file named by $WEFT_VECTORS_SUMMARY; tools/test sums them up.
#pragma once

#include <filesystem>
#include <string>

#include <nlohmann/json.hpp>

#include "base/bytes.hpp"

namespace weft::vectors {

using Json = nlohmann::json;

std::filesystem::path folder();
bool has(const std::string& name);  // "wycheproof/x25519_test.json"
bool required();                    // WEFT_REQUIRE_VECTORS=1

// These throw on a file that does not read: a broken vector file is a failed test.
Json load(const std::string& name);
std::string load_text(const std::string& name);  // a name ending in .gz is unpacked
Bytes hex(const Json& object, const char* key);
Bytes hex(const std::string& text);
template <std::size_t N>
ByteArray<N> fixed_hex(const Json& object, const char* key) {
  return to_array<N>(hex(object, key)).value();
}

// Counts the vectors of one file. A vector is "run" when its expectation was checked.
class Tally {
 public:
  Tally(std::string name, std::size_t total) : name_(std::move(name)), total_(total) {}
  Tally(const Tally&) = delete;
  Tally& operator=(const Tally&) = delete;
  ~Tally();  // prints and appends the line

  void ran() { ++run_; }
  [[nodiscard]] std::size_t run() const { return run_; }
  [[nodiscard]] std::size_t total() const { return total_; }

 private:
  std::string name_;
  std::size_t total_;
  std::size_t run_ = 0;
};

}  // namespace weft::vectors

// At the top of a TEST body.
#define WEFT_NEED_VECTORS(name)                                                         \
  do {                                                                                  \
    if (!::weft::vectors::has(name)) {                                                  \
      if (::weft::vectors::required())                                                  \
        FAIL() << "missing vectors: " << (::weft::vectors::folder() / (name)).string(); \
      GTEST_SKIP() << "no vectors at " << (::weft::vectors::folder() / (name)).string() \
                   << " (set WEFT_VECTORS)";                                            \
    }                                                                                   \
  } while (false)
