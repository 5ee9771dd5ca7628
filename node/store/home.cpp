#include "node/store/home.hpp"

#include <algorithm>

#include "base/identity.hpp"
#include "node/store/database.hpp"
#include "node/store/key_file.hpp"
#include "node/store/words.hpp"

namespace weft::store {
namespace {

namespace fs = std::filesystem;

bool there(const fs::path& path) {
  std::error_code ignored;
  return fs::symlink_status(path, ignored).type() != fs::file_type::not_found;
}

std::vector<fs::path> files_of(const fs::path& state, const char* database) {
  std::vector<fs::path> out;
  for (const auto* end : {"", "-wal", "-journal", "-shm"})
    out.push_back(state / (std::string(database) + end));
  return out;
}

std::unexpected<Error> key_missing(const fs::path& path) {
  return fail(Errc::Storage,
              path.string() + " is missing, though this home has had one." + fix_for_key());
}

// Nothing, if there is no such file.
Result<std::optional<ByteArray<32>>> load_if_there(const fs::path& path) {
  auto seed = load_key_file(path);
  if (seed) return *seed;
  if (seed.error().code == Errc::NotFound) return std::nullopt;
  return std::unexpected(seed.error());
}

crypto::Key32 public_of(const ByteArray<32>& person) {
  return crypto::Ed25519KeyPair::from_seed(person).public_key;
}

Marker marker_of(const ByteArray<32>& identity, const ByteArray<32>& person) {
  Marker out;
  out.phase = Marker::Phase::Fresh;
  out.schema = kSchema;
  out.node = Identity::from_seed(identity).id;
  out.person = public_of(person);
  return out;
}

// The marker goes first: from then on a key that is missing is missed, and a start cut short here
// is recognised by its phase and done again.
Result<void> write_marker(const HomePlaces& places, const ByteArray<32>& identity,
                          const Marker& marker) {
  const Sealer sealer(identity);
  WEFT_TRY(const auto file, MarkerFile::open(places.marker(), ""));
  std::ignore = file->read(sealer);  // which slot is next
  bool flush_failed = false;
  return file->write(marker, sealer, flush_failed);
}

std::optional<Marker> peek(const HomePlaces& places) {
  if (!there(places.marker())) return std::nullopt;
  const auto file = MarkerFile::open(places.marker(), "");
  return file ? (*file)->peek() : std::nullopt;
}

std::optional<Marker> read_marker(const HomePlaces& places, const ByteArray<32>& identity) {
  if (!there(places.marker())) return std::nullopt;
  const auto file = MarkerFile::open(places.marker(), "");
  return file ? (*file)->read(Sealer(identity)) : std::nullopt;
}

bool has_databases(const HomePlaces& places) {
  return there(places.state / kTrustSpec.file) || there(places.state / kStateSpec.file);
}

Result<void> begin(const HomePlaces& places, Home& home, Rng& rng) {
  home.identity = rng.bytes<32>();
  home.person = rng.bytes<32>();
  WEFT_CHECK(write_marker(places, home.identity, marker_of(home.identity, home.person)));
  WEFT_CHECK(create_key_file(places.identity(), home.identity));
  return create_key_file(places.person(), home.person);
}

Result<void> load_keys(const HomePlaces& places, Home& home, Rng& rng) {
  WEFT_TRY(const auto identity, load_if_there(places.identity()));
  WEFT_TRY(const auto person, load_if_there(places.person()));
  if (!identity) {
    const auto marker = peek(places);
    const bool begun = marker && marker->phase == Marker::Phase::Fresh;
    if (person || has_databases(places) || (marker && !begun))
      return key_missing(places.identity());
    return begin(places, home, rng);
  }
  home.identity = *identity;
  if (person) {
    home.person = *person;
    return {};
  }
  const auto marker = read_marker(places, *identity);
  if (!marker || marker->phase != Marker::Phase::Fresh || has_databases(places))
    return key_missing(places.person());
  home.person = rng.bytes<32>();
  WEFT_CHECK(write_marker(places, home.identity, marker_of(home.identity, home.person)));
  return create_key_file(places.person(), home.person);
}

StoreOptions options_of(const HomePlaces& places, const Home& home) {
  StoreOptions options;
  options.identity = home.identity;
  options.person = public_of(home.person);
  options.nothing_there = false;
  options.marker = places.marker();
  return options;
}

Result<std::uint64_t> generation_of(const HomePlaces& places, const DatabaseSpec& spec,
                                    const ByteArray<32>& identity) {
  Database database(fs::canonical(places.state) / spec.file, "", Sealer(identity));
  WEFT_CHECK(database.open(spec, IfOlder::Refuse));
  database.accept();
  return database.generation();
}

// A marker that fits what stays: `spec` is gone, or nothing is.
Result<void> seal_anew(const HomePlaces& places, const DatabaseSpec* gone) {
  WEFT_TRY(const auto identity, load_key_file(places.identity()));
  WEFT_TRY(const auto person, load_key_file(places.person()));
  Marker marker = marker_of(identity, person);
  marker.phase = gone == nullptr ? Marker::Phase::Whole : Marker::Phase::Fresh;
  for (const auto* spec : {&kTrustSpec, &kStateSpec}) {
    if (spec == gone) continue;
    WEFT_TRY((spec->trust ? marker.trust : marker.state), generation_of(places, *spec, identity));
  }
  return write_marker(places, identity, marker);
}

}  // namespace

Result<Home> open_home(const HomePlaces& places, Rng& rng, std::shared_ptr<HomeLock> lock) {
  Home home;
  home.lock = std::move(lock);
  if (!home.lock) {
    WEFT_TRY(home.lock, HomeLock::take(places.state));
  }
  WEFT_CHECK(load_keys(places, home, rng));
  WEFT_TRY(home.store, Store::open(home.lock, places.state, options_of(places, home)));
  return home;
}

bool is_inhabited(const HomePlaces& places) {
  return there(places.identity()) || there(places.person()) || there(places.marker()) ||
         has_databases(places);
}

Result<void> settle_keys(const HomePlaces& places, const ByteArray<32>& identity,
                         const ByteArray<32>& person) {
  WEFT_TRY(const auto lock, HomeLock::take(places.state));
  if (is_inhabited(places))
    return fail(
        Errc::AlreadyExists,
        "a node lives in " + places.keys.string() +
            " already. Fix: take another home: weft --home DIR; or weft start-over all first, "
            "which keeps the old files aside");
  WEFT_CHECK(write_marker(places, identity, marker_of(identity, person)));
  WEFT_CHECK(create_key_file(places.identity(), identity));
  return create_key_file(places.person(), person);
}

std::optional<Reset> reset_from_text(std::string_view text) {
  if (text == "seal") return Reset::Seal;
  if (text == "services") return Reset::Services;
  if (text == "network") return Reset::Network;
  if (text == "all") return Reset::All;
  return std::nullopt;
}

Result<std::vector<fs::path>> reset_home(const HomePlaces& places, Reset what,
                                         const std::string& stamp) {
  WEFT_TRY(const auto lock, HomeLock::take(places.state));
  std::vector<fs::path> going;
  if (what == Reset::Network || what == Reset::All)
    std::ranges::copy(files_of(places.state, kTrustSpec.file), std::back_inserter(going));
  if (what == Reset::Services || what == Reset::All)
    std::ranges::copy(files_of(places.state, kStateSpec.file), std::back_inserter(going));
  if (what == Reset::All)
    for (const auto& path : {places.person(), places.marker(), places.identity()})
      going.push_back(path);
  // First, because it finds out whether what stays can be used.
  if (what != Reset::All)
    WEFT_CHECK(seal_anew(places, what == Reset::Services  ? &kStateSpec
                                 : what == Reset::Network ? &kTrustSpec
                                                          : nullptr));
  const auto aside = places.state / ("aside-" + stamp);
  std::error_code error;
  std::erase_if(going, [](const fs::path& path) { return !there(path); });
  if (!going.empty() && !fs::create_directory(aside, error))
    return fail(Errc::Storage, "cannot create " + aside.string() + ": " + error.message());
  fs::permissions(aside, fs::perms::owner_all, error);
  for (const auto& path : going) {
    fs::rename(path, aside / path.filename(), error);
    if (error)
      return fail(Errc::Storage, "cannot move " + path.string() + " to " + aside.string() + ": " +
                                     error.message());
  }
  std::ignore = sync_directory(places.state);
  std::ignore = sync_directory(places.keys);
  return going;
}

}  // namespace weft::store
