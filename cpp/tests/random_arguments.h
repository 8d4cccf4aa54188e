// Arguments of the C interface drawn at random, right ones and wrong ones, and arrays that they read.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <iterator>
#include <limits>
#include <vector>

#include "lamina/lamina.h"
#include "mutations.h"

namespace lamina::test::c {

inline constexpr double kNaN = std::numeric_limits<double>::quiet_NaN();
inline constexpr std::size_t kHuge = std::numeric_limits<std::size_t>::max();
inline constexpr std::size_t kRoom = 4096;  // elements of each array

class RandomArguments {
 protected:
  explicit RandomArguments(std::uint64_t seed) : random_(seed), x_(kRoom), wide_(kRoom), classes_(kRoom) {
    for (std::size_t i = 0; i < kRoom; ++i) {
      x_[i] = static_cast<float>(static_cast<int>(i * 37 % 101) - 50) / 25.0F;
      wide_[i] = static_cast<double>(x_[i]);
      classes_[i] = static_cast<std::int32_t>(i * 7 % 2);
    }
  }

  bool chance(std::size_t of) { return below(random_, of) == 0; }
  template <class T>
  T* maybe(T* given) {
    return chance(20) ? nullptr : given;
  }
  std::size_t any_count() {
    constexpr std::size_t kCounts[] = {0, 1, 2, 3, 7, 31, 33, kHuge, kHuge / 2, std::size_t{1} << 40};
    return kCounts[below(random_, chance(4) ? std::size(kCounts) : 7)];
  }
  double any_number() {
    constexpr double kNumbers[] = {
        0.0, -0.0, 0.1, 1.0, -1.0, 1e300, 1e-300, kNaN, std::numeric_limits<double>::infinity(), 0.5};
    return kNumbers[below(random_, std::size(kNumbers))];
  }

  const char* any_activation() {
    constexpr const char* kNames[] = {"relu", "softmax", "tanh", "step", "\xFF", "", "sigmoid"};
    return kNames[below(random_, std::size(kNames))];
  }

  // They point to arrays of this object.
  std::vector<lamina_option> any_options() {
    numbers_ = {any_number(), any_number()};
    constexpr const char* kNames[] = {"units", "activation", "rate", "k",   "low",
                                      "high",  "columns",    "x",    "bias"};
    std::vector<lamina_option> options;
    for (std::size_t left = below(random_, 4); left > 0; --left) {
      const char* name = kNames[below(random_, std::size(kNames))];
      switch (below(random_, 8)) {
        case 0:
          options.push_back(lamina_number(name, any_number()));
          break;
        case 1:
          options.push_back(lamina_text(name, chance(10) ? nullptr : any_activation()));
          break;
        case 2:
          options.push_back(lamina_boolean(name, static_cast<int>(below(random_, 3))));
          break;
        case 3:
          options.push_back(lamina_integers(name, maybe(columns_.data()), below(random_, 5)));
          break;
        case 4:
          options.push_back(lamina_numbers(name, maybe(numbers_.data()), below(random_, 3)));
          break;
        case 5: {
          lamina_option wrong = lamina_integer(name, 3);
          const int kind_number = static_cast<int>(below(random_, 12)) - 2;
          std::memcpy(&wrong.kind, &kind_number, sizeof kind_number);
          wrong.value.integer = 0;
          wrong.count = 0;
          options.push_back(wrong);
          break;
        }
        default:
          options.push_back(lamina_integer(name, static_cast<std::int64_t>(1 + below(random_, 8))));
      }
    }
    return options;
  }

  lamina_description any_loss() {
    constexpr const char* kKinds[] = {"mean_squared_error", "cross_entropy", "binary_cross_entropy", "huber",
                                      "none"};
    return {chance(2) ? nullptr : kKinds[below(random_, std::size(kKinds))], nullptr, 0};
  }

  // Rows that fit into the arrays, or so many that their bytes cannot be counted.
  std::size_t rows_for(const lamina_model* model) {
    const std::size_t columns = std::max<std::size_t>({lamina_inputs(model), lamina_outputs(model), 1}) *
                                std::max<std::size_t>(lamina_members(model), 1);
    const std::size_t rows = any_count();
    return rows < kHuge / 4 ? std::min(rows, kRoom / columns) : rows;
  }

  lamina_data data_for(const lamina_model* model) {
    lamina_data data = LAMINA_DATA_INIT;
    data.rows = std::max<std::size_t>(rows_for(model), chance(4) ? 0 : 2);
    if (data.rows < kRoom)
      data.rows = std::min(data.rows, kRoom / std::max<std::size_t>(lamina_inputs(model), 1));
    const bool wide = chance(3);
    data.x_type = wide ? LAMINA_FLOAT64 : LAMINA_FLOAT32;
    data.x = wide ? static_cast<const void*>(wide_.data()) : x_.data();
    if (chance(12)) data.x = nullptr;
    if (chance(12)) data.x_stride = chance(2) ? 3 : kHuge - 1;
    if (chance(2)) {
      data.classes = classes_.data();
    } else {
      data.y = wide ? static_cast<const void*>(wide_.data()) : x_.data();
      data.y_type = data.x_type;
      data.y_columns = chance(8) ? any_count() : lamina_outputs(model);
      if (data.y_columns < kRoom && data.rows < kRoom)
        data.rows = std::min(data.rows, kRoom / std::max<std::size_t>(data.y_columns, 1));
    }
    if (chance(6)) data.weights = wide_.data();
    if (chance(20)) data.struct_size = below(random_, sizeof data);
    if (chance(20)) {
      const int number = 7;
      std::memcpy(&data.x_type, &number, sizeof number);
    }
    return data;
  }

  Random random_;
  std::vector<float> x_;
  std::vector<double> wide_;
  std::vector<std::int32_t> classes_;
  std::vector<float> y_ = std::vector<float>(kRoom);
  std::vector<double> doubles_ = std::vector<double>(kRoom);

 private:
  std::array<std::int64_t, 4> columns_ = {0, 1, -1, std::numeric_limits<std::int64_t>::max()};
  std::array<double, 2> numbers_{};
};

}  // namespace lamina::test::c
