// Measures this machine's FMA peak and read bandwidth: `peak fma|all THREADS` prints one JSON line.
#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <functional>
#include <thread>
#include <vector>
#ifdef __linux__
#include <pthread.h>
#include <sched.h>
#include <unistd.h>
#endif

namespace {

#if defined(__AVX512F__)
constexpr std::size_t kVectorBytes = 64;
#elif defined(__AVX__)
constexpr std::size_t kVectorBytes = 32;
#else
constexpr std::size_t kVectorBytes = 16;
#endif
constexpr std::size_t kLanes = kVectorBytes / sizeof(float);
// Intel needs 10 independent chains (latency 5, two a cycle with 256 bits), Zen and Arm up to 16.
constexpr std::size_t kChains = 12;
typedef float Vector __attribute__((vector_size(kVectorBytes)));

std::atomic<float> sink{0.0F};

double now() {
  using Clock = std::chrono::steady_clock;
  return std::chrono::duration<double>(Clock::now().time_since_epoch()).count();
}

void keep(const Vector& value) { sink.store(value[0], std::memory_order_relaxed); }

void run_fma(std::size_t rounds) {
  Vector factor{}, addend{}, sums[kChains]{};
  factor += 0.999F;
  addend += 0.001F;
  __asm__ volatile("" : "+m"(factor), "+m"(addend));
  const Vector f = factor, a = addend;
  for (std::size_t r = 0; r < rounds; ++r) {
#pragma GCC unroll 12
    for (std::size_t c = 0; c < kChains; ++c) sums[c] = sums[c] * f + a;
  }
  Vector total = sums[0];
  for (std::size_t c = 1; c < kChains; ++c) total += sums[c];
  keep(total);
}

void run_read(const Vector* data, std::size_t count, std::size_t rounds) {
  Vector sums[8]{};
  for (std::size_t r = 0; r < rounds; ++r) {
    __asm__ volatile("" : : "r"(data) : "memory");
    for (std::size_t i = 0; i + 8 <= count; i += 8) {
#pragma GCC unroll 8
      for (std::size_t c = 0; c < 8; ++c) sums[c] += data[i + c];
    }
  }
  keep(sums[0] + sums[1] + sums[2] + sums[3] + sums[4] + sums[5] + sums[6] + sums[7]);
}

void pin([[maybe_unused]] std::size_t index) {
#ifdef __linux__
  cpu_set_t allowed, chosen;
  if (sched_getaffinity(0, sizeof allowed, &allowed) != 0) return;
  const std::size_t wanted = index % static_cast<std::size_t>(CPU_COUNT(&allowed));
  std::size_t seen = 0;
  for (int cpu = 0; cpu < CPU_SETSIZE; ++cpu) {
    if (CPU_ISSET(cpu, &allowed) && seen++ == wanted) {
      CPU_ZERO(&chosen);
      CPU_SET(cpu, &chosen);
      pthread_setaffinity_np(pthread_self(), sizeof chosen, &chosen);
      return;
    }
  }
#endif
}

// Seconds from the common start to the last thread's end.
double timed(std::size_t threads, const std::function<void(std::size_t)>& work) {
  std::atomic<std::size_t> ready{0};
  std::atomic<bool> go{false};
  std::vector<std::thread> workers;
  for (std::size_t t = 0; t < threads; ++t) {
    workers.emplace_back([&, t] {
      pin(t);
      ready.fetch_add(1);
      while (!go.load()) {
      }
      work(t);
    });
  }
  while (ready.load() < threads) std::this_thread::yield();
  const double start = now();
  go.store(true);
  for (auto& worker : workers) worker.join();
  return now() - start;
}

// Best rate of several runs of about `seconds` each; `units` is the work of one round, one thread.
double best_rate(std::size_t threads, double units, double seconds,
                 const std::function<void(std::size_t, std::size_t)>& work) {
  std::size_t rounds = 1;
  const auto measure = [&] { return timed(threads, [&](std::size_t t) { work(t, rounds); }); };
  double elapsed = measure();
  while (elapsed < seconds) {
    rounds = std::max(rounds * 2,
                      static_cast<std::size_t>(static_cast<double>(rounds) * seconds / (elapsed + 1e-9)));
    elapsed = measure();
  }
  double best = elapsed;
  for (int repeat = 0; repeat < 4; ++repeat) best = std::min(best, measure());
  return units * static_cast<double>(rounds * threads) / best;
}

std::size_t cache_bytes([[maybe_unused]] int name, std::size_t fallback) {
#ifdef __linux__
  const long bytes = sysconf(name);
  if (bytes > 0) return static_cast<std::size_t>(bytes);
#endif
  return fallback;
}

double read_rate(std::size_t threads, std::size_t bytes, double seconds) {
  const std::size_t count = bytes / kVectorBytes / 8 * 8;
  std::vector<Vector*> buffers(threads);
  for (auto& buffer : buffers) {
    buffer = static_cast<Vector*>(std::aligned_alloc(4096, (bytes + 4095) / 4096 * 4096));
    if (buffer == nullptr) return 0.0;
    std::memset(static_cast<void*>(buffer), 0, bytes);
  }
  const double rate =
      best_rate(threads, static_cast<double>(count * kVectorBytes), seconds,
                [&](std::size_t t, std::size_t rounds) { run_read(buffers[t], count, rounds); });
  for (auto* buffer : buffers) std::free(buffer);
  return rate;
}

}  // namespace

int main(int count, char** arguments) {
  if (count != 3) return 2;
  const bool all = std::strcmp(arguments[1], "all") == 0;
  const auto threads = static_cast<std::size_t>(std::max(1, std::atoi(arguments[2])));
  constexpr std::size_t kInner = 1000;
  const double flops = static_cast<double>(2 * kLanes * kChains * kInner);
  const double fma =
      best_rate(threads, flops, 0.02, [](std::size_t, std::size_t rounds) { run_fma(rounds * kInner); });
  std::printf("{\"gflops\": %.2f, \"vector_bytes\": %zu", fma / 1e9, kVectorBytes);
  if (all) {
#ifdef __linux__
    const int l1 = _SC_LEVEL1_DCACHE_SIZE, l2 = _SC_LEVEL2_CACHE_SIZE, l3 = _SC_LEVEL3_CACHE_SIZE;
#else
    const int l1 = 0, l2 = 0, l3 = 0;
#endif
    const std::size_t third = cache_bytes(l3, std::size_t{32} << 20);
    const double rates[] = {
        read_rate(threads, cache_bytes(l1, 32768) / 2, 0.02),
        read_rate(threads, cache_bytes(l2, 1 << 20) / 2, 0.03),
        read_rate(threads, third / 8 / threads, 0.05),
        read_rate(threads, third * 4, 0.15),
    };
    std::printf(", \"read_gb_s\": {\"L1\": %.1f, \"L2\": %.1f, \"L3\": %.1f, \"DRAM\": %.1f}", rates[0] / 1e9,
                rates[1] / 1e9, rates[2] / 1e9, rates[3] / 1e9);
  }
  std::printf("}\n");
  return 0;
}
