// Reads the record of a target and decodes outputs by it.
#include "tables/table_target.h"

#include <algorithm>
#include <cmath>
#include <span>
#include <unordered_set>
#include <utility>

#include "base/error.h"
#include "base/text.h"
#include "tables/text_value.h"

namespace lamina {
namespace {

constexpr std::int64_t kVersion = 2;  // 1 had one number, without quantiles, and no temperature

// The first of the greatest ones; a NaN counts as greater than all numbers.
std::int64_t most_probable(const double* row, std::int64_t classes) noexcept {
  std::int64_t best = 0;
  for (std::int64_t i = 1; i < classes && row[best] == row[best]; ++i)
    if (!(row[i] <= row[best])) best = i;
  return best;
}

void take_scaling(RecordFields& fields, RecordTensors& tensors, NumberTarget& target) {
  const auto scaling = tensors.take("scaling", 2);
  target.mean = scaling[0];
  target.scale = scaling[1];
  if (target.scale <= 0.0) fields.fail({"expected a scale above 0"});
}

NumberTarget read_number(const Json& record, const std::string& where, RecordTensors tensors) {
  RecordFields fields(where, record);
  NumberTarget target;
  target.name = fields.text("name");
  const std::int64_t count = fields.integer("levels");
  const bool has_interval = fields.boolean("interval");
  take_scaling(fields, tensors, target);
  if (count < 0 || count == 1) fields.fail({"expected no level, or at least 2"});
  const auto levels = tensors.take("levels", count);
  tensors.take("quantiles", count);
  target.levels.assign(levels.begin(), levels.end());
  const bool rising = std::ranges::is_sorted(levels, std::less_equal<>());
  if (count > 0 && (!rising || levels.front() <= 0.0 || levels.back() >= 1.0 ||
                    std::ranges::find(levels, 0.5) == levels.end()))
    fields.fail({"expected rising levels between 0 and 1, and 0.5 among them"});
  if (has_interval) {
    const auto interval = tensors.take("interval", 2);
    if (count < 2 || !(interval[0] > 0.0 && interval[0] < 1.0))
      fields.fail({"expected an interval of levels, and a coverage between 0 and 1"});
    target.coverage = interval[0];
    target.margin = interval[1];
  }
  fields.done();
  tensors.done();
  return target;
}

// The place of the level nearest to `level`.
std::size_t place_of(const std::vector<double>& levels, double level) noexcept {
  const auto farther = [level](double a, double b) { return std::abs(a - level) < std::abs(b - level); };
  return static_cast<std::size_t>(std::ranges::min_element(levels, farther) - levels.begin());
}

// Calls use(target, its outputs of a row, which rise where they are quantiles) for each target of each row.
template <class Use>
void each_number(std::span<const NumberTarget> targets, const double* outputs, std::int64_t rows,
                 const Use& use) {
  std::vector<double> values;
  for (std::int64_t row = 0; row < rows; ++row) {
    for (const NumberTarget& target : targets) {
      values.assign(outputs, outputs + target.outputs());
      outputs += target.outputs();
      // Quantiles that cross are put in order; rows with a NaN stay as they are.
      if (std::ranges::none_of(values, [](double value) { return std::isnan(value); }))
        std::ranges::sort(values);
      use(target, std::span<const double>(values));
    }
  }
}

}  // namespace

TableTarget::TableTarget(const Json& record, std::vector<RecordTensor> tensors) {
  RecordFields fields("target", record);
  RecordTensors vectors("target", std::move(tensors));
  const bool first_version = fields.check_version("lamina.tabular.target", 1, kVersion) == 1;
  const std::string& task = fields.text("task");
  if (task == "classification") {
    read_classes(fields, vectors, !first_version);
  } else if (task != "regression") {
    fields.fail({"expected task classification or regression, got '", task, "'"});
  } else if (first_version) {
    numbers_.emplace_back().name = fields.text("name");
    take_scaling(fields, vectors, numbers_.front());
  } else {
    read_numbers(fields, vectors);
  }
  fields.done();
  vectors.done();
}

void TableTarget::read_classes(RecordFields& fields, RecordTensors& tensors, bool calibrated) {
  name_ = fields.text("name");
  classes_ = fields.texts("classes");
  const auto shares = tensors.take("shares", std::ssize(classes_));
  if (classes_.size() < 2 ||
      std::any_of(shares.begin(), shares.end(), [](double share) { return share < 0.0; }))
    fields.fail({"expected at least two classes, and shares of at least 0"});
  if (calibrated) temperature_ = tensors.take("temperature", 1).front();
  if (temperature_ <= 0.0) fields.fail({"expected a temperature above 0"});
}

void TableTarget::read_numbers(RecordFields& fields, RecordTensors& tensors) {
  const Json::Array& records = fields.list("targets");
  std::unordered_set<std::string> names;
  for (std::size_t i = 0; i < records.size(); ++i) {
    const std::string number = std::to_string(i);
    numbers_.push_back(
        read_number(records[i], concat({"target ", number}), tensors.part(concat({number, "."}))));
    const std::string& name = numbers_.back().name;
    if (!names.insert(name).second) fields.fail({"'", name, "' is there twice"});
  }
  if (numbers_.empty()) fields.fail({"expected at least one number"});
}

std::int64_t TableTarget::outputs() const noexcept {
  if (!is_number()) return classes_.size() > 2 ? std::ssize(classes_) : 1;
  std::int64_t count = 0;
  for (const NumberTarget& target : numbers_) count += target.outputs();
  return count;
}

void TableTarget::check_threshold(std::optional<double> threshold) const {
  if (!threshold) return;
  const auto fail = [](TextParts what) { throw_error(Error::Kind::kValue, what); };
  const std::string decides = concat({"a threshold decides between two classes, but '", name(), "' "});
  if (is_number()) fail({decides, "is a number"});
  if (classes_.size() != 2) fail({decides, "has ", classes_.size(), "; the most probable one is predicted"});
  if (!(*threshold >= 0.0 && *threshold <= 1.0))
    fail({"expected a threshold from 0 to 1, got ", write_rounded(*threshold)});
}

void TableTarget::calibrate(double* outputs, std::int64_t rows) const {
  if (temperature_ == 1.0) return;
  const double power = 1.0 / temperature_;
  const std::int64_t columns = this->outputs();
  for (std::int64_t row = 0; row < rows; ++row) {
    double* const values = outputs + row * columns;
    if (columns == 1) {
      const double second = std::pow(values[0], power), first = std::pow(1.0 - values[0], power);
      values[0] = second / (first + second);
      continue;
    }
    double sum = 0.0;
    for (std::int64_t i = 0; i < columns; ++i) sum += values[i] = std::pow(values[i], power);
    for (std::int64_t i = 0; i < columns; ++i) values[i] /= sum;
  }
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
  if (is_number()) throw_error(Error::Kind::kValue, {"a regression model gives no probabilities"});
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
  each_number(numbers_, outputs, rows, [&](const NumberTarget& target, std::span<const double> values) {
    const std::size_t place = values.size() == 1 ? 0 : place_of(target.levels, 0.5);
    *numbers++ = values[place] * target.scale + target.mean;
  });
}

void TableTarget::quantiles(const double* outputs, std::int64_t rows, double* quantiles) const {
  if (!is_number() || numbers_.front().levels.empty())
    throw_error(Error::Kind::kValue, {"the model was trained without quantiles"});
  each_number(numbers_, outputs, rows, [&](const NumberTarget& target, std::span<const double> values) {
    for (const double value : values) *quantiles++ = value * target.scale + target.mean;
  });
}

void TableTarget::intervals(const double* outputs, std::int64_t rows, double* intervals) const {
  if (!is_number() || !numbers_.front().coverage)
    throw_error(Error::Kind::kValue, {"the model was trained without an interval"});
  each_number(numbers_, outputs, rows, [&](const NumberTarget& target, std::span<const double> values) {
    const double outside = (1.0 - *target.coverage) / 2.0;
    double lower = values[place_of(target.levels, outside)] - target.margin;
    double upper = values[place_of(target.levels, 1.0 - outside)] + target.margin;
    // A margin below 0 may narrow an interval to less than nothing.
    if (lower > upper) lower = upper = (lower + upper) / 2.0;
    *intervals++ = lower * target.scale + target.mean;
    *intervals++ = upper * target.scale + target.mean;
  });
}

}  // namespace lamina
