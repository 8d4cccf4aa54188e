// Dense layer: y = f(x W^T + b), or f(x W^T / sqrt(inputs) + b), weights held in panels with the bias as the
// last row.
#pragma once

#include <optional>
#include <vector>

#include "base/arena.h"
#include "layers/layer.h"

namespace lamina {

template <class T>
class Dense final : public Layer<T> {
 public:
  explicit Dense(const DenseOptions& options);

  LayerKind kind() const noexcept override { return DenseOptions::kKind; }
  Json spec() const override;
  std::unique_ptr<Layer<T>> unbuilt_copy() const override;
  const DenseOptions& options() const noexcept { return options_; }
  // The factor of the product: 1, or that of the options' parametrization.
  double gain() const noexcept { return gain_; }
  // A learned factor of each input, which the Scale before the layer leaves to it: where its row begins among
  // the parameters, of which it is the one before the layer's own.
  struct InputScale {
    int64_t offset;
    bool learns;
  };
  // Of a layer that has been built, before any pass: from now on its input slot holds coded rows, and its
  // tasks make the scale's gradient too.
  void read_codes(const kernels::FeatureCodes& codes, std::optional<InputScale> scale = std::nullopt);
  bool reads_codes() const noexcept { return codes_ != nullptr; }
  int64_t build(int64_t inputs, ParameterAllocator& allocator) override;
  std::vector<Parameter> parameters() const override;
  bool initialize(uint64_t seed, uint32_t layer_index, T* flat, Poll poll) const override;
  void forward(const RowPass<T>& pass) const noexcept override;
  void backward(const RowPass<T>& pass) const noexcept override;
  const ActivationSpec* output_activation() const noexcept override { return &options_.activation; }
  bool applies_input_activation() const noexcept override { return true; }
  bool splits_forward(int parts) const noexcept override;
  bool splits_backward(int parts) const noexcept override;
  int gradient_task_count(int64_t inputs_per_task) const noexcept override;
  void run_gradient_task(int task, int64_t inputs_per_task, int first_parameter,
                         const GradientPass<T>& pass) const noexcept override;
  int gradient_task_part(int task, int parts) const noexcept override;
  int64_t gradient_scratch_size(int64_t inputs_per_task) const noexcept override;
  void refresh_transposed(const kernels::KernelTable<T>& table, const T* parameters,
                          T* transposed) const noexcept override;

 private:
  // Inputs [first_input, first_input + inputs) of coded rows, and the parts of runs that they are.
  struct CodedBlock {
    int64_t first_input = 0, inputs = 0, first_plain = 0, plain = 0, first_run = 0;
    std::vector<kernels::FeatureRun> runs;
  };
  // A rectangle of the weight panels: inputs [first_input, first_input + inputs) of a panel.
  struct Tile {
    int64_t first_column, width, first_input, inputs, offset;
    bool last_inputs;
    const CodedBlock* block = nullptr;  // where rows are coded
    T* scale_sums = nullptr;            // what becomes of the gradient of their scale, panel by panel
  };
  int64_t panel_count(int64_t columns) const noexcept;
  int64_t part_begin(int64_t columns, int part, int parts) const noexcept;
  bool splits(int64_t columns, int parts) const noexcept;
  // backward's input delta of one row, from the weights as they lie.
  void backward_row(const RowPass<T>& pass) const noexcept;
  void take_part(const RowPass<T>& pass, kernels::Product<T>& product) const noexcept;
  Tile tile(int task, int64_t inputs_per_task) const noexcept;
  Tile tile_of(int64_t panel, int64_t first_input, int64_t inputs) const noexcept;
  int64_t task_inputs(int64_t inputs_per_task) const noexcept;
  bool is_outer_product(const GradientPass<T>& pass) const noexcept;
  void run_tile(const Tile& tile, int first_parameter, const GradientPass<T>& pass) const noexcept;
  void forward_sparse(const RowPass<T>& pass) const noexcept;
  void forward_coded(const RowPass<T>& pass) const noexcept;
  // What sums with the bias (none where the layer is scaled) leave to do.
  void finish_sums(const RowPass<T>& pass) const noexcept;
  int64_t coded_block_end(int64_t first_input) const noexcept;
  CodedBlock coded_block(int64_t first_input, int64_t end) const;
  void compute_coded_gradient(const Tile& tile, const GradientPass<T>& pass, T* weight) const noexcept;
  int coded_task_count() const noexcept;
  int64_t coded_scratch_size() const noexcept;
  // All panels of a block, and then its part of the scale, which they have read.
  void run_scaled_task(int task, int first_parameter, const GradientPass<T>& pass) const noexcept;
  void compute_sparse_gradient(const Tile& tile, const GradientPass<T>& pass, bool skips,
                               T* weight) const noexcept;
  bool skips_unread_rows(int parameter, const GradientPass<T>& pass) const noexcept;
  void update_read_rows(const Tile& tile, int parameter, const GradientPass<T>& pass,
                        const T* gradient) const noexcept;
  // A flag for each of the tile's inputs, in the scratch behind the gradient.
  uint8_t* read_flags(const Tile& tile, const GradientPass<T>& pass) const noexcept;
  void constrain(const Tile& tile, const GradientPass<T>& pass) const noexcept;
  void compute_gradient(const Tile& tile, const GradientPass<T>& pass, bool skips, T* weight,
                        T* bias) const noexcept;
  const T* pack_inputs(const Tile& tile, const GradientPass<T>& pass) const noexcept;
  void compute_dense_gradient(const Tile& tile, const GradientPass<T>& pass, T* weight) const noexcept;
  void transpose_tile(const kernels::KernelTable<T>& table, const Tile& tile, const T* parameters,
                      T* transposed) const noexcept;
  int64_t panel_rows() const noexcept { return inputs_ + (options_.bias ? 1 : 0); }

  bool is_scaled() const noexcept { return gain_ != 1.0; }
  // What a product without bias and activation leaves to do where the layer is scaled.
  void finish_scaled(const RowPass<T>& pass, const kernels::Product<T>& product) const noexcept;

  bool has_penalty() const noexcept { return options_.l1 > 0.0 || options_.l2 > 0.0; }

  DenseOptions options_;
  int64_t outputs_;
  int64_t inputs_ = 0;
  int64_t offset_ = 0, transposed_offset_ = 0;
  int64_t panel_columns_ = 0;
  int64_t output_panels_ = 0;
  double gain_ = 1.0;
  AlignedBuffer<T> gain_row_;                     // of one panel; empty unless the layer is scaled
  const kernels::FeatureCodes* codes_ = nullptr;  // null: rows are not coded
  std::optional<InputScale> input_scale_;
  std::vector<CodedBlock> blocks_;
};

}  // namespace lamina
