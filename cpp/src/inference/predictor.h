// An immutable copy of a network for low-latency predictions, of single rows and batches, from any thread.
#pragma once

#include <cstdint>
#include <vector>

#include "base/arena.h"
#include "base/execution.h"
#include "base/layout.h"
#include "base/poll.h"
#include "base/thread_choice.h"
#include "inference/data.h"
#include "inference/plan.h"
#include "network/workspace.h"

namespace lamina {

// It runs the operations of its plan. All members are const and share nothing but the weights, so any
// number of threads may use one predictor at once. NaN and infinity are not checked for; they pass
// through the arithmetic of the layers.
template <class T>
class Predictor {
 public:
  // `weights`: a flat buffer of the network, its own or a snapshot; copied.
  Predictor(const Network<T>& network, const T* weights, const Execution& execution = {});

  int64_t inputs() const noexcept { return network().inputs(); }
  int64_t outputs() const noexcept { return network().outputs(); }
  // What it runs, folded and in order.
  const Plan<T>& plan() const noexcept { return plan_; }
  // True where the first layer subtracts its mean in double: numbers that T cannot hold apart are to be given
  // as they are, in an ArraySource.
  bool takes_offset_rows() const noexcept { return network().takes_offset_rows(); }
  int64_t multiply_adds() const noexcept { return network().forward_multiply_adds(); }
  // Elements that predict_row needs in its workspace, which starts on 64 bytes.
  int64_t row_workspace_size() const noexcept { return row_buffers_ * place_size_; }
  Workspace<T> make_workspace(int64_t rows) const {
    return Workspace<T>(network(), rows, WorkspaceUse::kInference);
  }

  // in[inputs] -> out[outputs]; no allocation, no lock. The same input has the same bits in every call, but
  // its sums run in another order than a batch's, so the two agree up to rounding. `out` may be `in`.
  void predict_row(const T* in, T* out, T* workspace) const noexcept;
  // The same for a row of any type and stride, with a workspace of so many elements.
  int64_t any_row_workspace_size() const noexcept {
    return row_workspace_size() + padded_columns<T>(inputs());
  }
  void predict_any_row(const ArraySource& in, T* out, T* workspace) const noexcept;
  // The same bits with a workspace on the stack; allocates only where a layer is wider than 32 KiB. Where
  // wide layers have 512 KiB of weights or more and calls follow each other at once, other threads of the
  // pool share those layers.
  void predict_row(const T* in, T* out) const;
  // in[rows, inputs] -> out[rows, outputs], in tiles of the workspace's rows; no allocation, no lock. A row
  // has the bits of the network's own prediction (up to rounding where layers were folded), whatever stands
  // beside it; one row alone goes to predict_row, but for an ensemble, where it has the same bits.
  void predict(const T* in, int64_t rows, T* out, Workspace<T>& workspace) const noexcept;
  // The same for any type and layout, on as many threads as the work repays. False: the poll asked to stop.
  bool predict(const ArraySource& in, T* out, Poll poll) const;

 private:
  // Where a slot's row lies: in a workspace of the network, or in predict_row's.
  struct Place {
    int slot;
    int64_t offset;
  };
  // One call of a layer: a dense layer through the single-row kernel, any other by itself.
  struct Step {
    kernels::SingleRow<T> dense{};
    const ActivationSpec* softmax = nullptr;  // applied after `dense`; null: none
    const Layer<T>* layer = nullptr;          // null: `dense`
    int64_t inputs, outputs;
    int64_t rows;  // that `layer` makes: more than one within an ensemble
    Place input, output;
    bool reads_input;
    int64_t pieces = 1, piece_columns = 0;  // in which threads share `dense`; 1 piece: they do not
  };
  Step make_step(const Operation<T>& operation) const;
  void place_rows();
  void transpose_narrow_layers();
  void cut_wide_layers();
  void run_layer(const Step& step, const T* in, T* out) const noexcept;
  void run_dense(const Step& step, const T* in, T* out) const noexcept {
    network().kernels().single_row(step.dense, in, out);
  }
  void run_piece(const Step& step, int64_t piece, const T* in, T* out) const noexcept;
  // The row of T is read where it lies, unless a layer wants it padded or less the network's offset; only
  // then may it be of another type. buffer(place): the row there; dense(step, in, out) runs a dense layer.
  template <class Buffer, class RunDense>
  void run_steps(const ArraySource& in, T* out, Buffer buffer, RunDense dense) const noexcept;
  void run_row(const ArraySource& in, T* out) const;
  TeamReport share_row(int threads, const ArraySource& in, T* out) const;

  const Network<T>& network() const noexcept { return plan_.network(); }

  Plan<T> plan_;
  Execution execution_;
  AlignedBuffer<T> transposed_;  // the weights of layers with few outputs, each output's in a row
  std::vector<Step> steps_;
  int64_t row_stride_, place_size_;
  int64_t row_buffers_ = 0;
  bool copies_input_;    // a layer that reads the input takes padded rows only
  int row_threads_ = 1;  // that one row is worth
  mutable SharedThreadChoices row_choices_;
};

}  // namespace lamina
