// lamina's C++ interface: networks and table models as values, over the C interface in lamina.h alone, so
// that a program and the library may be built by different compilers. C++20, headers only; link with
// lamina::lamina.
//
//   lamina::Sequential net(784, {lamina::Dense{256, "relu"}, lamina::Dropout{0.1}, lamina::Dense{10,
//   "softmax"}}); net.fit(x, y, {.epochs = 20, .batch_size = 128, .optimizer = lamina::Adam{.learning_rate =
//   1e-3}}); lamina::Matrix<float> probabilities = net.predict(x);
//
// Names and defaults are those of Python's classes. Whatever is refused is a lamina::Error.
#pragma once

#include <lamina/cpp/sequential.hpp>
#include <lamina/cpp/table.hpp>
