// The services this node exposes in one network, by name. Changes answer the row to persist.
// Limit: kMaxExposures.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "base/persist.hpp"
#include "overlay/service/service.hpp"

namespace weft::service {

inline constexpr std::size_t kMaxExposures = 256;

class Registry {
 public:
  explicit Registry(const NetworkId& network) : network_(network) {}

  // AlreadyExists when the name is taken by a different exposure; the same one again is fine, also
  // when only direct_only differs.
  [[nodiscard]] Result<Row> add(Exposure exposure);
  // As add(), but a different exposure of the name gives way.
  [[nodiscard]] Result<Row> replace(Exposure exposure);
  [[nodiscard]] Result<Row> remove(const std::string& name);
  [[nodiscard]] const Exposure* find(const std::string& name) const;
  [[nodiscard]] std::vector<Exposure> list() const;  // by name
  [[nodiscard]] std::size_t size() const { return exposures_.size(); }
  // Goes up with every change.
  [[nodiscard]] std::uint64_t changes() const { return changes_; }

  [[nodiscard]] Result<void> load(const Row& row);
  [[nodiscard]] std::vector<Row> rows() const;  // all, e.g. to move them to another network

 private:
  [[nodiscard]] Row row_of(const Exposure& exposure) const;

  NetworkId network_;
  std::map<std::string, Exposure> exposures_;
  std::uint64_t changes_ = 0;
};

}  // namespace weft::service
