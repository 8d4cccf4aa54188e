// Muon's directions: the momentum of each weight matrix made nearly orthogonal (Jordan et al. 2024).
#pragma once

#include <cstdint>
#include <vector>

#include "base/arena.h"
#include "base/function_ref.h"
#include "base/thread_pool.h"
#include "kernels/kernel_table.h"
#include "layers/parameter.h"
#include "optimizers/optimizer_options.h"

namespace lamina {

// For each parameter the factor of Muon's step on it (by its shape), or 0 where AdamW serves it: biases,
// frozen ones, and the first and the last matrix. Raises kValue where no matrix is left.
std::vector<double> muon_scales(const MuonOptions& options, const std::vector<Parameter>& parameters);

template <class T>
class Muon {
 public:
  // For the parameters whose scale is not 0, inside flat buffers of `flat_size` elements.
  Muon(const MuonOptions& options, const std::vector<Parameter>& parameters,
       const std::vector<double>& scales, int64_t flat_size, const kernels::KernelTable<T>& table);

  // By every member of a team; ends with a barrier. Directions of the matrices from their gradients and
  // the momentum before this step, which stays as it is. False: `stopped`, asked now and then, said so, and
  // the directions are of no use; the same bits for any team.
  bool run(Team& team, const T* gradients, const T* momentum, FunctionRef<bool()> stopped) noexcept;
  const T* directions() const noexcept { return directions_.data(); }
  // Of one run.
  double multiply_adds() const noexcept { return multiply_adds_; }
  // momentum += (1 - mu) (gradient - momentum), over a piece of a matrix.
  void advance(int64_t n, const T* gradient, T* momentum) const noexcept {
    table_.average_values(n, share_, gradient, momentum);
  }

 private:
  // Rows [rows, columns] without panels; their padding is never read as a number that counts.
  struct Block {
    T* data = nullptr;
    int64_t rows = 0, columns = 0, stride = 0;
    T* row(int64_t i) const noexcept { return data + i * stride; }
  };
  void form_momentum(const Team& team, const Parameter& matrix, const T* gradients,
                     const T* momentum) noexcept;
  void load_rows(const Team& team, const Parameter& matrix, const Block& rows) noexcept;
  void store_rows(const Team& team, const Parameter& matrix, const Block& rows) noexcept;
  void normalise(Team& team, const Block& rows) noexcept;
  bool orthogonalise(Team& team, const Parameter& matrix, FunctionRef<bool()> stopped) noexcept;
  void transpose(const Team& team, const Block& from, const Block& to) const noexcept;
  // This member's rows of: to = (to = before * scale) + left * right; right is row-major.
  bool multiply(const Team& team, const Block& left, const Block& right, const Block* before, T scale,
                const Block& to, FunctionRef<bool()> stopped) const noexcept;

  const kernels::KernelTable<T>& table_;
  std::vector<Parameter> matrices_;
  T share_;  // of a gradient in the momentum
  bool nesterov_;
  int iterations_;
  double multiply_adds_ = 0.0;
  AlignedBuffer<T> directions_;  // flat, in the weights' layout
  AlignedBuffer<T> wide_, tall_, next_, gram_, polynomial_;
  AlignedBuffer<double> row_sums_;
};

}  // namespace lamina
