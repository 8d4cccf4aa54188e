// Reads the record of a target and decodes outputs by it.
#include "tables/table_target.h"

#include <algorithm>
#include <utility>

#include "base/error.h"
#include "tables/text_value.h"

namespace lamina {
namespace {

constexpr std::int64_t kVersion = 1;

// The first of the greatest ones; a NaN counts as greater than all numbers.
std::int64_t most_probable(const double* row, std::int64_t classes) noexcept {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < classes && row[best] == row[best]; ++i)
    if (!(row[i] <= row[best])) best = i;
  return best;
}

}  // namespace

TableTarget::TableTarget(const Json& record, std::vector<RecordTensor> tensors) {
  RecordFields fields("target", record);
  RecordTensors vectors("target", std::move(tensors));
  fields.check_version("lamina.tabular.target", 1, kVersion);
  const std::string& task = fields.text("task");
  name_ = fields.text("name");
  if (task == "classification") {
    classes_ = fields.texts("classes");
    const auto shares = vectors.take("shares", std::ssize(classes_));
    if (classes_.size() < 2 ||
        std::any_of(shares.begin(), shares.end(), [](double share) { return share < 0.0; }))
      fields.fail("expected at least two classes, and shares of at least 0");
  } else if (task == "regression") {
    const auto scaling = vectors.take("scaling", 2);
    mean_ = scaling[0];
    scale_ = scaling[1];
    if (scale_ <= 0.0) fields.fail("expected a scale above 0");
  } else {
    fields.fail("expected task classification or regression, got '" + task + "'");
  }
  fields.done();
  vectors.done();
}

void TableTarget::check_threshold(std::optional<double> threshold) const {
  if (!threshold) return;
  const auto fail = [](const std::string& what) { throw Error(Error::Kind::kValue, what); };
  const std::string decides = "a threshold decides between two classes, but '" + name_ + "' ";
  if (is_number()) fail(decides + "is a number");
  if (classes_.size() != 2)
    fail(decides + "has " + std::to_string(classes_.size()) + "; the most probable one is predicted");
  if (!(*threshold >= 0.0 && *threshold <= 1.0))
    fail("expected a threshold from 0 to 1, got " + write_rounded(*threshold));
}

void TableTarget::choose_classes(const double* outputs, std::int64_t rows, std::optional<double> threshold,
                                 std::int64_t* indices) const {
  check_threshold(threshold);
  const std::int64_t columns = this->outputs();
  const double limit = threshold.value_or(kDefaultThreshold);
  for (std::int64_t row = 0; row < rows; ++row)
    indices[row] = columns == 1 ? outputs[row] > limit : most_probable(outputs + row * columns, columns);
}

void TableTarget::probabilities(const double* outputs, std::int64_t rows, double* probabilities) const {
  if (is_number()) throw Error(Error::Kind::kValue, "a regression model gives no probabilities");
  if (this->outputs() > 1) {
    std::copy_n(outputs, rows * this->outputs(), probabilities);
    return;
  }
  for (std::int64_t row = 0; row < rows; ++row) {
    probabilities[2 * row] = 1.0 - outputs[row];
    probabilities[2 * row + 1] = outputs[row];
  }
}

void TableTarget::numbers(const double* outputs, std::int64_t rows, double* numbers) const {
  for (std::int64_t row = 0; row < rows; ++row) numbers[row] = outputs[row] * scale_ + mean_;
}

}  // namespace lamina
