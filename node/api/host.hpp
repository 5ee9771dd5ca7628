// What the handlers of the API may ask, found by its type: the daemon offers the parts it has, a
// test those it fakes. A route whose part nobody offers is not served. One daemon is in several
// networks (decision 32): each has a host of its own, and a request names its network.
#pragma once

#include <memory>
#include <string>
#include <typeindex>
#include <unordered_map>
#include <utility>
#include <vector>

#include "node/api/result.hpp"

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

class Hosts {
 public:
  virtual ~Hosts() = default;
  // Of the network so called, by name or id. Empty: of the only one, else of the default one. What
  // is the daemon's own (is it alive, its end, a backup) every host offers. Code::NotFound says
  // which networks there are, Code::Usage which ones the name may mean.
  [[nodiscard]] virtual ApiResult<const Host*> of(const std::string& network) const = 0;
  // While what it returns lives, parts answer for that network, which of() has found; a handler is
  // called so. Parts that answer later remember it themselves.
  [[nodiscard]] virtual std::shared_ptr<const void> mean(const std::string&) const { return {}; }
  // What the network that of() found for `network` is called; people may give its id.
  [[nodiscard]] virtual std::string name_of(const std::string& network) const { return network; }
};

// A change that somebody asked for, and what came of it.
struct Audited {
  std::string action, path;
  std::vector<std::pair<std::string, std::string>> asked;  // fields of the request, no secrets
  std::string uid;                                         // of who asked; empty: not known
  std::string result;                                      // ok, refused
  std::string err;                                         // why it was refused
};
class AuditLog {
 public:
  virtual ~AuditLog() = default;
  virtual void audit(Audited what) = 0;
};

}  // namespace weft::api
