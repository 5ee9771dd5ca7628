// Private to dht/*.cpp: the core's parts and how they call each other.
//   dht.cpp     the public face, sending, timers      server.cpp   answering requests
//   walk.cpp    a walk: width, start, end             upkeep.cpp   table and record maintenance
//   walk_replies.cpp  what is made of its answers     directory.cpp  full-table mode
//   find.cpp, get.cpp, put.cpp  what each kind of task does beside the walk
#pragma once

#include <deque>
#include <memory>
#include <vector>

#include "dht/dht.hpp"
#include "dht/guard.hpp"
#include "dht/lookup.hpp"
#include "dht/lost_list.hpp"
#include "dht/message.hpp"
#include "dht/news_budget.hpp"
#include "dht/record_store.hpp"
#include "dht/routing_table.hpp"
#include "dht/rpc.hpp"
#include "dht/shun_list.hpp"

namespace weft::dht {

enum class TaskKind : std::uint8_t { Find, Get, Put };
enum class Origin : std::uint8_t { Caller, Bootstrap, Refresh, Repair, Crawl };

// One lookup and what it is for.
struct Task {
  Task(LookupId task_id, TaskKind task_kind, const NodeId& target, const LookupLimits& limits)
      : id(task_id), kind(task_kind), lookup(target, limits) {}

  LookupId id;
  TaskKind kind;
  Origin origin = Origin::Caller;
  bool second_try = false;
  bool confirmed = false;  // the nearest were asked for all they know
  Lookup lookup;
  Instant started{};
  LookupStats stats;

  // Get
  struct Vote {
    ContactHandle holder = ContactHandle::None;
    std::uint64_t seq = 0;
    bool has = false;
    std::uint8_t path = 0;
  };
  GetOptions options;
  std::optional<Record> best;
  bool best_is_ours = false;
  std::vector<Vote> votes;
  std::vector<std::pair<IdentityKey, std::uint64_t>> told;  // records already reported

  // Put
  Bytes record;
  std::optional<std::uint64_t> cas;
  std::optional<std::uint64_t> left;  // see Request::left
  std::vector<ContactHandle> sent_to;
  std::uint16_t stored = 0;
  std::uint16_t refused = 0;
  std::uint16_t outstanding = 0;
  bool stored_here = false;
  bool reported = false;  // PutDone is out; the rest of the region is still being stored to
  PutError error = PutError::None;
};

struct OwnRecord {
  Record record;
  Key key;
  Instant next{};
};

struct Outgoing {
  ContactHandle to = ContactHandle::None;
  Bytes body;
  Nonce nonce{};
  std::optional<Nonce> answers;
  bool hello = false;
  std::uint16_t pad_to = 0;
};

// What a request is part of, beside its purpose.
struct Errand {
  Task* task = nullptr;
  std::uint8_t again = 0;     // times this was asked before
  std::uint16_t padding = 0;  // towards who has no cookie of ours; 0: as usual
  bool introduced = false;    // it has just said hello: our answer showed it our certificate
};

struct DhtState {
  DhtState(Instant now, const DhtSetup& setup);

  // dht.cpp
  void receive(Instant now, const Arrived& in);
  void on_reply(Instant now, const Unsealed& in);
  void proven(Instant now, ContactHandle from, std::optional<Duration> rtt, bool newcomer);
  void on_deadline(Instant now);
  bool request(Instant now, ContactHandle to, Request& request, Purpose purpose,
               const Errand& errand = {});
  std::uint16_t padding_in(const Task& task, ContactHandle to) const;
  std::uint16_t padding_for(const Request& request, bool hello) const;
  void enqueue(Outgoing&& out);
  void emit(DhtEvent&& event);
  std::uint64_t flags(Instant now) const;
  Request rebuild(Instant now, const Pending& pending);
  ContactHandle sender_of(const Unsealed& in, const Endpoint& from);
  void sweep_book();

  // server.cpp
  void serve(Instant now, const Arrived& in, ContactHandle from);
  void answer(Instant now, const Unsealed& unsealed, ContactHandle to, const Reply& reply,
              std::size_t limit);
  PutError store(Instant now, const Request& request, const NodeId& from);
  std::vector<Bytes> records_for(Instant now, const Request& request, std::size_t& left, bool& cut);
  Bytes near_contacts(Instant now, const Request& request, ContactHandle except, std::size_t room,
                      bool& more);
  std::uint64_t take_news(Instant now, const NodeId& teller, ByteView contacts);

  // walk.cpp, walk_replies.cpp, find.cpp, get.cpp, put.cpp
  LookupLimits limits_for(TaskKind kind, std::size_t paths, bool exhaustive) const;
  Task* start(Instant now, TaskKind kind, const NodeId& target, const LookupLimits& limits,
              Origin origin);
  void seed(Instant now, Task& task);
  void add_seeds(Instant now, Task& task, const std::vector<ContactHandle>& near);
  void favour_fast(Task& task, const std::vector<ContactHandle>& near);
  void pump(Instant now, Task& task);
  bool confirm(Instant now, Task& task);
  void on_walk_reply(Instant now, Task& task, const Pending& pending, const Reply& reply);
  bool ask_anew(Instant now, Task& task, const Pending& pending, const Reply& reply);
  [[nodiscard]] bool wary() const;
  bool weigh(Instant now, Task& task, const Pending& pending, const Reply& reply,
             std::span<const ContactHandle> told);
  void on_store_result(Instant now, Task& task, PutError error, bool answered);
  void take_records(Instant now, Task& task, ContactHandle from, const Reply& reply);
  void take_record(Instant now, Task& task, const Record& record);
  bool agreed(const Task& task) const;
  [[nodiscard]] bool walked(const Task& task) const;
  [[nodiscard]] bool rim_open(const Task& task) const;
  [[nodiscard]] bool heard_enough(const Task& task) const;
  [[nodiscard]] bool ended(const Task& task) const;
  void store_what_may(Instant now, Task& task);
  void send_store(Instant now, Task& task, ContactHandle to);
  void store_where_ready(Instant now, Task& task);
  void store_here(Instant now, Task& task);
  void report_put(Instant now, Task& task);
  bool ask_on(Instant now, Task& task, const Pending& pending, const Reply& reply,
              std::size_t count);
  void finish(Instant now, Task& task);
  void finish_get(Instant now, Task& task);
  void write_back(Instant now, Task& task);
  Task* find_task(std::uint32_t id);
  void reap();
  Distance reach() const;

  // upkeep.cpp
  void upkeep(Instant now);
  void verify(Instant now, ContactHandle contact, bool introduced = false);
  void on_new_contact(Instant now, ContactHandle contact, bool newcomer);
  void hand_over(Instant now, ContactHandle to);
  bool refresh(Instant now);
  std::optional<std::size_t> next_range(Instant now);
  [[nodiscard]] Duration self_lookup_pause() const;
  void republish(Instant now);
  void keep_peers(Instant now);
  void ask_lost(Instant now);
  void found_again(Instant now, const NodeId& node);
  void show_up(Instant now);
  void decide_mode(Instant now);
  bool store_directly(Instant now, ContactHandle to, const Record& record, Duration left);
  [[nodiscard]] bool among_nearest(const Key& key) const;
  void repair(Instant now);
  void join(Instant now);
  std::vector<Contact> best_peers() const;
  NodeId random_id_near(const NodeId& base, std::size_t shared_bits);

  // directory.cpp
  bool learn(ContactHandle contact, bool rumour);  // false: nothing new
  bool make_room_in_directory();
  void unlearn(ContactHandle contact);
  Bytes news();
  void news_arrived(std::uint64_t known);
  bool crawl(Instant now);
  void directory_nearest(const NodeId& target, std::size_t from, std::size_t to, std::size_t bit,
                         std::size_t count, std::vector<ContactHandle>& out) const;

  const Config& config;
  ContactBook& book;
  const PostView& post;
  Rng& rng;
  NetworkId network;
  Contact self;
  ContactHandle self_handle = ContactHandle::None;
  WallClock wall;
  RoutingTable table;
  ShunList shunned;
  LostList lost;
  RecordStore records;
  Rpc rpc;
  CookieJar jar;
  CookieCache cookies;
  RateLimiter limiter;
  DhtCounters counters;
  std::vector<std::unique_ptr<Task>> tasks;
  std::vector<OwnRecord> own;
  std::vector<Outgoing> outgoing;  // from out_head on
  std::size_t out_head = 0;
  std::vector<DhtEvent> events;  // from event_head on
  std::size_t event_head = 0;
  std::uint32_t last_id = 0;

  bool server = false;
  bool reachable = false;
  bool directory_on = false;
  Instant reachable_since{};
  Instant newcomer_until{};
  Instant upkeep_at{};
  Instant next_persist{};
  Instant next_self_lookup{};
  Instant next_crawl{};
  Instant next_ping{};
  Instant next_lost{};
  std::uint16_t doubts = 0;   // share of answers doubted of late
  std::uint8_t hurry = 0;     // lost ones to ask at once,
  std::uint8_t returned = 0;  // as so many came back just now
  Instant next_join{};
  bool announced = false;         // as a server, to its neighbourhood
  bool filling = false;           // joined: the ranges are to be filled,
  std::uint32_t ranges_left = 0;  // and so many are left, nearest first
  std::uint32_t crawl_left = 0;   // slices of the id space still to ask about
  std::uint32_t crawl_total = 0;
  std::uint32_t crawled_size = 0;  // of the network, at the last crawl
  std::vector<ContactHandle> seeds;
  std::vector<ContactHandle> directory;  // everybody heard of, by NodeId
  struct NewsItem {
    ContactHandle who = ContactHandle::None;
    std::uint8_t left = 0;
  };
  std::vector<NewsItem> fresh;
  NewsBudget news_budget;
  Transaction told_in = 0;  // the last upkeep ping with news, and what it told
  std::vector<ContactHandle> told_items;
};

}  // namespace weft::dht
