// File descriptors of the process: how many there may be, and one kept for the moment when there
// are none left.
#pragma once

#include <cstddef>
#include <functional>

namespace weft::io {

// The soft limit becomes the hard one, which needs no right: the soft one (1,024 nearly everywhere)
// is there for programs that use select(). At most kMostDescriptors, where the kernel has no bound.
inline constexpr std::size_t kMostDescriptors = 1 << 20;
std::size_t raise_descriptor_limit();
[[nodiscard]] std::size_t descriptor_limit();
// Open ones now; 0 where the system does not tell.
[[nodiscard]] std::size_t descriptors_open();

// One for the whole process, held back so that a client can be accepted and told when no other is
// left. `use` runs while it is given up; afterwards it is taken again. Loop thread only.
void with_spare_descriptor(const std::function<void()>& use);

}  // namespace weft::io
