// Looks through a user's array before anything is done with it.
#include "inference/values_within.h"

#include <algorithm>
#include <bit>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <type_traits>
#include <utility>

#include "base/error.h"

namespace lamina {

namespace {

// Sizes are in the order of their bits without the sign, NaN above all: what lies above the limit sets the
// highest bit of bits + room, and NaN alone that of bits + room above infinity. `step` is in bytes, and a
// constant where values lie one after another.
template <class T, class Step>
bool run_within(const char* from, int64_t count, Step step, T limit, bool nan_allowed) noexcept {
  using Bits = std::conditional_t<sizeof(T) == 4, uint32_t, uint64_t>;
  constexpr Bits kHighest = Bits{1} << (8 * sizeof(T) - 1);
  constexpr Bits kAboveInfinity = kHighest - 1 - std::bit_cast<Bits>(std::numeric_limits<T>::infinity());
  const Bits room = kHighest - 1 - std::bit_cast<Bits>(limit);
  const Bits forgiven = nan_allowed ? kHighest : 0;
  Bits above = 0;
  for (int64_t i = 0; i < count; ++i) {
    Bits bits;
    std::memcpy(&bits, from + i * step, sizeof(T));  // it may lie anywhere
    const Bits size = bits & ~kHighest;
    above |= (size + room) & ~((size + kAboveInfinity) & forgiven);
  }
  return (above & kHighest) == 0;
}

template <class T>
bool all_within(const ArraySource& source, T limit, bool nan_allowed) noexcept {
  using Dense = std::integral_constant<int64_t, sizeof(T)>;
  int64_t runs = source.rows, count = source.columns, stride = source.row_stride, step = source.column_stride;
  if (std::abs(stride) < std::abs(step)) {  // columns lie one after another
    std::swap(runs, count);
    std::swap(stride, step);
  }
  if (step == Dense::value && stride == count * step) {  // so do all values
    count *= runs;
    runs = 1;
  }
  const auto* data = static_cast<const char*>(source.data);
  bool within = true;
  for (int64_t r = 0; r < runs && within; ++r) {
    const char* run = data + r * stride;
    within = step == Dense::value ? run_within<T>(run, count, Dense{}, limit, nan_allowed)
                                  : run_within<T>(run, count, step, limit, nan_allowed);
  }
  return within;
}

}  // namespace

bool values_within(const ArraySource& source, double limit, bool nan_allowed) {
  switch (source.type) {
    case kernels::SourceType::kF32:
      return all_within<float>(source, static_cast<float>(limit), nan_allowed);
    case kernels::SourceType::kF64:
      return all_within<double>(source, limit, nan_allowed);
    default:
      throw_error(Error::Kind::kType, {"values_within: expected float32 or float64"});
  }
}

std::vector<int64_t> narrow_columns(const ArraySource& source) {
  constexpr int64_t kSample = 64;
  constexpr double kNarrow = 1.0 / 64.0;
  std::vector<int64_t> narrow;
  if (source.type != kernels::SourceType::kF64 || source.rows < 2) return narrow;
  const int64_t sample = std::min(source.rows, kSample);
  for (int64_t c = 0; c < source.columns; ++c) {
    double low = std::numeric_limits<double>::infinity(), high = -low;
    bool held = true;
    for (int64_t i = 0; i < sample; ++i) {
      const int64_t row = i * (source.rows - 1) / (sample - 1);
      double value;
      std::memcpy(&value,
                  static_cast<const char*>(source.data) + row * source.row_stride + c * source.column_stride,
                  sizeof value);
      low = std::min(low, value);
      high = std::max(high, value);
      held = held && static_cast<double>(static_cast<float>(value)) == value;
    }
    const double spread = high - low;
    if (!held && spread > 0.0 && spread < kNarrow * std::max(-low, high)) narrow.push_back(c);
  }
  return narrow;
}

}  // namespace lamina
