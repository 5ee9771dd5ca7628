#include "node/store/backup.hpp"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <fstream>
#include <map>

#include "base/identity.hpp"
#include "node/store/database.hpp"
#include "node/store/error_text.hpp"
#include "node/store/key_file.hpp"
#include "node/store/statement.hpp"

namespace weft::store {
namespace {

namespace fs = std::filesystem;

using Parts = std::map<std::string, Bytes>;  // by name: the order the MAC sees

constexpr int kApplication = 0x77656674;  // "weft"
constexpr int kVersion = 1;
constexpr std::string_view kSealName = "seal";
constexpr const char* kPartNames[] = {"identity.key", "person.key", "home.seal", "trust.db",
                                      "state.db"};
constexpr std::size_t kMostBytes = 1U << 30;  // sqlite's own limit for one value

struct Closer {
  void operator()(sqlite3* handle) const { sqlite3_close(handle); }
};
using Connection = std::unique_ptr<sqlite3, Closer>;

Mac mac_of(const Parts& parts, const Sealer& sealer) {
  Bytes all;
  for (const auto& [name, bytes] : parts) {
    append(all, bytes_of(name));
    all.push_back(0);
    append_be(all, static_cast<std::uint64_t>(bytes.size()));
    append(all, bytes);
  }
  return sealer.backup(all);
}

Result<Bytes> read_file(const fs::path& path) {
  std::ifstream in(path, std::ios::binary);
  Bytes out{std::istreambuf_iterator<char>(in), {}};
  if (in.bad() || !in.is_open()) return fail(Errc::Storage, "cannot read " + path.string());
  return out;
}

std::unexpected<Error> not_written(const fs::path& path, int code) {
  return fail(Errc::Storage, "cannot write " + path.string() + ": " + sqlite3_errstr(code) +
                                 ". Fix: choose a place that is writable and has room");
}

Result<void> insert(sqlite3* handle, const fs::path& path, const std::string& name,
                    ByteView bytes) {
  int code = SQLITE_OK;
  const auto statement = prepare(handle, "INSERT INTO file VALUES (?1, ?2)", code);
  if (statement) {
    sqlite3_bind_text(statement.get(), 1, name.c_str(), -1, SQLITE_STATIC);
    bind_blob(statement, 2, bytes);
    code = sqlite3_step(statement.get());
  }
  if (code != SQLITE_DONE) return not_written(path, code);
  return {};
}

Result<void> write_container(const fs::path& path, const Parts& parts, const Mac& mac) {
  sqlite3* raw = nullptr;
  int code =
      sqlite3_open_v2(path.c_str(), &raw, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOFOLLOW, nullptr);
  const Connection handle(raw);
  const auto begin = "PRAGMA journal_mode=OFF; PRAGMA synchronous=FULL; PRAGMA application_id=" +
                     std::to_string(kApplication) +
                     "; PRAGMA user_version=" + std::to_string(kVersion) +
                     "; CREATE TABLE file (name TEXT PRIMARY KEY, bytes BLOB NOT NULL); BEGIN;";
  if (code == SQLITE_OK) code = sqlite3_exec(raw, begin.c_str(), nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return not_written(path, code);
  for (const auto& [name, bytes] : parts) WEFT_CHECK(insert(raw, path, name, bytes));
  WEFT_CHECK(insert(raw, path, std::string(kSealName), mac));
  code = sqlite3_exec(raw, "COMMIT", nullptr, nullptr, nullptr);
  if (code != SQLITE_OK) return not_written(path, code);
  return {};
}

// A file of this name, empty, ours alone; gone again unless kept.
class Draft {
 public:
  explicit Draft(fs::path path) : path_(std::move(path)) {
    ::unlink(path_.c_str());
    made_ = File(::open(path_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  }
  ~Draft() {
    if (made_) ::unlink(path_.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;

  [[nodiscard]] bool made() const { return static_cast<bool>(made_); }
  [[nodiscard]] const fs::path& path() const { return path_; }
  [[nodiscard]] bool flush() const { return ::fsync(made_.get()) == 0; }

 private:
  fs::path path_;
  File made_;
};

std::unexpected<Error> no_backup(const fs::path& file, const std::string& why) {
  return fail(Errc::Malformed, file.string() + " is not a backup of a node, or is damaged: " + why +
                                   ". Nothing was changed. Fix: take another backup");
}

Result<Parts> read_container(const fs::path& file) {
  std::error_code error;
  if (!fs::is_regular_file(file, error))
    return fail(Errc::NotFound, "there is no file " + file.string());
  sqlite3* raw = nullptr;
  int code = sqlite3_open_v2(file.c_str(), &raw, SQLITE_OPEN_READONLY, nullptr);
  const Connection handle(raw);
  if (code != SQLITE_OK) return no_backup(file, sqlite3_errstr(code));
  sqlite3_db_config(raw, SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_exec(raw, "PRAGMA trusted_schema=OFF; PRAGMA cell_size_check=ON;", nullptr, nullptr,
               nullptr);
  // A view or a virtual table of this name is no file of ours.
  const auto kind =
      prepare(raw,
              "SELECT count(*) FROM sqlite_schema WHERE name = 'file' AND type = 'table' AND sql = "
              "'CREATE TABLE file (name TEXT PRIMARY KEY, bytes BLOB NOT NULL)'",
              code);
  if (!kind || sqlite3_step(kind.get()) != SQLITE_ROW || sqlite3_column_int(kind.get(), 0) != 1)
    return no_backup(file, "it has no table of files");
  const auto statement = prepare(raw, "SELECT name, bytes FROM file LIMIT 16", code);
  if (!statement) return no_backup(file, sqlite3_errstr(code));
  Parts parts;
  while ((code = sqlite3_step(statement.get())) == SQLITE_ROW)
    parts[std::string(text_of(column(statement, 0)))] = column(statement, 1);
  if (code != SQLITE_DONE) return no_backup(file, sqlite3_errstr(code));
  return parts;
}

Result<ByteArray<32>> seed_of(const Parts& parts, const char* name, const fs::path& file) {
  auto seed = parse_key(parts.at(name));
  if (!seed) return no_backup(file, std::string(name) + " is not a key");
  return seed;
}

Result<Parts> checked(const fs::path& file) {
  WEFT_TRY(auto parts, read_container(file));
  for (const auto* name : kPartNames)
    if (!parts.contains(name)) return no_backup(file, std::string("it has no ") + name);
  auto seal = parts.extract(std::string(kSealName));
  if (seal.empty() || parts.size() != std::size(kPartNames))
    return no_backup(file, "it has no seal, or holds what is not ours");
  WEFT_TRY(const auto seed, seed_of(parts, "identity.key", file));
  if (!crypto::equal_constant_time(mac_of(parts, Sealer(seed)), seal.mapped()))
    return no_backup(file, "its seal does not fit");
  return parts;
}

Result<void> put(const fs::path& path, ByteView bytes) {
  const File file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!file || !write_durably(file, bytes)) return fail_errno(Errc::Storage, "cannot write", path);
  return {};
}

}  // namespace

Result<void> write_backup(Store& store, const HomePlaces& places, const fs::path& file) {
  std::error_code error;
  if (fs::symlink_status(file, error).type() != fs::file_type::not_found)
    return fail(Errc::AlreadyExists,
                file.string() +
                    " is there already, and a backup never replaces one. Fix: name "
                    "another file");
  const Draft draft(file.string() + ".part");
  const Draft trust(file.string() + ".trust");
  const Draft state(file.string() + ".state");
  if (!draft.made() || !trust.made() || !state.made())
    return fail_errno(errno == EACCES ? Errc::Denied : Errc::Storage, "cannot write", file);
  WEFT_TRY(const auto marker, store.copy_to(trust.path(), state.path()));
  Parts parts;
  parts["home.seal"] = encode(marker, 1, store.sealer());
  WEFT_TRY(parts["identity.key"], read_file(places.identity()));
  WEFT_TRY(parts["person.key"], read_file(places.person()));
  WEFT_TRY(parts["trust.db"], read_file(trust.path()));
  WEFT_TRY(parts["state.db"], read_file(state.path()));
  for (const auto& [name, bytes] : parts)
    if (bytes.size() >= kMostBytes)
      return fail(Errc::TooLarge, name + " is too large for a backup of this kind");
  WEFT_CHECK(write_container(draft.path(), parts, mac_of(parts, store.sealer())));
  const auto folder = file.has_parent_path() ? file.parent_path() : fs::path(".");
  // link() refuses to replace what may have come meanwhile; where it is not to be had, rename().
  const bool flushed = draft.flush();
  if (!flushed || (::link(draft.path().c_str(), file.c_str()) != 0 &&
                   (errno == EEXIST || ::rename(draft.path().c_str(), file.c_str()) != 0)))
    return fail_errno(Errc::Storage, "cannot write", file);
  if (!sync_directory(folder)) return fail_errno(Errc::Storage, "cannot flush", folder);
  return {};
}

Result<void> restore_backup(const fs::path& file, const HomePlaces& places) {
  WEFT_TRY(const auto parts, checked(file));
  WEFT_TRY(auto seed, seed_of(parts, "identity.key", file));
  const auto marker = peek_marker(parts.at("home.seal"));
  if (!marker) return no_backup(file, "its home.seal is unreadable");
  WEFT_TRY(const auto lock, HomeLock::take(places.state));
  if (is_inhabited(places))
    return fail(
        Errc::AlreadyExists,
        "a node lives in " + places.keys.string() +
            " already. Fix: weft start-over all first, which keeps its files aside; or restore "
            "into another home: weft --home DIR restore");
  WEFT_CHECK(put(places.state / "trust.db", parts.at("trust.db")));
  WEFT_CHECK(put(places.state / "state.db", parts.at("state.db")));
  {
    const Sealer sealer(seed);
    WEFT_TRY(const auto sealed, MarkerFile::open(places.marker(), ""));
    bool flush_failed = false;
    WEFT_CHECK(sealed->write(*marker, sealer, flush_failed));
  }
  WEFT_CHECK(put(places.person(), parts.at("person.key")));
  // Last: whatever is cut short before is refused at the start as a home without its key.
  WEFT_CHECK(put(places.identity(), parts.at("identity.key")));
  crypto::wipe(seed);
  if (!sync_directory(places.state) || !sync_directory(places.keys))
    return fail_errno(Errc::Storage, "cannot flush", places.keys);
  return {};
}

}  // namespace weft::store
