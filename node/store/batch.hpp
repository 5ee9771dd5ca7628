// What the writer's thread does with the jobs it took together: changes that follow each other in
// one database share a transaction, and all share one flush of home.seal. Invisible from outside:
// the answers are those of jobs done one after another.
//
//   changes of one database  one transaction, a savepoint each; a failed one is undone alone
//   a read                   in its turn, inside the transaction: it sees all that was submitted
//                            before it and nothing behind
//   any other work           between two transactions
//
// If a transaction fails as a whole (a full disk, for example), each of its jobs is done again by
// itself, so that who fits still gets in. After a failed flush nothing is done again: the store is
// read-only.
// Invariant: what a crash leaves is a prefix of the jobs, each whole.
#pragma once

#include <functional>
#include <span>
#include <vector>

#include "node/store/store.hpp"

namespace weft::store {

struct Job {
  using Done = std::function<void(const Result<void>&)>;
  // With the store, on its thread.
  using Work = std::function<Result<void>(Store&)>;
  enum class Kind : std::uint8_t {
    Change,  // rows
    Read,    // work that only reads; it may be run twice, the last one counts
    Work,    // anything else
  };

  Kind kind = Kind::Change;
  std::vector<Row> rows;
  Work work;
  Done done;

  [[nodiscard]] std::size_t bytes() const;  // of the rows
};

// How each of them ended, in their order. Calls no `done`.
[[nodiscard]] std::vector<Result<void>> run_batch(Store& store, std::span<const Job> jobs);

}  // namespace weft::store
