#include "simulations/whole/whole_node.hpp"

#include <algorithm>

#include "base/assert.hpp"
#include "overlay/network.hpp"

namespace weft::sim {

WholeNode::WholeNode(Instant now, WholeSetup setup, std::uint32_t index, Disk& disk, FactLog& log)
    : index_(index), disk_(disk), log_(log), double_a_byte_(setup.double_a_byte), rng_(setup.seed) {
  auto loaded = overlay::Overlay::load(now, setup.wall, std::move(setup.config), disk.rows(), rng_);
  WEFT_ASSERT(loaded.has_value());  // what it stored itself it can read
  overlay_ = std::move(*loaded);
  if (!overlay_->network()) overlay_->create_network(now, setup.name);
}

WholeNode::~WholeNode() = default;

void WholeNode::handle_datagram(Instant now, const Datagram& in) {
  overlay_->handle_datagram(now, in);
}

void WholeNode::handle_timeout(Instant now) {
  while (const auto id = disk_.arrived(now)) overlay_->persisted(now, *id, {});
  const auto due = overlay_->poll_timeout();
  if (due && *due <= now) overlay_->handle_timeout(now);
}

std::optional<Transmit> WholeNode::poll_transmit(Instant now, MutableByteView out) {
  return overlay_->poll_transmit(now, out);
}

bool WholeNode::drain_events(Instant now) {
  bool any = false;
  while (const auto event = overlay_->poll_event()) {
    any = true;
    std::visit([&](const auto& e) { on(now, e); }, *event);
  }
  return any;
}

std::optional<Instant> WholeNode::poll_timeout() const {
  auto next = overlay_->poll_timeout();
  const auto stored = disk_.poll_timeout();
  if (stored && (!next || *stored < *next)) next = stored;
  return next;
}

void WholeNode::tell(Instant now, WholeFact fact) {
  log_.entries.push_back({now, index_, std::move(fact)});
}

void WholeNode::promise(overlay::CommandId id, Table table) {
  promises_[id] = {table, disk_.version(table)};
}

void WholeNode::open(Instant now, const std::string& service, const std::string& node,
                     const Transfer& transfer) {
  opening_[overlay_->connect(now, service, node)] = transfer;
}

bool WholeNode::subscribe(Instant now) {
  auto* network = overlay_->home();
  if (network == nullptr) return false;
  broker::Wanted wanted;
  wanted.patterns = {"sim.>"};
  wanted.retained = false;
  const auto id = network->broker().subscribe(now, wanted);
  overlay_->settle(now);
  return id.has_value();
}

overlay::CommandId WholeNode::publish(Instant now, std::uint64_t number, std::size_t bytes) {
  broker::Publish what;
  what.want = broker::Level::Held;
  what.message.topic = "sim.talk";
  append_be(what.message.payload, number);
  what.message.payload.resize(std::max<std::size_t>(bytes, sizeof number));
  const auto id = overlay_->next_command();
  auto* network = overlay_->home();
  WEFT_ASSERT(network != nullptr);  // only members are asked
  network->broker().publish(now, id, std::move(what));
  overlay_->settle(now);
  return id;
}

void WholeNode::on(Instant now, const overlay::MessagesWaiting& e) {
  auto* network = overlay_->home();
  if (network == nullptr) return;
  while (const auto got = network->broker().next(e.subscriber)) {
    const auto& placed = got->placed;
    const ByteView payload = placed.message().payload;
    tell(now, MessageTaken{placed.batch->publisher, placed.batch->epoch, placed.sequence(),
                           payload.size() < 8 ? 0 : read_be<std::uint64_t>(payload), got->missed});
  }
}

void WholeNode::on(Instant now, const overlay::CommandDone& e) {
  bool stored = false;
  if (const auto promised = promises_.find(e.id); promised != promises_.end()) {
    stored = disk_.version(promised->second.table) > promised->second.version;
    promises_.erase(promised);
  }
  tell(now, CommandAnswered{e.id, e.result, stored});
}

void WholeNode::on(Instant now, const overlay::PersistRequest& e) { disk_.write(now, e.persist); }

void WholeNode::on(Instant now, const overlay::InboundStream& e) {
  CallerServed served{e.caller, e.exposure.name, std::nullopt};
  if (const auto since = disk_.removal_of(e.caller)) served.removed_for = now - *since;
  tell(now, std::move(served));
  auto program = StreamProgram::server();
  if (double_a_byte_) program.double_a_byte();
  programs_.emplace(e.key, std::move(program));
  overlay_->accept(now, e.key);
  pump(now, e.key);
}

void WholeNode::on(Instant now, const overlay::ProbeTarget& e) {
  overlay_->probed(now, e.exposure.name, service::Health::Ok, "");
}

void WholeNode::on(Instant now, const overlay::ConnectReady& e) {
  const auto at = opening_.find(e.id);
  if (at == opening_.end()) return;
  programs_.emplace(e.key, StreamProgram::client(at->second));
  opening_.erase(at);
  pump(now, e.key);
}

void WholeNode::on(Instant now, const overlay::ConnectFailed& e) {
  const auto at = opening_.find(e.id);
  if (at == opening_.end()) return;
  tell(now, OpenFailed{at->second.number, e.error.code == Errc::Denied});
  opening_.erase(at);
}

void WholeNode::on(Instant now, const overlay::ConnectRefused& e) {
  const auto at = programs_.find(e.key);
  if (at == programs_.end()) return;
  tell(now, OpenFailed{at->second.transfer().number, e.status == service::OpenStatus::Denied});
  programs_.erase(at);
}

void WholeNode::on(Instant now, const overlay::RosterChanged& e) {
  tell(now, RosterMoved{e.sequence});
}

void WholeNode::pump(Instant now, const overlay::StreamKey& key) {
  const auto at = programs_.find(key);
  if (at == programs_.end()) return;
  StreamProgram& program = at->second;
  program.pump(now, overlay_->sessions(), key);
  const auto end = program.end();
  if (!end) return;
  tell(now, TransferEnded{program.transfer(), *end, program.is_client()});
  const bool give_up = *end != TransferEnd::Done;
  programs_.erase(at);
  if (give_up) overlay_->sessions().reset(now, key.session, key.stream, 1);
}

void WholeNode::drop(Instant now, const overlay::StreamKey& key) {
  pump(now, key);  // what had come before
  const auto at = programs_.find(key);
  if (at == programs_.end()) return;
  tell(now, TransferEnded{at->second.transfer(), TransferEnd::Reset, at->second.is_client()});
  programs_.erase(at);
}

}  // namespace weft::sim
