// Asking for access, and deciding about it: weft.ask/1, weft.asks/1.
#include <vector>

#include "node/api/checks.hpp"
#include "node/control_plane.hpp"
#include "node/control_terms.hpp"
#include "overlay/streams/ask_message.hpp"

namespace weft::node {
namespace {

void run_ask(AsksControl& asks, api::Call& call) { asks.ask(call); }
void run_list(AsksControl& asks, api::Call& call) { asks.list(call); }
void run_approve(AsksControl& asks, api::Call& call) { asks.approve(call); }
void run_refuse(AsksControl& asks, api::Call& call) { asks.refuse(call); }

}  // namespace

std::vector<api::Route> asks_routes() {
  return {{"POST",
           "/api/v1/ask",
           "Ask the owner of another node's service for access",
           "weft.ask/1",
           {{"service", api::Type::Text, true, "SERVICE@NODE"},
            {"note", api::Type::Text, false, "for the people there", overlay::kMaxNote}},
           run_ask,
           "ask",
           api::Takes::Long},
          {"GET", "/api/v1/asks", "Who waits for a decision here", "weft.asks/1", {}, run_list},
          {"POST", "/api/v1/asks/{}/approve", "Let in who asked, on terms or without an end",
           "weft.ask/1", terms_fields(), run_approve, "approve"},
          {"POST",
           "/api/v1/asks/{}/refuse",
           "Do not let in who asked",
           "weft.ask/1",
           {},
           run_refuse,
           "refuse"}};
}

}  // namespace weft::node
