// Rows of numbers: what a network reads, what it is taught, and what it gives.
#pragma once

#include <lamina/cpp/description.hpp>

#include <algorithm>
#include <initializer_list>
#include <iterator>
#include <ranges>
#include <span>

namespace lamina {
inline namespace v1 {

namespace detail {

template <class T>
concept Real = std::same_as<T, float> || std::same_as<T, double>;

template <class R>
using element_of = std::remove_cv_t<std::ranges::range_value_t<R>>;

// Numbers one after the other in memory: a vector, an array, a span, a Matrix.
template <class R>
concept RealRange = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> && Real<element_of<R>>;

template <class R>
concept WholeRange = std::ranges::contiguous_range<R> && std::ranges::sized_range<R> &&
                     std::integral<element_of<R>> && !std::same_as<element_of<R>, bool>;

template <Real T>
inline constexpr lamina_type type_of = std::same_as<T, double> ? LAMINA_FLOAT64 : LAMINA_FLOAT32;

// How many rows of `width` numbers these are.
inline std::size_t rows_of(std::size_t count, std::size_t width, const char* where) {
  if (width == 0) refuse(std::string(where) + ": expected a network, got one that was moved from");
  if (count % width != 0)
    refuse(std::string(where) + ": expected rows of " + std::to_string(width) + " numbers, got " +
           std::to_string(count) + " numbers");
  return count / width;
}

}  // namespace detail

// Rows of numbers in someone else's memory.
template <class T>
class Rows {
 public:
  Rows(const T* values, std::size_t rows, std::size_t columns) noexcept
      : values_(values), rows_(rows), columns_(columns) {}
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t columns() const noexcept { return columns_; }
  [[nodiscard]] std::span<const T> operator[](std::size_t row) const noexcept {
    return {values_ + row * columns_, columns_};
  }
  [[nodiscard]] std::span<const T> values() const noexcept { return {values_, rows_ * columns_}; }

 private:
  const T* values_;
  std::size_t rows_, columns_;
};

// Rows of numbers, one after the other in a vector.
template <class T>
class Matrix {
 public:
  Matrix(std::size_t rows, std::size_t columns) : values_(rows * columns), rows_(rows), columns_(columns) {}
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  [[nodiscard]] std::size_t columns() const noexcept { return columns_; }
  [[nodiscard]] std::span<const T> operator[](std::size_t row) const noexcept {
    return {values_.data() + row * columns_, columns_};
  }
  [[nodiscard]] std::span<T> operator[](std::size_t row) noexcept {
    return {values_.data() + row * columns_, columns_};
  }
  [[nodiscard]] const std::vector<T>& values() const& noexcept { return values_; }
  [[nodiscard]] std::vector<T> values() && noexcept { return std::move(values_); }

  // All numbers, row after row.
  [[nodiscard]] T* data() noexcept { return values_.data(); }
  [[nodiscard]] const T* data() const noexcept { return values_.data(); }
  [[nodiscard]] std::size_t size() const noexcept { return values_.size(); }
  [[nodiscard]] auto begin() noexcept { return values_.begin(); }
  [[nodiscard]] auto end() noexcept { return values_.end(); }
  [[nodiscard]] auto begin() const noexcept { return values_.begin(); }
  [[nodiscard]] auto end() const noexcept { return values_.end(); }

 private:
  std::vector<T> values_;
  std::size_t rows_, columns_;
};

// The place of the largest number of a row: the class that a softmax chose.
template <class T>
[[nodiscard]] std::size_t argmax(std::span<T> row) noexcept {
  return static_cast<std::size_t>(std::distance(row.begin(), std::max_element(row.begin(), row.end())));
}

// Compressed sparse rows (CSR) in someone else's memory, as scipy's csr_matrix has them: row r stores
// values[indptr[r]] to values[indptr[r + 1] - 1], at columns in ascending order which `indices` holds (both
// std::int32_t or std::int64_t); the rest is 0.
template <class T>
class SparseRows {
 public:
  template <detail::RealRange V, detail::WholeRange I, detail::WholeRange P>
    requires(std::same_as<detail::element_of<V>, T> &&
             std::same_as<detail::element_of<I>, detail::element_of<P>> &&
             (std::same_as<detail::element_of<I>, std::int32_t> ||
              std::same_as<detail::element_of<I>, std::int64_t>))
  SparseRows(const V& values, const I& indices, const P& indptr) : rows_(std::ranges::size(indptr)) {
    if (std::ranges::size(values) != std::ranges::size(indices))
      detail::refuse("sparse rows: expected an index for each of " +
                     std::to_string(std::ranges::size(values)) + " values, got " +
                     std::to_string(std::ranges::size(indices)));
    if (rows_ == 0) detail::refuse("sparse rows: expected indptr of rows + 1 numbers, got none");
    --rows_;
    stored_.values = std::ranges::data(values);
    stored_.type = detail::type_of<T>;
    stored_.stored = std::ranges::size(values);
    stored_.indices = std::ranges::data(indices);
    stored_.indptr = std::ranges::data(indptr);
    stored_.wide_indices = sizeof(detail::element_of<I>) == sizeof(std::int64_t) ? 1 : 0;
  }
  [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
  // For calls of lamina.h.
  [[nodiscard]] const lamina_sparse_rows& stored() const noexcept { return stored_; }

 private:
  std::size_t rows_;
  lamina_sparse_rows stored_ = LAMINA_SPARSE_ROWS_INIT;
};
template <class V, class I, class P>
SparseRows(const V&, const I&, const P&) -> SparseRows<detail::element_of<V>>;

// Rows [rows, inputs] for the length of a call: any contiguous range of float or double, or sparse rows.
class Inputs {
 public:
  template <detail::RealRange R>
  Inputs(const R& numbers) noexcept  // NOLINT
      : values_(std::ranges::data(numbers)),
        count_(std::ranges::size(numbers)),
        type_(detail::type_of<detail::element_of<R>>) {}
  Inputs(std::initializer_list<float> numbers) noexcept
      : values_(numbers.begin()), count_(numbers.size()), type_(LAMINA_FLOAT32) {}
  template <class T>
  Inputs(const SparseRows<T>& rows) noexcept  // NOLINT
      : values_(nullptr), count_(rows.rows()), type_(detail::type_of<T>), sparse_(rows.stored()) {}
  [[nodiscard]] const void* values() const noexcept { return values_; }
  [[nodiscard]] lamina_type type() const noexcept { return type_; }
  // Rows of so many numbers.
  [[nodiscard]] std::size_t rows(std::size_t width, const char* where) const {
    return sparse_ ? count_ : detail::rows_of(count_, width, where);
  }
  // The same, where sparse ones are not taken.
  [[nodiscard]] std::size_t dense_rows(std::size_t width, const char* where) const {
    if (sparse_) detail::refuse(std::string(where) + ": expected rows in full, got sparse ones");
    return rows(width, where);
  }
  [[nodiscard]] const lamina_sparse_rows* sparse() const noexcept { return sparse_ ? &*sparse_ : nullptr; }

 private:
  const void* values_;
  std::size_t count_;
  lamina_type type_;
  std::optional<lamina_sparse_rows> sparse_ = {};
};

// Classes [rows] from 0, a range of whole numbers; or values [rows, columns], a range of float or double.
class Targets {
 public:
  template <detail::RealRange R>
  Targets(const R& numbers) noexcept  // NOLINT
      : values_(std::ranges::data(numbers)),
        count_(std::ranges::size(numbers)),
        type_(detail::type_of<detail::element_of<R>>) {}
  template <detail::WholeRange R>
  Targets(const R& classes) : count_(std::ranges::size(classes)) {  // NOLINT
    if constexpr (std::same_as<detail::element_of<R>, std::int32_t>) {
      classes_ = std::ranges::data(classes);
    } else {
      converted_.reserve(count_);
      for (const auto value : classes) {
        if (!std::in_range<std::int32_t>(value))
          detail::refuse("y: expected classes below 2147483648, got " + std::to_string(value));
        converted_.push_back(static_cast<std::int32_t>(value));
      }
    }
  }
  Targets(std::initializer_list<int> classes)
      : converted_(classes.begin(), classes.end()), count_(classes.size()) {}
  [[nodiscard]] const void* values() const noexcept { return values_; }
  [[nodiscard]] const std::int32_t* classes() const noexcept {
    return converted_.empty() ? classes_ : converted_.data();
  }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] lamina_type type() const noexcept { return type_; }

 private:
  const void* values_ = nullptr;
  const std::int32_t* classes_ = nullptr;
  std::vector<std::int32_t> converted_ = {};
  std::size_t count_ = 0;
  lamina_type type_ = LAMINA_FLOAT32;
};

// Rows with their targets, and weights of at least 0 where they have some.
struct Examples {
  Inputs x;
  Targets y;
  std::optional<std::span<const double>> weights = {};
};

namespace detail {

// As lamina.h has them, for a network of so many inputs.
inline lamina_data data_of(const Inputs& x, const Targets& y,
                           const std::optional<std::span<const double>>& weights, std::size_t inputs,
                           const char* where) {
  lamina_data data = LAMINA_DATA_INIT;
  data.x = x.values();
  data.x_type = x.type();
  data.rows = x.rows(inputs, where);
  data.sparse_x = x.sparse();
  data.classes = y.classes();
  data.y = y.values();
  data.y_type = y.type();
  const bool whole = data.classes != nullptr ? y.count() == data.rows
                     : data.rows == 0        ? y.count() == 0
                                             : y.count() % data.rows == 0;
  if (!whole)
    refuse(std::string(where) + ": expected y for " + std::to_string(data.rows) + " rows as x has, got " +
           std::to_string(y.count()) + (data.classes != nullptr ? " classes" : " numbers"));
  if (data.y != nullptr) data.y_columns = data.rows == 0 ? 1 : y.count() / data.rows;
  if (weights && weights->size() != data.rows)
    refuse(std::string(where) + ": expected a weight for each of " + std::to_string(data.rows) +
           " rows, got " + std::to_string(weights->size()));
  if (weights) data.weights = weights->data();
  return data;
}

}  // namespace detail
}  // namespace v1
}  // namespace lamina
