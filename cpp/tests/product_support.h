// What the tests of products and panels share: guarded buffers, numbers, every table.
#pragma once

#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <vector>

#include "check.h"
#include "kernels/dispatch.h"

namespace lamina::test {

template <class T>
constexpr int64_t kLine = 64 / static_cast<int64_t>(sizeof(T));

// 64-byte aligned elements between guards that must stay as they are.
template <class T>
class Buffer {
 public:
  explicit Buffer(int64_t n) : storage_(static_cast<size_t>(n + 3 * kLine<T>), guard()), n_(n) {
    void* p = storage_.data() + kLine<T>;
    size_t space = storage_.size() * sizeof(T);
    data_ = static_cast<T*>(std::align(64, sizeof(T), p, space));
  }
  T* data() { return data_; }
  T& operator[](int64_t i) { return data_[i]; }
  int64_t size() const { return n_; }
  bool guards_stand() const {
    for (const T* p = storage_.data(); p != storage_.data() + storage_.size(); ++p) {
      if ((p < data_ || p >= data_ + n_) && *p != guard()) return false;
    }
    return true;
  }
  static T guard() { return T(-12345); }

 private:
  std::vector<T> storage_;
  T* data_;
  int64_t n_;
};

// A small generator of its own, so that a failure is the same everywhere.
class Numbers {
 public:
  explicit Numbers(uint64_t seed) : state_(seed * 2654435761u + 12345u) {}
  uint32_t next() {
    state_ = state_ * 6364136223846793005u + 1442695040888963407u;
    return static_cast<uint32_t>(state_ >> 33);
  }
  template <class T>
  void fill(Buffer<T>& out, bool integers) {
    for (int64_t i = 0; i < out.size(); ++i) {
      const double x = integers ? static_cast<double>(next() % 17) - 8 : next() / 1073741824.0 - 1;
      out[i] = static_cast<T>(x);
    }
  }

 private:
  uint64_t state_;
};

template <class T>
bool same_bits(T x, T y) {
  return std::memcmp(&x, &y, sizeof(T)) == 0;
}

template <class F>
void for_each_table(F&& f) {
  for (const std::string& name : kernels::available_instruction_sets()) {
    f(*kernels::find_kernels<float>(name.c_str()));
    f(*kernels::find_kernels<double>(name.c_str()));
  }
}

}  // namespace lamina::test
