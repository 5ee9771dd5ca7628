// The daemon's half of `weft doctor`: the checks of node/checks over what it knows now.
#pragma once

#include <functional>
#include <vector>

#include "node/checks.hpp"

namespace weft::node {

class DoctorControl {
 public:
  explicit DoctorControl(std::function<Subject()> subject) : subject_(std::move(subject)) {}
  [[nodiscard]] Subject subject() const { return subject_(); }
  [[nodiscard]] std::vector<doctor::Finding> examine() const { return node::examine(subject_()); }

 private:
  const std::function<Subject()> subject_;
};

}  // namespace weft::node
