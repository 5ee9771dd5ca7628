#include "overlay/discovery/questions.hpp"

#include <algorithm>

#include "base/text.hpp"

namespace weft::discovery {

namespace {

constexpr std::string_view kServicePrefix = "service:";
constexpr std::size_t kHexKey = 64;

void count(Found& found, const dht::LookupStats& stats) {
  found.hops = std::max<std::uint64_t>(found.hops, stats.hops);
  found.messages += stats.requests;
  found.took += stats.took;
}

std::string cause_of(const dht::PutDone& e) {
  switch (e.error) {
    case dht::PutError::OldSequence:
      return "a newer value is stored there already";
    case dht::PutError::CasMismatch:
      return "the value changed meanwhile";
    case dht::PutError::TooBig:
      return "the value is too long";
    case dht::PutError::None:
    case dht::PutError::Protocol:
    case dht::PutError::Refused:
    case dht::PutError::BadSignature:
    case dht::PutError::SaltTooBig:
      break;
  }
  return std::to_string(e.stored) + " of " + std::to_string(e.region) + " nodes took it";
}

}  // namespace

Result<Questions::Place> Questions::place_of(const NetworkId& network, const Question& question) {
  const std::string& text = question.key;
  if (text.starts_with(kServicePrefix))
    return Place{dht::service_key(network, text.substr(kServicePrefix.size())),
                 dht::RecordKind::Provider, false};
  if (text.size() == kHexKey)
    if (const auto bytes = from_hex(text)) {
      WEFT_TRY(const auto array, to_array<32>(*bytes));
      return Place{NodeId{array}, dht::RecordKind::Mutable, false};
    }
  if (question.member) return Place{*question.member, dht::RecordKind::Node, true};
  if (const auto id = node_id_from_text(text)) return Place{*id, dht::RecordKind::Node, true};
  return fail(Errc::NotFound, "\"" + text + "\" is not a node, a service:NAME or 64 hex digits");
}

dht::LookupId Questions::put(Instant now, const Around& around, Asked& asked) {
  const Question& question = asked.question;
  const auto sequence = around.publisher.next_sequence(around.wall);
  const Bytes salt = to_bytes(bytes_of(question.salt));
  asked.found.key = dht::mutable_key(around.identity.public_key(), salt);
  asked.found.sequence = sequence;
  asked.found.value = question.value;
  const Bytes value =
      dht::seal_value(around.audience, asked.found.key, around.rng, bytes_of(question.value));
  const auto record =
      dht::Record::mutable_item(around.identity, around.network, salt, sequence, value,
                                question.ttl_s > 0 ? around.wall + question.ttl_s : 0);
  return around.dht.put(now, record, {.cas = std::nullopt, .keep = question.ttl_s == 0});
}

QuestionId Questions::ask(Instant now, const Around& around, Question question) {
  Asked asked{++last_, std::move(question), {}};
  if (under_way_.size() >= kAtOnce) {
    refuse(asked.id, Errc::Busy, "too many DHT requests are under way", {});
    return asked.id;
  }
  dht::LookupId id = dht::LookupId::None;
  if (asked.question.action == Question::Action::Put) {
    id = put(now, around, asked);
  } else {
    const auto place = place_of(around.network, asked.question);
    if (!place) {
      refuse(asked.id, Errc::Usage, "no such key", place.error().detail);
      return asked.id;
    }
    asked.found.key = place->key;
    asked.node = place->node;
    const bool nearest = asked.question.action == Question::Action::Lookup &&
                         place->kind != dht::RecordKind::Provider;
    id = nearest ? around.dht.find_node(now, place->key)
                 : around.dht.get(now, place->key, {.kind = place->kind});
  }
  if (id == dht::LookupId::None)
    refuse(asked.id, Errc::Busy, "too many lookups are under way", {});
  else
    under_way_.emplace(id, std::move(asked));
  return last_;
}

void Questions::end_all() {
  for (const auto& [id, asked] : under_way_)
    refuse(asked.id, Errc::Busy, "the network changed meanwhile", {});
  under_way_.clear();
}

std::optional<Questions::Asked> Questions::take(dht::LookupId id) {
  auto node = under_way_.extract(id);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

void Questions::refuse(QuestionId id, Errc code, std::string what, std::string why, bool alone) {
  answers_.push_back({id, std::nullopt, {code, std::move(what), std::move(why), alone}});
}

void Questions::finish(const Around& around, Asked& asked, bool found) {
  if (found) return answer(asked);
  const bool alone = around.dht.table_size() == 0;
  refuse(asked.id, Errc::NotFound, "nothing found under " + asked.question.key,
         alone ? "this node knows nobody in the DHT yet"
               : std::to_string(asked.found.messages) + " messages, no record",
         alone);
}

void Questions::go_on(dht::LookupId id, Asked asked, const Around& around, bool found_if_none) {
  if (id == dht::LookupId::None) return finish(around, asked, found_if_none);
  under_way_.emplace(id, std::move(asked));
}

void Questions::on(Instant now, const Around& around, const dht::NodesFound& e) {
  auto asked = take(e.id);
  if (!asked) return;
  count(asked->found, e.stats);
  for (const dht::ContactHandle handle : e.closest) {
    if (asked->found.nodes.size() >= kShownNodes) break;
    const auto& contact = around.book.at(handle);
    asked->found.nodes.push_back({contact.id, contact.endpoint});
  }
  asked->answered = e.exact;
  if (!asked->node) return finish(around, *asked, true);
  // Where a node says it is: the record it signed.
  const auto id = around.dht.get(now, asked->found.key, {.kind = dht::RecordKind::Node});
  const bool answered = asked->answered;
  go_on(id, std::move(*asked), around, answered);
}

void Questions::on(Instant, const Around& around, const dht::RecordFound& e) {
  const auto at = under_way_.find(e.id);
  if (at == under_way_.end()) return;
  Found& found = at->second.found;
  const auto plain = dht::open_value(around.audience, e.record.key(), e.record.value);
  found.sequence = std::max(found.sequence, e.record.seq);
  if (e.record.kind == dht::RecordKind::Provider) {
    found.providers.push_back(node_id_of(e.record.author));
  } else if (e.record.kind == dht::RecordKind::Node) {
    if (!plain) return;
    if (const auto info = dht::NodeInfo::decode(*plain))
      found.endpoints = udp_endpoints(info->addresses);
  } else {
    found.value = std::string(text_of(plain ? *plain : e.record.value));
  }
}

void Questions::on(Instant now, const Around& around, const dht::GetDone& e) {
  auto asked = take(e.id);
  if (!asked) return;
  count(asked->found, e.stats);
  asked->found.agreed = e.agreed;
  const bool none = asked->found.providers.empty();
  const bool found = e.best || !none || asked->answered;
  const bool by_hash = !found && !asked->node && !asked->tried_hash && none &&
                       !asked->question.key.starts_with(kServicePrefix);
  if (!by_hash) return finish(around, *asked, found);
  asked->tried_hash = true;  // 64 digits may also name an immutable value
  const auto id = around.dht.get(now, asked->found.key, {.kind = dht::RecordKind::Immutable});
  go_on(id, std::move(*asked), around, false);
}

void Questions::on(Instant, const Around& around, const dht::PutDone& e) {
  auto asked = take(e.id);
  if (!asked) return;
  count(asked->found, e.stats);
  asked->found.stored = e.stored;
  if (e.ok) return answer(*asked);
  refuse(asked->id, Errc::NoPath, "the value was not stored", cause_of(e),
         around.dht.table_size() == 0);
}

std::optional<Answer> Questions::poll_answer() {
  if (answers_.empty()) return std::nullopt;
  Answer answer = std::move(answers_.front());
  answers_.pop_front();
  return answer;
}

}  // namespace weft::discovery
