#include "simulations/latency_model.hpp"

#include <algorithm>
#include <charconv>
#include <fstream>
#include <optional>
#include <sstream>

#include "base/assert.hpp"
#include "simulations/fixed_math.hpp"
#include "simulations/model_random.hpp"

namespace weft::sim {

namespace {

// Where people are: a point on a globe of 51 ms radius (light in fibre at 200 km/ms on cables 1.6
// times the straight line), how far its nodes scatter, and its share of all nodes in percent.
struct Region {
  std::int32_t x, y, z, scatter;
  std::uint32_t percent;
  std::uint32_t continent;
};
constexpr std::array<Region, 8> kWorld{
    {{32000, 4500, 39500, 6000, 30, 0},     // Europe
     {10000, -38000, 32500, 7000, 22, 1},   // North America, east
     {-22500, -35500, 28500, 5000, 10, 1},  // North America, west
     {-27000, 32000, 29000, 6000, 16, 1},   // East Asia
     {8500, 46500, 18500, 7000, 9, 0},      // South Asia
     {32500, -34500, -18500, 7000, 7, 0},   // South America
     {-33000, 22500, -31500, 5000, 3, 1},   // Oceania
     {46500, 14500, -9500, 9000, 3, 0}}};   // Africa
constexpr Region kEurope{0, 0, 0, 6000, 100, 0};
constexpr Region kCity{0, 0, 0, 400, 100, 0};
constexpr Region kLan{0, 0, 0, 40, 100, 0};

// Roughly normal with standard deviation 1, in Q16: the sum of twelve uniforms less six.
std::int64_t normal_q16(ModelRandom& random) {
  std::int64_t sum = -6 * 65536;
  for (int i = 0; i < 12; ++i) sum += static_cast<std::int64_t>(random.below(65536));
  return sum;
}

// A number, blanks around it and nothing else.
std::optional<double> read_cell(std::string_view text) {
  const auto first = text.find_first_not_of(" \t\r");
  if (first == std::string_view::npos) return std::nullopt;
  text = text.substr(first, text.find_last_not_of(" \t\r") - first + 1);
  double value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value >= 0 && value <= 60'000 ? std::optional(value) : std::nullopt;
}

Result<std::vector<std::uint32_t>> read_matrix(const std::string& path, std::size_t& side) {
  std::ifstream file(path);
  if (!file || file.peek() == std::ifstream::traits_type::eof())
    return fail(Errc::NotFound, "cannot read the latency matrix " + path + ", or it is empty");
  std::vector<std::uint32_t> cells;
  std::string line;
  std::size_t rows = 0;
  for (std::size_t number = 1; std::getline(file, line); ++number) {
    const auto wrong = [&](const std::string& why) {
      return fail(Errc::Malformed, path + ": line " + std::to_string(number) + ": " + why);
    };
    if (line.find_first_not_of(" \t\r") == std::string::npos || line[0] == '#') continue;
    std::istringstream row(line);
    std::string cell;
    std::size_t columns = 0;
    for (; std::getline(row, cell, ','); ++columns) {
      const auto milliseconds = read_cell(cell);
      if (!milliseconds)
        return wrong("\"" + cell + "\" is not a round trip in milliseconds, 0 to 60000");
      cells.push_back(static_cast<std::uint32_t>(*milliseconds * 500.0));
    }
    if (side == 0) side = columns;
    if (columns != side)
      return wrong(std::to_string(columns) + " numbers, but " + std::to_string(side) +
                   " in the rows before");
    if (++rows > 4096) return wrong("more than 4096 rows");
  }
  if (rows != side || side == 0)
    return fail(Errc::Malformed, path + ": " + std::to_string(rows) + " rows of " +
                                     std::to_string(side) + " numbers: not a square matrix");
  return cells;
}

}  // namespace

Result<LatencyModel> LatencyModel::create(const LatencyOptions& options, std::uint64_t seed) {
  LatencyModel model;
  model.options_ = options;
  model.seed_ = hash_of(seed, 0x6c61746e);
  if (options.model == "matrix") {
    WEFT_TRY(model.matrix_, read_matrix(options.matrix_file, model.matrix_side_));
  } else if (options.model != "embedding") {
    return fail(Errc::Usage, "latency is embedding or matrix, not " + options.model);
  }
  if (!knows_region(options.region))
    return fail(Errc::Usage, "region is world, europe, city or lan, not " + options.region);
  model.make_jitter_table();
  return model;
}

bool LatencyModel::knows_region(std::string_view region) {
  return region == "world" || region == "europe" || region == "city" || region == "lan";
}

void LatencyModel::make_jitter_table() {
  // e^(sigma z) = 2^(sigma z / ln 2); a quantile table, sorted so that it reads as one.
  ModelRandom random(0x6a697474);  // the same for every seed: only the draw differs
  for (auto& factor : jitter_) {
    const std::int64_t z = normal_q16(random);
    const std::int64_t exponent = z * options_.jitter_percent * 94548 / 100;  // Q32: 65536 / ln 2
    factor = static_cast<std::uint32_t>(scale_exp2(65536, exponent));
  }
  std::ranges::sort(jitter_);
}

void LatencyModel::add_node(std::uint32_t node, std::uint32_t home) {
  WEFT_ASSERT(node == sites_.size() && home <= node);
  if (home != node) return sites_.push_back(Site{sites_[home]});
  ModelRandom random(hash_of(seed_, node, 1));
  Site site;
  if (matrix_side_ != 0) {
    site.region = static_cast<std::uint16_t>(random.below(matrix_side_));
    sites_.push_back(site);
    return;
  }
  Region region = kEurope;
  if (options_.region == "city") region = kCity;
  if (options_.region == "lan") region = kLan;
  if (options_.region == "world") {
    std::uint64_t pick = random.below(100);
    while (pick >= kWorld[site.region].percent) pick -= kWorld[site.region++].percent;
    region = kWorld[site.region];
  }
  site.at = {region.x, region.y, region.z, 0, 0};
  for (auto& coordinate : site.at)
    coordinate += static_cast<std::int32_t>(normal_q16(random) * region.scatter / 2 / 65536);
  // Last mile: 0.3 ms (fibre) to some tens (cable under load, radio); nothing on a LAN.
  const std::uint64_t median = options_.region == "lan" ? 20 : 2500;
  site.height = static_cast<std::uint16_t>(
      std::min<std::uint64_t>(60'000, 20 + weibull(median, 1200, random.next())));
  sites_.push_back(site);
}

std::uint32_t LatencyModel::continent_of(std::uint32_t node) const {
  return continents() == 1 ? 0 : kWorld[sites_[node].region].continent;
}

Duration LatencyModel::base(std::uint32_t a, std::uint32_t b) const {
  const Site& from = sites_[a];
  const Site& to = sites_[b];
  if (a == b) return Duration{20'000};
  if (matrix_side_ != 0) {
    const std::uint64_t one_way = matrix_[from.region * matrix_side_ + to.region];
    return Duration{static_cast<std::int64_t>(std::max<std::uint64_t>(one_way, 20)) * 1000};
  }
  std::uint64_t square = 0;
  for (std::size_t i = 0; i < from.at.size(); ++i) {
    const std::int64_t d = from.at[i] - to.at[i];
    square += static_cast<std::uint64_t>(d * d);
  }
  const std::uint64_t pair = hash_of(seed_, std::min(a, b), std::max(a, b));
  std::uint64_t nanos = integer_sqrt(square) * std::uint64_t{1000};
  nanos += nanos / 100 * ((pair & 0xffff) * options_.detour_percent >> 16);
  nanos += (std::uint64_t{from.height} + to.height) * 1000;
  return Duration{static_cast<std::int64_t>(nanos)};
}

Duration LatencyModel::sample(std::uint32_t a, std::uint32_t b, std::uint64_t packet) const {
  const auto still = static_cast<std::uint64_t>(base(a, b).count());
  const std::uint64_t draw = hash_of(seed_ ^ packet, a, b) & 0xff;
  const std::uint64_t nanos = still * jitter_[draw] >> 16;
  return Duration{static_cast<std::int64_t>(std::max<std::uint64_t>(nanos, 1000))};
}

Duration LatencyModel::median_round_trip(std::uint32_t nodes) const {
  if (nodes < 2) return Duration{0};
  ModelRandom random(hash_of(seed_, 0x6d656469));
  std::vector<Duration> trips;
  for (int i = 0; i < 20'001; ++i) {
    const auto a = static_cast<std::uint32_t>(random.below(nodes));
    const auto b = static_cast<std::uint32_t>(random.below(nodes));
    if (a != b) trips.push_back(base(a, b) * 2);
  }
  std::ranges::nth_element(trips, trips.begin() + static_cast<std::ptrdiff_t>(trips.size() / 2));
  return trips[trips.size() / 2];
}

}  // namespace weft::sim
