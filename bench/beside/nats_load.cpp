// A program of libnats (C client of the NATS project) that measures whatever speaks NATS: messages
// a second, one-way time, request and reply. Two addresses: publisher at the first, subscriber at
// the second. One line of JSON. Built and run by bench/beside/broker.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

#include <nats/nats.h>

namespace {

using Clock = std::chrono::steady_clock;

void must(natsStatus status, const char* what) {
  if (status == NATS_OK) return;
  std::fprintf(stderr, "%s: %s\n", what, natsStatus_GetText(status));
  std::exit(1);
}

std::int64_t now_ns() {
  return std::chrono::duration_cast<std::chrono::nanoseconds>(Clock::now().time_since_epoch())
      .count();
}

double percentile(std::vector<double>& of, double part) {
  std::sort(of.begin(), of.end());
  return of.empty() ? 0 : of[static_cast<std::size_t>(part * static_cast<double>(of.size() - 1))];
}

struct Seen {
  std::atomic<long> count{0};
  std::vector<double> us;  // one-way
};

void on_message(natsConnection*, natsSubscription*, natsMsg* message, void* closure) {
  auto& seen = *static_cast<Seen*>(closure);
  std::int64_t sent = 0;
  if (natsMsg_GetDataLength(message) >= static_cast<int>(sizeof sent)) {
    std::memcpy(&sent, natsMsg_GetData(message), sizeof sent);
    if (sent != 0) seen.us.push_back(static_cast<double>(now_ns() - sent) / 1000);
  }
  natsMsg_Destroy(message);
  ++seen.count;
}

void on_request(natsConnection* connection, natsSubscription*, natsMsg* message, void*) {
  natsConnection_Publish(connection, natsMsg_GetReply(message), natsMsg_GetData(message),
                         natsMsg_GetDataLength(message));
  natsMsg_Destroy(message);
}

bool wait_for(const Seen& seen, long count) {
  const auto end = Clock::now() + std::chrono::seconds(60);
  while (seen.count < count && Clock::now() < end) nats_Sleep(1);
  return seen.count >= count;
}

}  // namespace

int main(int argc, char** argv) {
  const char* here = argc > 1 ? argv[1] : "nats://127.0.0.1:4222";
  const char* there = argc > 2 ? argv[2] : here;
  const long count = argc > 3 ? std::atol(argv[3]) : 200'000;
  natsConnection* a = nullptr;
  natsConnection* b = nullptr;
  must(natsConnection_ConnectTo(&a, here), here);
  must(natsConnection_ConnectTo(&b, there), there);
  std::string payload(128, '\0');

  Seen bulk;
  natsSubscription* subscription = nullptr;
  must(natsConnection_Subscribe(&subscription, b, "bench.bulk", on_message, &bulk), "subscribe");
  natsSubscription_SetPendingLimits(subscription, -1, -1);
  must(natsConnection_Flush(b), "flush");
  const auto begin = Clock::now();
  for (long i = 0; i < count; ++i)
    must(natsConnection_Publish(a, "bench.bulk", payload.data(), static_cast<int>(payload.size())),
         "publish");
  must(natsConnection_Flush(a), "flush");
  const bool all = wait_for(bulk, count);
  const double seconds = std::chrono::duration<double>(Clock::now() - begin).count();

  Seen paced;
  natsSubscription* calm = nullptr;
  must(natsConnection_Subscribe(&calm, b, "bench.calm", on_message, &paced), "subscribe");
  must(natsConnection_Flush(b), "flush");
  for (int i = 0; i < 2000; ++i) {
    const auto sent = now_ns();
    std::memcpy(payload.data(), &sent, sizeof sent);
    must(natsConnection_Publish(a, "bench.calm", payload.data(), static_cast<int>(payload.size())),
         "publish");
    must(natsConnection_Flush(a), "flush");
    nats_Sleep(1);
  }
  wait_for(paced, 2000);

  natsSubscription* service = nullptr;
  must(natsConnection_Subscribe(&service, b, "bench.ask", on_request, nullptr), "subscribe");
  must(natsConnection_Flush(b), "flush");
  nats_Sleep(200);
  std::vector<double> asked;
  for (int i = 0; i < 2000; ++i) {
    natsMsg* reply = nullptr;
    const auto start = Clock::now();
    must(natsConnection_RequestString(&reply, a, "bench.ask", "x", 5000), "request");
    asked.push_back(std::chrono::duration<double, std::micro>(Clock::now() - start).count());
    natsMsg_Destroy(reply);
  }
  std::printf(
      "{\"messages\":%ld,\"got\":%ld,\"whole\":%s,\"messages_per_s\":%.0f,\"one_way_p50_us\":%.0f,"
      "\"one_way_p99_us\":%.0f,\"request_p50_us\":%.0f,\"request_p99_us\":%.0f}\n",
      count, bulk.count.load(), all ? "true" : "false", static_cast<double>(bulk.count) / seconds,
      percentile(paced.us, 0.5), percentile(paced.us, 0.99), percentile(asked, 0.5),
      percentile(asked, 0.99));
  natsConnection_Destroy(a);
  natsConnection_Destroy(b);
  return 0;
}
