#include "overlay/roster/fields.hpp"

#include "base/label.hpp"

namespace weft::roster {
namespace {

constexpr std::uint64_t kMaxTime = std::uint64_t{1} << 62;

}  // namespace

Result<void> expect_array(wire::Reader& in, std::size_t size) {
  WEFT_TRY(const auto count, in.array(size));
  if (count != size) return fail(Errc::Malformed, "wrong number of elements");
  return {};
}

Result<std::string> read_label(wire::Reader& in) {
  WEFT_TRY(const auto text, in.str(kMaxLabel));
  if (!is_label(text)) return fail(Errc::Malformed, "a name is not a DNS label");
  return std::string(text);
}

Result<UnixTime> read_unix_time(wire::Reader& in) {
  WEFT_TRY(const auto value, in.uint());
  if (value > kMaxTime) return fail(Errc::Malformed, "time out of range");
  return static_cast<UnixTime>(value);
}

}  // namespace weft::roster
