// Three honest nodes that use each other's services, and one member that deviates. The stage looks
// on: whatever breaks for an honest node is written down as a violation.
//
//   a  founder; offers "web" to everybody, "private" to nobody, "sink", which reads nothing
//   b  admin, made by a; offers "web" too
//   c  plain member; opens web@a and web@b every two seconds
//   m  joins as an ordinary node, then its keys are the puppet's
//
// What must hold, whatever m does:
//   1. no session between honest nodes ends
//   2. an honest call is answered within kCallBound
//   3. nobody but c and b gets to "private"; m never does
//   4. the founder stays admin; a, b and c stay members everywhere, and once m rests they agree who
//      is one
//   5. once m is removed it is out on every honest node within kRemovalBound, and stays out; nobody
//      whom it lets in afterwards, or on an older copy of the roster, is in
#pragma once

#include <string>
#include <vector>

#include "tests/hostile/misdeeds.hpp"
#include "tests/hostile/puppet.hpp"

namespace weft::overlay::testing {

enum class Right : std::uint8_t { None, Expose, Admin };

class Stage {
 public:
  static constexpr Duration kCallBound = 5s;
  static constexpr Duration kRemovalBound = 5s;

  Stage(std::uint64_t seed, Right right);

  // m does these, all of them every 20 ms, while honest nodes go on.
  void act(Duration span, std::vector<const Misdeed*> what);
  void rest(Duration span) { act(span, {}); }
  void remove_m();

  [[nodiscard]] const std::vector<std::string>& violations() const { return violations_; }
  [[nodiscard]] Puppet& puppet() { return *puppet_; }

  World world;
  Node &a, &b, &c, &m;

 private:
  void make_puppet(std::uint64_t seed);
  void look();
  void call(Node& from, Node& to);
  void violation(const std::string& what);
  [[nodiscard]] std::vector<Node*> honest() { return {&a, &b, &c}; }

  std::unique_ptr<Puppet> puppet_;
  bool removed_ = false;
  std::vector<NodeId> left_;  // the members once m was removed
  Instant began_{};
  std::vector<const Misdeed*> acting_;
  std::vector<std::string> violations_;
};

}  // namespace weft::overlay::testing
