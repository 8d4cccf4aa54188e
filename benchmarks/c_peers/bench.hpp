// What the programs of benchmarks.c_peers share: networks, data, weights, and the clock.
#pragma once

#include <array>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <vector>

namespace bench {

struct Shape {
  const char* name;
  std::array<int, 4> widths;
  int batch;     // rows of a step
  bool classes;  // softmax and cross-entropy, else linear and squared error
};
inline constexpr std::array<Shape, 3> kShapes = {{{"8-32-32-1", {8, 32, 32, 1}, 32, false},
                                                  {"30-128-128-2", {30, 128, 128, 2}, 64, true},
                                                  {"784-512-256-10", {784, 512, 256, 10}, 128, true}}};
inline constexpr int kEpochRows = 256;  // of an epoch of Rprop
inline constexpr int kCheckedSteps = 5;
inline constexpr double kRate = 1e-3;

// Numbers in [-1, 1] that look random, the same for every program.
inline float number(std::uint64_t i) {
  i = (i + 1) * 0x9E3779B97F4A7C15u;
  i ^= i >> 32;
  i *= 0xD6E8FEB86659FD93u;
  i ^= i >> 32;
  return static_cast<float>(static_cast<double>(i >> 11) * 0x1p-52 - 1.0);
}

// [outputs, inputs], within the bound of Glorot & Bengio (2010).
inline std::vector<float> weights(const Shape& shape, std::size_t layer) {
  const int inputs = shape.widths[layer], outputs = shape.widths[layer + 1];
  const double bound = std::sqrt(6.0 / (inputs + outputs));
  std::vector<float> values(static_cast<std::size_t>(inputs) * static_cast<std::size_t>(outputs));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<float>(bound * static_cast<double>(number(i + (layer << 24))));
  return values;
}

inline std::vector<float> inputs(const Shape& shape, int rows) {
  std::vector<float> values(static_cast<std::size_t>(rows * shape.widths[0]));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = number(i + (std::uint64_t{9} << 32));
  return values;
}
inline std::vector<int> classes(const Shape& shape, int rows) {
  std::vector<int> values(static_cast<std::size_t>(rows));
  for (std::size_t i = 0; i < values.size(); ++i)
    values[i] = static_cast<int>(i * 7 % static_cast<std::size_t>(shape.widths[3]));
  return values;
}
inline std::vector<float> targets(const Shape& shape, int rows) {
  std::vector<float> values(static_cast<std::size_t>(rows * shape.widths[3]));
  for (std::size_t i = 0; i < values.size(); ++i) values[i] = number(i + (std::uint64_t{8} << 32));
  return values;
}

// Seconds of one call, from as many calls as take about 40 ms, after a warm-up as long as a tenth of it.
template <class Call>
double seconds_of(Call call) {
  using Clock = std::chrono::steady_clock;
  const auto run = [&](long count) {
    const auto start = Clock::now();
    for (long i = 0; i < count; ++i) call();
    return std::chrono::duration<double>(Clock::now() - start).count();
  };
  long count = 1;
  double taken = run(count);
  while (taken < 4e-3) taken = run(count *= 2);
  count = std::max(1L, static_cast<long>(static_cast<double>(count) * 4e-2 / taken));
  return run(count) / static_cast<double>(count);
}

// `check` is what the same arithmetic gives everywhere: an output, or the loss after kCheckedSteps steps.
inline void report(const Shape& shape, const char* kind, double seconds, double check) {
  std::printf("%s\t%s\t%.9g\t%.9g\n", shape.name, kind, seconds, check);
  std::fflush(stdout);
}

}  // namespace bench
