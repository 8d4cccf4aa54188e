// Weights of classes.
#include "training/class_weights.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <type_traits>

#include "base/error.h"
#include "base/number_text.h"
#include "base/text.h"
#include "training/check_targets.h"

namespace lamina {

namespace {

[[noreturn]] void refuse(const char* where, TextParts rest) {
  throw_error(Error::Kind::kValue, {where, ": ", rest});
}

// How many classes the targets tell apart.
int64_t class_count(const LossSpec& loss, int64_t outputs, const char* where) {
  const bool binary = tells_two_classes(loss);
  if (loss.takes_classes) return outputs;
  if (binary && outputs == 1) return 2;
  if (binary)
    refuse(where, {"expected one class a row beside class_weight, got ", outputs, " outputs of ", loss.name,
                   " with classes of their own; weigh rows by sample_weight, or take "
                   "BinaryCrossEntropy(positive_weight=...)"});
  refuse(where, {"class_weight expects a loss of classes, such as cross_entropy, got ", loss.name,
                 "; weigh rows by sample_weight"});
}

// The targets of checked rows as a share of each class.
template <class T>
class Shares {
 public:
  Shares(const Targets<T>& targets, bool is_signed) : targets_(targets), signed_(is_signed) {}

  // Calls use(class, share) for the classes of a row.
  template <class Use>
  void of_row(int64_t row, Use use) const {
    if (targets_.classes != nullptr) {
      use(static_cast<size_t>(targets_.classes[row]), 1.0);
      return;
    }
    const T* values = targets_.values + row * targets_.row_stride;
    if (targets_.columns == 1) {
      const T second = signed_ ? (values[0] + T{1}) / T{2} : values[0];
      use(size_t{0}, static_cast<double>(T{1} - second));
      use(size_t{1}, static_cast<double>(second));
      return;
    }
    for (int64_t c = 0; c < targets_.columns; ++c)
      use(static_cast<size_t>(c), static_cast<double>(values[c]));
  }

 private:
  const Targets<T>& targets_;
  bool signed_;
};

template <class T>
std::vector<double> balanced_factors(const Shares<T>& shares, int64_t rows, int64_t classes) {
  std::vector<double> sizes(static_cast<size_t>(classes));
  for (int64_t row = 0; row < rows; ++row)
    shares.of_row(row, [&](size_t index, double share) { sizes[index] += share; });
  const auto present =
      static_cast<double>(std::count_if(sizes.begin(), sizes.end(), [](double size) { return size != 0.0; }));
  std::vector<double> factors;
  for (const double size : sizes)
    factors.push_back(size > 0.0 ? static_cast<double>(rows) / (present * size) : 0.0);
  return factors;
}

std::vector<double> factors_of(std::span<const ClassWeight> table, int64_t classes, bool is_signed,
                               const char* where) {
  std::vector<double> factors(static_cast<size_t>(classes), 1.0);
  for (const ClassWeight& given : table)
    if (!(given.weight >= 0.0) || std::isinf(given.weight))
      refuse(where, {"expected finite class weights of at least 0, got ", exact_number(given.weight),
                     " for class ", short_number(given.label)});
  for (const ClassWeight& given : table) {
    const double label = is_signed && given.label == -1.0 ? 0.0 : given.label;
    if (!(label >= 0.0 && label < static_cast<double>(classes)) || label != std::floor(label))
      refuse(where, {"expected classes from 0 to ", classes - 1, " in class_weight, got ",
                     short_number(given.label)});
    factors[static_cast<size_t>(label)] = given.weight;
  }
  return factors;
}

bool any(const std::vector<double>& weights) {
  return std::any_of(weights.begin(), weights.end(), [](double weight) { return weight != 0.0; });
}

}  // namespace

template <class T>
std::vector<double> class_weighted(const Targets<T>& targets, int64_t rows, const double* sample_weights,
                                   const LossSpec& loss, int64_t outputs,
                                   std::optional<std::span<const ClassWeight>> table, const char* where) {
  const int64_t classes = class_count(loss, outputs, where);
  const Shares<T> shares(targets, is_hinge(loss));
  const std::vector<double> factors =
      table ? factors_of(*table, classes, is_hinge(loss), where) : balanced_factors(shares, rows, classes);
  std::vector<double> weights(static_cast<size_t>(rows));
  for (int64_t row = 0; row < rows; ++row)
    shares.of_row(row, [&](size_t index, double share) {
      weights[static_cast<size_t>(row)] += share * factors[index];
    });
  constexpr auto kAbsolute = std::is_same_v<T, float> ? WeightScale::kFloat32 : WeightScale::kFloat64;
  const auto scale = loss.mean_over_rows ? WeightScale::kRelative : kAbsolute;
  if (loss.mean_over_rows && any(weights)) scale_weights(weights, scale, where);
  if (sample_weights != nullptr)
    for (size_t row = 0; row < weights.size(); ++row) weights[row] *= sample_weights[row];
  if (!any(weights)) refuse(where, {"class_weight and sample_weight leave every row with weight 0"});
  scale_weights(weights, scale, where);
  return weights;
}

template std::vector<double> class_weighted<float>(const Targets<float>&, int64_t, const double*,
                                                   const LossSpec&, int64_t,
                                                   std::optional<std::span<const ClassWeight>>, const char*);
template std::vector<double> class_weighted<double>(const Targets<double>&, int64_t, const double*,
                                                    const LossSpec&, int64_t,
                                                    std::optional<std::span<const ClassWeight>>, const char*);

}  // namespace lamina
