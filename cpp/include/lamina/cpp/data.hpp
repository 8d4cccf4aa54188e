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

// Rows [rows, inputs] for the length of a call: any contiguous range of float or double.
class Inputs {
 public:
  template <detail::RealRange R>
  Inputs(const R& numbers) noexcept  // NOLINT
      : values_(std::ranges::data(numbers)),
        count_(std::ranges::size(numbers)),
        type_(detail::type_of<detail::element_of<R>>) {}
  Inputs(std::initializer_list<float> numbers) noexcept
      : values_(numbers.begin()), count_(numbers.size()), type_(LAMINA_FLOAT32) {}
  [[nodiscard]] const void* values() const noexcept { return values_; }
  [[nodiscard]] std::size_t count() const noexcept { return count_; }
  [[nodiscard]] lamina_type type() const noexcept { return type_; }

 private:
  const void* values_;
  std::size_t count_;
  lamina_type type_;
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
  data.rows = rows_of(x.count(), inputs, where);
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
