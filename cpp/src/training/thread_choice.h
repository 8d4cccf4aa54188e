// How many threads short steps deserve, found by trying: on some machines a second core's caches are so far
// away that it costs more time than it saves. Results never depend on the choice.
#pragma once

#include <cstddef>
#include <cstdint>
#include <limits>
#include <vector>

namespace lamina {

class ThreadChoice {
 public:
  // For steps that one thread would do in about `microseconds`, on at most `most` threads. What was learned
  // stays while these stay.
  void prepare(int most, double microseconds);

  // Of the next stretch of at most steps_left() steps, whose length and time `record` is told.
  int threads() const noexcept { return candidates_[current_].threads; }
  int64_t steps_left() const noexcept;
  // Whether `record` wants times at all.
  bool tries() const noexcept { return candidates_.size() > 1; }
  void record(int64_t steps, double seconds) noexcept;

 private:
  struct Candidate {
    int threads = 1;
    double seconds_per_step = std::numeric_limits<double>::infinity();
  };
  // About what the candidate does in that time, by the estimate.
  int64_t steps_in(double microseconds, size_t candidate) const noexcept;
  bool look(int64_t steps, double seconds) noexcept;
  void begin_stretch(size_t candidate, double microseconds) noexcept;

  std::vector<Candidate> candidates_ = {Candidate{}};
  size_t current_ = 0, best_ = 0, next_trial_ = 0;
  int most_ = 1;
  double estimate_ = 0.0;  // microseconds of a step on one thread
  double pause_ = 0.0;     // microseconds from one trial to the next
  int64_t wanted_ = 0, done_ = 0;
  double seconds_ = 0.0;
  struct Seen {
    int64_t steps = 0;
    double seconds = 0.0;
  };
  Seen seen_;  // since the last look
  int untried_ = 0;
};

}  // namespace lamina
