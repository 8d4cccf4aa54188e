// Reads the struct of rows that C gives.
#include "c_api/examples.h"

#include <string>

#include "base/text.h"
#include "c_api/options.h"
#include "c_api/sized.h"
#include "training/check_targets.h"

namespace lamina::c {
namespace {

constexpr lamina_data kNoData = LAMINA_DATA_INIT;

[[noreturn]] void refuse(std::string_view where, TextParts rest) { fail_value({where, ": ", rest}); }

// int32 [rows, 1].
ArraySource class_source(const int32_t* classes, int64_t rows) {
  return {classes, kernels::SourceType::kI32, rows, 1, sizeof(int32_t), sizeof(int32_t)};
}

}  // namespace

template <class T>
Examples<T>::Examples(const lamina_data* given, const TrainableNetwork& network, const Model<T>& model,
                      const GivenLoss& loss, const std::string& where, WeightUse use) {
  if (given == nullptr) refuse(where, {"data is NULL; expected rows with their targets"});
  const lamina_data own = sized_copy(*given, kNoData, "data");
  if (own.x != nullptr && own.sparse_x != nullptr)
    refuse(where, {"x and sparse_x are both given; expected one of them, the other NULL"});
  if (own.rows < 1) refuse(where, {"data has no rows; expected at least one"});
  const int64_t inputs = model.network().inputs();
  data_.inputs = own.sparse_x != nullptr
                     ? sparse_.emplace(*own.sparse_x, own.rows, inputs, where.c_str()).get()
                     : source_of(own.x, own.x_type, own.rows, own.x_stride, inputs, "x");
  network.input_rules().check(data_.inputs, sizeof(T) == sizeof(double), "x");
  read_targets(own, loss.spec(), model.network().outputs(), where);
  if (loss.spec() != nullptr)
    read_weights(own, *loss.spec(), where, use);
  else if (own.weights != nullptr)
    refuse(where, {"expected no weights with a custom loss; apply the weights in it"});
}

template <class T>
void Examples<T>::read_targets(const lamina_data& given, const LossSpec* spec, int64_t outputs,
                               const std::string& where) {
  const int64_t rows = data_.inputs.rows;
  if ((given.classes == nullptr) == (given.y == nullptr))
    refuse(where, {given.y == nullptr ? "neither classes nor y is given" : "classes and y are both given",
                   "; expected one of them, the other NULL"});
  const int64_t found = given.classes != nullptr ? 1 : count_of(given.y_columns, "y_columns");
  const ArraySource source = given.classes != nullptr
                                 ? class_source(given.classes, rows)
                                 : source_of(given.y, given.y_type, given.rows, 0, found, "y");
  if (spec == nullptr) return read_custom_targets(given, source);
  const LossSpec& loss = *spec;
  const int64_t columns = loss.target_columns(outputs);
  if (loss.takes_classes && found == 1) {
    classes_.resize(static_cast<size_t>(rows));
    read_classes(source, outputs, where.c_str(), classes_.data());
    data_.targets.classes = classes_.data();
    return;
  }
  if (found != columns)
    refuse(where, {given.classes != nullptr ? "classes are" : "y is", " [rows, ", found, "]; expected y of ",
                   columns, " columns for this network and ", loss.name});
  values_.resize(static_cast<size_t>(rows * columns));
  read_values(source, loss, where.c_str(), values_.data());
  data_.targets.values = values_.data();
  data_.targets.columns = data_.targets.row_stride = columns;
}

template <class T>
void Examples<T>::read_custom_targets(const lamina_data& given, const ArraySource& y) {
  if (given.classes != nullptr) {
    classes_.assign(given.classes, given.classes + y.rows);
    data_.targets.classes = classes_.data();
    return;
  }
  const int64_t count = y.rows * y.columns;
  if (y.columns < 1) fail_value({"y_columns is 0; expected at least 1"});
  if (y.type == kernels::SourceType::kF64)
    values_.assign(static_cast<const double*>(given.y), static_cast<const double*>(given.y) + count);
  else
    values_.assign(static_cast<const float*>(given.y), static_cast<const float*>(given.y) + count);
  data_.targets.values = values_.data();
  data_.targets.columns = data_.targets.row_stride = y.columns;
}

template <class T>
void Examples<T>::read_weights(const lamina_data& given, const LossSpec& loss, const std::string& where,
                               WeightUse use) {
  if (given.weights == nullptr) return;
  const int64_t rows = data_.inputs.rows;
  WeightScale scale = use == WeightUse::kAbsolute ? WeightScale::kFloat64 : WeightScale::kRelative;
  if (!loss.mean_over_rows)
    scale = sizeof(T) == sizeof(float) ? WeightScale::kFloat32 : WeightScale::kFloat64;
  weights_.resize(static_cast<size_t>(rows));
  lamina::read_weights({given.weights, kernels::SourceType::kF64, rows, 1, sizeof(double), sizeof(double)},
                       scale, where.c_str(), weights_.data());
  data_.sample_weights = weights_.data();
}

template class Examples<float>;
template class Examples<double>;

}  // namespace lamina::c
