// What the handlers of the API may ask, found by its type: the daemon offers the parts it has, a
// test those it fakes. A route whose part nobody offers is not served.
#pragma once

#include <string>
#include <typeindex>
#include <unordered_map>

namespace weft::api {

class Host {
 public:
  // `part` as each of Parts; it must outlive whoever asks. With `offer<Members>(control)` handlers
  // that take a Members& get this one.
  template <class... Parts, class Object>
  void offer(Object& part) {
    ((parts_[typeid(Parts)] = static_cast<Parts*>(&part)), ...);
  }
  [[nodiscard]] void* find(std::type_index type) const {
    const auto found = parts_.find(type);
    return found == parts_.end() ? nullptr : found->second;
  }
  template <class Part>
  [[nodiscard]] Part* find() const {
    return static_cast<Part*>(find(typeid(Part)));
  }

 private:
  std::unordered_map<std::type_index, void*> parts_;
};

// Where each change that somebody asked for is told, and what came of it: one line of logfmt.
class AuditLog {
 public:
  virtual ~AuditLog() = default;
  virtual void audit(const std::string& line) = 0;
};

}  // namespace weft::api
