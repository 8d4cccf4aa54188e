// The penalties on weights that the training objective includes: l1 * sum |w| + l2 * sum w^2 of each
// parameter.
#pragma once

#include <cstdint>
#include <vector>

#include "base/thread_pool.h"
#include "kernels/kernel_table.h"
#include "layers/parameter.h"

namespace lamina {

// Whether training adds a penalty to the loss of a network with these parameters.
bool has_penalties(const std::vector<Parameter>& parameters) noexcept;

// The sums of fixed pieces, added in their order: the same bits for any team.
template <class T>
class PenaltySum {
 public:
  explicit PenaltySum(const std::vector<Parameter>& parameters);

  // By every member of a team; total() may be asked after the barrier that follows.
  void add_share(const Team& team, const kernels::KernelTable<T>& table, const T* weights) noexcept {
    const Team::Range own = team.share(static_cast<int64_t>(pieces_.size()));
    add_pieces(table, weights, own.first, own.last);
  }
  double total() const noexcept;
  // By every member: `factor` times the gradient of these penalties is added to the flat `gradients`.
  void add_gradient_share(const Team& team, const kernels::KernelTable<T>& table, double factor,
                          const T* weights, T* gradients) const noexcept;
  // Both on one thread.
  double total_of(const kernels::KernelTable<T>& table, const T* weights) noexcept {
    add_pieces(table, weights, 0, static_cast<int64_t>(pieces_.size()));
    return total();
  }

 private:
  struct Piece {
    int64_t offset, n;
    double l1, l2;
    double value;
  };
  void add_pieces(const kernels::KernelTable<T>& table, const T* weights, int64_t first,
                  int64_t last) noexcept;

  std::vector<Piece> pieces_;
};

}  // namespace lamina
