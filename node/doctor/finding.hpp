// What one check of `weft doctor` found. A check is a pure function of facts: who gathers them
// (tools/weft/commands/doctor.cpp of the machine, node/checks of the running daemon) is apart, so
// that a test produces each result without a broken machine.
//
// A check warns where something works worse than it could, and fails where something does not work
// or is lost. `fix` is what a person can do, and is empty for who passes.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace weft::doctor {

enum class Verdict : std::uint8_t { Pass, Warn, Fail };

struct Finding {
  std::string name;
  Verdict verdict = Verdict::Pass;
  std::string detail;  // a sentence: what is
  std::string fix;
};

[[nodiscard]] std::string_view name_of(Verdict verdict);  // "PASS", "WARN", "FAIL"

[[nodiscard]] inline Finding pass(std::string name, std::string detail) {
  return {std::move(name), Verdict::Pass, std::move(detail), {}};
}
[[nodiscard]] inline Finding warn(std::string name, std::string detail, std::string fix) {
  return {std::move(name), Verdict::Warn, std::move(detail), std::move(fix)};
}
[[nodiscard]] inline Finding fail(std::string name, std::string detail, std::string fix) {
  return {std::move(name), Verdict::Fail, std::move(detail), std::move(fix)};
}

// "a, b, c and 4 more"
[[nodiscard]] std::string some_of(const std::vector<std::string>& all);
// "17 GiB"
[[nodiscard]] std::string bytes_text(std::uint64_t bytes);

}  // namespace weft::doctor
