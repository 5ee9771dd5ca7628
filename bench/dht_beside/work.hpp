// What both programs of this folder do and how it is counted: N nodes in one process on loopback,
// join, idle, puts, gets, a tenth killed, gets again. One JSON line at the end.
#pragma once

#include <sys/time.h>
#include <time.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <fstream>
#include <mutex>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

namespace beside {

inline constexpr std::size_t kValueSize = 200;
inline constexpr double kSettle = 10;  // seconds after the last node has joined
inline constexpr double kIdle = 15;    // seconds of counting while nothing is asked

inline double now() {  // seconds
  timespec t{};
  clock_gettime(CLOCK_MONOTONIC, &t);
  return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

inline void sleep(double seconds) {
  std::this_thread::sleep_for(std::chrono::duration<double>(seconds));
}

// For the end of an operation that another thread carries out.
struct Waiter {
  std::mutex mutex;
  std::condition_variable ready;
  bool done = false;
  bool ok = false;
  double first = 0;  // when the first value came
  void found() {
    const std::lock_guard lock(mutex);
    if (first == 0) first = now();
  }
  void finish(bool success) {
    const std::lock_guard lock(mutex);
    ok = success;
    done = true;
    ready.notify_one();
  }
  void wait() {
    std::unique_lock lock(mutex);
    ready.wait_for(lock, std::chrono::seconds(30), [this] { return done; });
  }
};

// All that crossed loopback in this network namespace, headers included.
struct Traffic {
  unsigned long long bytes = 0;
  unsigned long long packets = 0;
  friend Traffic operator-(const Traffic& a, const Traffic& b) {
    return {a.bytes - b.bytes, a.packets - b.packets};
  }
};
inline Traffic traffic() {
  std::ifstream file("/proc/net/dev");
  Traffic out;
  for (std::string line; std::getline(file, line);)
    if (const auto at = line.find("lo:"); at != std::string::npos)
      std::sscanf(line.c_str() + at + 3, "%llu %llu", &out.bytes, &out.packets);
  return out;
}

inline double resident_mib() {
  std::ifstream file("/proc/self/statm");
  long total = 0;
  long resident = 0;
  file >> total >> resident;
  return static_cast<double>(resident) * 4096 / 1048576;
}

inline double percentile(std::vector<double> values, double p) {
  if (values.empty()) return 0;
  std::sort(values.begin(), values.end());
  return values[static_cast<std::size_t>(p * static_cast<double>(values.size() - 1) + .5)];
}

struct Phase {  // of puts or gets
  std::size_t tried = 0;
  std::vector<double> took_ms;  // of those that succeeded
  Traffic cost;
};

class Report {
 public:
  void number(const std::string& name, double value) {
    char text[64];
    std::snprintf(text, sizeof text, "%.4g", value);
    text_ += (text_.empty() ? "{" : ", ") + ("\"" + name + "\": " + text);
  }
  void phase(const std::string& name, const Phase& phase) {
    const auto tried = static_cast<double>(std::max<std::size_t>(phase.tried, 1));
    number(name + "_ok_pct", 100.0 * static_cast<double>(phase.took_ms.size()) / tried);
    number(name + "_p50_ms", percentile(phase.took_ms, .5));
    number(name + "_p99_ms", percentile(phase.took_ms, .99));
    number(name + "_packets", static_cast<double>(phase.cost.packets) / tried);
    number(name + "_kib", static_cast<double>(phase.cost.bytes) / 1024 / tried);
  }
  void print() const { std::printf("%s}\n", text_.c_str()); }

 private:
  std::string text_;
};

}  // namespace beside
