// What Python holds of a scorer, and the arrays that it hands to functions of the user's.
#pragma once

#include <memory>
#include <utility>
#include <vector>

#include "metrics/scorer.h"
#include "register.h"

namespace lamina::python {

// Python's arrays by the memory that the core reads: functions of the user's get these, and copies of memory
// that no Python array owns. Used with the GIL alone.
class ArraysByMemory {
 public:
  void add(const void* memory, py::object array) { arrays_.emplace_back(memory, std::move(array)); }
  // Those that were added since there were `count`.
  void forget_after(std::size_t count) { arrays_.resize(count); }
  std::size_t count() const noexcept { return arrays_.size(); }

  py::object array_of(const NumberView& numbers) const;
  py::object weights_of(const double* weights, int64_t rows) const;

 private:
  const py::object* find(const void* memory) const noexcept;

  std::vector<std::pair<const void*, py::object>> arrays_;
};

struct BoundScorer {
  Scorer scorer;
  std::shared_ptr<ArraysByMemory> arrays;
};

}  // namespace lamina::python
