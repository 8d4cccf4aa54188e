// Losses member by member.
#include "training/member_losses.h"

#include <algorithm>

namespace lamina {

template <class T>
void compute_member_losses(const Network<T>& network, const LossSpec& loss, bool logits,
                           const Workspace<T>& workspace, int64_t first, int64_t rows,
                           const Targets<T>& targets, const T* weights, T delta_scale,
                           double* losses) noexcept {
  const Slot<T>& slot = workspace.slot(network.member_slot());
  const int64_t members = network.members(), stride = members * slot.row_stride;
  const auto compute = [&](int64_t member, int64_t from, int64_t count, double* out) {
    const int64_t offset = (first + from) * stride + member * slot.row_stride;
    compute_loss_rows(network.kernels(), loss, logits, count, slot.columns, slot.values + offset, stride,
                      targets.from_row(from), weights == nullptr ? nullptr : weights + from,
                      delta_scale / static_cast<T>(members), out, slot.delta + offset, stride);
  };
  if (members == 1) return compute(0, 0, rows, losses);
  constexpr int64_t kRows = 64;
  double own[kRows];
  for (int64_t from = 0; from < rows; from += kRows) {
    const int64_t count = std::min(kRows, rows - from);
    double* sums = losses + from;
    std::fill_n(sums, count, 0.0);
    for (int64_t member = 0; member < members; ++member) {
      compute(member, from, count, own);
      for (int64_t i = 0; i < count; ++i) sums[i] += own[i];
    }
    for (int64_t i = 0; i < count; ++i) sums[i] /= static_cast<double>(members);
  }
}

template void compute_member_losses(const Network<float>&, const LossSpec&, bool, const Workspace<float>&,
                                    int64_t, int64_t, const Targets<float>&, const float*, float,
                                    double*) noexcept;
template void compute_member_losses(const Network<double>&, const LossSpec&, bool, const Workspace<double>&,
                                    int64_t, int64_t, const Targets<double>&, const double*, double,
                                    double*) noexcept;

}  // namespace lamina
