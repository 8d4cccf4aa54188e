// Targets and sample weights: checked, and converted.
#include "training/check_targets.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "base/number_text.h"
#include "base/text.h"

namespace lamina {

namespace {

// Probabilities computed in half precision sum to 1 but for their rounding.
constexpr double kSumTolerance = 1e-2;
// Products of two weights, or sums of all, stay in the range of double.
constexpr int kLargestExponent = 400;

struct Half {
  uint16_t bits;
};

template <class Value>
using Number = std::conditional_t<std::is_same_v<Value, Half>, float, Value>;

// The element at any address, as a number of its own type.
template <class Value>
Number<Value> load(const char* from) noexcept {
  Value value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (std::is_same_v<Value, Half>) {
    const int exponent = value.bits >> 10 & 31, fraction = value.bits & 1023;
    float size = std::ldexp(static_cast<float>(exponent == 0 ? fraction : fraction + 1024),
                            std::max(exponent, 1) - 25);
    if (exponent == 31)
      size = fraction != 0 ? std::numeric_limits<float>::quiet_NaN() : std::numeric_limits<float>::infinity();
    return value.bits >> 15 != 0 ? -size : size;
  } else {
    return value;
  }
}

template <class Load, class Use>
void each_of(const ArraySource& source, Load load_one, Use use) {
  const auto* data = static_cast<const char*>(source.data);
  for (int64_t row = 0; row < source.rows; ++row)
    for (int64_t column = 0; column < source.columns; ++column)
      use(load_one(data + row * source.row_stride + column * source.column_stride), row, column);
}

// Of integers that 63 bits hold.
template <class Value>
int64_t load_whole(const char* from) noexcept {
  return load<Value>(from);
}

using LoadWhole = int64_t (*)(const char*) noexcept;

LoadWhole whole_loader(kernels::SourceType type) noexcept {
  using kernels::SourceType;
  switch (type) {
    case SourceType::kI8:
      return load_whole<int8_t>;
    case SourceType::kU16:
      return load_whole<uint16_t>;
    case SourceType::kI16:
      return load_whole<int16_t>;
    case SourceType::kU32:
      return load_whole<uint32_t>;
    case SourceType::kI32:
      return load_whole<int32_t>;
    default:
      return load_whole<uint8_t>;
  }
}

// Calls use(value, row, column) for every element, row by row, each a float, a double or an integer of 64
// bits.
template <class Use>
void each_value(const ArraySource& source, Use use) {
  using kernels::SourceType;
  switch (source.type) {
    case SourceType::kF32:
      return each_of(source, [](const char* from) { return load<float>(from); }, use);
    case SourceType::kF64:
      return each_of(source, [](const char* from) { return load<double>(from); }, use);
    case SourceType::kF16:
      return each_of(source, [](const char* from) { return load<Half>(from); }, use);
    case SourceType::kU64:
      return each_of(source, [](const char* from) { return load<uint64_t>(from); }, use);
    case SourceType::kI64:
      return each_of(source, [](const char* from) { return load<int64_t>(from); }, use);
    default:
      return each_of(source, whole_loader(source.type), use);
  }
}

template <class Value>
std::string text_of(Value value) {
  if constexpr (std::is_floating_point_v<Value>)
    return exact_number(value);
  else
    return std::to_string(value);
}

template <class Value>
[[noreturn]] void refuse(const char* where, const std::string& expected, Value found, int64_t row,
                         const char* hint = "") {
  throw_error(Error::Kind::kValue,
              {where, ": expected ", expected, ", got ", text_of(found), " in row ", row, hint});
}

template <class Value>
void check_finite(Value value, const char* where, const char* name, int64_t row, int64_t column) {
  if constexpr (std::is_floating_point_v<Value>) {
    if (std::isfinite(value)) return;
    throw_error(Error::Kind::kValue, {where, ": expected finite numbers in ", name, ", got ", text_of(value),
                                      " in row ", row, ", column ", column});
  }
}

// Raises where the loss has no such target. Hinge losses are checked by the set of their targets.
class ValueCheck {
 public:
  ValueCheck(const LossSpec& loss, const char* where) : loss_(loss), where_(where), hinge_(is_hinge(loss)) {
    probability_ = loss.takes_classes || (tells_two_classes(loss) && !hinge_);
    nonnegative_ = loss.name == "poisson" || loss.name == "tweedie";
    positive_ = loss.name == "gamma";
  }

  template <class Value>
  void check(Value value, int64_t row, int64_t columns, int64_t column) {
    check_finite(value, where_, "y", row, column);
    if (probability_) {
      if (value < Value{0} || value > Value{1})
        refuse(where_, concat({"targets between 0 and 1 for ", loss_.name}), value, row);
      if (loss_.takes_classes) add(static_cast<double>(value), row, columns, column);
    }
    if (nonnegative_ && value < Value{0})
      refuse(where_, concat({"targets of at least 0 for ", loss_.name}), value, row);
    if (positive_ && value <= Value{0})
      refuse(where_, "targets above 0 for gamma", value, row, "; tweedie takes 0 too");
    if (hinge_) note_sign(value, row);
  }

  // True where targets are 0 and 1, which stand for -1 and 1; raises where they are both.
  bool zero_is_minus_one(bool zero_allowed) const {
    if (zero_row_ < 0) return false;
    if (!zero_allowed) refuse(where_, concat({"targets of -1 and 1 for ", loss_.name}), 0, zero_row_);
    if (minus_row_ >= 0)
      throw_error(Error::Kind::kValue,
                  {where_, ": expected targets of -1 and 1, or of 0 and 1, for ", loss_.name,
                   ", got -1 and 0 together, in rows ", minus_row_, " and ", zero_row_});
    return true;
  }

 private:
  void add(double value, int64_t row, int64_t columns, int64_t column) {
    sum_ = column == 0 ? value : sum_ + value;
    if (column + 1 == columns && !(std::fabs(sum_ - 1.0) <= kSumTolerance))
      refuse(where_, concat({"the targets of each row to sum to 1 for ", loss_.name}), sum_, row);
  }

  template <class Value>
  void note_sign(Value value, int64_t row) {
    const auto number = static_cast<double>(value);
    if (number == 0.0) zero_row_ = zero_row_ < 0 ? row : zero_row_;
    if (number == -1.0) minus_row_ = minus_row_ < 0 ? row : minus_row_;
    if (number != 0.0 && number != 1.0 && number != -1.0)
      refuse(where_, concat({"targets of -1 and 1, or of 0 and 1, for ", loss_.name}), value, row);
  }

  const LossSpec& loss_;
  const char* where_;
  bool hinge_, probability_, nonnegative_, positive_;
  double sum_ = 0.0;                        // of the row in hand
  int64_t zero_row_ = -1, minus_row_ = -1;  // the first of each
};

template <class T, class Value>
void check_range(Value value, const char* where) {
  if constexpr (std::is_same_v<T, float> && std::is_same_v<Value, double>)
    if (std::fabs(value) > static_cast<double>(std::numeric_limits<float>::max()))
      throw_error(Error::Kind::kValue, {where,
                                        ": y holds values beyond float32's range (3.4e38); scale them, "
                                        "or use dtype='float64'"});
}

template <class Value>
void check_weight(Value value, const char* where, int64_t row) {
  check_finite(value, where, "sample_weight", row, 0);
  if (value < Value{0}) refuse(where, "sample_weight of at least 0", value, row);
}

[[noreturn]] void fail_all_zero(const char* where) {
  throw_error(Error::Kind::kValue, {where, ": expected a sample_weight above 0 somewhere, got only zeros"});
}

}  // namespace

bool is_hinge(const LossSpec& loss) { return loss.name == "hinge" || loss.name == "squared_hinge"; }

bool tells_two_classes(const LossSpec& loss) {
  return loss.name == "binary_cross_entropy" || loss.name == "binary_focal" || is_hinge(loss);
}

void read_classes(const ArraySource& y, int64_t outputs, const char* where, int32_t* classes) {
  each_value(y, [&](auto value, int64_t row, int64_t) {
    using Value = decltype(value);
    if constexpr (std::is_floating_point_v<Value>) {
      check_finite(value, where, "y", row, 0);
      if (value != std::floor(value)) refuse(where, "whole class indices in y", value, row);
    }
    bool known = false;
    if constexpr (std::is_integral_v<Value>)
      known = std::cmp_greater_equal(value, 0) && std::cmp_less(value, outputs);
    else
      known = value >= Value{0} && static_cast<double>(value) < static_cast<double>(outputs);
    if (!known)
      refuse(where, concat({"class indices from 0 to ", outputs - 1, " in y for ", outputs, " outputs"}),
             value, row);
    if (classes != nullptr) classes[row] = static_cast<int32_t>(value);
  });
}

template <class T>
bool read_values(const ArraySource& y, const LossSpec& loss, const char* where, T* values) {
  ValueCheck check(loss, where);
  T* next = values;
  each_value(y, [&](auto value, int64_t row, int64_t column) {
    check.check(value, row, y.columns, column);
    check_range<T>(value, where);
    if (values != nullptr) *next++ = static_cast<T>(value);
  });
  const bool changes = check.zero_is_minus_one(true);
  if (changes)
    for (T* value = values; value != next; ++value)
      if (*value == T{0}) *value = T{-1};
  return changes;
}

void read_weights(const ArraySource& sample_weight, WeightScale scale, const char* where, double* weights) {
  bool any = false;
  each_value(sample_weight, [&](auto value, int64_t row, int64_t) {
    check_weight(value, where, row);
    weights[row] = static_cast<double>(value);
    any = any || weights[row] > 0.0;
  });
  if (!any) fail_all_zero(where);
  scale_weights({weights, static_cast<size_t>(sample_weight.rows)}, scale, where);
}

void scale_weights(std::span<double> weights, WeightScale scale, const char* where) {
  const double largest = *std::max_element(weights.begin(), weights.end());
  if (scale == WeightScale::kRelative) {
    int exponent;
    std::frexp(largest, &exponent);
    if (std::abs(exponent) > kLargestExponent)
      for (double& weight : weights) weight = std::ldexp(weight, -exponent);
    return;
  }
  const bool narrow = scale == WeightScale::kFloat32;
  const double least =
      narrow ? static_cast<double>(std::numeric_limits<float>::min()) : std::numeric_limits<double>::min();
  const double most =
      narrow ? static_cast<double>(std::numeric_limits<float>::max()) : std::numeric_limits<double>::max();
  if (largest >= least && largest <= most) return;
  throw_error(Error::Kind::kValue,
              {where, ": expected the largest sample_weight between ", short_number(least, 2), " and ",
               short_number(most, 2), ", since its size counts here, got ", short_number(largest, 3)});
}

template <class T>
void check_targets(const DataSet<T>& data, const LossSpec& loss, int64_t outputs, const char* where) {
  const Targets<T>& targets = data.targets;
  const int64_t rows = data.inputs.rows, columns = loss.target_columns(outputs);
  const std::string begin = concat({where, ": expected "});
  if (targets.classes != nullptr) {
    if (!loss.takes_classes)
      throw_error(Error::Kind::kValue,
                  {begin, "values [rows, ", columns, "] for ", loss.name, ", got class indices"});
    for (int64_t row = 0; row < rows; ++row)
      if (targets.classes[row] < 0 || targets.classes[row] >= outputs)
        fail_wrong_class(where, {row, targets.classes[row]}, outputs);
  } else if (targets.values == nullptr || targets.columns != columns) {
    const std::string got = targets.values == nullptr ? "none" : concat({targets.columns, " columns"});
    throw_error(Error::Kind::kValue, {begin, "y of shape [", rows, ", ", columns, "] for this network and ",
                                      loss.name, ", got ", got});
  } else {
    ValueCheck check(loss, where);
    for (int64_t row = 0; row < rows; ++row)
      for (int64_t column = 0; column < columns; ++column)
        check.check(targets.values[row * targets.row_stride + column], row, columns, column);
    check.zero_is_minus_one(false);
  }
  if (data.sample_weights == nullptr) return;
  bool any = false;
  for (int64_t row = 0; row < rows; ++row) {
    check_weight(data.sample_weights[row], where, row);
    any = any || data.sample_weights[row] > 0.0;
  }
  if (!any) fail_all_zero(where);
}

template bool read_values<float>(const ArraySource&, const LossSpec&, const char*, float*);
template bool read_values<double>(const ArraySource&, const LossSpec&, const char*, double*);
template void check_targets<float>(const DataSet<float>&, const LossSpec&, int64_t, const char*);
template void check_targets<double>(const DataSet<double>&, const LossSpec&, int64_t, const char*);

}  // namespace lamina
