// Class indices of classes that are any whole numbers.
#include <algorithm>
#include <iterator>
#include <limits>

#include "metrics/arguments.h"

namespace lamina::metrics {
namespace {

// The distinct numbers of two lists, ascending, and the place of each among them.
class Distinct {
 public:
  Distinct(const std::vector<int64_t>& first, const std::vector<int64_t>& second) {
    const auto [low, high] = std::ranges::minmax(first);
    const auto [second_low, second_high] = std::ranges::minmax(second);
    lowest_ = std::min(low, second_low);
    const uint64_t span = offset(std::max(high, second_high));
    if (span < (uint64_t{1} << 16) + 4 * first.size())
      fill_table(first, second, span + 1);
    else
      sort(first, second);
  }

  const std::vector<int64_t>& values() const noexcept { return values_; }
  int32_t place(int64_t value) const noexcept {
    if (!places_.empty()) return places_[static_cast<std::size_t>(offset(value))];
    return static_cast<int32_t>(std::ranges::lower_bound(values_, value) - values_.begin());
  }

 private:
  uint64_t offset(int64_t value) const noexcept {
    return static_cast<uint64_t>(value) - static_cast<uint64_t>(lowest_);
  }
  void fill_table(const std::vector<int64_t>& first, const std::vector<int64_t>& second, uint64_t size) {
    places_.assign(static_cast<std::size_t>(size), 0);
    for (const auto* list : {&first, &second})
      for (const int64_t value : *list) places_[static_cast<std::size_t>(offset(value))] = 1;
    for (std::size_t i = 0; i < places_.size(); ++i) {
      if (places_[i] == 0) continue;
      places_[i] = static_cast<int32_t>(values_.size());
      values_.push_back(lowest_ + static_cast<int64_t>(i));
    }
  }
  void sort(const std::vector<int64_t>& first, const std::vector<int64_t>& second) {
    values_ = first;
    values_.insert(values_.end(), second.begin(), second.end());
    std::ranges::sort(values_);
    values_.erase(std::ranges::unique(values_).begin(), values_.end());
  }

  int64_t lowest_;
  std::vector<int64_t> values_;
  std::vector<int32_t> places_;  // by value less the lowest, where these lie close together
};

// 0 and 1, or -1 and 1, where all classes are among them.
std::optional<int64_t> usual_low(const std::vector<int64_t>& classes) {
  for (const int64_t low : {0, -1})
    if (std::ranges::all_of(classes, [&](int64_t value) { return value == low || value == 1; })) return low;
  return std::nullopt;
}

}  // namespace

Classes chosen_classes(const char* name, const ChosenClasses& given, const double* weights,
                       std::optional<Task> task) {
  if (given.rows < 1) fail(name, {"expected at least one row, got none"});
  if (task == Task::kMultilabel)
    fail(name, {"expected task binary or multiclass for classes, got multilabel"});
  // Copies: their values stay while they are looked up.
  const std::vector<int64_t> truth(given.truth, given.truth + given.rows);
  const std::vector<int64_t> chosen(given.chosen, given.chosen + given.rows);
  const Distinct distinct(truth, chosen);
  const std::vector<int64_t>& classes = distinct.values();
  const std::optional<int64_t> low = given.names.empty() ? usual_low(classes) : std::nullopt;

  Classes result(name, given.rows, weights);
  result.were_chosen = true;
  result.count = low ? 2 : static_cast<int64_t>(classes.size());
  result.task = task.value_or(result.count <= 2 ? Task::kBinary : Task::kMulticlass);
  if (result.task == Task::kBinary && result.count > 2)
    fail(name, {"expected two classes for task binary, got ", result.count});
  if (result.count == 2 && !low)
    for (const int64_t value : classes) {
      const bool named = value >= 0 && value < static_cast<int64_t>(given.names.size());
      result.labels.push_back(named ? given.names[static_cast<std::size_t>(value)] : std::to_string(value));
    }
  const auto place = [&](int64_t value) {
    return low ? static_cast<int32_t>(value != *low) : distinct.place(value);
  };
  std::ranges::transform(truth, std::back_inserter(result.truth), place);
  std::ranges::transform(chosen, std::back_inserter(result.chosen), place);
  return result;
}

}  // namespace lamina::metrics
