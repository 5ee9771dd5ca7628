// A home with something in it, copies of it to be spoilt, and what may come of that.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fstream>
#include <functional>

#include "base/seeded_rng.hpp"
#include "node/store/home.hpp"
#include "tests/store/kit.hpp"

namespace weft::store {

inline Bytes contents(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}
inline void overwrite(const std::filesystem::path& path, const Bytes& bytes) {
  std::ofstream out(path, std::ios::binary | std::ios::trunc);
  out.write(reinterpret_cast<const char*>(bytes.data()),
            static_cast<std::streamsize>(bytes.size()));
}

// Every row of every table.
using Rows = std::vector<Row>;
inline Result<Rows> all_rows(Store& store) {
  Rows out;
  for (const auto& info : kTables) {
    WEFT_TRY(auto rows, store.load(info.table));
    std::ranges::move(rows, std::back_inserter(out));
  }
  return out;
}

// What a member with services, rules and doors holds.
inline std::vector<Rows> life() {
  Row current = row(Table::Network, "current", std::string(32, 'n'));
  current.network = {};
  std::vector<Rows> out{{row(Table::Roster, "entry-1", std::string(300, 'g')), current,
                         row(Table::Network, "head", "1"), row(Table::Network, "static", "secret")},
                        {row(Table::Epoch, "peer", "5")},
                        {row(Table::Ticket, "ticket", "open")}};
  for (int i = 0; i < 20; ++i) {
    const auto n = std::to_string(i);
    out.push_back({row(Table::Exposure, "svc" + n, "700" + n),
                   row(Table::Access, "a" + n, "\x96\x01\x02\xc3" + n)});
    out.push_back({row(Table::Peer, "peer" + n, "10.0.0." + n)});
  }
  out.push_back({row(Table::Setting, "udp_port", "xy")});
  out.push_back({row(Table::Mapping, "door", "9000")});
  out.push_back({row(Table::Access, "deny", "\x96\x01\x02\xc2 ada")});
  return out;
}

// As long as the process: made once, copied for every trial.
class GoodHome {
 public:
  // `killed`: as kill -9 leaves it, most of it in the write-ahead log.
  explicit GoodHome(std::uint64_t seed, bool killed) {
    const auto child = ::fork();
    if (child == 0) ::_exit(fill(seed, killed));
    int status = -1;
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_EQ(status, 0);
    std::map<std::tuple<Table, Bytes, Bytes>, Row> ordered;  // as load() orders them
    for (const auto& rows : life())
      for (const auto& r : rows)
        ordered.emplace(std::tuple(r.table, to_bytes(r.network.view()), r.key), r);
    for (const auto& [key, r] : ordered) rows_.push_back(r);
  }
  [[nodiscard]] const std::filesystem::path& path() const { return folder_.path(); }
  [[nodiscard]] const Rows& rows() const { return rows_; }

 private:
  int fill(std::uint64_t seed, bool killed) {
    SeededRng rng(seed);
    auto home = open_home({path(), path()}, rng);
    if (!home) return 1;
    for (const auto& rows : life())
      if (!home->store->commit(rows)) return 2;
    if (killed) ::_exit(0);
    return 0;
  }

  TemporaryHome folder_;
  Rows rows_;
};

// One trial: a copy is spoilt, and opened.
struct Trial {
  TemporaryHome folder;
  std::filesystem::path home = folder.path() / "home";
  Result<Home> opened = fail(Errc::Closed);
  std::string untouched;  // the first file that a refusal changed

  Trial(const std::filesystem::path& good,
        const std::function<void(const std::filesystem::path&)>& spoil) {
    std::filesystem::copy(good, home, std::filesystem::copy_options::recursive);
    spoil(home);
    std::map<std::filesystem::path, Bytes> before;
    for (const auto& file : std::filesystem::directory_iterator(home))
      if (file.is_regular_file() && file.path().filename() != "lock")
        before[file.path()] = contents(file.path());
    SeededRng rng(77);
    opened = open_home({home, home}, rng);
    if (opened) return;
    for (const auto& [path, bytes] : before)
      if (contents(path) != bytes) untouched = path.filename();
  }
};

// The only two ends there are: refused, with the way out, all files as they were; or all there.
inline testing::AssertionResult whole_or_refused(Trial& trial, const Rows& wanted) {
  if (trial.opened) {
    const auto rows = all_rows(*trial.opened->store);
    if (!rows) return testing::AssertionFailure() << "opens, but: " << rows.error().detail;
    if (*rows == wanted) return testing::AssertionSuccess() << "whole";
    return testing::AssertionFailure()
           << "opens with other rows: " << rows->size() << " of " << wanted.size();
  }
  const auto& detail = trial.opened.error().detail;
  if (detail.find("Fix: ") == std::string::npos && detail.find(". Fix") == std::string::npos)
    return testing::AssertionFailure() << "refused without a fix: " << detail;
  if (!trial.untouched.empty())
    return testing::AssertionFailure() << "refused, but changed " << trial.untouched;
  return testing::AssertionSuccess() << "refused: " << detail;
}

}  // namespace weft::store
