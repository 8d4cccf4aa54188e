// What the parts of the catalogue program share: data as the Python side makes them, and lines of its output.
#pragma once

#include <lamina/lamina.hpp>

#include <cstdio>
#include <functional>
#include <string>
#include <vector>

// A sawtooth in [-1, 1], of the same bits as Python's.
inline std::vector<float> sawtooth(std::size_t count, std::size_t step) {
  std::vector<float> values(count);
  for (std::size_t i = 0; i < count; ++i)
    values[i] = static_cast<float>(static_cast<double>(i * step % 101) / 50.0 - 1.0);
  return values;
}

constexpr std::size_t kRows = 60, kInputs = 4;

inline void say(const char* part, const std::string& name, const std::string& value) {
  std::printf("%s\t%s\t%s\n", part, name.c_str(), value.c_str());
}
inline void say(const char* part, const std::string& name, double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  say(part, name, std::string(text));
}

void say_layers();
void say_losses();
void say_optimizers();
void say_schedules();
void say_metrics();
void say_fits();
void say_data();
