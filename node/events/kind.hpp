// What every kind of event says of itself (kinds.hpp), and the types of fields.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>
#include <vector>

#include "base/fields.hpp"

namespace weft::events {

enum class Level : std::uint8_t { Info, Warning, Error };
// What `weft events GROUP` picks.
enum class Group : std::uint8_t { Node, Peers, Members, Services, Doors, Store, Api, Events };

struct Kind {
  std::string_view name;
  Group group;
  Level level;
  std::string_view sentence;
};

using Texts = std::vector<std::string>;
using Asked = std::vector<std::pair<std::string, std::string>>;  // name and value

}  // namespace weft::events
