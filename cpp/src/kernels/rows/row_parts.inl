// What losses and row functions share: lane masks for row ends, row maxima, sums and exponentials.
#pragma once

#include "kernels/kernel_table.h"
#include "kernels/simd/math.inl"

namespace lamina::kernels {
namespace {

constexpr double kTwoPi = 6.283185307179586;

LAMINA_INLINE int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

// `columns` rounded up to 64 bytes.
template <class T>
constexpr int64_t padded_columns(int64_t columns) {
  constexpr int64_t kStep = 64 / static_cast<int64_t>(sizeof(T));
  return (columns + kStep - 1) / kStep * kStep;
}

template <class T>
struct LaneNumbers;
template <>
struct LaneNumbers<float> {
  alignas(64) static constexpr float kValues[16] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15};
};
template <>
struct LaneNumbers<double> {
  alignas(64) static constexpr double kValues[8] = {0, 1, 2, 3, 4, 5, 6, 7};
};

// True in the first n lanes; n may exceed the lanes.
template <class T>
LAMINA_INLINE Mask<T> first_lanes_mask(int64_t n) {
  return lt(load(LaneNumbers<T>::kValues), broadcast<T>(static_cast<T>(n)));
}

// The first n elements, or a whole vector where there are as many; lanes beyond are 0.
template <class T>
LAMINA_INLINE Vec<T> load_up_to(const T* p, int64_t n) {
  return n >= Vec<T>::kLanes ? loadu(p) : load_n(p, n);
}

template <class T>
LAMINA_INLINE void store_up_to(T* p, Vec<T> v, int64_t n) {
  if (n >= Vec<T>::kLanes) {
    storeu(p, v);
  } else {
    store_n(p, v, n);
  }
}

// x in lane 0, zeros elsewhere.
template <class T>
LAMINA_INLINE Vec<T> first_lane(T x) {
  return select(first_lanes_mask<T>(1), broadcast<T>(x), zero<T>());
}

template <class T>
LAMINA_INLINE T lane_zero(Vec<T> v) {
  alignas(64) T lanes[Vec<T>::kLanes];
  store(lanes, v);
  return lanes[0];
}

// A sum kept in double; vectors are gathered in T first, few enough that T's rounding does not build up.
template <class T>
class RowSum {
 public:
  LAMINA_INLINE void add(Vec<T> v) {
    part_ = part_ + v;
    if (++count_ == kFlush) flush();
  }
  LAMINA_INLINE double total() {
    flush();
    return total_;
  }

 private:
  static constexpr int kFlush = 16;
  LAMINA_INLINE void flush() {
    total_ += static_cast<double>(reduce_add(part_));
    part_ = zero<T>();
    count_ = 0;
  }
  Vec<T> part_ = zero<T>();
  double total_ = 0.0;
  int count_ = 0;
};

// The largest of the first `columns` elements of a padded row at any address; -inf stands in for the padding.
template <class T>
LAMINA_INLINE T row_max(int64_t columns, const T* row) {
  const Vec<T> lowest = broadcast<T>(static_cast<T>(-__builtin_huge_valf()));
  Vec<T> largest = lowest;
  int64_t c = 0;
  for (; c + Vec<T>::kLanes <= columns; c += Vec<T>::kLanes) largest = max(largest, loadu(row + c));
  if (c < columns) largest = max(largest, select(first_lanes_mask<T>(columns - c), loadu(row + c), lowest));
  return reduce_max(largest);
}

// exp(row - largest) for a padded row at any address into `out` (may be null or row itself), 0 in its
// padding; the sum.
template <class T>
LAMINA_INLINE T row_exp(int64_t columns, const T* row, T largest, T* out) {
  const Vec<T> shift = broadcast<T>(largest);
  Vec<T> sum = zero<T>();
  int64_t c = 0;
  for (; c + Vec<T>::kLanes <= columns; c += Vec<T>::kLanes) {
    const Vec<T> e = exp_nonpositive(loadu(row + c) - shift);
    sum = sum + e;
    if (out != nullptr) store(out + c, e);
  }
  for (; c < padded_columns<T>(columns); c += Vec<T>::kLanes) {
    Vec<T> e = zero<T>();
    if (c < columns) {
      e = exp_nonpositive(loadu(row + c) - shift);
      e = select(first_lanes_mask<T>(columns - c), e, zero<T>());
      sum = sum + e;
    }
    if (out != nullptr) store(out + c, e);
  }
  return reduce_add(sum);
}

// The sum of row - shift over the first `columns` elements.
template <class T>
LAMINA_INLINE double row_sum_shifted(int64_t columns, const T* row, T shift) {
  RowSum<T> sum;
  for (int64_t c = 0; c < columns; c += Vec<T>::kLanes) {
    const Vec<T> shifted = load(row + c) - broadcast<T>(shift);
    sum.add(select(first_lanes_mask<T>(columns - c), shifted, zero<T>()));
  }
  return sum.total();
}

// row = row / divisor in the first `columns` elements of a padded row, whose padding is 0.
template <class T>
LAMINA_INLINE void row_divide(int64_t columns, T* row, T divisor) {
  const Vec<T> by = broadcast<T>(divisor);
  for (int64_t c = 0; c < columns; c += Vec<T>::kLanes) store(row + c, load(row + c) / by);
}

// row = value(c), a vector from column c on, in the first `columns` elements of a padded row, 0 in its
// padding.
template <class T, class Value>
LAMINA_INLINE void row_transform(int64_t columns, T* row, Value value) {
  int64_t c = 0;
  for (; c + Vec<T>::kLanes <= columns; c += Vec<T>::kLanes) store(row + c, value(c));
  if (c < columns) {
    store(row + c, select(first_lanes_mask<T>(columns - c), value(c), zero<T>()));
    c += Vec<T>::kLanes;
  }
  for (; c < padded_columns<T>(columns); c += Vec<T>::kLanes) store(row + c, zero<T>());
}

// row = row * scale + added, as row_transform.
template <class T>
LAMINA_INLINE void row_scale(int64_t columns, T* row, T scale, T added) {
  const Vec<T> factor = broadcast<T>(scale), offset = broadcast<T>(added);
  row_transform(columns, row, [&](int64_t c) { return fma(load(row + c), factor, offset); });
}

// The sum of term(c), a vector from column c on, over the first `columns` columns.
template <class T, class Term>
LAMINA_INLINE T row_total(int64_t columns, Term term) {
  RowSum<T> sum;
  int64_t c = 0;
  for (; c + Vec<T>::kLanes <= columns; c += Vec<T>::kLanes) sum.add(term(c));
  if (c < columns) sum.add(select(first_lanes_mask<T>(columns - c), term(c), zero<T>()));
  return static_cast<T>(sum.total());
}

}  // namespace
}  // namespace lamina::kernels
