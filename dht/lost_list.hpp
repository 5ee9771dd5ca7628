// Neighbours that stopped answering, remembered for a while: after a partition both sides have
// dropped each other, and only who still knows an address can find the others again.
//
// Invariants
// 1. At most kMost, the nearest to us; each is asked kTries times at most, then forgotten.
// 2. Nothing here is told to others or asked by a lookup.
#pragma once

#include <algorithm>
#include <vector>

#include "dht/contact_book.hpp"
#include "dht/id_words.hpp"

namespace weft::dht {

class LostList {
 public:
  static constexpr std::size_t kMost = 24;
  static constexpr std::uint8_t kTries = 6;

  void add(const ContactBook& book, const NodeId& self, ContactHandle contact) {
    forget(book, book.id(contact));
    if (items_.size() >= kMost) {
      const auto farthest = std::ranges::max_element(items_, [&](const Item& a, const Item& b) {
        return nearer(book.id(a.contact), book.id(b.contact), self);
      });
      if (!nearer(book.id(contact), book.id(farthest->contact), self)) return;
      items_.erase(farthest);
    }
    items_.push_back({contact, kTries});
  }
  void forget(const ContactBook& book, const NodeId& node) {
    std::erase_if(items_, [&](const Item& item) { return book.id(item.contact) == node; });
  }
  // The one not asked for longest; None: there is none.
  ContactHandle next() {
    if (items_.empty()) return ContactHandle::None;
    Item item = items_.front();
    items_.erase(items_.begin());
    if (--item.tries > 0) items_.push_back(item);
    return item.contact;
  }
  [[nodiscard]] bool has(const ContactBook& book, const NodeId& node) const {
    return std::ranges::any_of(items_,
                               [&](const Item& item) { return book.id(item.contact) == node; });
  }
  [[nodiscard]] std::size_t size() const { return items_.size(); }
  [[nodiscard]] std::size_t memory() const { return items_.capacity() * sizeof(Item); }
  void keep(std::vector<ContactHandle>& handles) const {
    for (const Item& item : items_) handles.push_back(item.contact);
  }

 private:
  struct Item {
    ContactHandle contact = ContactHandle::None;
    std::uint8_t tries = 0;
  };
  std::vector<Item> items_;
};

}  // namespace weft::dht
