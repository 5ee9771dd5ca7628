#include "simulations/whole/laws.hpp"

#include <numeric>

namespace weft::sim {

std::string_view name_of(Law law) {
  constexpr std::array<std::string_view, kLaws> kNames{
      "what is acknowledged is stored", "one roster head",
      "nobody removed is served",       "default deny",
      "streams lose no bytes",          "sessions are bounded",
      "held messages arrive",           "messages come once and in order",
      "membership tells the truth"};
  return kNames[static_cast<std::size_t>(law)];
}

void Laws::broken(Law law, Instant at, const std::string& what) {
  const auto index = static_cast<std::size_t>(law);
  if (breaches_[index]++ > 0) return;
  first_[index] = "at second " + std::to_string(at.time_since_epoch() / 1s) + ": " + what;
}

std::uint64_t Laws::breaches() const {
  return std::accumulate(breaches_.begin(), breaches_.end(), std::uint64_t{0});
}

std::vector<std::string> Laws::broken_sentences() const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kLaws; ++i)
    if (breaches_[i] > 0)
      out.push_back("law \"" + std::string(name_of(static_cast<Law>(i))) + "\" broken " +
                    std::to_string(breaches_[i]) + " times, first " + first_[i]);
  return out;
}

std::vector<std::string> Laws::kept_sentences() const {
  std::vector<std::string> out;
  for (std::size_t i = 0; i < kLaws; ++i)
    if (breaches_[i] == 0 && checked_[i] > 0)
      out.push_back("law \"" + std::string(name_of(static_cast<Law>(i))) + "\" held, checked " +
                    std::to_string(checked_[i]) + " times");
  return out;
}

}  // namespace weft::sim
