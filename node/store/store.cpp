#include "node/store/store.hpp"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>

#include "base/assert.hpp"
#include "node/store/database.hpp"
#include "node/store/error_text.hpp"
#include "node/store/file.hpp"

namespace weft::store {

namespace fs = std::filesystem;

// flock, not a file that exists: the kernel drops it with the process, however that ends.
class Store::HomeLock {
 public:
  static Result<std::unique_ptr<HomeLock>> take(const fs::path& home);

 private:
  File file_;
};

Result<std::unique_ptr<Store::HomeLock>> Store::HomeLock::take(const fs::path& home) {
  const auto path = home / "lock";
  auto lock = std::make_unique<HomeLock>();
  lock->file_ =
      File(::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, S_IRUSR | S_IWUSR));
  if (!lock->file_) return fail_errno(Errc::Storage, "cannot open", path);
  if (::flock(lock->file_.get(), LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail_errno(Errc::Storage, "cannot lock", path);
    char text[16] = {};
    const auto size = ::pread(lock->file_.get(), text, sizeof text - 1, 0);
    std::string owner(text, size > 0 ? static_cast<std::size_t>(size) : 0);
    std::erase_if(owner, [](char c) { return c < '0' || c > '9'; });
    return fail(Errc::Busy, "LOCKED: " + home.string() + " is in use by process " +
                                (owner.empty() ? "unknown" : owner) +
                                ". Fix: stop it, or set WEFT_HOME to another directory");
  }
  const auto pid = std::to_string(::getpid()) + "\n";
  if (::ftruncate(lock->file_.get(), 0) != 0 ||
      ::pwrite(lock->file_.get(), pid.data(), pid.size(), 0) != static_cast<ssize_t>(pid.size()))
    return fail_errno(Errc::Storage, "cannot write", path);
  return lock;
}

Store::Store() = default;
Store::~Store() = default;

Result<std::unique_ptr<Store>> Store::open(const fs::path& home, const StoreOptions& options) {
  std::error_code error;
  const bool made = fs::create_directories(home, error);
  if (error) return fail(Errc::Storage, "cannot create " + home.string() + ": " + error.message());
  if (made) fs::permissions(home, fs::perms::owner_all, error);

  std::unique_ptr<Store> store(new Store);
  store->home_ = fs::canonical(home, error);  // sqlite is told to follow no links
  if (error) return fail(Errc::Storage, "cannot resolve " + home.string() + ": " + error.message());
  WEFT_TRY(store->lock_, HomeLock::take(store->home_));
  store->trust_ = std::make_unique<Database>(store->home_ / kTrustSpec.file, options.vfs);
  store->state_ = std::make_unique<Database>(store->home_ / kStateSpec.file, options.vfs);
  WEFT_CHECK(store->trust_->open(kTrustSpec));
  WEFT_CHECK(store->state_->open(kStateSpec));
  return store;
}

Result<std::vector<Row>> Store::load(Table table) {
  return (is_trust(table) ? trust_ : state_)->load(table);
}

Result<void> Store::commit(std::span<const Row> rows) {
  if (rows.empty()) return {};
  const bool trust = is_trust(rows.front().table);
  WEFT_ASSERT(
      std::ranges::all_of(rows, [&](const Row& row) { return is_trust(row.table) == trust; }));
  if (read_only())
    return fail(Errc::Storage, home_.string() +
                                   " is read-only: the disk failed earlier, so what it holds is "
                                   "unknown. Fix: check the disk, then restart weft");
  return (trust ? trust_ : state_)->commit(rows);
}

bool Store::read_only() const { return trust_->read_only() || state_->read_only(); }
const fs::path& Store::home() const { return home_; }

}  // namespace weft::store
