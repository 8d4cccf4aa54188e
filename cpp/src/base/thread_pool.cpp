// The pool of worker threads: hand-over by one cache line each, short spins, then sleep; fork-safe.
#include "base/thread_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <thread>

#include "base/blocked_signals.h"
#include "base/cpu_features.h"
#include "base/cpu_placement.h"
#include "base/denormals.h"
#include "base/text.h"
#include "base/wait.h"

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace lamina {
namespace {

// Two lines of most CPUs, one of Apple's: neighbours do not slow each other down.
constexpr std::size_t kFlagSpacing = 128;
// Pauses before a yield where there are more threads than CPUs.
constexpr int kCrowdedSpins = 32;
// How long a worker waits awake for its next job: some times what a wake-up takes; less where a quota is
// paid.
constexpr std::chrono::microseconds kIdleSpin{50};
constexpr std::chrono::microseconds kTightIdleSpin{5};
// A move costs the caches, and the system needs a tick to move a thread back.
constexpr std::chrono::milliseconds kBetweenMoves{5};
// Calls without a wake-up after many in vain, as when other programs keep the workers' CPUs.
constexpr int kLongestWakePause = 1023;
// Of a member's command: nothing on offer, the last one was taken by its worker or taken back.
constexpr uint32_t kTaken = 1;

}  // namespace

namespace detail {

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): the padding keeps threads off each other.
class ThreadPool {
 public:
  // The pool of this process; never destroyed, as workers may outlive static destructors.
  static ThreadPool& instance();

  bool try_acquire() noexcept { return !busy_.exchange(true, std::memory_order_acquire); }
  void release() noexcept { busy_.store(false, std::memory_order_release); }

  // These need the pool acquired. False, and nothing run, if no worker can be had.
  bool run(int threads, FunctionRef<void(Team&)> body);
  // The same, waiting for none that comes too late.
  bool run_helped(int threads, FunctionRef<void(Team&)> body);
  static void run_alone(FunctionRef<void(Team&)> body);
  void stop_workers();

  void wait_at_barrier(Team& team) noexcept;
  bool failed() const noexcept { return failed_.load(std::memory_order_relaxed); }

  // Called around fork(): idle workers are joined before. Where another thread holds the pool, the
  // parent's goes on untouched and the child leaves its copy behind.
  static void before_fork();
  static void after_fork_in_parent() noexcept;
  static void after_fork_in_child() noexcept;

 private:
  static constexpr auto kNothing = [](Team&) {};

  struct Job {
    FunctionRef<void(Team&)> body = kNothing;
    uint64_t arrivals = 0;
    uint64_t launch = 0;  // 0: end the worker
    int size = 0;
    std::chrono::nanoseconds idle_spin{0};  // after the job, before sleep
  };

  struct Member {
    // Written by the caller: `command` changes with each job, last. One line, one store: the worker,
    // which polls it, does not take it away half written. Even: the job is on offer.
    alignas(kFlagSpacing) Job job;
    std::atomic<uint32_t> command{kTaken};
    // Written by the member: barriers passed, ever growing, and the last launch it completed.
    alignas(kFlagSpacing) std::atomic<uint64_t> arrived{0};
    std::atomic<uint64_t> finished{0};
    std::atomic<int> cpu{-1};  // where it was when it arrived
    // Both exchange `asleep` after their own write, so one of them sees what the other wrote.
    alignas(kFlagSpacing) std::atomic<bool> asleep{false};
    std::thread thread;
    std::chrono::steady_clock::time_point moved{};
  };

  int start_workers(int wanted);
  void hand_over(Member& member, const Job& job) noexcept;
  void wait_until_finished(const Member& member, uint64_t launch) noexcept;
  void work(int index) noexcept;
  void execute(int index, Member& member, const Job& job) noexcept;
  void rethrow_failure();
  static void part_from(const Member& other, Member& own) noexcept;
  static bool take_job(Member& member) noexcept;
  static void wait_for_job(Member& member, std::chrono::nanoseconds idle_spin) noexcept;

  static std::atomic<ThreadPool*> current_;

  // Written at every launch, by the caller alone.
  std::atomic<bool> busy_{false};
  uint64_t launch_ = 0;
  uint64_t arrivals_ = 0;
  std::exception_ptr failure_;
  std::chrono::nanoseconds idle_spin_ = kIdleSpin;
  std::chrono::steady_clock::time_point last_helped_{};
  int wake_pause_ = 0, calls_to_wake_ = 0;  // calls that wake nobody
  int available_cpus_ = 1;
  int workers_ = 0;
  // Read by all in barriers, seldom written, so on lines of their own. Member 0 is the caller.
  alignas(kFlagSpacing) std::atomic<bool> failed_{false};
  int barrier_spins_ = kSpins;
  std::array<std::unique_ptr<Member>, kMaxThreads> members_;
};

std::atomic<ThreadPool*> ThreadPool::current_{nullptr};

namespace {

thread_local ThreadPool* held_for_fork = nullptr;

#if !defined(_WIN32)
// At load, so that no fork can fall between the first worker and the registration.
[[maybe_unused]] const int fork_handlers = pthread_atfork(
    ThreadPool::before_fork, ThreadPool::after_fork_in_parent, ThreadPool::after_fork_in_child);
#endif

}  // namespace

ThreadPool& ThreadPool::instance() {
  ThreadPool* pool = current_.load(std::memory_order_acquire);
  if (pool != nullptr) return *pool;
  auto fresh = std::make_unique<ThreadPool>();
  if (!current_.compare_exchange_strong(pool, fresh.get(), std::memory_order_acq_rel))
    return *pool;  // another thread was first
  return *fresh.release();
}

// Returns the workers now running, at most `wanted`; fewer where the system refuses more threads or memory.
int ThreadPool::start_workers(int wanted) {
  if (members_[0] == nullptr) members_[0] = std::make_unique<Member>();
  if (workers_ >= wanted) return wanted;
  available_cpus_ = hardware_threads();
  idle_spin_ = cpu_quota_is_tight() ? kTightIdleSpin : kIdleSpin;
  const BlockedSignals no_signals;
  while (workers_ < wanted) {
    const int index = workers_ + 1;
    std::unique_ptr<Member>& member = members_[static_cast<std::size_t>(index)];
    try {
      if (member == nullptr) member = std::make_unique<Member>();
      member->thread = std::thread([this, index] { work(index); });
    } catch (const std::exception&) {
      break;
    }
    ++workers_;
  }
  return workers_;
}

void ThreadPool::stop_workers() {
  for (int i = 1; i <= workers_; ++i) hand_over(*members_[static_cast<std::size_t>(i)], Job());
  for (int i = 1; i <= workers_; ++i) members_[static_cast<std::size_t>(i)]->thread.join();
  workers_ = 0;
}

void ThreadPool::hand_over(Member& member, const Job& job) noexcept {
  member.job = job;
  member.command.store((member.command.load(std::memory_order_relaxed) | kTaken) + 1,
                       std::memory_order_release);
  if (member.asleep.exchange(false, std::memory_order_acq_rel)) wake_sleeper(member.command);
}

void ThreadPool::wait_until_finished(const Member& member, uint64_t launch) noexcept {
  spin_then_yield(
      barrier_spins_, [&] { return member.finished.load(std::memory_order_acquire) == launch; }, [] {});
}

bool ThreadPool::run(int threads, FunctionRef<void(Team&)> body) {
  const int workers = start_workers(std::min(threads, kMaxThreads) - 1);
  if (workers == 0) return false;
  const int size = workers + 1;
  const bool crowded = size > available_cpus_;
  const int spins = crowded ? kCrowdedSpins : kSpins;
  if (barrier_spins_ != spins) barrier_spins_ = spins;
  const Job job{body, arrivals_, ++launch_, size, crowded ? std::chrono::nanoseconds(0) : idle_spin_};
  for (int i = 1; i < size; ++i) hand_over(*members_[static_cast<std::size_t>(i)], job);
  execute(0, *members_[0], job);
  for (int i = 0; i < size; ++i) {
    const Member& member = *members_[static_cast<std::size_t>(i)];
    wait_until_finished(member, job.launch);
    arrivals_ = std::max(arrivals_, member.arrived.load(std::memory_order_relaxed));
  }
  rethrow_failure();
  return true;
}

void ThreadPool::rethrow_failure() {
  if (!failed()) return;
  failed_.store(false, std::memory_order_relaxed);
  std::rethrow_exception(std::exchange(failure_, nullptr));
}

void ThreadPool::run_alone(FunctionRef<void(Team&)> body) {
  const FlushDenormals mode;
  Team team;
  body(team);
}

// A job that its worker has not taken when the caller is through is taken back.
bool ThreadPool::run_helped(int threads, FunctionRef<void(Team&)> body) {
  const int size = 1 + start_workers(std::min(threads, kMaxThreads) - 1);
  if (size == 1 || size > available_cpus_) return false;
  if (barrier_spins_ != kSpins) barrier_spins_ = kSpins;
  // Waking costs as much as the help brings, unless calls follow each other before the worker sleeps again.
  const bool close = std::chrono::steady_clock::now() - last_helped_ < idle_spin_ / 2;
  const bool wake = close && calls_to_wake_ == 0;
  if (close && !wake) --calls_to_wake_;
  const Job job{body, arrivals_, ++launch_, size, idle_spin_};
  const auto offered = [&](const Member& member) { return member.job.launch == job.launch; };
  for (int i = 1; i < size; ++i) {
    Member& member = *members_[static_cast<std::size_t>(i)];
    if (wake || !member.asleep.load(std::memory_order_relaxed)) hand_over(member, job);
  }
  execute(0, *members_[0], job);
  bool helped = false;
  for (int i = 1; i < size; ++i) {
    Member& member = *members_[static_cast<std::size_t>(i)];
    if (!offered(member) || take_job(member)) continue;
    wait_until_finished(member, job.launch);
    helped = true;
  }
  if (helped) {
    wake_pause_ = 0;
  } else if (wake) {
    calls_to_wake_ = wake_pause_ = std::min(2 * wake_pause_ + 1, kLongestWakePause);
  }
  last_helped_ = std::chrono::steady_clock::now();
  rethrow_failure();
  return true;
}

// Sets `finished` last: it also lets the others pass all later barriers of this launch.
void ThreadPool::execute(int index, Member& member, const Job& job) noexcept {
  try {
    const FlushDenormals mode;
    Team team(index, job.size, this, job.arrivals, job.launch);
    job.body(team);
  } catch (...) {
    if (!failed_.exchange(true, std::memory_order_relaxed)) failure_ = std::current_exception();
  }
  member.finished.store(job.launch, std::memory_order_release);
}

void ThreadPool::work(int index) noexcept {
  Member& member = *members_[static_cast<std::size_t>(index)];
  std::chrono::nanoseconds idle_spin = kIdleSpin;
  for (;;) {
    do wait_for_job(member, idle_spin);
    while (!take_job(member));
    const Job job = member.job;
    if (job.launch == 0) return;
    idle_spin = job.idle_spin;
    execute(index, member, job);
  }
}

// True where a job was on offer; the member's job is then the calling thread's alone.
bool ThreadPool::take_job(Member& member) noexcept {
  uint32_t command = member.command.load(std::memory_order_acquire);
  return (command & kTaken) == 0 &&
         member.command.compare_exchange_strong(command, command | kTaken, std::memory_order_acq_rel);
}

// Waits until a job is on offer: spins, then yields, for `idle_spin` after the last one, then sleeps.
void ThreadPool::wait_for_job(Member& member, std::chrono::nanoseconds idle_spin) noexcept {
  uint32_t command = kTaken;
  const auto on_offer = [&] {
    command = member.command.load(std::memory_order_acquire);
    return (command & kTaken) == 0;
  };
  for (int i = 0; i < kSpins; ++i) {
    if (on_offer()) return;
    pause_cpu();
  }
  const auto end = std::chrono::steady_clock::now() + idle_spin;
  while (std::chrono::steady_clock::now() < end) {
    for (int i = 0; i < kCrowdedSpins; ++i) {
      if (on_offer()) return;
      pause_cpu();
    }
    std::this_thread::yield();
  }
  // Anew each time: a waker that took its job back has reset it.
  for (;;) {
    member.asleep.exchange(true, std::memory_order_acq_rel);
    if (on_offer()) break;
    sleep_while_equal(member.command, command);
  }
  member.asleep.store(false, std::memory_order_relaxed);
}

// All watch all: one transfer of a cache line each way, and no counter that a thrower must mend.
void ThreadPool::wait_at_barrier(Team& team) noexcept {
  const uint64_t arrivals = ++team.arrivals_;
  Member& own = *members_[static_cast<std::size_t>(team.index)];
  own.cpu.store(current_cpu(), std::memory_order_relaxed);
  own.arrived.store(arrivals, std::memory_order_release);
  for (int step = 1; step < team.size; ++step) {
    const Member& other = *members_[static_cast<std::size_t>((team.index + step) % team.size)];
    const auto arrived = [&] {
      return other.arrived.load(std::memory_order_acquire) >= arrivals ||
             other.finished.load(std::memory_order_acquire) == team.launch_;
    };
    spin_then_yield(barrier_spins_, arrived, [&] {
      if (team.index > 0) part_from(other, own);  // the caller's thread is the program's, and stays
    });
  }
}

// Two that yield to each other on one CPU look busy and cache-hot to the system, which may leave them
// together for as long as a whole training.
void ThreadPool::part_from(const Member& other, Member& own) noexcept {
  const int cpu = current_cpu();
  if (cpu < 0 || other.cpu.load(std::memory_order_relaxed) != cpu) return;
  const auto now = std::chrono::steady_clock::now();
  if (now - own.moved < kBetweenMoves) return;
  own.moved = now;
  leave_cpu(cpu);
}

void ThreadPool::before_fork() {
  cpu_features();  // A child must not find this static half made by another thread.
  ThreadPool* pool = current_.load(std::memory_order_acquire);
  if (pool == nullptr || !pool->try_acquire()) return;
  pool->stop_workers();
  held_for_fork = pool;
}

void ThreadPool::after_fork_in_parent() noexcept {
  if (ThreadPool* pool = std::exchange(held_for_fork, nullptr)) pool->release();
}

void ThreadPool::after_fork_in_child() noexcept {
  if (held_for_fork == nullptr) current_.store(nullptr, std::memory_order_release);
  after_fork_in_parent();
}

}  // namespace detail

void Team::wait_for_members() noexcept { pool_->wait_at_barrier(*this); }

bool Team::failed() const noexcept { return pool_ != nullptr && pool_->failed(); }

namespace {

// The pool, where no other call holds it.
class AcquiredPool {
 public:
  AcquiredPool() : pool_(detail::ThreadPool::instance()), acquired_(pool_.try_acquire()) {}
  ~AcquiredPool() {
    if (acquired_) pool_.release();
  }
  AcquiredPool(const AcquiredPool&) = delete;
  AcquiredPool& operator=(const AcquiredPool&) = delete;
  explicit operator bool() const noexcept { return acquired_; }
  detail::ThreadPool* operator->() const noexcept { return &pool_; }

 private:
  detail::ThreadPool& pool_;
  bool acquired_;
};

}  // namespace

void run_team(int threads, FunctionRef<void(Team&)> body) {
  if (threads > 1) {
    const AcquiredPool pool;
    if (pool && pool->run(threads, body)) return;
  }
  detail::ThreadPool::run_alone(body);
}

void run_with_helpers(int threads, FunctionRef<void(Team&)> body) {
  if (threads > 1) {
    const AcquiredPool pool;
    if (pool && pool->run_helped(threads, body)) return;
  }
  detail::ThreadPool::run_alone(body);
}

}  // namespace lamina
