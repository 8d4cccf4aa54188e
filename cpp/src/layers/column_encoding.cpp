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
}

template <class T>
void ColumnEncoding<T>::add_column(const ColumnOptions& column) {
  kernels::ColumnCode<T> code{};
  code.kind = column.kind;
  code.indicator = column.indicator;
  code.limit = static_cast<T>(column.limit);
  int64_t inputs = 1, features = 0;
  switch (column.kind) {
    case ColumnKind::kNumber:
      code.fill = column.fill;
      code.count = column.edges.empty() ? 0 : static_cast<int64_t>(column.edges.size()) - 1;
      features = 1 + code.count;
      break;
    case ColumnKind::kCategory:
      features = code.count = column.count;
      break;
    case ColumnKind::kCode:
      code.count = column.count;
      features = 1;
      break;
    case ColumnKind::kDate:
      code.center = column.center;
      code.scale = column.scale;
      code.fill = column.fill;
      inputs = 2;
      features = kDateFeatures;
      break;
  }
  inputs_ += inputs;
  features_ += features + (code.indicator ? 1 : 0);
  if (features_ > kMostColumns)
    throw Error(Error::Kind::kValue, "ColumnEncoding, column " + std::to_string(codes_.size()) +
                                         ": the columns up to here make more than " +
                                         std::to_string(kMostColumns) + " features");
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
    throw Error(Error::Kind::kValue, "ColumnEncoding: expected " + std::to_string(inputs_) +
                                         " inputs (one for each number or category, two for a date), got " +
                                         std::to_string(inputs));
  return features_;
}

template <class T>
void ColumnEncoding<T>::forward(const RowPass<T>& pass) const noexcept {
  pass.kernels.encode_columns({pass.rows, codes_.data(), static_cast<int64_t>(codes_.size()),
                               pass.input_values(), pass.input.row_stride, pass.output_values(),
                               pass.output.row_stride});
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
