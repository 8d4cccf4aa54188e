// A random share of the rows, held back for validation.
#include "training/hold_out.h"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <utility>

#include "base/error.h"
#include "base/number_text.h"
#include "base/random.h"
#include "inference/sparse_rows.h"
#include "training/check_targets.h"

namespace lamina {

namespace {

int64_t bytes_of(kernels::SourceType type) noexcept {
  using kernels::SourceType;
  switch (type) {
    case SourceType::kU8:
    case SourceType::kI8:
    case SourceType::kBool:
      return 1;
    case SourceType::kU16:
    case SourceType::kI16:
    case SourceType::kF16:
      return 2;
    case SourceType::kF32:
    case SourceType::kI32:
    case SourceType::kU32:
      return 4;
    case SourceType::kF64:
    case SourceType::kI64:
    case SourceType::kU64:
      break;
  }
  return 8;
}

// Draws of one purpose: step 0 is the lots among classes, step 1 the rows of each class.
RandomSequence draws(uint64_t seed, uint64_t step, size_t group) {
  return RandomSequence(RandomStream(seed, StreamTag::kHoldOut, static_cast<uint32_t>(group), step));
}

// Brings a random choice of `count` elements to the front.
void choose(RandomSequence random, size_t count, std::span<int64_t> elements) {
  for (size_t i = 0; i < count; ++i)
    std::swap(elements[i], elements[i + static_cast<size_t>(random.bounded(elements.size() - i))]);
}

// Row numbers class by class, each class's in rising order; all together without classes.
std::vector<std::vector<int64_t>> rows_by_class(int64_t rows, std::span<const int64_t> classes) {
  std::vector<int64_t> order(static_cast<size_t>(rows));
  std::iota(order.begin(), order.end(), int64_t{0});
  if (classes.empty()) return {std::move(order)};
  const auto class_of = [&](int64_t row) { return classes[static_cast<size_t>(row)]; };
  std::stable_sort(order.begin(), order.end(),
                   [&](int64_t a, int64_t b) { return class_of(a) < class_of(b); });
  std::vector<std::vector<int64_t>> groups;
  for (const int64_t row : order) {
    if (groups.empty() || class_of(groups.back().front()) != class_of(row)) groups.emplace_back();
    groups.back().push_back(row);
  }
  return groups;
}

// How many rows of each class are held back: by largest remainders, all but one at most.
std::vector<size_t> counts_by_class(const std::vector<std::vector<int64_t>>& groups, double fraction,
                                    int64_t rows, uint64_t seed) {
  std::vector<size_t> counts;
  std::vector<double> remainders;
  size_t held = 0;
  for (const auto& group : groups) {
    const double exact = fraction * static_cast<double>(group.size());
    counts.push_back(std::min(static_cast<size_t>(exact), group.size() - 1));
    remainders.push_back(exact - static_cast<double>(counts.back()));
    held += counts.back();
  }
  // Equal remainders fall by lot, or the first classes would always be held back.
  std::vector<int64_t> order(groups.size());
  std::iota(order.begin(), order.end(), int64_t{0});
  choose(draws(seed, 0, 0), order.size(), order);
  std::stable_sort(order.begin(), order.end(), [&](int64_t a, int64_t b) {
    return remainders[static_cast<size_t>(a)] > remainders[static_cast<size_t>(b)];
  });
  const auto wanted = static_cast<size_t>(std::nearbyint(fraction * static_cast<double>(rows)));
  for (const int64_t place : order) {
    const auto i = static_cast<size_t>(place);
    if (held >= wanted) break;
    if (counts[i] + 1 >= groups[i].size()) continue;
    ++counts[i];
    ++held;
  }
  return counts;
}

}  // namespace

HoldOut hold_out(int64_t rows, double fraction, uint64_t seed, std::span<const int64_t> classes,
                 const std::string& what) {
  if (!(fraction > 0.0 && fraction < 1.0))
    throw_error(Error::Kind::kValue,
                {what, ": expected a share above 0 and below 1, got ", exact_number(fraction)});
  if (!classes.empty() && static_cast<int64_t>(classes.size()) != rows)
    throw_error(Error::Kind::kValue,
                {what, ": expected a class for each of ", rows, " rows, got ", classes.size()});
  std::vector<std::vector<int64_t>> groups;
  if (rows > 0) groups = rows_by_class(rows, classes);
  const std::vector<size_t> counts = counts_by_class(groups, fraction, rows, seed);
  HoldOut found;
  for (size_t g = 0; g < groups.size(); ++g) {
    choose(draws(seed, 1, g), counts[g], groups[g]);
    const auto cut = groups[g].begin() + static_cast<std::ptrdiff_t>(counts[g]);
    found.held.insert(found.held.end(), groups[g].begin(), cut);
    found.train.insert(found.train.end(), cut, groups[g].end());
  }
  if (found.held.empty() || found.train.empty())
    throw_error(Error::Kind::kValue,
                {what, " ", exact_number(fraction), " of ", rows, " rows leaves no row on one side"});
  std::sort(found.held.begin(), found.held.end());
  std::sort(found.train.begin(), found.train.end());
  return found;
}

template <class T>
std::vector<int64_t> classes_of_rows(const Targets<T>& targets, int64_t rows, const LossSpec& loss) {
  if (targets.classes != nullptr) return {targets.classes, targets.classes + rows};
  if (targets.columns != 1 || !tells_two_classes(loss)) return {};
  std::vector<int64_t> classes;
  for (int64_t row = 0; row < rows; ++row) {
    const T value = targets.values[row * targets.row_stride];
    if (value != T{0} && value != T{1} && value != T{-1}) return {};
    classes.push_back(static_cast<int64_t>(value));
  }
  return classes;
}

template <class T>
TakenRows<T>::TakenRows(const DataSet<T>& from, std::span<const int64_t> rows) {
  const ArraySource& source = from.inputs;
  const auto size = bytes_of(source.type);
  const auto* inputs = static_cast<const std::byte*>(source.data);
  // A row as it lies, or element by element.
  const bool whole = source.column_stride == size;
  const int64_t pieces = source.sparse != nullptr ? 0 : whole ? 1 : source.columns;
  const int64_t piece = whole ? source.columns * size : size;
  for (const int64_t row : rows) {
    for (int64_t i = 0; i < pieces; ++i) {
      const std::byte* first = inputs + row * source.row_stride + i * source.column_stride;
      inputs_.insert(inputs_.end(), first, first + piece);
    }
    if (from.targets.classes != nullptr) classes_.push_back(from.targets.classes[row]);
    if (from.targets.values != nullptr) {
      const T* values = from.targets.values + row * from.targets.row_stride;
      values_.insert(values_.end(), values, values + from.targets.columns);
    }
    if (from.sample_weights != nullptr) weights_.push_back(from.sample_weights[row]);
  }
  data.inputs = {inputs_.data(), source.type,           static_cast<int64_t>(rows.size()),
                 source.columns, source.columns * size, size};
  if (source.sparse != nullptr) take_sparse(source, rows);
  if (from.targets.classes != nullptr) data.targets.classes = classes_.data();
  if (from.targets.values != nullptr)
    data.targets = {data.targets.classes, values_.data(), from.targets.columns, from.targets.columns};
  if (from.sample_weights != nullptr) data.sample_weights = weights_.data();
}

template <class T>
void TakenRows<T>::take_sparse(const ArraySource& source, std::span<const int64_t> rows) {
  const auto size = bytes_of(source.type);
  const auto* inputs = static_cast<const std::byte*>(source.data);
  starts_.push_back(0);
  for (const int64_t row : rows) {
    each_stored(source, row, [&](int64_t column, int64_t element) {
      columns_.push_back(column);
      inputs_.insert(inputs_.end(), inputs + element * size, inputs + (element + 1) * size);
    });
    starts_.push_back(static_cast<int64_t>(columns_.size()));
  }
  layout_ = {starts_.data(), columns_.data(), true, starts_.back()};
  data.inputs.data = inputs_.data();
  data.inputs.sparse = &layout_;
}

template std::vector<int64_t> classes_of_rows<float>(const Targets<float>&, int64_t, const LossSpec&);
template std::vector<int64_t> classes_of_rows<double>(const Targets<double>&, int64_t, const LossSpec&);
template struct TakenRows<float>;
template struct TakenRows<double>;

}  // namespace lamina
