// Sorts and numbers the values of a column.
#include "tables/distinct_cells.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <numeric>
#include <span>
#include <type_traits>

#include "base/function_ref.h"

namespace lamina {
namespace {

// Codes of values in the order of their first appearance.
template <class Value>
class ValueCodes {
 public:
  std::int32_t code(Value value) {
    if (2 * (values_.size() + 1) > slots_.size()) grow();
    std::size_t place = hash(value) & (slots_.size() - 1);
    for (; slots_[place] >= 0; place = (place + 1) & (slots_.size() - 1))
      if (same(values_[static_cast<std::size_t>(slots_[place])], value)) return slots_[place];
    slots_[place] = static_cast<std::int32_t>(values_.size());
    values_.push_back(value);
    return slots_[place];
  }
  const std::vector<Value>& values() const noexcept { return values_; }

 private:
  static bool same(Value a, Value b) noexcept { return a == b || (a != a && b != b); }
  static std::size_t hash(Value value) noexcept {
    std::uint64_t bits = 0;
    if constexpr (std::is_floating_point_v<Value>) {
      const double wide = value == 0 ? 0.0 : static_cast<double>(value);  // 0 is -0
      bits = wide != wide ? 1 : std::bit_cast<std::uint64_t>(wide);
    } else {
      bits = static_cast<std::uint64_t>(value);
    }
    bits *= 0x9E3779B97F4A7C15;
    return static_cast<std::size_t>(bits ^ (bits >> 32));
  }
  void grow() {
    slots_.assign(std::max<std::size_t>(64, 2 * slots_.size()), -1);
    for (std::size_t code = 0; code < values_.size(); ++code) {
      std::size_t place = hash(values_[code]) & (slots_.size() - 1);
      while (slots_[place] >= 0) place = (place + 1) & (slots_.size() - 1);
      slots_[place] = static_cast<std::int32_t>(code);
    }
  }

  std::vector<std::int32_t> slots_;  // a power of two of them, at most half full
  std::vector<Value> values_;
};

// The type in which all numbers of a kind are numbered: each keeps its value and its order.
template <class Number>
using Wide = std::conditional_t<std::is_floating_point_v<Number>, double,
                                std::conditional_t<std::is_signed_v<Number>, std::int64_t, std::uint64_t>>;

// read(first, block) gives the block's rows from the first on.
template <class Value>
DistinctCells number(std::int64_t rows, FunctionRef<void(std::int64_t, std::span<Value>)> read,
                     FunctionRef<Cell(Value)> make_cell) {
  ValueCodes<Value> found;
  DistinctCells distinct;
  distinct.codes.reserve(static_cast<std::size_t>(rows));
  std::array<Value, 256> values_of_rows;
  for (std::int64_t first = 0; first < rows; first += std::ssize(values_of_rows)) {
    const auto count = std::min(rows - first, std::ssize(values_of_rows));
    const auto block = std::span(values_of_rows).first(static_cast<std::size_t>(count));
    read(first, block);
    for (const Value value : block) distinct.codes.push_back(found.code(value));
  }
  const std::vector<Value>& values = found.values();
  std::vector<std::int32_t> order(values.size());
  std::iota(order.begin(), order.end(), 0);
  std::sort(order.begin(), order.end(), [&](std::int32_t a, std::int32_t b) {
    const Value x = values[static_cast<std::size_t>(a)];
    const Value y = values[static_cast<std::size_t>(b)];
    return x < y || (x == x && y != y);
  });
  std::vector<std::int32_t> ranks(values.size());
  for (std::size_t rank = 0; rank < order.size(); ++rank) {
    ranks[static_cast<std::size_t>(order[rank])] = static_cast<std::int32_t>(rank);
    distinct.cells.push_back(make_cell(values[static_cast<std::size_t>(order[rank])]));
  }
  for (std::int32_t& code : distinct.codes) code = ranks[static_cast<std::size_t>(code)];
  return distinct;
}

template <class Number>
Cell cell_of(Number number) {
  if constexpr (std::is_same_v<Number, bool> || std::is_floating_point_v<Number>)
    return number;
  else if constexpr (std::is_signed_v<Number>)
    return static_cast<std::int64_t>(number);
  else
    return static_cast<std::uint64_t>(number);
}

}  // namespace

DistinctCells distinct_cells(const NumberColumn& column) {
  return with_number_type(column.type, [&]<class Number>(const Number*) {
    const auto read = [&](std::int64_t first, std::span<Wide<Number>> block) {
      const char* from = static_cast<const char*>(column.data) + first * column.stride;
      for (Wide<Number>& value : block) {
        value = static_cast<Wide<Number>>(load_number<Number>(from));
        from += column.stride;
      }
    };
    const auto make_cell = [](Wide<Number> value) { return cell_of(static_cast<Number>(value)); };
    return number<Wide<Number>>(column.rows, read, make_cell);
  });
}

DistinctCells distinct_cells(const DateColumn& column) {
  const auto read = [&](std::int64_t first, std::span<std::int64_t> block) {
    std::copy_n(column.seconds + first, block.size(), block.begin());
  };
  return number<std::int64_t>(column.rows, read, [](std::int64_t seconds) { return Cell(Date{seconds}); });
}

}  // namespace lamina
