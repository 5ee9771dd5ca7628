// All contacts somebody refers to, each stored once and named by a 32-bit handle. A daemon has a
// book of its own; the nodes of a simulation share one, so that a table entry costs 12 bytes.
//
// Invariants
// 1. A contact never changes: a node that moved gets another handle.
// 2. contact.id is the hash of contact.identity.
// 3. At most `capacity` contacts; intern() then refuses and counts. A private book is swept by its
//    Dht (keep_only); a shared book never is.
// 4. Finding one takes a few steps, whatever contacts others name: a node's many addresses lie
// apart,
//    and a private book hashes under a key of its own (SipHash), so that nobody can choose contacts
//    that collide. In a shared book nobody is hostile, and it hashes fast.
#pragma once

#include <memory>
#include <vector>

#include "base/assert.hpp"
#include "dht/contact.hpp"

namespace weft::dht {

class ContactBook {
 public:
  enum class Use : std::uint8_t { Private, Shared };
  static constexpr std::size_t kPrivateCapacity = 65536;

  using HashKey = ByteArray<16>;  // secret, random

  explicit ContactBook(const HashKey& key, std::size_t capacity = kPrivateCapacity);  // private
  explicit ContactBook(Use use, std::size_t capacity = kPrivateCapacity);
  ContactBook(const ContactBook&) = delete;
  ContactBook& operator=(const ContactBook&) = delete;

  // None when full. REQUIRES: invariant 2.
  ContactHandle intern(const Contact& contact);
  // From kContactSize bytes of the wire.
  ContactHandle intern_wire(ByteView bytes);
  // The last contact stored for this node.
  [[nodiscard]] ContactHandle find(const NodeId& id) const;

  [[nodiscard]] const Contact& at(ContactHandle handle) const {
    const auto index = static_cast<std::uint32_t>(handle);
    WEFT_ASSERT(index < end_);
    return chunks_[index / kChunk][index % kChunk];
  }
  // Whether a handle read from elsewhere is one of ours at all.
  [[nodiscard]] bool contains(ContactHandle handle) const {
    return static_cast<std::uint32_t>(handle) < end_;
  }
  [[nodiscard]] const NodeId& id(ContactHandle handle) const { return at(handle).id; }

  // Hints for the processor's cache: this one, or these of the wire, will be asked for soon.
  void warm(ContactHandle handle) const {
    const auto* bytes = reinterpret_cast<const std::uint8_t*>(&at(handle));
    __builtin_prefetch(bytes);
    __builtin_prefetch(bytes + sizeof(Contact) - 1);
  }
  void warm_wire(ByteView contacts) const;

  [[nodiscard]] std::size_t size() const { return used_; }
  [[nodiscard]] std::uint64_t refused() const { return refused_; }
  // A private book three quarters full asks to be swept.
  [[nodiscard]] bool wants_sweep() const;
  // Forgets all but these. REQUIRES: private. Handles in `keep` stay valid; None is ignored.
  void keep_only(std::vector<ContactHandle> keep);
  // The most steps that finding any of them takes.
  [[nodiscard]] std::size_t longest_search() const;

 private:
  static constexpr std::size_t kChunk = 128;  // 15 KiB: a node of a small network needs two
  // What is looked for: exactly this contact, or the last one of a node.
  enum class By : std::uint8_t { Contact, Node };
  struct Index {  // open addressing, at most two thirds full; a slot holds index + 1
    By by;
    std::vector<std::uint32_t> slots;
    std::size_t used = 0;
  };

  Contact& mutable_at(std::uint32_t index);
  static bool same(By by, const Contact& a, const Contact& b);
  [[nodiscard]] std::uint64_t hash(By by, const Contact& contact) const;
  // The contact in `index` that is the same by what it looks for; end_ if none.
  [[nodiscard]] std::uint32_t find_in(const Index& index, const Contact& wanted) const;
  // In the place of the one that is the same by what it looks for, if there is one.
  void put(Index& index, std::uint32_t value);
  void grow(Index& index);
  void reindex(const std::vector<std::uint32_t>& last);

  Use use_;
  std::size_t capacity_;
  std::size_t used_ = 0;
  std::uint32_t end_ = 0;  // first index never used
  std::uint64_t refused_ = 0;
  std::vector<std::unique_ptr<Contact[]>> chunks_;
  std::vector<std::uint32_t> free_;
  HashKey key_{};
  Index by_contact_{By::Contact, {}, 0};
  Index by_node_{By::Node, {}, 0};
};

}  // namespace weft::dht
