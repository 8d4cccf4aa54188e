// The weights before the last update that kept them, so that a step that fails can be undone.
#pragma once

#include <algorithm>
#include <cstdint>

#include "base/arena.h"
#include "network/network.h"
#include "optimizers/changed_lines.h"

namespace lamina {

// The update itself writes the old weights. Where steps are short and can be done again, only some keep them.
template <class T>
class WeightBackup {
 public:
  // `sparse`: rows are sparse, so that any parameter may be updated in part.
  WeightBackup(int64_t flat_size, bool sparse)
      : weights_(flat_size), changed_(flat_size / padded_columns<T>(1), sparse) {}

  // Before `steps` updates, of which every `interval`-th and the last keep their old weights.
  void begin(const Network<T>& network, int64_t steps, int64_t interval) {
    steps_ = steps;
    interval_ = interval;
    kept_ = 0;
    if (valid_ && version_ == network.weights_version()) return;
    std::copy_n(network.weights(), network.flat_size(), weights_.data());
    changed_.clear();
    version_ = network.weights_version();
    valid_ = true;
  }
  bool keeps(int64_t step) const noexcept { return step % interval_ == 0 || step + 1 == steps_; }
  // Where the old weights of what this step updates belong; null: they are not kept.
  T* place(int64_t step) noexcept { return keeps(step) ? weights_.data() : nullptr; }
  ChangedLines* changed() noexcept { return &changed_; }
  // An update whose weights were kept is through.
  void note(int64_t step) noexcept {
    if (keeps(step)) kept_ = step;
  }
  // The steps end before the last: what is kept may be several steps old.
  void note_early_end() noexcept {
    if (interval_ > 1) valid_ = false;
  }
  // The step whose old weights these are.
  int64_t kept() const noexcept { return kept_; }
  void restore(Network<T>& network) const noexcept {
    std::copy_n(weights_.data(), network.flat_size(), network.weights());
    network.mark_weights_changed();
  }

 private:
  AlignedBuffer<T> weights_;
  ChangedLines changed_;
  uint64_t version_ = 0;  // of the network's weights
  bool valid_ = false;
  int64_t steps_ = 0, interval_ = 1, kept_ = 0;
};

}  // namespace lamina
