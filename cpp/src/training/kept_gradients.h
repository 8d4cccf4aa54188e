// The gradients that stand between the calls of a custom training loop.
#pragma once

#include <cstdint>
#include <optional>

#include "base/arena.h"
#include "base/text.h"
#include "base/thread_pool.h"
#include "training/gradient_tasks.h"

namespace lamina {

// A call begins, writes a gradient where begin() says, and finishes; one that is broken off in between leaves
// what it would have joined, or nothing where it would have begun anew.
template <class T>
class KeptGradients {
 public:
  explicit KeptGradients(const Network<T>& network) : network_(network) {}

  bool stand() const noexcept { return stand_; }
  // Known only of gradients of a loss's rows.
  bool have_weight() const noexcept { return mean_.has_value(); }
  T* values() noexcept { return values_.data(); }
  const T* values() const noexcept { return values_.data(); }

  // `joins`: to those that stand.
  T* begin(bool joins) {
    AlignedBuffer<T>& to = joins ? part_ : values_;
    if (to.empty()) to = AlignedBuffer<T>(network_.flat_size());
    stand_ = joins;
    return to.data();
  }
  // Joined by the weight of the rows, or added where the loss sums over rows.
  void finish(bool joins, double weight, bool mean_over_rows) {
    if (joins) {
      join(*mean_, weight);
    } else {
      mean_.emplace(mean_over_rows).begin(weight);
    }
    stand_ = true;
  }
  void finish_without_weight(bool joins) {
    mean_.reset();
    GradientMean sum(false);
    if (joins) join(sum, 1.0);
    stand_ = true;
  }

 private:
  void join(GradientMean& mean, double weight) {
    run_team(1, [&](Team& team) {
      mean.add(team, network_.kernels(), weight, part_.data(), values_.data(), values_.size());
    });
  }

  const Network<T>& network_;
  AlignedBuffer<T> values_, part_;
  std::optional<GradientMean> mean_;
  bool stand_ = false;
};

}  // namespace lamina
