// What the process has of the machine: descriptors, the disk, the log, names.
#include "node/checks.hpp"
#include "node/doctor/machine.hpp"
#include "node/doctor/network.hpp"
#include "node/io/descriptors.hpp"

namespace weft::node {
namespace {

doctor::Finding look_at_descriptors(const Subject&) {
  return doctor::descriptors(io::descriptor_limit(), io::descriptors_open());
}

doctor::Finding look_at_store(const Subject& subject) {
  const auto trouble = subject.overlay.store_trouble();
  return doctor::saving(trouble ? trouble->why : std::string(), trouble ? trouble->waiting : 0);
}

doctor::Finding look_at_log(const Subject& subject) {
  return doctor::log(subject.log_place, subject.log_lines_dropped);
}

doctor::Finding look_at_names(const Subject& subject) { return doctor::names(subject.no_resolver); }

}  // namespace

std::vector<Check> process_checks() {
  return {{10, look_at_descriptors}, {11, look_at_store}, {12, look_at_log}, {13, look_at_names}};
}

}  // namespace weft::node
