// The questions of people that are under way: each becomes one lookup after another until there is
// an answer. At most kAtOnce.
#pragma once

#include <deque>
#include <map>

#include "dht/dht.hpp"
#include "overlay/discovery/publisher.hpp"
#include "overlay/discovery/question.hpp"

namespace weft::discovery {

class Questions {
 public:
  static constexpr std::size_t kAtOnce = 32;
  static constexpr std::size_t kShownNodes = 20;

  // What an answer takes beside the question.
  struct Around {
    dht::Dht& dht;
    const dht::ContactBook& book;
    const Identity& identity;
    NetworkId network;
    const crypto::Key32& audience;
    Publisher& publisher;  // gives sequence numbers
    Rng& rng;
    UnixTime wall = 0;
  };

  QuestionId ask(Instant now, const Around& around, Question question);
  // The network is left.
  void end_all();

  void on(Instant now, const Around& around, const dht::NodesFound& e);
  void on(Instant now, const Around& around, const dht::RecordFound& e);
  void on(Instant now, const Around& around, const dht::GetDone& e);
  void on(Instant now, const Around& around, const dht::PutDone& e);

  std::optional<Answer> poll_answer();

 private:
  struct Asked {
    QuestionId id = 0;
    Question question;
    Found found;
    bool node = false;        // the key is a node's
    bool answered = false;    // that node did
    bool tried_hash = false;  // looked for an immutable value, too
  };
  struct Place {
    dht::Key key;
    dht::RecordKind kind = dht::RecordKind::Mutable;
    bool node = false;
  };

  static Result<Place> place_of(const NetworkId& network, const Question& question);
  dht::LookupId put(Instant now, const Around& around, Asked& asked);
  void finish(const Around& around, Asked& asked, bool found);
  void answer(const Asked& asked) { answers_.push_back({asked.id, asked.found, {}}); }
  void refuse(QuestionId id, Errc code, std::string what, std::string why, bool alone = false);
  void go_on(dht::LookupId id, Asked asked, const Around& around, bool found_if_none);
  std::optional<Asked> take(dht::LookupId id);

  QuestionId last_ = 0;
  std::map<dht::LookupId, Asked> under_way_;
  std::deque<Answer> answers_;
};

}  // namespace weft::discovery
