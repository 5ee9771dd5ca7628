// A plain struct that can be walked member by member: counters for /metrics, events for the log and
// the API. The struct lists its members once, beside their declarations:
//
//   struct DoorCounters {
//     std::uint64_t accepted = 0;
//     static constexpr auto fields() {
//       return std::tuple{field("accepted", "connections", "taken from the listener",
//                               &DoorCounters::accepted)};
//     }
//   };
//   static_assert(lists_all_fields<DoorCounters>());
//
// Invariant: the static_assert fails when a member is not listed, so nothing is counted unseen.
// A member that has fields() of its own is walked in its place, under the names it gives.
#pragma once

#include <concepts>
#include <cstddef>
#include <string_view>
#include <tuple>
#include <type_traits>

namespace weft {

template <class Struct, class Member>
struct Field {
  std::string_view name;
  std::string_view unit;  // what one of it is; "" where the name says it
  std::string_view help;  // half a sentence
  Member Struct::* member;
};

template <class Struct, class Member>
constexpr Field<Struct, Member> field(std::string_view name, std::string_view unit,
                                      std::string_view help, Member Struct::* member) {
  return {name, unit, help, member};
}
template <class Struct, class Member>
constexpr Field<Struct, Member> group(Member Struct::* member) {
  return {{}, {}, {}, member};
}

template <class T>
concept HasFields = requires { T::fields(); };

// fn(name, unit, help, value) for each, in the order of the list.
template <HasFields T, class Fn>
constexpr void visit_fields(const T& value, const Fn& fn) {
  const auto one = [&]<class M>(const Field<T, M>& listed) {
    if constexpr (HasFields<M>)
      visit_fields(value.*listed.member, fn);
    else
      fn(listed.name, listed.unit, listed.help, value.*listed.member);
  };
  std::apply([&](const auto&... listed) { (one(listed), ...); }, T::fields());
}

// `into` grows by `more`, member by member.
template <HasFields T>
constexpr void add_fields(T& into, const T& more) {
  const auto one = [&]<class M>(const Field<T, M>& listed) {
    if constexpr (HasFields<M>)
      add_fields(into.*listed.member, more.*listed.member);
    else
      into.*listed.member += more.*listed.member;
  };
  std::apply([&](const auto&... listed) { (one(listed), ...); }, T::fields());
}

namespace detail {

struct Anything {
  template <class T>
  operator T() const;  // NOLINT: converts to whatever a member is
};

template <class T, class... Given>
consteval std::size_t member_count() {
  if constexpr (requires { T{Given{}..., Anything{}}; })
    return member_count<T, Given..., Anything>();
  else
    return sizeof...(Given);
}

}  // namespace detail

// Whether the list is as long as the struct has members.
template <HasFields T>
  requires std::is_aggregate_v<T>
consteval bool lists_all_fields() {
  return detail::member_count<T>() == std::tuple_size_v<decltype(T::fields())>;
}

}  // namespace weft
