// What members open, who may, and whether each byte comes once.
#include <algorithm>

#include "simulations/whole/workload.hpp"

namespace weft::sim {

namespace {
constexpr Duration kAskAgain = 10s;
constexpr std::string_view kService = "app";
std::string service_of(std::uint32_t node) { return std::string(kService) + std::to_string(node); }
}  // namespace

void WholeWorkload::choose_readers() {
  for (std::uint32_t node = 0; node < nodes_.size(); ++node) {
    const std::size_t wanted = std::min<std::size_t>(
        options_.readers, std::min<std::size_t>(run_.nodes(), nodes_.size()) - 1);
    for (std::uint64_t i = 0; exposes(node) && nodes_[node]->readers.size() < wanted; ++i) {
      const auto reader =
          static_cast<std::uint32_t>(hash_of(seed_ ^ 0x72656164, node, i) % run_.nodes());
      if (reader != node) nodes_[node]->readers.insert(reader);
    }
  }
}

void WholeWorkload::expose(Instant now, std::uint32_t node) {
  if (!online(node) || !nodes_[node]->joined || nodes_[node]->exposed) return;
  const auto target = service::Target::from_text("8080");
  std::vector<std::string> allow;
  if (options_.sabotage == Sabotage::ServesStrangers) allow.emplace_back("*");
  const auto id = node_at(node).overlay().expose(
      now, {service_of(node), service::Protocol::Tcp, *target}, std::move(allow));
  remember(node, id, {Pending::What::Expose, node, now}, Table::Exposure);
  run_.simulator().drain(node);
}

void WholeWorkload::allow(Instant now, std::uint32_t node) {
  if (!online(node)) return;
  std::vector<std::string> who;
  for (const auto reader : nodes_[node]->readers)
    if (!nodes_[reader]->removed) who.push_back(name_of_node(reader));
  if (who.empty()) return;
  const auto id = node_at(node).overlay().set_access(now, service_of(node), who, true);
  remember(node, id, {Pending::What::Allow, node, now}, Table::Access);
  run_.simulator().drain(node);
}

void WholeWorkload::open_some(Instant now) {
  next_open_ += run_.pause(options_.opens_per_node_hour);
  run_.post(next_open_, kOpen);
  auto& random = population_.random();
  if (servers_.empty()) return;
  const std::uint32_t server = servers_[random.below(servers_.size())];
  const bool stranger = random.below(100) < options_.strangers_percent;
  const auto& readers = nodes_[server]->readers;
  std::optional<std::uint32_t> caller;
  if (stranger) {
    caller = population_.draw_online();
    if (caller && readers.contains(*caller)) caller.reset();
  } else if (!readers.empty()) {
    caller = *std::next(readers.begin(), static_cast<std::ptrdiff_t>(random.below(readers.size())));
  }
  if (!caller || *caller == server || !online(*caller) || !online(server)) return;
  if (!nodes_[*caller]->joined || nodes_[server]->removed) return;
  open(now, *caller, server, options_.request_bytes, options_.answer_bytes, false);
}

void WholeWorkload::open(Instant now, std::uint32_t caller, std::uint32_t server, std::uint64_t up,
                         std::uint64_t down, bool piece) {
  const Transfer transfer{++last_transfer_, up, down};
  openings_[transfer.number] = {now, caller, server, nodes_[server]->readers.contains(caller),
                                piece};
  node_at(caller).open(now, service_of(server), name_of_node(server), transfer);
  run_.simulator().drain(caller);
}

// From the first service that has a reader online, in pieces one after another.
void WholeWorkload::start_transfer(Instant now, const ScriptedEvent& event) {
  piece_.reset();
  pieces_left_ = event.pieces;
  piece_bytes_ = std::uint64_t{event.mebibytes} * 1048576 / event.pieces;
  next_piece(now);
}

std::optional<WholeWorkload::Pair> WholeWorkload::pair_for_pieces() const {
  const auto there = [&](std::uint32_t node) {
    return online(node) && nodes_[node]->joined && !nodes_[node]->removed;
  };
  for (const auto server : servers_)
    for (const auto reader : nodes_[server]->readers)
      if (there(server) && there(reader)) return Pair{reader, server};
  return std::nullopt;
}

void WholeWorkload::next_piece(Instant now) {
  if (pieces_left_ == 0) return;
  if (!piece_) piece_ = pair_for_pieces();
  if (!piece_ || !online(piece_->caller) || !online(piece_->server))
    return run_.post(now + kAskAgain, kPiece);
  open(now, piece_->caller, piece_->server, 0, piece_bytes_, true);
}

void WholeWorkload::abandon(std::uint32_t node) {
  abandoned_ +=
      std::erase_if(openings_, [&](const auto& entry) { return entry.second.caller == node; });
}

void WholeWorkload::on(Instant now, std::uint32_t node, const TransferEnded& fact) {
  const bool exact = fact.end == TransferEnd::Done || fact.end == TransferEnd::Reset;
  laws_.check(Law::StreamIsExact, now, exact, [&] {
    const char* what = fact.end == TransferEnd::Broken  ? "a byte that is not the one sent"
                       : fact.end == TransferEnd::Short ? "an end before the last byte"
                                                        : "more bytes than were sent";
    return name_of_node(node) + " got " + what + " in transfer " +
           std::to_string(fact.transfer.number);
  });
  if (!fact.client) return;
  const auto at = openings_.find(fact.transfer.number);
  if (at == openings_.end()) return;
  const Opening opening = at->second;
  openings_.erase(at);
  const bool ok = fact.end == TransferEnd::Done;
  if (ok) moved_bytes_ += fact.transfer.up + fact.transfer.down;
  if (opening.piece) {
    note(now, Operation::Piece, opening.since, ok);
    if (ok) --pieces_left_;
    if (pieces_left_ > 0) run_.post(now, kPiece);
    return;
  }
  if (!opening.allowed) return;  // a breach of the rules: the server's side told it
  note(now, Operation::Open, opening.since, ok);
  ++opens_;
  opens_ok_ += ok ? 1 : 0;
}

void WholeWorkload::on(Instant now, std::uint32_t, const OpenFailed& fact) {
  const auto at = openings_.find(fact.transfer);
  if (at == openings_.end()) return;
  const Opening opening = at->second;
  openings_.erase(at);
  if (opening.piece) {
    note(now, Operation::Piece, opening.since, false);
    return run_.post(now + kAskAgain, kPiece);
  }
  if (!opening.allowed || nodes_[opening.caller]->removed) {
    ++denied_;
    return;
  }
  note(now, Operation::Open, opening.since, false);
  ++opens_;
}

}  // namespace weft::sim
