// What a layer is to the network: rows forward, rows backward, and gradients in independent tasks.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "kernels/kernel_table.h"
#include "layers/layer_options.h"
#include "layers/parameter.h"

namespace lamina {

class Json;

// One activation buffer of a workspace: [batch, columns], row 0 first.
template <class T>
struct Slot {
  T* values = nullptr;
  T* aux = nullptr;         // what the layer that writes this slot keeps for backward: f'(z), moments
  T* delta = nullptr;       // dL/d(values), training only
  T* statistics = nullptr;  // of the batch, training only, where the layer couples rows
  int64_t columns = 0;
  int64_t row_stride = 0;
  bool padded = true;  // rows may be read up to their padding; false for a user's own matrix
  const kernels::SparseRows<T>* sparse = nullptr;  // in place of values and delta, the batch's rows
};

// Rows [first_row, first_row + rows) through one layer. Rows are independent, but for what a layer has
// summarised of the whole batch before, so threads may share a batch.
template <class T>
struct RowPass {
  const kernels::KernelTable<T>& kernels;
  const T* parameters;            // the network's flat buffer
  const T* transposed = nullptr;  // transposed weights, backward only; null: of one row, without them
  const Slot<T>& input;
  const Slot<T>& output;
  int64_t first_row = 0, rows = 0;
  bool training = false;
  uint64_t seed = 0, step = 0;
  uint32_t layer_index = 0;
  double noise_factor = 1.0;                         // of what a layer draws: its rate, or its deviation
  bool skips_activation = false;                     // forward: stop before the output activation
  bool derivative_applied = false;                   // backward: output.delta is dL/dz already
  bool input_delta_wanted = false;                   // backward: write input.delta
  const ActivationSpec* input_activation = nullptr;  // backward: turn input.delta into its dL/dz
  // Where the layer splits columns: those of the output forward, of the input's delta backward.
  int part = 0, parts = 1;

  T* input_values() const noexcept { return input.values + first_row * input.row_stride; }
  T* input_aux() const noexcept { return input.aux ? input.aux + first_row * input.row_stride : nullptr; }
  T* output_values() const noexcept { return output.values + first_row * output.row_stride; }
  T* output_aux() const noexcept { return output.aux ? output.aux + first_row * output.row_stride : nullptr; }
  T* input_delta() const noexcept { return input.delta + first_row * input.row_stride; }
  T* output_delta() const noexcept { return output.delta + first_row * output.row_stride; }
};

// The gradient of n elements of the flat buffer: n values, or the outer product of `factors` [n / width] and
// `values` [width], which is that of weights for a batch of one row.
template <class T>
struct GradientPiece {
  const T* values;
  const T* factors = nullptr;
  int64_t width = 0;
};

// What is subtracted in double from rows as they are read, [columns] each: high + low; null: nothing.
template <class T>
struct RowOffset {
  const T* high = nullptr;
  const T* low = nullptr;
};

// Receives finished pieces of the gradient and changes the weights; implemented by the optimizers.
template <class T>
class ParameterUpdater {
 public:
  virtual ~ParameterUpdater() = default;
  // [offset, offset + n) of the flat buffer, all of it part of network parameter `parameter`.
  virtual void update(int parameter, int64_t offset, int64_t n,
                      const GradientPiece<T>& gradient) noexcept = 0;
  // True where updates of all parameters are the same, so that neighbouring ones may be updated as one.
  virtual bool updates_alike() const noexcept { return false; }
  // True where an update by a gradient of 0 would change neither weights nor state of `parameter`.
  virtual bool rests_at_zero(int parameter) const noexcept {
    (void)parameter;
    return false;
  }
  // Before updates of parts of [offset, offset + n), which belongs to a parameter that is partly updated.
  virtual void begin_part(int64_t offset, int64_t n) noexcept { (void)offset, (void)n; }
  // Moves a running average there by `share` of its distance to `values`.
  virtual void average(int64_t offset, int64_t n, T share, const T* values) noexcept = 0;
  // Writes the places that update(.., offset, ..) will touch, at most kernels::kMaxNextArrays; returns how
  // many.
  virtual int places(int64_t offset, const void** places) const noexcept {
    (void)offset, (void)places;
    return 0;
  }
};

// A block of a batch's inputs, which tasks that follow one another copy side by side once for all of them.
template <class T>
struct PackedInputs {
  T* values;
  int64_t size;             // elements that there is room for
  const T* from = nullptr;  // where the block that stands there was read, and how many inputs it has
  int64_t inputs = 0;
};

// The whole batch's gradient of one layer, in tasks that touch disjoint parameters.
template <class T>
struct GradientPass {
  const kernels::KernelTable<T>& kernels;
  const Slot<T>& input;
  const Slot<T>& output;  // its delta is dL/dz of the layer
  int64_t batch_rows;
  T* parameters;
  T* transposed;
  bool transposed_wanted;             // keep the transposed weights up to date
  T* gradients;                       // flat buffer, or null: pieces pass through scratch
  bool compute;                       // false: `gradients` holds them already
  double penalty_factor;              // of the layer's penalties in computed gradients; 0: without them
  ParameterUpdater<T>* updater;       // null: weights stay
  T* scratch;                         // gradient_scratch_size() elements, this thread's
  bool fetch_ahead;                   // what the updater will touch lies far from this thread's caches
  PackedInputs<T>* packed = nullptr;  // this thread's; null: inputs are read where they lie
};

// Hands out the network's flat buffer while layers are built.
class ParameterAllocator {
 public:
  explicit ParameterAllocator(int64_t panel_columns) : panel_columns_(panel_columns) {}
  // Each returns the offset of the elements taken; raises kMemory where no memory could hold them all.
  int64_t take(int64_t elements) { return advance(size_, elements); }
  int64_t take_transposed(int64_t elements) { return advance(transposed_size_, elements); }
  int64_t panel_columns() const noexcept { return panel_columns_; }
  int64_t size() const noexcept { return size_; }
  int64_t transposed_size() const noexcept { return transposed_size_; }

 private:
  static int64_t advance(int64_t& size, int64_t elements) {
    constexpr int64_t kMost = int64_t{1} << 57;  // a layer takes far less, so the sum cannot overflow
    if (size + elements > kMost)
      throw_error(Error::Kind::kMemory, {"network: its layers have more weights than any memory could hold"});
    return std::exchange(size, size + elements);
  }

  int64_t panel_columns_;
  int64_t size_ = 0, transposed_size_ = 0;
};

template <class T>
class Residual;
template <class T>
class Ensemble;
template <class T>
class TargetScaling;

template <class T>
class Layer {
 public:
  virtual ~Layer() = default;
  virtual LayerKind kind() const noexcept = 0;
  // The JSON of its options, from which an equal layer can be made.
  virtual Json spec() const = 0;
  // Another layer of the same options, of which no network has been built yet.
  virtual std::unique_ptr<Layer> unbuilt_copy() const = 0;
  // Fixes the input width, takes parameters, returns the output width. Called once.
  virtual int64_t build(int64_t inputs, ParameterAllocator& allocator) {
    (void)allocator;
    return inputs;
  }
  // Relative names ("weight"); the order is that of `update`'s indices.
  virtual std::vector<Parameter> parameters() const { return {}; }
  // Of one row, forward: one for each element of its matrices.
  virtual int64_t multiply_adds() const {
    int64_t count = 0;
    for (const Parameter& parameter : parameters())
      if (parameter.shape.size() == 2) count += parameter.element_count();
    return count;
  }
  // Writes first weights to the network's flat buffer; false where `poll` has stopped it.
  virtual bool initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const {
    (void)seed, (void)layer_index, (void)flat, (void)poll;
    return true;
  }

  // Of a network's first layer. True: from now on rows come to it less its row_offset, which whoever reads
  // them subtracts in double, before they are rounded to T.
  virtual bool take_offset_rows() noexcept { return false; }
  virtual RowOffset<T> row_offset(const T* parameters) const noexcept {
    (void)parameters;
    return {};
  }

  virtual void forward(const RowPass<T>& pass) const noexcept = 0;
  // May overwrite output.delta; leaves there what gradient tasks read.
  virtual void backward(const RowPass<T>& pass) const noexcept = 0;

  // True where passes may be cut by columns (RowPass::part) into so many parts of about the same work.
  virtual bool splits_forward(int parts) const noexcept {
    (void)parts;
    return false;
  }
  virtual bool splits_backward(int parts) const noexcept {
    (void)parts;
    return false;
  }

  // Not null for a block, whose parts the network runs one by one.
  virtual Residual<T>* as_residual() noexcept { return nullptr; }
  virtual Ensemble<T>* as_ensemble() noexcept { return nullptr; }
  // Members of an ensemble that each have parameters of their own here, which meet that member's rows alone:
  // multiply_adds are those of a row of each.
  virtual int64_t members() const noexcept { return 1; }

  // Not null for the layer that scales targets, which must be a network's last.
  virtual const TargetScaling<T>* as_target_scaling() const noexcept { return nullptr; }

  // True where the outputs are the inputs whenever `training` is false.
  virtual bool vanishes_in_inference() const noexcept { return false; }

  // Of layers that couple the rows of a batch. In training, all rows reach such a layer before any passes it;
  // both ways its columns are summarised first, into `output.statistics`, in slices of whole cache lines.
  // Elements of the statistics (0: rows are independent), and how many of them, from the first on, the
  // running statistics will need.
  virtual int64_t statistics_size() const noexcept { return 0; }
  virtual int64_t running_size() const noexcept { return 0; }
  // Columns [first, last) of all rows of the batch, which `pass` holds; last may lie in the padding.
  virtual void summarize_forward(const RowPass<T>& pass, int64_t first, int64_t last) const noexcept {
    (void)pass, (void)first, (void)last;
  }
  virtual void summarize_backward(const RowPass<T>& pass, int64_t first, int64_t last) const noexcept {
    (void)pass, (void)first, (void)last;
  }
  // Once a training step: the running statistics follow those of its batch.
  virtual void update_running(const T* statistics, ParameterUpdater<T>& updater) const noexcept {
    (void)statistics, (void)updater;
  }

  // The activation that ends this layer, when the next layer's backward may apply its derivative.
  virtual const ActivationSpec* output_activation() const noexcept { return nullptr; }
  virtual bool applies_input_activation() const noexcept { return false; }
  // True where forward, in training, keeps in output.aux what backward reads.
  virtual bool stores_aux() const noexcept {
    const ActivationSpec* activation = output_activation();
    return activation != nullptr && activation->stores_derivative();
  }

  virtual int gradient_task_count(int64_t inputs_per_task) const noexcept {
    (void)inputs_per_task;
    return 0;
  }
  virtual void run_gradient_task(int task, int64_t inputs_per_task, int first_parameter,
                                 const GradientPass<T>& pass) const noexcept {
    (void)task, (void)inputs_per_task, (void)first_parameter, (void)pass;
  }
  // Where the layer splits forward passes: the part whose columns the task's weights make.
  virtual int gradient_task_part(int task, int parts) const noexcept {
    (void)task, (void)parts;
    return 0;
  }
  // Elements of scratch that one of these tasks needs beyond what every task may use: four padded rows of the
  // network's widest layer.
  virtual int64_t gradient_scratch_size(int64_t inputs_per_task) const noexcept {
    (void)inputs_per_task;
    return 0;
  }
  virtual void refresh_transposed(const kernels::KernelTable<T>& table, const T* parameters,
                                  T* transposed) const noexcept {
    (void)table, (void)parameters, (void)transposed;
  }
};

// From its options; raises kValue where one is out of range.
template <class T, class Options>
std::unique_ptr<Layer<T>> make_layer(const Options& options);
template <class T>
std::unique_ptr<Layer<T>> make_residual(std::vector<std::unique_ptr<Layer<T>>> layers,
                                        const ResidualOptions& options = {});
template <class T>
std::unique_ptr<Layer<T>> make_ensemble(std::vector<std::unique_ptr<Layer<T>>> layers,
                                        const EnsembleOptions& options = {});
// Several, in order: make_layers<float>(DenseOptions{.units = 32, .activation = "relu"},
// DropoutOptions{0.5}).
template <class T, class... Options>
std::vector<std::unique_ptr<Layer<T>>> make_layers(const Options&... options) {
  std::vector<std::unique_ptr<Layer<T>>> layers;
  (layers.push_back(make_layer<T>(options)), ...);
  return layers;
}
// From {"kind": "dense", ...}; unknown kinds and options raise.
template <class T>
std::unique_ptr<Layer<T>> make_layer(const Json& spec);

}  // namespace lamina
