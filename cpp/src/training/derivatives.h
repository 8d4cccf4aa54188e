// Derivatives row by row, with the network as in prediction: Jacobians with respect to inputs and parameters,
// their products with vectors, gradients of single rows' losses. A row's numbers depend on that row alone.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <vector>

#include "base/execution.h"
#include "base/function_ref.h"
#include "inference/data.h"
#include "inference/logits.h"
#include "inference/row_tiles.h"
#include "network/workspace.h"

namespace lamina {

// All functions return false where the poll asked to stop. A row's parameters stand one after the other in
// the network's order, each in the user's shape; those of frozen layers have derivatives of 0.
template <class T>
class Derivatives {
 public:
  // Brings the transposed weights up to date; the weights must not change while this is in use.
  explicit Derivatives(Network<T>& network, const Execution& execution = {});

  int64_t parameter_count() const noexcept { return parameter_count_; }

  // [rows, outputs, inputs]
  bool input_jacobian(const ArraySource& inputs, T* jacobian, Poll poll);
  // [rows, outputs, parameters]
  bool parameter_jacobian(const ArraySource& inputs, T* jacobian, Poll poll);
  // [rows, outputs]: how outputs change along a change of the inputs [rows, inputs] and of the flat
  // parameters; null: those stay.
  bool jacobian_vector_product(const ArraySource& inputs, const T* input_change, const T* parameter_change,
                               T* product, Poll poll);
  // Gradient of sum(vectors * outputs) for vectors [rows, outputs]: with respect to the inputs, [rows,
  // inputs], ...
  bool input_gradient(const ArraySource& inputs, const T* vectors, T* gradient, Poll poll);
  // ... and by the parameters, summed over the rows, into a flat buffer of zeros.
  bool parameter_gradient(const ArraySource& inputs, const T* vectors, T* gradient, Poll poll);
  // [rows, parameters]: gradient of weight * loss of each row.
  bool sample_gradients(const DataSet<T>& data, const LossSpec& loss, T* gradients, Poll poll);
  // [rows]: Euclidean norms of those.
  bool sample_gradient_norms(const DataSet<T>& data, const LossSpec& loss, double* norms, Poll poll);

 private:
  // What a thread needs: a tile's pass and, once gradients by the parameters are wanted, one row of it with
  // its gradient.
  struct RowGradient {
    explicit RowGradient(Network<T>& network);
    Workspace<T> row;
    AlignedBuffer<T> gradient, scratch;
  };
  struct Member {
    Member(Network<T>& network, int64_t rows) : tile(network, rows, WorkspaceUse::kTraining) {}
    Workspace<T> tile;
    std::optional<RowGradient> by_row;
  };

  template <class Body>
  bool run(int64_t rows, int64_t passes, Poll poll, Body body);
  // Calls visit(output) for each output, the deltas of the tile's rows being those of that output alone.
  template <class Visit>
  void for_each_output(Member& member, int64_t rows, bool input_delta_wanted, Visit visit);
  // Forward, row losses and back.
  void run_losses(Member& member, const DataSet<T>& data, const LossTargets<T>& all_targets,
                  const LossSpec& loss, int64_t first, int64_t rows);
  // As in NetworkPass.
  struct PassEnd {
    bool of_members = false, logits = false;
  };
  void forward(Member& member, const ArraySource& inputs, int64_t first, int64_t rows, PassEnd end);
  void backward(Member& member, int64_t rows, PassEnd end, bool input_delta_wanted);
  bool changes_run_forward() const;
  void run_changes(Member& member, int64_t rows, const T* parameter_change);
  // The flat gradient of one row of the tile, by the tasks of one node or (-1) of all.
  const T* compute_row_gradient(Member& member, int64_t row, int node);
  double squared_row_norm(Member& member, int64_t row);
  void unpack(const T* flat, T* dense) const noexcept;

  Network<T>& network_;
  Execution execution_;
  int64_t parameter_count_ = 0;
  std::vector<GradientTask> tasks_;
};

// Outputs [rows, width] of each layer in prediction, with `parameters` as the flat buffer.
template <class T>
bool layer_outputs(const Network<T>& network, const T* parameters, const ArraySource& inputs,
                   const std::vector<T*>& outputs, Poll poll, const Execution& execution = {});

}  // namespace lamina
