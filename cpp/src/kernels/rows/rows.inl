// Functions over rows that are no layer's own: softmax, gathering a batch, checks and norms.
#pragma once

#include <string.h>

#include "kernels/rows/row_parts.inl"

namespace lamina::kernels {
namespace {

template <class T>
void softmax_rows(int64_t rows, int64_t columns, T* values, int64_t row_stride, bool take_log,
                  const T* source) noexcept {
  for (int64_t r = 0; r < rows; ++r) {
    T* row = values + r * row_stride;
    const T* z = source != nullptr ? source + r * columns : row;
    const T largest = row_max(columns, z);
    if (take_log) {
      const T sum = row_exp(columns, z, largest, static_cast<T*>(nullptr));
      const Vec<T> log_sum = broadcast<T>(lane_zero(log(broadcast<T>(sum))));
      row_transform(columns, row,
                    [&](int64_t c) { return (loadu(z + c) - broadcast<T>(largest)) - log_sum; });
    } else {
      const T sum = row_exp(columns, z, largest, row);
      row_divide(columns, row, sum);
    }
  }
}

template <class T>
void softmax_backward_rows(int64_t rows, int64_t columns, const T* y, int64_t y_row_stride, T* delta,
                           int64_t delta_row_stride, bool take_log, const T* source) noexcept {
  for (int64_t r = 0; r < rows; ++r) {
    const T* y_row = y + r * y_row_stride;
    T* d = delta + r * delta_row_stride;
    const T* dy = source != nullptr ? source + r * columns : d;
    if (take_log) {
      const Vec<T> total = broadcast<T>(row_total<T>(columns, [&](int64_t c) { return loadu(dy + c); }));
      row_transform(columns, d,
                    [&](int64_t c) { return fnma(exp_nonpositive(load(y_row + c)), total, loadu(dy + c)); });
    } else {
      const Vec<T> total =
          broadcast<T>(row_total<T>(columns, [&](int64_t c) { return loadu(dy + c) * load(y_row + c); }));
      row_transform(columns, d, [&](int64_t c) { return load(y_row + c) * (loadu(dy + c) - total); });
    }
  }
}

// A half-precision number's bits.
struct Half {
  uint16_t bits;
};
struct Bool {
  uint8_t value;
};

LAMINA_INLINE float to_number(Half half) {
  // Fraction and exponent moved into place, and the exponent's bias put right; that of infinity and NaN is
  // full. A subnormal half is its fraction as a whole number, times 2^-24: no step meets a subnormal float,
  // which would be flushed to 0.
  const uint32_t sign = static_cast<uint32_t>(half.bits & 0x8000u) << 16;
  const uint32_t magnitude = half.bits & 0x7fffu;
  const uint32_t bias = magnitude >= 0x7c00u ? uint32_t{255 - 31} << 23 : uint32_t{127 - 15} << 23;
  const float small = static_cast<float>(static_cast<int32_t>(magnitude)) * 0x1p-24f;
  uint32_t small_bits;
  memcpy(&small_bits, &small, sizeof small_bits);
  const uint32_t bits = sign | (magnitude < 0x0400u ? small_bits : (magnitude << 13) + bias);
  float value;
  memcpy(&value, &bits, sizeof value);
  return value;
}
LAMINA_INLINE float to_number(Bool value) { return value.value != 0 ? 1.0f : 0.0f; }
template <class S>
LAMINA_INLINE S to_number(S value) {
  return value;
}

// Neighbouring elements at any address, through a small aligned buffer so that the conversion vectorises.
template <class T, class S>
LAMINA_INLINE void convert_neighbours(int64_t columns, const char* source, T* __restrict out) {
  constexpr int64_t kChunk = 64;
  alignas(64) S chunk[kChunk];
  int64_t c = 0;
  for (; c + kChunk <= columns; c += kChunk) {
    memcpy(chunk, source + c * static_cast<int64_t>(sizeof(S)), sizeof chunk);
    for (int64_t i = 0; i < kChunk; ++i) out[c + i] = static_cast<T>(to_number(chunk[i]));
  }
  const int64_t rest = columns - c;
  memcpy(chunk, source + c * static_cast<int64_t>(sizeof(S)), static_cast<size_t>(rest) * sizeof(S));
  for (int64_t i = 0; i < rest; ++i) out[c + i] = static_cast<T>(to_number(chunk[i]));
}

template <class T, class S>
LAMINA_INLINE void convert_strided(int64_t columns, const char* source, int64_t stride, T* __restrict out) {
  for (int64_t c = 0; c < columns; ++c) {
    S element;
    memcpy(&element, source + c * stride, sizeof element);
    out[c] = static_cast<T>(to_number(element));
  }
}

template <class T, class S>
LAMINA_INLINE void convert_row(int64_t columns, const char* source, int64_t stride, T* out) {
  if (stride == static_cast<int64_t>(sizeof(S))) {
    convert_neighbours<T, S>(columns, source, out);
  } else {
    convert_strided<T, S>(columns, source, stride, out);
  }
}

// The same as a function to point at, for source types that are not worth loops over rows of their own.
template <class T, class S>
void convert_row_of(int64_t columns, const char* source, int64_t stride, T* out) noexcept {
  convert_row<T, S>(columns, source, stride, out);
}

LAMINA_INLINE void prefetch_row(const char* row, int64_t bytes) {
#if defined(__GNUC__)
  const int64_t limit = smaller(bytes, 512);
  for (int64_t i = 0; i < limit; i += 64) __builtin_prefetch(row + i);
  __builtin_prefetch(row + limit - 1);
#else
  (void)row;
  (void)bytes;
#endif
}

// Some columns of all rows at once, so that their offsets are summed once.
template <class T, class Convert>
LAMINA_INLINE void gather_less_offset(const GatherRows<T>& job, Convert convert) {
  constexpr int64_t kChunk = 64;
  alignas(64) double offset[kChunk], numbers[kChunk];
  const int64_t padded = padded_columns<T>(job.columns);
  for (int64_t first = 0; first < job.columns; first += kChunk) {
    const int64_t count = smaller(kChunk, job.columns - first);
    for (int64_t i = 0; i < count; ++i) {
      offset[i] = static_cast<double>(job.offset[first + i]) + static_cast<double>(job.offset_low[first + i]);
    }
    for (int64_t r = 0; r < job.rows; ++r) {
      const int64_t row = job.indices == nullptr ? job.first_row + r : job.indices[r];
      const char* from = static_cast<const char*>(job.source) + row * job.source_row_stride +
                         first * job.source_column_stride;
      T* out = job.out + r * job.out_row_stride + first;
      convert(count, from, job.source_column_stride, numbers);
      for (int64_t i = 0; i < count; ++i) out[i] = static_cast<T>(numbers[i] - offset[i]);
      if (first + count == job.columns) {
        for (int64_t c = count; c < padded - first; ++c) out[c] = T(0);
      }
    }
  }
}

template <class T, class Convert>
LAMINA_INLINE void gather_rows_with(const GatherRows<T>& job, int64_t element_size, Convert convert) {
  const bool neighbours = job.source_column_stride == element_size;
  const int64_t padded = padded_columns<T>(job.columns);
  const char* source = static_cast<const char*>(job.source);
  // Short rows are over before the next one has come from memory.
  const int64_t ahead = 1 + smaller(512 / (job.columns * element_size + 1), 7);
  for (int64_t r = 0; r < job.rows; ++r) {
    const int64_t row = job.indices == nullptr ? job.first_row + r : job.indices[r];
    T* out = job.out + r * job.out_row_stride;
    if (job.indices != nullptr && neighbours && r + ahead < job.rows) {
      prefetch_row(source + job.indices[r + ahead] * job.source_row_stride, job.columns * element_size);
    }
    for (int64_t c = job.columns; c < padded; ++c) out[c] = T(0);
    convert(job.columns, source + row * job.source_row_stride, job.source_column_stride, out);
  }
}

// Whichever type the source has, through a pointer to its conversion.
template <class T>
using ConvertRow = void (*)(int64_t columns, const char* source, int64_t stride, T* out) noexcept;

template <class T>
void gather_rows_by(const GatherRows<T>& job, int64_t element_size, ConvertRow<T> convert,
                    ConvertRow<double> convert_to_double) noexcept {
  if (job.offset != nullptr) return gather_less_offset(job, convert_to_double);
  gather_rows_with(job, element_size, convert);
}

// Up to 64 numbers of at most 16 bits, all of which float holds.
template <class S>
void convert_short_row_of(int64_t columns, const char* source, int64_t stride, double* out) noexcept {
  alignas(64) float numbers[64];
  convert_row_of<float, S>(columns, source, stride, numbers);
  for (int64_t c = 0; c < columns; ++c) out[c] = static_cast<double>(numbers[c]);
}

template <class T, class S>
void gather_rows_of(const GatherRows<T>& job) noexcept {
  if constexpr (sizeof(T) == sizeof(float) && sizeof(S) <= 2) {
    gather_rows_by<T>(job, sizeof(S), &convert_row_of<T, S>, &convert_short_row_of<S>);
  } else {
    gather_rows_by<T>(job, sizeof(S), &convert_row_of<T, S>, &convert_row_of<double, S>);
  }
}

template <class T, class S>
struct RowConversion {
  LAMINA_INLINE void operator()(int64_t columns, const char* source, int64_t stride, T* out) const {
    convert_row<T, S>(columns, source, stride, out);
  }
};

// Rows of T that lie as it does, of one cache line at most, each in a few vectors: a call of memcpy a row
// would take longer than the copying.
template <class T>
LAMINA_INLINE bool gather_short_rows(const GatherRows<T>& job) {
  constexpr int64_t kSize = static_cast<int64_t>(sizeof(T));
  const int64_t padded = padded_columns<T>(job.columns);
  const auto misfit =
      (reinterpret_cast<uintptr_t>(job.source) | static_cast<uintptr_t>(job.source_row_stride)) %
      static_cast<uintptr_t>(kSize);
  if (padded * kSize > 64 || job.source_column_stride != kSize || misfit != 0) return false;
  const char* source = static_cast<const char*>(job.source);
  constexpr int64_t kAhead = 16;
  const int64_t known = job.indices == nullptr ? 0 : job.rows + job.following;
  for (int64_t r = 0; r < job.rows; ++r) {
    const int64_t row = job.indices == nullptr ? job.first_row + r : job.indices[r];
    if (r + kAhead < known) prefetch(source + job.indices[r + kAhead] * job.source_row_stride);
    const T* from = reinterpret_cast<const T*>(source + row * job.source_row_stride);
    T* out = job.out + r * job.out_row_stride;
    for (int64_t c = 0; c < padded; c += Vec<T>::kLanes) {
      store(out + c, c < job.columns ? load_up_to(from + c, job.columns - c) : zero<T>());
    }
  }
  return true;
}

// Floating-point numbers, which most sources are, in a loop of their own.
template <class T, class S>
void gather_numbers_of(const GatherRows<T>& job) noexcept {
  if (job.offset != nullptr) return gather_rows_of<T, S>(job);
  if constexpr (sizeof(T) == sizeof(S)) {
    if (gather_short_rows(job)) return;
  }
  gather_rows_with(job, sizeof(S), RowConversion<T, S>());
}

template <class T>
void gather_rows(const GatherRows<T>& job) noexcept {
  switch (job.type) {
    case SourceType::kF32:
      return gather_numbers_of<T, float>(job);
    case SourceType::kF64:
      return gather_numbers_of<T, double>(job);
    case SourceType::kU8:
      return gather_rows_of<T, uint8_t>(job);
    case SourceType::kI8:
      return gather_rows_of<T, int8_t>(job);
    case SourceType::kU16:
      return gather_rows_of<T, uint16_t>(job);
    case SourceType::kI16:
      return gather_rows_of<T, int16_t>(job);
    case SourceType::kI32:
      return gather_rows_of<T, int32_t>(job);
    case SourceType::kU32:
      return gather_rows_of<T, uint32_t>(job);
    case SourceType::kI64:
      return gather_rows_of<T, int64_t>(job);
    case SourceType::kU64:
      return gather_rows_of<T, uint64_t>(job);
    case SourceType::kBool:
      return gather_rows_of<T, Bool>(job);
    case SourceType::kF16:
      return gather_rows_of<T, Half>(job);
  }
}

template <class T>
bool all_finite(int64_t n, const T* values) noexcept {
  Vec<T> sum = zero<T>();
  int64_t i = 0;
  for (; i + Vec<T>::kLanes <= n; i += Vec<T>::kLanes) sum = fma(loadu(values + i), zero<T>(), sum);
  if (i < n) sum = fma(load_n(values + i, n - i), zero<T>(), sum);
  return !any(is_nan(sum));
}

// Eight chains in double whatever the vector, so that the sum is the same on every instruction set.
template <class T, class Term>
LAMINA_INLINE double sum_in_double(int64_t n, const T* values, Term term) {
  double chain[8] = {};
  int64_t i = 0;
  for (; i + 8 <= n; i += 8) {
    for (int64_t k = 0; k < 8; ++k) chain[k] += term(static_cast<double>(values[i + k]));
  }
  for (int64_t k = 0; i + k < n; ++k) chain[k] += term(static_cast<double>(values[i + k]));
  return ((chain[0] + chain[4]) + (chain[2] + chain[6])) + ((chain[1] + chain[5]) + (chain[3] + chain[7]));
}

template <class T>
double sum_of_squares(int64_t n, const T* values) noexcept {
  return sum_in_double(n, values, [](double x) { return x * x; });
}

template <class T>
double sum_of_magnitudes(int64_t n, const T* values) noexcept {
  return sum_in_double(n, values, [](double x) { return x < 0.0 ? -x : x; });
}

template <class T>
constexpr void enter_row_functions(KernelTable<T>& table) {
  table.softmax_rows = &softmax_rows<T>;
  table.softmax_backward_rows = &softmax_backward_rows<T>;
  table.gather_rows = &gather_rows<T>;
  table.all_finite = &all_finite<T>;
  table.sum_of_squares = &sum_of_squares<T>;
  table.sum_of_magnitudes = &sum_of_magnitudes<T>;
}

}  // namespace
}  // namespace lamina::kernels
