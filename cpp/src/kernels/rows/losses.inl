// The list of losses.
#pragma once

#include "kernels/rows/loss_functors.inl"
#include "kernels/rows/loss_rows.inl"
#include "kernels/rows/row_losses.inl"

namespace lamina::kernels {
namespace {

template <class T, template <class> class F>
constexpr void enter_loss(KernelTable<T>& table, Loss loss) {
  table.loss_rows[static_cast<int>(loss)] = &elementwise_loss<T, F<T>>;
}

template <class T, template <class> class F>
constexpr void enter_shared_loss(KernelTable<T>& table, Loss loss) {
  table.loss_rows[static_cast<int>(loss)] = &shared_elementwise_loss<T, F<T>>;
}

template <class T>
constexpr void enter_losses(KernelTable<T>& table) {
  enter_loss<T, MeanSquaredErrorLoss>(table, Loss::kMeanSquaredError);
  enter_loss<T, MeanAbsoluteErrorLoss>(table, Loss::kMeanAbsoluteError);
  enter_shared_loss<T, BinaryCrossEntropyLoss>(table, Loss::kBinaryCrossEntropy);
  enter_loss<T, BinaryCrossEntropyWithLogitsLoss>(table, Loss::kBinaryCrossEntropyWithLogits);
  enter_loss<T, HuberLoss>(table, Loss::kHuber);
  enter_shared_loss<T, LogCoshLoss>(table, Loss::kLogCosh);
  enter_shared_loss<T, QuantileLoss>(table, Loss::kQuantile);
  enter_shared_loss<T, PoissonLogLoss>(table, Loss::kPoissonLog);
  enter_shared_loss<T, PoissonRateLoss>(table, Loss::kPoissonRate);
  enter_shared_loss<T, GammaLogLoss>(table, Loss::kGammaLog);
  enter_shared_loss<T, TweedieLogLoss>(table, Loss::kTweedieLog);
  enter_shared_loss<T, BinaryFocalWithLogitsLoss>(table, Loss::kBinaryFocalWithLogits);
  enter_shared_loss<T, HingeLoss>(table, Loss::kHinge);
  enter_shared_loss<T, SquaredHingeLoss>(table, Loss::kSquaredHinge);
  const auto enter = [&table](Loss loss, void (*function)(const LossRows<T>&) noexcept) {
    table.loss_rows[static_cast<int>(loss)] = function;
  };
  enter(Loss::kCrossEntropy, &loss_of_probabilities<T, CrossEntropyLoss<T>>);
  enter(Loss::kCrossEntropyWithLogits, &cross_entropy_with_logits<T>);
  enter(Loss::kFocalWithLogits, &focal_with_logits<T>);
  enter(Loss::kKlDivergence, &loss_of_probabilities<T, KlDivergenceLoss<T>>);
  enter(Loss::kKlDivergenceWithLogits, &kl_divergence_with_logits<T>);
  enter(Loss::kCosine, &cosine_loss<T>);
  enter(Loss::kQuantiles, &quantiles_loss<T>);
  enter(Loss::kGaussianLogVariance, &gaussian_loss<T>);
}

}  // namespace
}  // namespace lamina::kernels
