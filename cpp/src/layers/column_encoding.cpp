// Makes codes of the options of columns, and hands rows to the kernels.
#include "layers/column_encoding.h"

#include "base/json.h"

namespace lamina {

namespace {

using kernels::ColumnKind;

constexpr int64_t kDateFeatures = 7;

}  // namespace

template <class T>
ColumnEncoding<T>::ColumnEncoding(const ColumnEncodingOptions& options) : options_(options) {
  check_options(options_);
  for (const ColumnOptions& column : options_.columns) add_column(column);
  for (size_t i = 0; i < codes_.size(); ++i)
    if (!knots_[i].empty()) codes_[i].knots = knots_[i].data();
  feature_codes_ = {plain_.data(), std::ssize(plain_), runs_.data(), std::ssize(runs_)};
}

template <class T>
void ColumnEncoding<T>::add_plain_features(int64_t count) {
  for (; count > 0; --count) plain_.push_back(features_++);
}

template <class T>
void ColumnEncoding<T>::add_run(int64_t count, bool steps) {
  if (count > 0) runs_.push_back({features_, count, steps});
  features_ += count;
}

template <class T>
void ColumnEncoding<T>::add_column(const ColumnOptions& column) {
  kernels::ColumnCode<T> code{};
  code.kind = column.kind;
  code.indicator = column.indicator;
  code.limit = static_cast<T>(column.limit);
  ++inputs_;
  switch (column.kind) {
    case ColumnKind::kNumber:
      code.fill = column.fill;
      code.count = column.edges.empty() ? 0 : static_cast<int64_t>(column.edges.size()) - 1;
      add_plain_features(1);
      add_run(code.count, true);
      break;
    case ColumnKind::kCategory:
      code.count = column.count;
      add_run(code.count, false);
      break;
    case ColumnKind::kCode:
      code.count = column.count;
      add_plain_features(1);
      break;
    case ColumnKind::kDate:
      code.center = column.center;
      code.scale = column.scale;
      code.fill = column.fill;
      ++inputs_;
      add_plain_features(kDateFeatures);
      break;
  }
  if (code.indicator) add_plain_features(1);
  if (features_ > kMostColumns)
    throw_error(Error::Kind::kValue, {"ColumnEncoding, column ", codes_.size(),
                                      ": the columns up to here make more than ", kMostColumns, " features"});
  knots_.emplace_back(column.edges.begin(), column.edges.end());
  codes_.push_back(code);
}

template <class T>
Json ColumnEncoding<T>::spec() const {
  return options_to_json(options_);
}

template <class T>
std::unique_ptr<Layer<T>> ColumnEncoding<T>::unbuilt_copy() const {
  return make_layer<T>(options_);
}

template <class T>
int64_t ColumnEncoding<T>::build(int64_t inputs, ParameterAllocator&) {
  if (inputs != inputs_)
    throw_error(Error::Kind::kValue,
                {"ColumnEncoding: expected ", inputs_,
                 " inputs (one for each number or category, two for a date), got ", inputs});
  return features_;
}

template <class T>
kernels::EncodeColumns<T> ColumnEncoding<T>::job(const RowPass<T>& pass) const noexcept {
  return {pass.rows,
          codes_.data(),
          static_cast<int64_t>(codes_.size()),
          pass.input_values(),
          pass.input.row_stride,
          pass.output_values(),
          pass.output.row_stride};
}

template <class T>
void ColumnEncoding<T>::forward(const RowPass<T>& pass) const noexcept {
  if (!writes_codes_) return write_features(pass);
  pass.kernels.code_columns(job(pass), feature_codes_.plain_count);
}

template <class T>
void ColumnEncoding<T>::write_features(const RowPass<T>& pass) const noexcept {
  pass.kernels.encode_columns(job(pass));
}

template <class T>
void ColumnEncoding<T>::backward(const RowPass<T>& pass) const noexcept {
  if (!pass.input_delta_wanted) return;
  pass.kernels.encode_columns_backward({pass.rows, codes_.data(), static_cast<int64_t>(codes_.size()),
                                        pass.input_values(), pass.input.row_stride, pass.output_delta(),
                                        pass.output.row_stride, pass.input_delta(), pass.input.row_stride});
}

template class ColumnEncoding<float>;
template class ColumnEncoding<double>;

}  // namespace lamina
