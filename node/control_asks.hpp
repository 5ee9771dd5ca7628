// Asking for access to a service of another node, and deciding about what others ask of this one.
#pragma once

#include <string>
#include <vector>

#include "node/api/route.hpp"
#include "node/control_commands.hpp"

namespace weft::node {

class AsksControl {
 public:
  AsksControl(overlay::Overlay& overlay, Commands& commands)
      : overlay_(overlay), commands_(commands) {}

  void ask(api::Call& call);         // weft.ask/1
  void list(api::Call& call) const;  // weft.asks/1
  void approve(api::Call& call);     // weft.ask/1
  void refuse(api::Call& call);

 private:
  void ask_there(const NodeId& node, const std::string& service, const std::string& note,
                 const api::Answer& answer);

  overlay::Overlay& overlay_;
  Commands& commands_;
};

// Sentences for status.
void asks_attention(const overlay::Overlay& overlay, std::vector<std::string>& out);

}  // namespace weft::node
