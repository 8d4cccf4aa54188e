// Dense layer on coded features: what most of them multiply is looked up and summed.
#include <algorithm>

#include "layers/dense.h"

namespace lamina {

namespace {

// Features of a gradient task, so that their sums stay in the first-level cache.
constexpr int64_t kBlockFeatures = 64;

}  // namespace

template <class T>
void Dense<T>::read_codes(const kernels::FeatureCodes& codes) {
  codes_ = &codes;
  CodedBlock block{};
  int64_t plain = 0, run = 0;
  const auto close = [&] {
    block.plain = plain - block.first_plain;
    block.runs = run - block.first_run;
    blocks_.push_back(block);
    block = {block.first_input + block.inputs, 0, plain, 0, run, 0};
  };
  while (plain < codes.plain_count || run < codes.run_count) {
    const int64_t next = block.first_input + block.inputs;
    const bool is_plain = plain < codes.plain_count && codes.plain[plain] == next;
    block.inputs += is_plain ? 1 : codes.runs[run].count;
    ++(is_plain ? plain : run);
    if (block.inputs >= kBlockFeatures && options_.max_norm == 0.0) close();
  }
  if (block.inputs > 0) close();
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
       .codes = {codes_->plain + block.first_plain, block.plain, codes_->runs + block.first_run, block.runs},
       .plain = pass.input.values + block.first_plain,
       .numbers = pass.input.values + codes_->plain_count + block.first_run,
       .a_row_stride = pass.input.row_stride,
       .first_feature = tile.first_input,
       .features = tile.inputs,
       .delta = pass.output.delta + tile.first_column,
       .delta_row_stride = pass.output.row_stride,
       .width = tile.width,
       .out = weight,
       .memory = pass.scratch + (tile.inputs + 1) * tile.width});
}

template <class T>
int64_t Dense<T>::coded_scratch_size() const noexcept {
  int64_t rows = 0;
  for (const CodedBlock& block : blocks_) rows = std::max(rows, 2 * block.inputs + 1 + block.runs);
  return rows * panel_columns_;
}

template class Dense<float>;
template class Dense<double>;

}  // namespace lamina
