// Penalties on weights.
#include "training/penalty.h"

#include <algorithm>

namespace lamina {

namespace {

bool is_penalised(const Parameter& p) noexcept { return p.trainable && (p.l1 != 0.0 || p.l2 != 0.0); }

}  // namespace

bool has_penalties(const std::vector<Parameter>& parameters) noexcept {
  return std::any_of(parameters.begin(), parameters.end(), is_penalised);
}

template <class T>
PenaltySum<T>::PenaltySum(const std::vector<Parameter>& parameters) {
  constexpr int64_t kPiece = 4096;
  for (const Parameter& p : parameters) {
    if (!is_penalised(p)) continue;
    for_each_run<T>(p, [&](int64_t offset, int64_t count) {
      for (int64_t done = 0; done < count; done += kPiece)
        pieces_.push_back({offset + done, std::min(kPiece, count - done), p.l1, p.l2, 0.0});
    });
  }
}

template <class T>
void PenaltySum<T>::add_pieces(const kernels::KernelTable<T>& table, const T* weights, int64_t first,
                               int64_t last) noexcept {
  for (int64_t i = first; i < last; ++i) {
    Piece& piece = pieces_[static_cast<size_t>(i)];
    const T* values = weights + piece.offset;
    piece.value = piece.l1 > 0.0 ? piece.l1 * table.sum_of_magnitudes(piece.n, values) : 0.0;
    if (piece.l2 > 0.0) piece.value += piece.l2 * table.sum_of_squares(piece.n, values);
  }
}

template <class T>
double PenaltySum<T>::total() const noexcept {
  double sum = 0.0;
  for (const Piece& piece : pieces_) sum += piece.value;
  return sum;
}

template <class T>
void PenaltySum<T>::add_gradient_share(const Team& team, const kernels::KernelTable<T>& table, double factor,
                                       const T* weights, T* gradients) const noexcept {
  const Team::Range own = team.share(static_cast<int64_t>(pieces_.size()));
  for (int64_t i = own.first; i < own.last; ++i) {
    const Piece& piece = pieces_[static_cast<size_t>(i)];
    table.add_penalty(piece.n, static_cast<T>(piece.l1 * factor), static_cast<T>(piece.l2 * factor),
                      weights + piece.offset, gradients + piece.offset);
  }
}

template class PenaltySum<float>;
template class PenaltySum<double>;

}  // namespace lamina
