// A CIDR: addresses that begin with the same bits. IPv4 is its mapped form, so 192.168.7.0/24 counts
// 120 bits of the 128.
#pragma once

#include <string>
#include <string_view>

#include "base/endpoint.hpp"
#include "base/error.hpp"

namespace weft::service {

struct AddressRange {
  ByteArray<16> prefix{};
  unsigned bits = 0;  // of the 128
  bool operator==(const AddressRange&) const = default;

  // An address by itself is a range of one. Usage, with what to change.
  [[nodiscard]] static Result<AddressRange> from_text(std::string_view text);
  [[nodiscard]] std::string to_text() const;
  [[nodiscard]] bool contains(const ByteArray<16>& address) const;
  // A range over both families would be written as ::/0: then IPv4 is not meant.
  [[nodiscard]] bool contains(const Endpoint& at) const;
};

}  // namespace weft::service
