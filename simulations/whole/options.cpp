#include "simulations/whole/options.hpp"

#include "simulations/section.hpp"

namespace weft::sim {

Result<void> read_whole(Section table, WholeOptions& out) {
  table.integer("admins", out.admins, 1, 16);
  table.percent("expose_percent", out.expose_percent);
  table.integer("readers", out.readers, 1, 64);
  table.integer("opens_per_node_hour", out.opens_per_node_hour, 0, 36'000);
  table.percent("strangers_percent", out.strangers_percent);
  table.integer("request_bytes", out.request_bytes, 0, 1 << 30);
  table.integer("answer_bytes", out.answer_bytes, 0, 1 << 30);
  table.percent("subscribers_percent", out.subscribers_percent);
  table.integer("publishes_per_node_hour", out.publishes_per_node_hour, 0, 36'000);
  table.integer("message_bytes", out.message_bytes, 8, 50'000);
  table.duration("settle", out.settle, 1s);
  table.duration("warmup", out.warmup);
  return table.finish();
}

}  // namespace weft::sim
