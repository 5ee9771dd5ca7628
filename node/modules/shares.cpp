// Access that ends by itself: weft.share/1, weft.shares/1.
#include <algorithm>
#include <iterator>
#include <utility>
#include <vector>

#include "node/api/checks.hpp"
#include "node/control_plane.hpp"
#include "node/control_terms.hpp"

namespace weft::node {
namespace {

void run_list(SharesControl& shares, api::Call& call) { shares.list(call); }
void run_share(SharesControl& shares, api::Call& call) { shares.share(call); }
void run_unshare(SharesControl& shares, api::Call& call) { shares.unshare(call); }

}  // namespace

std::vector<api::Route> shares_routes() {
  std::vector<api::Field> fields{{"service", api::Type::Text, true, "a service of this node"},
                                 {"who", api::Type::Texts, true, "a node, group:NAME or *"}};
  std::ranges::move(terms_fields(), std::back_inserter(fields));
  return {{"GET",
           "/api/v1/shares",
           "Access that was given on terms, and what became of it",
           "weft.shares/1",
           {},
           run_list},
          {"POST", "/api/v1/shares",
           "Let somebody use a service for a time, at some hours, from some place", "weft.share/1",
           std::move(fields), run_share, "share"},
          {"DELETE",
           "/api/v1/shares/{}",
           "Take it back; open connections that it let in end",
           "weft.share/1",
           {},
           run_unshare,
           "unshare"}};
}

}  // namespace weft::node
