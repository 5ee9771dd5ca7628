#include "node/store/store.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "base/identity.hpp"
#include "node/store/database.hpp"
#include "node/store/home_lock.hpp"
#include "node/store/words.hpp"

namespace weft::store {
namespace {

namespace fs = std::filesystem;

bool is_current(const Row& row) {
  return row.table == Table::Network && row.network.is_zero() && text_of(row.key) == "current";
}

std::unexpected<Error> missing(const fs::path& path, bool trust) {
  return fail(Errc::Storage, path.string() + " is missing or empty, though this home had one." +
                                 fix_for_database(trust));
}

}  // namespace

Store::Store(const StoreOptions& options) : options_(options), sealer_(options.identity) {}
Store::~Store() { crypto::wipe(options_.identity); }

Result<std::unique_ptr<Store>> Store::open(const fs::path& home, const StoreOptions& options) {
  std::error_code error;
  const bool made = fs::create_directories(home, error);
  if (error) return fail(Errc::Storage, "cannot create " + home.string() + ": " + error.message());
  if (made) fs::permissions(home, fs::perms::owner_all, error);
  WEFT_TRY(auto lock, HomeLock::take(home));
  return open(std::move(lock), home, options);
}

Result<std::unique_ptr<Store>> Store::open(std::shared_ptr<HomeLock> lock, const fs::path& home,
                                           const StoreOptions& options) {
  std::error_code error;
  std::unique_ptr<Store> store(new Store(options));
  store->lock_ = std::move(lock);
  store->home_ = fs::canonical(home, error);  // sqlite is told to follow no links
  if (error) return fail(Errc::Storage, "cannot resolve " + home.string() + ": " + error.message());
  if (store->options_.marker.empty()) store->options_.marker = store->home_ / kMarkerName;
  WEFT_CHECK(store->read_marker());

  const auto older = store->marker_.phase == Marker::Phase::Fresh      ? IfOlder::Create
                     : store->marker_.phase == Marker::Phase::Adopting ? IfOlder::Adopt
                                                                       : IfOlder::Refuse;
  store->trust_ =
      std::make_unique<Database>(store->home_ / kTrustSpec.file, options.vfs, store->sealer_);
  store->state_ =
      std::make_unique<Database>(store->home_ / kStateSpec.file, options.vfs, store->sealer_);
  WEFT_CHECK(store->trust_->open(kTrustSpec, older));
  WEFT_CHECK(store->state_->open(kStateSpec, older));
  WEFT_CHECK(store->check_generations());
  store->trust_->accept();
  store->state_->accept();
  WEFT_CHECK(store->note_network());
  return store;
}

// What the marker says decides what may be made: see marker.hpp.
Result<void> Store::read_marker() {
  const bool trust = VfsFile::exists(home_ / kTrustSpec.file, options_.vfs);
  const bool state = VfsFile::exists(home_ / kStateSpec.file, options_.vfs);
  if (VfsFile::exists(options_.marker, options_.vfs)) {
    WEFT_TRY(marker_file_, MarkerFile::open(options_.marker, options_.vfs));
    if (const auto marker = marker_file_->read(sealer_)) {
      marker_ = *marker;
      if (marker_file_->half())
        remark_ = options_.marker.string() + " was damaged in part and is whole again";
      if (marker_.person != options_.person)
        return fail(Errc::Storage,
                    "person.key is not the one this home was made with." + fix_for_key());
      if (marker_.phase == Marker::Phase::Fresh) return {};
      if (!trust) return missing(home_ / kTrustSpec.file, true);
      if (!state) return missing(home_ / kStateSpec.file, false);
      return {};
    }
    const auto other = marker_file_->peek();
    if (other && other->node != Identity::from_seed(options_.identity).id)
      return fail(Errc::Storage, "identity.key is the key of another node: this home belongs to " +
                                     to_text(other->node) + "." + fix_for_key());
  }
  return begin_without_marker(trust, state);
}

// There is none, or it is unreadable. A new home, or one of before there were markers: all else
// means that something is lost.
Result<void> Store::begin_without_marker(bool trust_there, bool state_there) {
  marker_ = {};
  marker_.node = Identity::from_seed(options_.identity).id;
  marker_.person = options_.person;
  if (!trust_there && !state_there && options_.nothing_there) {
    marker_.phase = Marker::Phase::Fresh;
  } else {
    if (!trust_there) return missing(home_ / kTrustSpec.file, true);
    if (!state_there) return missing(home_ / kStateSpec.file, false);
    for (const auto* spec : {&kTrustSpec, &kStateSpec}) {
      WEFT_TRY(const auto version, Database::schema_of(home_ / spec->file, options_.vfs));
      if (version >= 1 && version < spec->sealed) continue;
      return fail(
          Errc::Storage,
          options_.marker.string() + " is " + (marker_file_ ? "damaged" : "missing or empty") +
              ": without it nothing tells whether the databases are the newest. Fix: "
              "weft restore FILE; or, if nothing else was touched, weft start-over seal, which "
              "takes them as they are (then compare weft status with what you set)");
    }
    marker_.phase = Marker::Phase::Adopting;
    remark_ =
        "the databases of an older weft were taken over as they are; from now on every row is "
        "sealed";
  }
  if (!marker_file_) {
    WEFT_TRY(marker_file_, MarkerFile::open(options_.marker, options_.vfs));
  }
  return marker_file_->write(marker_, sealer_, flush_failed_);
}

Result<void> Store::check_generations() {
  const auto behind = [&](const Database& database, std::uint64_t sealed, bool trust,
                          const std::string& log) -> Result<void> {
    if (database.generation() >= sealed) return {};
    const auto name = std::string(trust ? kTrustSpec.file : kStateSpec.file);
    return fail(
        Errc::Storage,
        (home_ / name).string() + " is older than what this node had acknowledged: " +
            std::to_string(sealed - database.generation()) + " changes are gone. " + log +
            " Among them may be a deny or a removal. Fix: put the right file back, or weft "
            "restore FILE; or weft start-over seal, which takes the databases as they are (then "
            "compare weft status with what you set)");
  };
  WEFT_CHECK(behind(*trust_, marker_.trust, true, "It was exchanged for an older copy."));
  return behind(
      *state_, marker_.state, false,
      "Its write-ahead log state.db-wal was removed, cut, damaged or exchanged, or it was "
      "itself exchanged for an older copy.");
}

Result<void> Store::note_network() {
  Marker now = marker_;
  now.phase = Marker::Phase::Whole;
  now.schema = kSchema;
  now.trust = trust_->generation();
  now.state = state_->generation();
  now.network = {};
  WEFT_TRY(const auto rows, trust_->load(Table::Network));
  for (const auto& row : rows)
    if (is_current(row) && row.value->size() == 32)
      now.network = NetworkId{*to_array<32>(*row.value)};
  if (now == marker_ && !marker_file_->half()) return {};
  marker_ = now;
  return marker_file_->write(marker_, sealer_, flush_failed_);
}

Result<std::vector<Row>> Store::load(Table table) { return database_of(table).load(table); }

Result<std::optional<Bytes>> Store::get(Table table, const NetworkId& network, ByteView key) {
  return database_of(table).get(table, network, key);
}

Result<Page> Store::scan(const Scan& scan) { return database_of(scan.table).scan(scan); }

Result<void> Store::commit(std::span<const Row> rows) {
  WEFT_CHECK(write(rows));
  return anchor();
}

Result<void> Store::write(std::span<const Row> rows) {
  if (rows.empty()) return {};
  WEFT_CHECK(begin(is_trust(rows.front().table)));
  const auto added = add(rows);
  const auto stored = finish();
  return added ? stored : added;
}

Result<void> Store::begin(bool trust) {
  WEFT_ASSERT(!group_);
  if (read_only())
    return fail(Errc::Storage, home_.string() +
                                   " is read-only: the disk failed earlier, so what it holds is "
                                   "unknown. Fix: check the disk, then restart weft");
  WEFT_CHECK((trust ? trust_ : state_)->begin());
  group_ = Group{trust, false, std::nullopt};
  return {};
}

Result<void> Store::add(std::span<const Row> rows) {
  WEFT_ASSERT(group_ && std::ranges::all_of(rows, [&](const Row& row) {
                return is_trust(row.table) == group_->trust;
              }));
  for (const auto& row : rows)
    if (row.key.size() + (row.value ? row.value->size() : 0) > kMaxRow)
      return fail(Errc::Limit, "a row of table " + std::string(name_of(row.table)) +
                                   " is larger than " + std::to_string(kMaxRow) + " bytes");
  WEFT_CHECK((group_->trust ? trust_ : state_)->add(rows));
  for (const auto& row : rows) {
    group_->counts |= !info_of(row.table).hint;
    if (!is_current(row)) continue;
    group_->current =
        row.value && row.value->size() == 32 ? NetworkId{*to_array<32>(*row.value)} : NetworkId{};
  }
  return {};
}

Result<void> Store::finish() {
  WEFT_ASSERT(group_);
  const Group group = *group_;
  group_.reset();
  WEFT_CHECK((group.trust ? trust_ : state_)->finish());
  marker_.trust = trust_->generation();
  marker_.state = state_->generation();
  if (group.current) marker_.network = *group.current;
  unanchored_ |= group.counts;
  return {};
}

Result<void> Store::anchor() {
  if (!unanchored_) return {};
  if (flush_failed_) return fail(Errc::Storage, options_.marker.string() + " failed to flush");
  WEFT_CHECK(marker_file_->write(marker_, sealer_, flush_failed_));
  unanchored_ = false;
  return {};
}

Result<Marker> Store::copy_to(const fs::path& trust, const fs::path& state) {
  WEFT_CHECK(trust_->copy_to(trust));
  WEFT_CHECK(state_->copy_to(state));
  return marker_;
}

bool Store::read_only() const {
  return flush_failed_ || trust_->read_only() || state_->read_only();
}

}  // namespace weft::store
