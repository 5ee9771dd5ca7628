// What people ask of the DHT: weft dht stats, lookup, get, put.
#include <algorithm>

#include "dht/routing_table.hpp"
#include "node/dht_core.hpp"

namespace weft::node {

namespace {

constexpr std::size_t kQuestions = 32;  // at once
constexpr std::size_t kShownNodes = 20;
constexpr std::string_view kServicePrefix = "service:";

void count(api::DhtResult& result, const dht::LookupStats& stats) {
  result.hops = std::max<std::uint64_t>(result.hops, stats.hops);
  result.messages += stats.requests;
  result.took_ms += static_cast<double>(stats.took.count()) / 1e6;
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

api::DhtStats DhtHost::stats() const {
  api::DhtStats out;
  if (!core_) return out;
  const dht::Dht& dht = core_->dht;
  const auto& counters = dht.counters();
  out.running = true;
  out.contacts = dht.table_size();
  out.buckets = dht.table().bucket_count();
  out.records = dht.record_count();
  out.mode = dht.full_table() ? "full-table" : "iterative";
  out.server = dht.is_server();
  out.known = dht.directory_size();
  out.estimate = dht.network_size();
  out.found = found_;
  out.lan_heard = lan_.heard();
  out.datagrams_in = counters.messages_in;
  out.datagrams_out = counters.messages_out;
  out.bytes_in = counters.bytes_in;
  out.bytes_out = core_->port.counters().bytes_out;
  out.dropped = core_->port.counters().not_opened + counters.malformed + counters.rate_limited +
                counters.stray_replies + counters.unproven + counters.bad_records +
                counters.dropped + lan_.stale();
  return out;
}

// A node's name or id, service:NAME, or 64 hexadecimal digits.
Result<DhtHost::Place> DhtHost::place_of(const std::string& text) const {
  if (text.starts_with(kServicePrefix))
    return Place{dht::service_key(core_->keys.network, text.substr(kServicePrefix.size())),
                 dht::RecordKind::Provider, false};
  if (text.size() == 64)
    if (const auto bytes = from_hex(text)) {
      WEFT_TRY(const auto array, to_array<32>(*bytes));
      return Place{NodeId{array}, dht::RecordKind::Mutable, false};
    }
  if (const auto member = overlay_.find_node(text))
    return Place{*member, dht::RecordKind::Node, true};
  if (const auto id = node_id_from_text(text)) return Place{*id, dht::RecordKind::Node, true};
  return fail(Errc::NotFound, "\"" + text + "\" is not a node, a service:NAME or 64 hex digits");
}

void DhtHost::run(api::DhtRequest request, api::Done<api::DhtResult> done) {
  using Action = api::DhtRequest::Action;
  const Instant now = io::monotonic_time();
  if (!core_) return done(api::refuse(api::Code::Failed, "the DHT is not running yet"));
  if (questions_.size() >= kQuestions)
    return done(api::refuse(api::Code::Failed, "too many DHT requests are under way"));
  Question question{std::move(request), {}, std::move(done), {}};
  auto& dht = core_->dht;
  dht::LookupId id = dht::LookupId::None;
  if (question.request.action == Action::Put) {
    const auto& keys = core_->keys;
    const UnixTime wall = io::unix_time();
    last_seq_ = std::max(last_seq_ + 1, static_cast<std::uint64_t>(wall));
    const Bytes salt = to_bytes(bytes_of(question.request.salt));
    question.key = dht::mutable_key(keys.identity.public_key(), salt);
    const Bytes value =
        dht::seal_value(core_->audience, question.key, rng_, bytes_of(question.request.value));
    auto record =
        dht::Record::mutable_item(keys.identity, keys.network, salt, last_seq_, value,
                                  question.request.ttl_s > 0 ? wall + question.request.ttl_s : 0);
    question.result.seq = last_seq_;
    question.result.value = question.request.value;
    id = dht.put(now, record, {.cas = std::nullopt, .keep = question.request.ttl_s == 0});
  } else {
    const auto place = place_of(question.request.key);
    if (!place)
      return question.done(
          api::refuse(api::Code::NotFound, "no such key", place.error().detail,
                      "give a node's name or id, service:NAME, or what weft dht put printed"));
    question.key = place->key;
    question.node = place->node;
    if (question.request.action == Action::Lookup && place->kind != dht::RecordKind::Provider)
      id = dht.find_node(now, place->key);
    else
      id = dht.get(now, place->key, {.kind = place->kind});
  }
  question.result.key = to_hex(question.key.view());
  if (id == dht::LookupId::None)
    return question.done(api::refuse(api::Code::Failed, "too many lookups are under way"));
  questions_.emplace(id, std::move(question));
  drain();
}

std::optional<DhtHost::Question> DhtHost::take(dht::LookupId id) {
  auto node = questions_.extract(id);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

void DhtHost::finish(Question& question, bool found) {
  if (found) return question.done(std::move(question.result));
  const bool alone = core_->dht.table_size() == 0;
  question.done(api::refuse(api::Code::NotFound, "nothing found under " + question.request.key,
                            alone
                                ? "this node knows nobody in the DHT yet"
                                : std::to_string(question.result.messages) + " messages, no record",
                            alone ? "see weft status: is a peer up?" : ""));
}

void DhtHost::on(Instant now, const dht::NodesFound& e) {
  auto question = take(e.id);
  if (!question) return;
  count(question->result, e.stats);
  for (const dht::ContactHandle handle : e.closest) {
    if (question->result.nodes.size() >= kShownNodes) break;
    const auto& contact = core_->book.at(handle);
    question->result.nodes.push_back({to_text(contact.id), to_text(contact.endpoint)});
  }
  question->found = e.exact;
  if (!question->node) return finish(*question, true);
  // Where a node says it is: the record it signed.
  const auto id = core_->dht.get(now, question->key, {.kind = dht::RecordKind::Node});
  if (id == dht::LookupId::None) return finish(*question, question->found);
  questions_.emplace(id, std::move(*question));
}

void DhtHost::on(Instant now, const dht::GetDone& e) {
  for (auto& [node, search] : searches_)
    if (search.lookup == e.id) search.lookup = dht::LookupId::None;
  auto question = take(e.id);
  if (!question) return;
  count(question->result, e.stats);
  question->result.agreed = e.agreed;
  const bool found = e.best || !question->result.providers.empty() || question->found;
  const bool by_hash = !found && !question->node && !question->tried_hash &&
                       question->result.providers.empty() &&
                       !question->request.key.starts_with(kServicePrefix);
  if (!by_hash) return finish(*question, found);
  question->tried_hash = true;  // 64 digits may also name an immutable value
  const auto id = core_->dht.get(now, question->key, {.kind = dht::RecordKind::Immutable});
  if (id == dht::LookupId::None) return finish(*question, false);
  questions_.emplace(id, std::move(*question));
}

void DhtHost::on(Instant now, const dht::PutDone& e) {
  if (!e.ok && e.region == 0) next_publish_ = std::min(next_publish_, now + kPublishAgain);
  auto question = take(e.id);
  if (!question) return;
  count(question->result, e.stats);
  question->result.stored = e.stored;
  if (e.ok) return question->done(std::move(question->result));
  question->done(api::refuse(api::Code::Failed, "the value was not stored", cause_of(e),
                             core_->dht.table_size() == 0 ? "see weft status: is a peer up?" : ""));
}

}  // namespace weft::node
