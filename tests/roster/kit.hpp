// People, nodes and short ways to write entries, shared by the roster's tests.
#pragma once

#include <algorithm>
#include <cstdlib>
#include <string>

#include "base/seeded_rng.hpp"
#include "overlay/roster/roster.hpp"

namespace weft::roster {

inline crypto::Ed25519KeyPair key_of(std::uint64_t seed) {
  return crypto::Ed25519KeyPair::from_seed(SeededRng(seed).bytes<32>());
}

// A network founded by `person`, with its first node `a` and a second admin node `b`.
struct Kit {
  crypto::Ed25519KeyPair person = key_of(1);
  crypto::Ed25519KeyPair a = key_of(2);
  crypto::Ed25519KeyPair b = key_of(3);
  UnixTime now = 1'700'000'000;
  Roster roster;

  Kit() : roster(found()) { add(b, "b", kMayExpose | kMayAdmin); }

  Roster found() {
    GenesisBody body;
    body.network_name = "home";
    body.network_secret = SeededRng(9).bytes<32>();
    body.person_name = "ada";
    body.node_key = a.public_key;
    body.node_name = "a";
    return std::move(*Roster::create(person, body, now));
  }
  [[nodiscard]] NodeBody node(const crypto::Ed25519KeyPair& key, const std::string& name,
                              MayFlags may = kMayExpose) const {
    return {key.public_key, name, person.public_key, may};
  }
  Result<Appended> put(const crypto::Ed25519KeyPair& signer, const Body& body) {
    auto entry = roster.propose(signer, body, ++now);
    if (!entry) return std::unexpected(entry.error());
    return roster.append(*entry);
  }
  void add(const crypto::Ed25519KeyPair& key, const std::string& name, MayFlags may) {
    const auto added = put(a, node(key, name, may));
    if (!added) std::abort();
  }
  // A node body signed on top of any entry, without asking the roster.
  [[nodiscard]] Entry on(const Head& parent, const crypto::Ed25519KeyPair& signer,
                         const Body& body) const {
    return Entry::sign(signer, roster.network(), parent, kind_of(body), pack(body), now);
  }
};

inline NodeId id_of(const crypto::Ed25519KeyPair& key) { return node_id_of(key.public_key); }
inline Head head_of(const Entry& entry) { return {entry.seq, entry.hash()}; }

template <class T>
Errc code_of(const Result<T>& result) {
  return result ? static_cast<Errc>(-1) : result.error().code;
}

}  // namespace weft::roster
