// How rows and panels are padded: every row starts on 64 bytes and avoids 4 KiB aliasing.
#pragma once

#include <cstdint>

namespace lamina {

inline constexpr int64_t kRowBytes = 64;

// Width of a row of `columns` elements with its padding.
template <class T>
constexpr int64_t padded_columns(int64_t columns) noexcept {
  constexpr int64_t step = kRowBytes / static_cast<int64_t>(sizeof(T));
  return (columns + step - 1) / step * step;
}

// Distance between rows of an activation buffer; an even number of lines would crowd all rows into few cache
// sets.
template <class T>
constexpr int64_t row_stride_for(int64_t columns) noexcept {
  constexpr int64_t line = kRowBytes / static_cast<int64_t>(sizeof(T));
  const int64_t padded = padded_columns<T>(columns);
  const int64_t lines = padded / line;
  return lines >= 8 && lines % 2 == 0 ? padded + line : padded;
}

}  // namespace lamina
