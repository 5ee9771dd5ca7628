// Groups of nodes, which rules of access name.
#pragma once

#include <string>
#include <vector>

#include "node/api/json.hpp"
#include "node/api/result.hpp"

namespace weft::api {

struct GroupRequest {
  enum class Action { List, Add, Remove } action = Action::List;
  std::string group;  // empty with List: all groups
  std::string node;   // empty with List
};

struct GroupInfo {
  std::string name;
  std::vector<std::string> members;
};

struct GroupResult {
  std::vector<GroupInfo> groups;  // Add, Remove: the one group, as it is now
};

class Groups {
 public:
  virtual ~Groups() = default;
  virtual void group(GroupRequest request, Done<GroupResult> done) = 0;
};

[[nodiscard]] Json to_json(const GroupResult& result);

}  // namespace weft::api
