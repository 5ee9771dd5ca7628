#include "dht/contact_book.hpp"

#include <algorithm>
#include <cstring>

#include "base/assert.hpp"
#include "base/crypto.hpp"

namespace weft::dht {

namespace {

constexpr std::size_t kFirstSlots = 64;

// Of a shared book, whose names are nobody's choice: eight bytes of one are enough.
std::uint64_t fast_hash(ByteView name, std::uint16_t port = 0) {
  std::uint64_t value = 0;
  std::memcpy(&value, name.data() + 8, sizeof value);
  value = (value * 3 + port) * 0x9e3779b97f4a7c15ULL;
  return value ^ value >> 32;
}

}  // namespace

ContactBook::ContactBook(const HashKey& key, std::size_t capacity)
    : ContactBook(Use::Private, capacity) {
  key_ = key;
}

ContactBook::ContactBook(Use use, std::size_t capacity) : use_(use), capacity_(capacity) {
  WEFT_ASSERT(capacity > 0 && capacity < 0xfffffff0);
}

bool ContactBook::same(By by, const Contact& a, const Contact& b) {
  if (by == By::Node) return a.id == b.id;
  // The id follows from the identity.
  return a.identity == b.identity && a.static_key == b.static_key && a.endpoint == b.endpoint;
}

std::uint64_t ContactBook::hash(By by, const Contact& contact) const {
  const Endpoint& endpoint = contact.endpoint;
  if (use_ == Use::Shared)
    return by == By::Node
               ? fast_hash(contact.id.view())
               : fast_hash(contact.identity) ^ fast_hash(endpoint.address, endpoint.port);
  if (by == By::Node) return read_be<std::uint64_t>(crypto::siphash24(key_, contact.id.view()));
  ByteArray<kContactSize> wire;
  auto out = std::ranges::copy(contact.identity, wire.begin()).out;
  out = std::ranges::copy(contact.static_key, out).out;
  out = std::ranges::copy(endpoint.address, out).out;
  *out++ = static_cast<std::uint8_t>(endpoint.port >> 8);
  *out++ = static_cast<std::uint8_t>(endpoint.port);
  return read_be<std::uint64_t>(crypto::siphash24(key_, wire));
}

std::uint32_t ContactBook::find_in(const Index& index, const Contact& wanted) const {
  if (index.slots.empty()) return end_;
  const std::size_t mask = index.slots.size() - 1;
  for (auto i = static_cast<std::size_t>(hash(index.by, wanted)) & mask; index.slots[i] != 0;
       i = (i + 1) & mask)
    if (same(index.by, at(ContactHandle{index.slots[i] - 1}), wanted)) return index.slots[i] - 1;
  return end_;
}

ContactHandle ContactBook::intern(const Contact& contact) {
  if (const std::uint32_t found = find_in(by_contact_, contact); found != end_)
    return ContactHandle{found};
  if (used_ >= capacity_) {
    ++refused_;
    return ContactHandle::None;
  }
  std::uint32_t index = end_;
  if (free_.empty()) {
    if (end_ % kChunk == 0) chunks_.push_back(std::make_unique<Contact[]>(kChunk));
    ++end_;
  } else {
    index = free_.back();
    free_.pop_back();
  }
  mutable_at(index) = contact;
  ++used_;
  for (Index* all : {&by_contact_, &by_node_}) put(*all, index);
  return ContactHandle{index};
}

ContactHandle ContactBook::intern_wire(ByteView bytes) {
  WEFT_ASSERT(bytes.size() == kContactSize);
  const auto endpoint = endpoint_from_wire(bytes.subspan(64));
  if (!endpoint) return ContactHandle::None;
  Contact contact;
  std::copy_n(bytes.begin(), 32, contact.identity.begin());
  std::copy_n(bytes.begin() + 32, 32, contact.static_key.begin());
  contact.endpoint = *endpoint;
  // Most are known, and then need no SHA-256.
  if (const std::uint32_t found = find_in(by_contact_, contact); found != end_)
    return ContactHandle{found};
  contact.id = node_id_of(contact.identity);
  return intern(contact);
}

void ContactBook::warm_wire(ByteView contacts) const {
  const auto& slots = by_contact_.slots;
  if (slots.empty() || use_ == Use::Private) return;
  const std::size_t mask = slots.size() - 1;
  const auto place_of = [&](std::size_t at) {
    const auto port = read_be<std::uint16_t>(contacts.subspan(at + 80));
    const auto value =
        fast_hash(contacts.subspan(at, 32)) ^ fast_hash(contacts.subspan(at + 64, 16), port);
    return static_cast<std::size_t>(value) & mask;
  };
  const std::size_t end = contacts.size() - contacts.size() % kContactSize;
  for (std::size_t at = 0; at < end; at += kContactSize) __builtin_prefetch(&slots[place_of(at)]);
  for (std::size_t at = 0; at < end; at += kContactSize)
    if (const std::uint32_t slot = slots[place_of(at)]; slot != 0) warm(ContactHandle{slot - 1});
}

ContactHandle ContactBook::find(const NodeId& node) const {
  const std::uint32_t found = find_in(by_node_, {node, {}, {}, {}});
  return found == end_ ? ContactHandle::None : ContactHandle{found};
}

std::size_t ContactBook::longest_search() const {
  std::size_t longest = 0;
  for (const Index* index : {&by_contact_, &by_node_}) {
    const std::size_t size = index->slots.size();
    for (std::size_t i = 0; i < size; ++i) {
      if (index->slots[i] == 0) continue;
      const auto home =
          static_cast<std::size_t>(hash(index->by, at(ContactHandle{index->slots[i] - 1}))) &
          (size - 1);
      longest = std::max(longest, (i - home) & (size - 1));
    }
  }
  return longest + 1;
}

bool ContactBook::wants_sweep() const { return use_ == Use::Private && used_ * 4 >= capacity_ * 3; }

void ContactBook::keep_only(std::vector<ContactHandle> keep) {
  WEFT_ASSERT(use_ == Use::Private);
  std::ranges::sort(keep);
  std::vector<std::uint32_t> last;  // of a node: they stay what is found
  for (const std::uint32_t slot : by_node_.slots)
    if (slot != 0 && std::ranges::binary_search(keep, ContactHandle{slot - 1}))
      last.push_back(slot - 1);
  free_.clear();
  used_ = 0;
  for (std::uint32_t i = end_; i-- > 0;) {
    if (std::ranges::binary_search(keep, ContactHandle{i})) {
      ++used_;
    } else {
      mutable_at(i) = Contact{};
      free_.push_back(i);
    }
  }
  reindex(last);
}

Contact& ContactBook::mutable_at(std::uint32_t index) {
  return chunks_[index / kChunk][index % kChunk];
}

void ContactBook::put(Index& index, std::uint32_t value) {
  if ((index.used + 1) * 3 > index.slots.size() * 2) grow(index);
  const Contact& contact = mutable_at(value);
  const std::size_t mask = index.slots.size() - 1;
  auto i = static_cast<std::size_t>(hash(index.by, contact)) & mask;
  while (index.slots[i] != 0 && !same(index.by, mutable_at(index.slots[i] - 1), contact))
    i = (i + 1) & mask;
  if (index.slots[i] == 0) ++index.used;
  index.slots[i] = value + 1;
}

void ContactBook::grow(Index& index) {
  std::vector<std::uint32_t> old(std::max(kFirstSlots, index.slots.size() * 2), 0);
  old.swap(index.slots);
  index.used = 0;
  for (const std::uint32_t slot : old)
    if (slot != 0) put(index, slot - 1);
}

void ContactBook::reindex(const std::vector<std::uint32_t>& last) {
  std::vector<bool> is_free(end_, false);
  for (const std::uint32_t i : free_) is_free[i] = true;
  for (Index* index : {&by_contact_, &by_node_}) {
    index->slots.clear();
    index->used = 0;
    for (std::uint32_t i = 0; i < end_; ++i)
      if (!is_free[i]) put(*index, i);
    for (const std::uint32_t i : last) put(*index, i);
  }
}

}  // namespace weft::dht
