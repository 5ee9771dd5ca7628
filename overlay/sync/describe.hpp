// What entries of the roster mean, in words for the operator.
#pragma once

#include <string>

#include "overlay/roster/entry.hpp"
#include "overlay/roster/state.hpp"

namespace weft::overlay {

// Half a sentence, by what `state` says of the keys in it: "removed oak", "let in or changed ash".
[[nodiscard]] std::string describe(const roster::State& state, const roster::Body& body);
// "the person eve", a node's name, or its short id.
[[nodiscard]] std::string signer_name(const roster::State& state, const IdentityKey& key);

}  // namespace weft::overlay
