#include "overlay/post/forward.hpp"

namespace weft::post {

namespace {
constexpr std::uint8_t kChannel = 4;
constexpr std::size_t kMaxElements = 8;
}  // namespace

Bytes Forward::encode() const {
  wire::Writer out;
  out.array(3).uint(static_cast<std::uint64_t>(type)).bin(node.view()).bin(inner);
  Bytes body{kChannel};
  append(body, out.bytes());
  return body;
}

Result<Forward> Forward::decode(ByteView content) {
  auto in = wire::Reader::lenient(content);
  WEFT_TRY(const auto elements, in.array(kMaxElements));
  if (elements < 3) return fail(Errc::Malformed, "forward: too short");
  WEFT_TRY(const auto type, in.uint());
  if (type != static_cast<std::uint64_t>(Type::Forward) &&
      type != static_cast<std::uint64_t>(Type::Forwarded))
    return fail(Errc::Unsupported, "forward: of another type");
  Forward out;
  out.type = static_cast<Type>(type);
  WEFT_TRY(out.node.bytes, in.fixed<32>());
  WEFT_TRY(out.inner, in.bin(sealed::kMaxDatagram));
  return out;
}

}  // namespace weft::post
