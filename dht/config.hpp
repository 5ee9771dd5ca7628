// Every limit, retry and interval of the DHT, with its reason. Times are Durations, sizes bytes,
// rates per second. A core copies nothing from here: all nodes of a simulation share one Config.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/time.hpp"

namespace weft::dht {

struct Config {
  // Table. k = 20 per bucket; the first four buckets hold 16, 8, 4 and 2 times as many: half a hop
  // less for under 10 KiB.
  std::size_t k = 20;
  std::size_t widen_first = 16;       // 1 turns wider buckets off
  std::size_t replacements = 4;       // heard of but not proven, per bucket
  std::size_t per_prefix_bucket = 2;  // contacts of one /24 or /56; private ranges are exempt
  std::size_t per_prefix_table = 10;

  // Lookups.
  std::size_t alpha = 4;             // requests in flight, plus one for every slow reply
  std::size_t max_in_flight = 24;    // alpha and all extras together
  std::size_t converge = 3;          // the walk ends when this many closest have all replied
  std::size_t crowd = 10;            // and so many are known where k should be,
  std::size_t crowd_doubting = 12;   // so many if anybody's word was doubted on the way,
  unsigned wary = 6;                 // or of so many in a hundred answers of late;
  std::size_t witnesses = 2;         // the nearest, asked for whole lists
  std::size_t stragglers = 1;        // it does not wait for so many of the closest under way
  std::size_t favoured = 4;          // of the k one starts from, asked first for their speed:
  Duration bit_cost = 20ms;          // a bit of distance is worth so much of a round trip
  std::size_t wide_queries = 6;      // asked to fill one of the wide ranges,
  std::size_t range_queries = 4;     // or another, all at once: no need to walk to its end
  std::size_t paths = 4;             // disjoint, for names and mutable records
  std::size_t paths_after_fail = 8;  // second attempt, with a scan of the whole region
  std::size_t candidates = 192;      // remembered per lookup
  std::size_t queries = 160;         // asked per lookup at most
  std::size_t region_max = 64;       // holders of one record at most
  std::size_t tellers = 4;           // of a put's region, asked for long lists
  std::size_t put_head = 8;          // so many nearest asked: the region is asked by rank,
  std::size_t put_spares = 4;        // and so many beyond it, that no slow holder holds up a put
  std::size_t lookups = 256;         // running at once; more are refused

  // RPC. Soft timeout = srtt + 4 * variance within these bounds: slow is not dead.
  Duration soft_timeout_min = 150ms;
  Duration soft_timeout_max = 1s;
  Duration first_rtt = 250ms;        // before anything was measured
  unsigned attempts = 2;             // one retransmission
  unsigned evict_after = 2;          // failed requests, then a failed ping
  unsigned strikes = 2;              // more replies doubted than believed: out of the table,
  Duration shun = 2h;                // and not taken in again for so long
  std::size_t verifying = 8;         // pings to newcomers in flight
  std::size_t pending = 512;         // requests without an answer, per node
  std::size_t queue = 1024;          // datagrams waiting for poll_transmit
  std::size_t padded_ping = 100;     // without cookie: as long as its reply
  std::size_t padded_request = 512;  // without cookie, when the reply may be long
  // A HELLO is answered by a HELLO, whose certificate takes 220 bytes: two contacts fit beside it.
  // Measured with 400 nodes: 896 bytes let a newcomer join in 211 ms instead of 235, for 83 % more.
  std::size_t padded_hello_ping = 384;
  std::size_t padded_hello = 512;
  std::size_t max_datagram = 1232;  // ours; IPv6 minimum MTU without headers

  // Guards.
  std::uint32_t source_rate = 20;   // requests answered per second and /24 or /56 without cookie
  std::uint32_t proven_rate = 100;  // with a cookie, or from a private range: per endpoint
  std::size_t rate_slots = 64;      // sources told apart at once
  Duration cookie_epoch = 5min;     // the current and the last epoch count: at most 10 min

  // Upkeep. An entry is pinged when it was silent for an eighth of the life to be expected (seen
  // churn, or its own age if longer: sessions are Weibull with k = 0.5, who was here long stays
  // long), within these bounds. Beyond the k nearest and the narrow buckets, half of that life.
  Duration ping_min = 20s;
  Duration ping_max = 14min;
  Duration wide_min = 30min;  // far entries in full-table mode: their whole expected life
  Duration wide_max = 2h;
  Duration ping_pace = 2s;           // at most one upkeep ping in this time
  Duration upkeep_step = 250ms;      // between the steps of joining and crawling
  Duration join_retry = 15s;         // nobody answered: try the seeds again
  Duration refresh = 60min;          // a bucket nobody touched; our own neighbourhood at last:
  Duration self_lookup_min = 10min;  // a quarter of the life to be expected, within these two
  // Who was heard of longer ago is not told to others. Beyond wide_max: whoever did not fail a ping
  // is told. With 15 min, 6 % of lookups among 10,000 nodes under churn ended before the closest
  // node, since nobody on the way might tell of the far contacts it had (decision 0005).
  Duration relay_age = 130min;
  Duration ask_lost = 3min;       // between questions whether a lost neighbour is back
  Duration settle = 15s;          // several are: after so long we look around ourselves
  Duration server_after = 20min;  // stable and reachable this long before serving
  Duration persist_peers = 10min;
  std::size_t persisted_peers = 64;

  // Full table: one-hop mode while upkeep for everybody stays under this.
  bool full_table = true;
  std::uint64_t full_table_bits_per_second = 8000;
  Duration mean_session = 2h;
  std::size_t full_table_max = 30000;
  Duration recrawl = 4h;         // news is lossy: ask everybody again
  std::size_t crawl_slice = 12;  // nodes per question of a crawl: one full reply
  Duration newcomer = 5min;      // whom one meets says so this long, and is told on as news
  std::size_t news = 12;         // contacts told along with one upkeep message

  // Records.
  std::size_t records = 4096;  // values stored per node
  std::size_t record_bytes = 4u << 20;
  // Where nodes are and who provides what has a room of its own, that no value fills.
  std::size_t presence_records = 1024;
  std::size_t presence_bytes = 1u << 20;
  // Of either, who put more than one part in so many gives way first when room is short.
  std::size_t record_share = 16;
  std::size_t providers_per_key = 32;
  std::size_t own_records = 256;
  Duration record_life = 48h;
  Duration presence_life = 30min;
  Duration repair = 60min;       // a holder stores again what nobody stored here for so long;
  unsigned repair_outside = 24;  // one in so many times, who is not among the k nearest any more
  Duration republish = 22h;
  Duration presence_republish = 10min;
  unsigned store_percent = 75;  // of the region: then a put is done
};

}  // namespace weft::dht
