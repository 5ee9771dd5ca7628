#include "dht/contact_book.hpp"

#include <algorithm>

#include "base/assert.hpp"

namespace weft::dht {

namespace {

constexpr std::size_t kFirstSlots = 64;

std::uint64_t spread(ByteView bytes) {
  std::uint64_t value = 0;
  std::memcpy(&value, bytes.data() + 8, sizeof value);
  value *= 0x9e3779b97f4a7c15ULL;
  return value ^ value >> 32;
}

// Calls visit(contact index) for every entry in this probe run until it returns true.
template <class Visit>
void probe(const std::vector<std::uint32_t>& slots, std::uint64_t hash, Visit visit) {
  if (slots.empty()) return;
  const std::size_t mask = slots.size() - 1;
  for (std::size_t i = static_cast<std::size_t>(hash) & mask; slots[i] != 0; i = (i + 1) & mask)
    if (visit(slots[i] - 1)) return;
}

void place(std::vector<std::uint32_t>& slots, std::uint64_t hash, std::uint32_t index) {
  const std::size_t mask = slots.size() - 1;
  std::size_t i = static_cast<std::size_t>(hash) & mask;
  while (slots[i] != 0) i = (i + 1) & mask;
  slots[i] = index + 1;
}

}  // namespace

ContactBook::ContactBook(Use use, std::size_t capacity) : use_(use), capacity_(capacity) {
  WEFT_ASSERT(capacity > 0 && capacity < 0xfffffff0);
}

ContactHandle ContactBook::intern(const Contact& contact) {
  std::uint32_t found = end_;
  probe(by_identity_.slots, spread(contact.identity), [&](std::uint32_t i) {
    if (mutable_at(i) != contact) return false;
    found = i;
    return true;
  });
  if (found != end_) return ContactHandle{found};
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
  put(by_identity_, spread(contact.identity), index);
  put(by_id_, spread(contact.id.bytes), index);
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
  ContactHandle exact = ContactHandle::None;
  bool known = false;
  probe(by_identity_.slots, spread(contact.identity), [&](std::uint32_t i) {
    const Contact& other = mutable_at(i);
    if (other.identity != contact.identity) return false;
    contact.id = other.id;
    known = true;
    if (other != contact) return false;
    exact = ContactHandle{i};
    return true;
  });
  if (exact != ContactHandle::None) return exact;
  if (!known) contact.id = node_id_of(contact.identity);
  return intern(contact);
}

void ContactBook::warm_wire(ByteView contacts) const {
  const auto& slots = by_identity_.slots;
  if (slots.empty()) return;
  const std::size_t mask = slots.size() - 1;
  const auto place_of = [&](std::size_t at) {
    return static_cast<std::size_t>(spread(contacts.subspan(at, 32))) & mask;
  };
  const std::size_t end = contacts.size() - contacts.size() % kContactSize;
  for (std::size_t at = 0; at < end; at += kContactSize) __builtin_prefetch(&slots[place_of(at)]);
  for (std::size_t at = 0; at < end; at += kContactSize)
    if (const std::uint32_t slot = slots[place_of(at)]; slot != 0) warm(ContactHandle{slot - 1});
}

ContactHandle ContactBook::find(const NodeId& node, const Endpoint& endpoint) const {
  ContactHandle found = ContactHandle::None;
  probe(by_id_.slots, spread(node.bytes), [&](std::uint32_t i) {
    const Contact& contact = at(ContactHandle{i});
    if (contact.id == node && contact.endpoint == endpoint) found = ContactHandle{i};
    return false;
  });
  return found;
}

ContactHandle ContactBook::find(const NodeId& node) const {
  ContactHandle found = ContactHandle::None;
  probe(by_id_.slots, spread(node.bytes), [&](std::uint32_t i) {
    if (id(ContactHandle{i}) == node) found = ContactHandle{i};
    return false;
  });
  return found;
}

bool ContactBook::wants_sweep() const { return use_ == Use::Private && used_ * 4 >= capacity_ * 3; }

void ContactBook::keep_only(std::vector<ContactHandle> keep) {
  WEFT_ASSERT(use_ == Use::Private);
  std::ranges::sort(keep);
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
  reindex();
}

Contact& ContactBook::mutable_at(std::uint32_t index) {
  return chunks_[index / kChunk][index % kChunk];
}

void ContactBook::put(Index& index, std::uint64_t hash, std::uint32_t value) {
  if ((index.used + 1) * 3 > index.slots.size() * 2) grow(index, &index == &by_identity_);
  place(index.slots, hash, value);
  ++index.used;
}

void ContactBook::grow(Index& index, bool by_identity) {
  std::vector<std::uint32_t> old(std::max(kFirstSlots, index.slots.size() * 2), 0);
  old.swap(index.slots);
  for (const std::uint32_t slot : old) {
    if (slot == 0) continue;
    const Contact& contact = mutable_at(slot - 1);
    place(index.slots, spread(by_identity ? ByteView(contact.identity) : contact.id.view()),
          slot - 1);
  }
}

void ContactBook::reindex() {
  by_identity_ = {};
  by_id_ = {};
  std::vector<bool> is_free(end_, false);
  for (const std::uint32_t i : free_) is_free[i] = true;
  for (std::uint32_t i = 0; i < end_; ++i) {
    if (is_free[i]) continue;
    put(by_identity_, spread(mutable_at(i).identity), i);
    put(by_id_, spread(mutable_at(i).id.bytes), i);
  }
}

}  // namespace weft::dht
