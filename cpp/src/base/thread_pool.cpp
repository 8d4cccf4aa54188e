// The pool of worker threads: hand-over by one cache line each, short spins, then sleep; fork-safe.
#include "base/thread_pool.h"

#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <exception>
#include <memory>
#include <mutex>
#include <thread>

#include "base/blocked_signals.h"
#include "base/cpu_features.h"
#include "base/cpu_placement.h"
#include "base/denormals.h"
#include "base/job_slot.h"
#include "base/text.h"
#include "base/wait.h"

#if !defined(_WIN32)
#include <pthread.h>
#endif

namespace lamina {
namespace {

// How long a worker waits awake for its next job: some times what a wake-up takes; less where a quota is
// paid.
constexpr std::chrono::microseconds kIdleSpin{50};
constexpr std::chrono::microseconds kTightIdleSpin{5};
// How long a member waits awake for the others, where each has a CPU.
constexpr std::chrono::microseconds kLongAwake{50};
// A move costs the caches, and the system needs a tick to move a thread back.
constexpr std::chrono::milliseconds kBetweenMoves{5};
// Calls without a wake-up after many in vain, as when other programs keep the workers' CPUs.
constexpr int kLongestWakePause = 1023;
}  // namespace

namespace detail {

// NOLINTNEXTLINE(clang-analyzer-optin.performance.Padding): the padding keeps threads off each other.
class ThreadPool {
 public:
  // The pool of this process; never destroyed, as workers may outlive static destructors.
  static ThreadPool& instance();

  bool try_lock() noexcept { return !busy_.exchange(true, std::memory_order_acquire); }
  void unlock() noexcept { busy_.store(false, std::memory_order_release); }

  // These need the pool locked. False, and nothing run, if no worker can be had.
  bool run(int threads, FunctionRef<void(Team&)> body, std::chrono::nanoseconds patience);
  // The same, waiting for none that comes too late.
  bool run_helped(int threads, FunctionRef<void(Team&)> body, bool wakes);
  // Seconds that the caller of the last run waited for others.
  double waited() const noexcept { return waited_.count(); }
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
  struct Member {
    JobSlot slot;
    // Written by the member: barriers passed, ever growing, and the last launch it completed.
    alignas(kFlagSpacing) std::atomic<uint64_t> arrived{0};
    std::atomic<uint64_t> finished{0};
    std::atomic<int> cpu{-1};  // where it was when it arrived
    std::thread thread;
    std::chrono::steady_clock::time_point moved{};
  };

  Member& at(int index) const noexcept { return *members_[static_cast<std::size_t>(index)]; }
  int start_workers(int wanted);
  bool gather(const Job& job, std::chrono::nanoseconds patience) noexcept;
  bool has_gathered(const Job& job) noexcept;
  void wait_until_finished(const Member& member, uint64_t launch) noexcept;
  template <class Ready, class BeforeLongWait>
  void wait(bool by_caller, Ready ready, BeforeLongWait before_long_wait) noexcept;
  void work(int index) noexcept;
  void execute(int index, Member& member, const Job& job) noexcept;
  void finish(Member& member, uint64_t launch) noexcept;
  void rethrow_failure();
  static void part_from(const Member& other, Member& own) noexcept;

  static std::atomic<ThreadPool*> current_;

  // Written at every launch, by the caller alone.
  std::atomic<bool> busy_{false};
  uint64_t launch_ = 0;
  uint64_t arrivals_ = 0;
  std::exception_ptr failure_;
  std::chrono::nanoseconds idle_spin_ = kIdleSpin;
  std::chrono::duration<double> waited_{0.0};
  std::chrono::steady_clock::time_point last_helped_{};
  int wake_pause_ = 0, calls_to_wake_ = 0;  // calls that wake nobody
  int available_cpus_ = 1;
  int workers_ = 0;
  // Read by all in barriers, seldom written, so on lines of their own. Member 0 is the caller.
  alignas(kFlagSpacing) std::atomic<bool> failed_{false};
  int barrier_spins_ = kSpins;
  // Of a job that gathers: twice its launch, and one more where all have come.
  std::atomic<uint64_t> gathered_{0};
  WaitingPlace place_;  // of all who wait for members
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
  for (int i = 1; i <= workers_; ++i) at(i).slot.hand_over(Job());
  for (int i = 1; i <= workers_; ++i) at(i).thread.join();
  workers_ = 0;
}

// Short waits are part of every barrier; long ones by the caller are counted.
template <class Ready, class BeforeLongWait>
void ThreadPool::wait(bool by_caller, Ready ready, BeforeLongWait before_long_wait) noexcept {
  for (int i = 0; i < barrier_spins_; ++i) {
    if (ready()) return;
    pause_cpu();
  }
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  before_long_wait();
  while (barrier_spins_ == kSpins && Clock::now() - began < kLongAwake) {
    for (int i = 0; i < kCrowdedSpins && !ready(); ++i) pause_cpu();
    if (ready()) break;
  }
  if (!ready()) place_.sleep_until(ready);
  if (by_caller) waited_ += Clock::now() - began;
}

void ThreadPool::wait_until_finished(const Member& member, uint64_t launch) noexcept {
  wait(true, [&] { return member.finished.load() == launch; }, [] {});
}

// True once all workers have taken the job; where one is late, nobody runs it and it is taken back.
bool ThreadPool::gather(const Job& job, std::chrono::nanoseconds patience) noexcept {
  const auto began = std::chrono::steady_clock::now();
  bool complete = true;
  for (int i = 1; i < job.size; ++i) {
    Member& member = at(i);
    for (int turn = 0; !member.slot.was_taken(); ++turn) {
      pause_cpu();
      if (turn % kSpins != kSpins - 1) continue;
      if (std::chrono::steady_clock::now() - began < patience) continue;
      if (member.slot.take()) {
        member.finished.store(job.launch, std::memory_order_relaxed);
        complete = false;
      }
      break;
    }
  }
  gathered_.store(2 * job.launch + (complete ? 1 : 0));
  place_.wake_all();
  return complete;
}

// By a worker that took the job.
bool ThreadPool::has_gathered(const Job& job) noexcept {
  uint64_t gathered = 0;
  const auto decided = [&] {
    gathered = gathered_.load();
    return gathered / 2 == job.launch;
  };
  wait(false, decided, [] {});
  return gathered % 2 != 0;
}

bool ThreadPool::run(int threads, FunctionRef<void(Team&)> body, std::chrono::nanoseconds patience) {
  const int workers = start_workers(std::min(threads, kMaxThreads) - 1);
  if (workers == 0) return false;
  const int size = workers + 1;
  const bool crowded = size > available_cpus_;
  const int spins = crowded ? kCrowdedSpins : kSpins;
  if (barrier_spins_ != spins) barrier_spins_ = spins;
  const bool gathers = patience != std::chrono::nanoseconds::max();
  const Job job{body, arrivals_, ++launch_,
                size, gathers,   crowded ? std::chrono::nanoseconds(0) : idle_spin_};
  waited_ = {};
  for (int i = 1; i < size; ++i) at(i).slot.hand_over(job);
  const bool complete = !gathers || gather(job, patience);
  if (complete) execute(0, *members_[0], job);
  for (int i = 0; i < size; ++i) {
    if (i > 0) wait_until_finished(at(i), job.launch);
    arrivals_ = std::max(arrivals_, at(i).arrived.load(std::memory_order_relaxed));
  }
  if (!complete) run_alone(body);
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
bool ThreadPool::run_helped(int threads, FunctionRef<void(Team&)> body, bool wakes) {
  const int size = 1 + start_workers(std::min(threads, kMaxThreads) - 1);
  if (size == 1 || size > available_cpus_) return false;
  if (barrier_spins_ != kSpins) barrier_spins_ = kSpins;
  // Waking costs as much as the help brings, unless calls follow each other before the worker sleeps again.
  const bool close = std::chrono::steady_clock::now() - last_helped_ < idle_spin_ / 2;
  const bool wake = wakes || (close && calls_to_wake_ == 0);
  if (close && !wake) --calls_to_wake_;
  const Job job{body, arrivals_, ++launch_, size, false, idle_spin_};
  waited_ = {};
  const auto offered = [&](const Member& member) { return member.slot.job().launch == job.launch; };
  for (int i = 1; i < size; ++i) {
    Member& member = at(i);
    if (wake || !member.slot.worker_sleeps()) member.slot.hand_over(job);
  }
  execute(0, *members_[0], job);
  bool helped = false;
  for (int i = 1; i < size; ++i) {
    Member& member = at(i);
    if (!offered(member) || member.slot.take()) continue;
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

void ThreadPool::finish(Member& member, uint64_t launch) noexcept {
  member.finished.store(launch);
  place_.wake_all();
}

// Finishes last: that also lets the others pass all later barriers of this launch.
void ThreadPool::execute(int index, Member& member, const Job& job) noexcept {
  try {
    const FlushDenormals mode;
    Team team(index, job.size, this, job.arrivals, job.launch);
    job.body(team);
  } catch (...) {
    if (!failed_.exchange(true, std::memory_order_relaxed)) failure_ = std::current_exception();
  }
  finish(member, job.launch);
}

void ThreadPool::work(int index) noexcept {
  Member& member = at(index);
  std::chrono::nanoseconds idle_spin = kIdleSpin;
  for (;;) {
    do member.slot.wait(idle_spin);
    while (!member.slot.take());
    const Job job = member.slot.job();
    if (job.launch == 0) return;
    idle_spin = job.idle_spin;
    if (!job.gathers || has_gathered(job))
      execute(index, member, job);
    else
      finish(member, job.launch);
  }
}

// All watch all: one transfer of a cache line each way, and no counter that a thrower must mend.
void ThreadPool::wait_at_barrier(Team& team) noexcept {
  const uint64_t arrivals = ++team.arrivals_;
  Member& own = *members_[static_cast<std::size_t>(team.index)];
  own.cpu.store(current_cpu(), std::memory_order_relaxed);
  own.arrived.store(arrivals);
  place_.wake_all();
  for (int step = 1; step < team.size; ++step) {
    const Member& other = *members_[static_cast<std::size_t>((team.index + step) % team.size)];
    const auto arrived = [&] {
      return other.arrived.load() >= arrivals || other.finished.load() == team.launch_;
    };
    wait(team.index == 0, arrived, [&] {
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
  if (pool == nullptr || !pool->try_lock()) return;
  pool->stop_workers();
  held_for_fork = pool;
}

void ThreadPool::after_fork_in_parent() noexcept {
  if (ThreadPool* pool = std::exchange(held_for_fork, nullptr)) pool->unlock();
}

void ThreadPool::after_fork_in_child() noexcept {
  if (held_for_fork == nullptr) current_.store(nullptr, std::memory_order_release);
  after_fork_in_parent();
}

}  // namespace detail

void Team::wait_for_members() noexcept { pool_->wait_at_barrier(*this); }

bool Team::failed() const noexcept { return pool_ != nullptr && pool_->failed(); }

namespace {

// run(pool) is false where no worker can be had.
template <class Run>
TeamReport run_on_pool(int threads, FunctionRef<void(Team&)> body, Run run) {
  if (threads > 1) {
    detail::ThreadPool& pool = detail::ThreadPool::instance();
    const std::unique_lock lock(pool, std::try_to_lock);
    if (lock.owns_lock() && run(pool)) return {true, pool.waited()};
  }
  detail::ThreadPool::run_alone(body);
  return {threads == 1, 0.0};
}

}  // namespace

TeamReport run_team(int threads, FunctionRef<void(Team&)> body, std::chrono::nanoseconds patience) {
  return run_on_pool(threads, body,
                     [&](detail::ThreadPool& pool) { return pool.run(threads, body, patience); });
}

TeamReport run_with_helpers(int threads, FunctionRef<void(Team&)> body, bool wake) {
  return run_on_pool(threads, body,
                     [&](detail::ThreadPool& pool) { return pool.run_helped(threads, body, wake); });
}

}  // namespace lamina
