// Dense layer on coded features: what most of them multiply is looked up and summed.
#include <algorithm>

#include "layers/dense.h"

namespace lamina {

namespace {

// Features of a gradient task, so that their sums stay in the first-level cache: whole lines of a row.
constexpr int64_t kBlockFeatures = 64;

}  // namespace

template <class T>
void Dense<T>::read_codes(const kernels::FeatureCodes& codes, std::optional<InputScale> scale) {
  codes_ = &codes;
  input_scale_ = scale;
  for (int64_t first = 0; first < inputs_; first = blocks_.back().first_input + blocks_.back().inputs)
    blocks_.push_back(coded_block(first, coded_block_end(first)));
}

// A limit of norms needs all weights of a unit in one task. Else a block ends with a run, or, where it has
// lines of the scale's row to itself, with a line.
template <class T>
int64_t Dense<T>::coded_block_end(int64_t first_input) const noexcept {
  const int64_t end = std::min(first_input + kBlockFeatures, inputs_);
  if (options_.max_norm > 0.0) return inputs_;
  for (int64_t i = 0; i < codes_->run_count && !input_scale_; ++i) {
    const kernels::FeatureRun& run = codes_->runs[i];
    if (run.first < end && end < run.first + run.count) return run.first + run.count;
  }
  return end;
}

template <class T>
typename Dense<T>::CodedBlock Dense<T>::coded_block(int64_t first_input, int64_t end) const {
  CodedBlock block;
  block.first_input = first_input;
  block.inputs = end - first_input;
  const int64_t *plain = codes_->plain, *last = plain + codes_->plain_count;
  block.first_plain = std::lower_bound(plain, last, first_input) - plain;
  block.plain = std::lower_bound(plain, last, end) - plain - block.first_plain;
  for (int64_t i = 0; i < codes_->run_count; ++i) {
    const kernels::FeatureRun& run = codes_->runs[i];
    const int64_t from = std::max(run.first, first_input), to = std::min(run.first + run.count, end);
    if (from >= to) continue;
    if (block.runs.empty()) block.first_run = i;
    block.runs.push_back({from, to - from, run.steps, from - run.first});
  }
  return block;
}

template <class T>
void Dense<T>::forward_coded(const RowPass<T>& pass) const noexcept {
  pass.kernels.coded_product({.rows = pass.rows,
                              .columns = padded_columns<T>(outputs_),
                              .depth = inputs_,
                              .codes = *codes_,
                              .a = pass.input_values(),
                              .a_row_stride = pass.input.row_stride,
                              .b = pass.parameters + offset_,
                              .panel_rows = panel_rows(),
                              .scale = input_scale_ ? pass.parameters + input_scale_->offset : nullptr,
                              .has_bias = options_.bias && !is_scaled(),
                              .c = pass.output_values(),
                              .c_row_stride = pass.output.row_stride});
  finish_sums(pass);
}

template <class T>
void Dense<T>::compute_coded_gradient(const Tile& tile, const GradientPass<T>& pass,
                                      T* weight) const noexcept {
  const CodedBlock& block = *tile.block;
  pass.kernels.coded_gradient(
      {.rows = pass.batch_rows,
       .codes = {codes_->plain + block.first_plain, block.plain, block.runs.data(), std::ssize(block.runs)},
       .plain = pass.input.values + block.first_plain,
       .numbers = pass.input.values + codes_->plain_count + block.first_run,
       .a_row_stride = pass.input.row_stride,
       .first_feature = tile.first_input,
       .features = tile.inputs,
       .has_parts = input_scale_.has_value(),
       .delta = pass.output.delta + tile.first_column,
       .delta_row_stride = pass.output.row_stride,
       .width = tile.width,
       .out = weight,
       .memory = pass.scratch + (tile.inputs + 1) * tile.width});
  if (tile.scale_sums == nullptr) return;
  pass.kernels.split_scaled_gradient({.features = tile.inputs,
                                      .width = tile.width,
                                      .scale = pass.parameters + input_scale_->offset + tile.first_input,
                                      .weights = pass.parameters + tile.offset,
                                      .gradient = weight,
                                      .adds = tile.first_column > 0,
                                      .sums = tile.scale_sums});
}

template <class T>
int Dense<T>::coded_task_count() const noexcept {
  const auto blocks = static_cast<int>(std::ssize(blocks_));
  if (input_scale_) return options_.learning.trainable || input_scale_->learns ? blocks : 0;
  return options_.learning.trainable ? static_cast<int>(panel_count(outputs_)) * blocks : 0;
}

template <class T>
int64_t Dense<T>::coded_scratch_size() const noexcept {
  int64_t rows = 0;
  for (const CodedBlock& block : blocks_)
    rows = std::max(rows, 2 * block.inputs + 1 + std::ssize(block.runs));
  return rows * panel_columns_ + (input_scale_ ? padded_columns<T>(inputs_) : 0);
}

template <class T>
void Dense<T>::run_scaled_task(int task, int first_parameter, const GradientPass<T>& pass) const noexcept {
  const CodedBlock& block = blocks_[static_cast<size_t>(task)];
  const int64_t place = input_scale_->offset + block.first_input, padded = padded_columns<T>(block.inputs);
  T* sums = pass.scratch + coded_scratch_size() - padded_columns<T>(inputs_);
  if (pass.gradients != nullptr && input_scale_->learns) sums = pass.gradients + place;
  if (pass.compute) std::fill(sums + block.inputs, sums + padded, T(0));
  for (int64_t panel = 0; panel < panel_count(outputs_); ++panel) {
    Tile tile = tile_of(panel, block.first_input, block.inputs);
    tile.block = &block;
    tile.scale_sums = sums;
    if (options_.learning.trainable)
      run_tile(tile, first_parameter, pass);
    else if (pass.compute)
      compute_coded_gradient(tile, pass, pass.scratch);
  }
  if (pass.updater != nullptr && input_scale_->learns)
    pass.updater->update(first_parameter - 1, place, padded, {sums});
}

template class Dense<float>;
template class Dense<double>;

}  // namespace lamina
