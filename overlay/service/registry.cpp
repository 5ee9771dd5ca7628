#include "overlay/service/registry.hpp"

namespace weft::service {

Result<Row> Registry::add(Exposure exposure) {
  const auto found = exposures_.find(exposure.name);
  if (found != exposures_.end()) {
    Exposure same = found->second;
    same.direct_only = exposure.direct_only;  // how it is given may change
    if (same != exposure)
      return fail(Errc::AlreadyExists,
                  exposure.name + " is already exposed as " + found->second.target.to_text());
  }
  return replace(std::move(exposure));
}

Result<Row> Registry::replace(Exposure exposure) {
  WEFT_CHECK(exposure.check());
  // A row that does not load would keep the node from starting: a path need not be UTF-8.
  WEFT_CHECK(Exposure::decode(exposure.encode()));
  if (!exposures_.contains(exposure.name) && exposures_.size() >= kMaxExposures)
    return fail(Errc::Limit, "256 services are exposed");
  auto row = row_of(exposure);
  exposures_.insert_or_assign(exposure.name, std::move(exposure));
  ++changes_;
  return row;
}

Result<Row> Registry::remove(const std::string& name) {
  if (exposures_.erase(name) == 0) return fail(Errc::NotFound, "no service " + name + " here");
  ++changes_;
  return Row{Table::Exposure, network_, to_bytes(bytes_of(name)), std::nullopt};
}

const Exposure* Registry::find(const std::string& name) const {
  const auto found = exposures_.find(name);
  return found == exposures_.end() ? nullptr : &found->second;
}

std::vector<Exposure> Registry::list() const {
  std::vector<Exposure> out;
  out.reserve(exposures_.size());
  for (const auto& [name, exposure] : exposures_) out.push_back(exposure);
  return out;
}

Result<void> Registry::load(const Row& row) {
  if (row.table != Table::Exposure || row.network != network_ || !row.value) return {};
  WEFT_TRY(auto exposure, Exposure::decode(*row.value));
  if (text_of(row.key) != exposure.name) return fail(Errc::Malformed, "exposure under other name");
  exposures_.insert_or_assign(exposure.name, std::move(exposure));
  ++changes_;
  return {};
}

std::vector<Row> Registry::rows() const {
  std::vector<Row> rows;
  rows.reserve(exposures_.size());
  for (const auto& [name, exposure] : exposures_) rows.push_back(row_of(exposure));
  return rows;
}

Row Registry::row_of(const Exposure& exposure) const {
  return {Table::Exposure, network_, to_bytes(bytes_of(exposure.name)), exposure.encode()};
}

}  // namespace weft::service
