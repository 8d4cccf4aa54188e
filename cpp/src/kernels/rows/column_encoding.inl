// Columns of a table in compact form become features: numbers, categories and dates; and their gradient.
#pragma once

#include "kernels/rows/row_parts.inl"

namespace lamina::kernels {
namespace {

// Values beyond count as this, so that every feature is finite.
template <class T>
constexpr T kFarthest = T(1e15);

// Days of the mean year, the week and the day.
constexpr int kPeriodCount = 3;
constexpr double kPeriods[kPeriodCount] = {365.2425, 7.0, 1.0};

template <class T>
LAMINA_INLINE T clipped(T x, T low, T high) {
  x = x > low ? x : low;
  return x < high ? x : high;
}

// z / sqrt(1 + (z / limit)^2), which rounding keeps within the limit too, and its derivative by z; z itself
// for a limit of 0.
template <class T>
LAMINA_INLINE T bend(T z, T limit, T& slope) {
  slope = T(1);
  if (limit == T(0)) return z;
  const T share = z / limit;
  const T factor = lane_zero(broadcast<T>(T(1)) / sqrt(broadcast<T>(T(1) + share * share)));
  slope = factor * factor * factor;
  return clipped(z * factor, -limit, limit);
}

// A number's place p among its knots, the segment k that holds it (the first or the last beyond the ends),
// and the scaled value z with its derivative by p.
template <class T>
struct Place {
  T p, z, slope;
  int64_t k;
};

template <class T>
LAMINA_INLINE Place<T> find_place(const ColumnCode<T>& code, T x) {
  const T p = clipped(x != x ? static_cast<T>(code.fill) : x, -kFarthest<T>, kFarthest<T>);
  if (code.count == 0) return {p, p, T(1), 0};
  const int64_t last = code.count - 1;
  const int64_t k = p < T(0) ? 0 : p < static_cast<T>(last) ? static_cast<int64_t>(p) : last;
  const T slope = code.knots[k + 1] - code.knots[k];
  const T z = code.knots[k] + (p - static_cast<T>(k)) * slope;
  return {p, clipped(z, -kFarthest<T>, kFarthest<T>), slope, k};
}

template <class T>
LAMINA_INLINE T* encode_number(const ColumnCode<T>& code, T x, T* out) {
  const Place<T> place = find_place(code, x);
  T unused;
  *out++ = bend(place.z, code.limit, unused);
  const Vec<T> p = broadcast<T>(place.p), one = broadcast<T>(T(1));
  for (int64_t k = 0; k < code.count; k += Vec<T>::kLanes) {
    const Vec<T> step = p - (load(LaneNumbers<T>::kValues) + broadcast<T>(static_cast<T>(k)));
    store_up_to(out + k, min(max(step, zero<T>()), one), code.count - k);
  }
  return out + code.count;
}

// A code's place among 0, 1, ..., count - 1; count for whatever is none of them.
template <class T>
LAMINA_INLINE int64_t place_of_code(T x, int64_t count) {
  if (!(x >= T(0) && x < static_cast<T>(count))) return count;
  const auto place = static_cast<int64_t>(x);
  return static_cast<T>(place) == x ? place : count;
}

template <class T>
LAMINA_INLINE T* encode_category(const ColumnCode<T>& code, T x, T* out) {
  for (int64_t k = 0; k < code.count; k += Vec<T>::kLanes) store_up_to(out + k, zero<T>(), code.count - k);
  const int64_t k = place_of_code(x, code.count);
  if (k < code.count) out[k] = T(1);
  return out + code.count;
}

template <class T>
struct DateParts {
  T z;
  T sine[kPeriodCount], cosine[kPeriodCount];
};

template <class T>
LAMINA_INLINE DateParts<T> date_parts(const ColumnCode<T>& code, T day, T time) {
  constexpr double kFar = static_cast<double>(kFarthest<T>);
  constexpr int kSlots = 16;  // at least the lanes of any vector
  double x = static_cast<double>(day) + static_cast<double>(time);
  x = clipped(x != x ? code.fill : x, -kFar, kFar);
  DateParts<T> parts;
  parts.z = static_cast<T>(clipped((x - code.center) / code.scale, -kFar, kFar));
  alignas(64) T angles[kSlots] = {}, sines[kSlots], cosines[kSlots];
  for (int i = 0; i < kPeriodCount; ++i) {
    const double turns = x / kPeriods[i];
    angles[i] = static_cast<T>(kTwoPi * (turns - static_cast<double>(static_cast<int64_t>(turns))));
  }
  for (int i = 0; i < kPeriodCount; i += static_cast<int>(Vec<T>::kLanes)) {
    Vec<T> sine, cosine;
    sin_cos(load(angles + i), sine, cosine);
    store(sines + i, sine);
    store(cosines + i, cosine);
  }
  for (int i = 0; i < kPeriodCount; ++i) {
    parts.sine[i] = sines[i];
    parts.cosine[i] = cosines[i];
  }
  return parts;
}

template <class T>
LAMINA_INLINE T* encode_date(const ColumnCode<T>& code, T day, T time, T* out) {
  const DateParts<T> parts = date_parts(code, day, time);
  T unused;
  *out++ = bend(parts.z, code.limit, unused);
  for (int i = 0; i < kPeriodCount; ++i) {
    *out++ = parts.sine[i];
    *out++ = parts.cosine[i];
  }
  return out;
}

template <class T>
void encode_columns(const EncodeColumns<T>& job) noexcept {
  for (int64_t r = 0; r < job.rows; ++r) {
    const T* in = job.in + r * job.in_row_stride;
    T* row = job.out + r * job.out_row_stride;
    T* out = row;
    for (int64_t i = 0; i < job.code_count; ++i) {
      const ColumnCode<T>& code = job.codes[i];
      T present = *in++;  // NaN where the value is missing
      switch (code.kind) {
        case ColumnKind::kNumber:
          out = encode_number(code, present, out);
          break;
        case ColumnKind::kCategory:
          out = encode_category(code, present, out);
          break;
        case ColumnKind::kCode:
          *out++ = static_cast<T>(place_of_code(present, code.count));
          break;
        case ColumnKind::kDate:
          out = encode_date(code, present, *in, out);
          present += *in++;
          break;
      }
      if (code.indicator) *out++ = present != present ? T(1) : T(0);
    }
    const int64_t columns = out - row;
    for (int64_t c = columns; c < padded_columns<T>(columns); ++c) row[c] = T(0);
  }
}

template <class T>
void code_columns(const EncodeColumns<T>& job, int64_t plain_count) noexcept {
  for (int64_t r = 0; r < job.rows; ++r) {
    const T* in = job.in + r * job.in_row_stride;
    T *plain = job.out + r * job.out_row_stride, *number = plain + plain_count;
    for (int64_t i = 0; i < job.code_count; ++i) {
      const ColumnCode<T>& code = job.codes[i];
      T present = *in++;
      switch (code.kind) {
        case ColumnKind::kNumber: {
          const Place<T> place = find_place(code, present);
          T unused;
          *plain++ = bend(place.z, code.limit, unused);
          if (code.count > 0) *number++ = clipped(place.p, T(0), static_cast<T>(code.count));
          break;
        }
        case ColumnKind::kCategory:
          *number++ = static_cast<T>(place_of_code(present, code.count));
          break;
        case ColumnKind::kCode:
          *plain++ = static_cast<T>(place_of_code(present, code.count));
          break;
        case ColumnKind::kDate:
          plain = encode_date(code, present, *in, plain);
          present += *in++;
          break;
      }
      if (code.indicator) *plain++ = present != present ? T(1) : T(0);
    }
  }
}

template <class T>
LAMINA_INLINE T number_gradient(const ColumnCode<T>& code, T x, const T* dy) {
  if (!(x >= -kFarthest<T> && x <= kFarthest<T>)) return T(0);
  const Place<T> place = find_place(code, x);
  T bent;
  bend(place.z, code.limit, bent);
  T gradient = dy[0] * bent * place.slope;
  if (code.count > 0 && place.p >= T(0) && place.p <= static_cast<T>(code.count)) gradient += dy[1 + place.k];
  return gradient;
}

template <class T>
LAMINA_INLINE T date_gradient(const ColumnCode<T>& code, T day, T time, const T* dy) {
  const T x = day + time;
  if (!(x >= -kFarthest<T> && x <= kFarthest<T>)) return T(0);
  const DateParts<T> parts = date_parts(code, day, time);
  T bent;
  bend(parts.z, code.limit, bent);
  T gradient = dy[0] * bent / static_cast<T>(code.scale);
  for (int i = 0; i < kPeriodCount; ++i) {
    const T turn = dy[1 + 2 * i] * parts.cosine[i] - dy[2 + 2 * i] * parts.sine[i];
    gradient += turn * static_cast<T>(kTwoPi / kPeriods[i]);
  }
  return gradient;
}

template <class T>
void encode_columns_backward(const EncodeColumnsBackward<T>& job) noexcept {
  for (int64_t r = 0; r < job.rows; ++r) {
    const T* in = job.in + r * job.in_row_stride;
    const T* dy = job.dy + r * job.dy_row_stride;
    T* row = job.dx + r * job.dx_row_stride;
    T* dx = row;
    for (int64_t i = 0; i < job.code_count; ++i) {
      const ColumnCode<T>& code = job.codes[i];
      switch (code.kind) {
        case ColumnKind::kNumber:
          *dx++ = number_gradient(code, *in++, dy);
          dy += 1 + code.count;
          break;
        case ColumnKind::kCategory:
          *dx++ = T(0);
          ++in;
          dy += code.count;
          break;
        case ColumnKind::kCode:
          *dx++ = T(0);
          ++in;
          ++dy;
          break;
        case ColumnKind::kDate:
          dx[0] = dx[1] = date_gradient(code, in[0], in[1], dy);
          dx += 2;
          in += 2;
          dy += 1 + 2 * kPeriodCount;
          break;
      }
      dy += code.indicator;
    }
    const int64_t columns = dx - row;
    for (int64_t c = columns; c < padded_columns<T>(columns); ++c) row[c] = T(0);
  }
}

template <class T>
constexpr void enter_column_encoding(KernelTable<T>& table) {
  table.encode_columns = &encode_columns<T>;
  table.code_columns = &code_columns<T>;
  table.encode_columns_backward = &encode_columns_backward<T>;
}

}  // namespace
}  // namespace lamina::kernels
