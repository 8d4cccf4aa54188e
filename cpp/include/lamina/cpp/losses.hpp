// The losses of lamina as structs with Python's options.
#pragma once

#include <lamina/cpp/description.hpp>

namespace lamina {
inline namespace v1 {

namespace detail {

// What every loss has; the structs hold it themselves, since a base class allows no designated initialisers.
template <class T>
Collector& collect_loss(Collector& to, const T& loss) {
  return to("reduction", loss.reduction)("scale", loss.scale)("divide_penalty", loss.divide_penalty);
}

}  // namespace detail

// Of all: `reduction` "mean" or "sum" over rows; `scale`, a factor of the loss beside penalties and decay;
// `divide_penalty`: the penalties are divided by the rows of the batch, as scikit-learn's alpha is.

// Mean of (output - target)^2.
struct MeanSquaredError {
  static constexpr detail::KindOf<detail::LossRole> kind{"mean_squared_error"};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this); }
};

// Mean of |output - target|.
struct MeanAbsoluteError {
  static constexpr detail::KindOf<detail::LossRole> kind{"mean_absolute_error"};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this); }
};

// Squared within `delta` of the target, linear beyond.
struct Huber {
  static constexpr detail::KindOf<detail::LossRole> kind{"huber"};
  detail::Number delta = {};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this)("delta", delta); }
};

// Mean of log(cosh(output - target)).
struct LogCosh {
  static constexpr detail::KindOf<detail::LossRole> kind{"log_cosh"};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this); }
};

// Outputs become quantiles of these levels: a number, or one output each.
struct Quantile {
  static constexpr detail::KindOf<detail::LossRole> kind{"quantile"};
  std::optional<detail::Numbers> level = {};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this)("level", level); }
};

// For counts; outputs are logarithms of rates unless log_input is false.
struct Poisson {
  static constexpr detail::KindOf<detail::LossRole> kind{"poisson"};
  detail::Flag log_input = {};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this)("log_input", log_input); }
};

// For targets above 0; outputs are logarithms of means.
struct Gamma {
  static constexpr detail::KindOf<detail::LossRole> kind{"gamma"};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this); }
};

// For targets of at least 0, such as claims; outputs are logarithms of means.
struct Tweedie {
  static constexpr detail::KindOf<detail::LossRole> kind{"tweedie"};
  detail::Number power = {};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this)("power", power); }
};

// Outputs are means, then logarithms of variances.
struct GaussianNegativeLogLikelihood {
  static constexpr detail::KindOf<detail::LossRole> kind{"gaussian_negative_log_likelihood"};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this); }
};

// After a last "sigmoid".
struct BinaryCrossEntropy {
  static constexpr detail::KindOf<detail::LossRole> kind{"binary_cross_entropy"};
  detail::Number label_smoothing = {};
  detail::Text reduction = {};
  detail::Number positive_weight = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const {
    detail::collect_loss(to, *this)("label_smoothing", label_smoothing)("positive_weight", positive_weight);
  }
};

// After a last "softmax".
struct CrossEntropy {
  static constexpr detail::KindOf<detail::LossRole> kind{"cross_entropy"};
  detail::Number label_smoothing = {};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const {
    detail::collect_loss(to, *this)("label_smoothing", label_smoothing);
  }
};

// After a last "sigmoid"; rows that are right already count less.
struct BinaryFocal {
  static constexpr detail::KindOf<detail::LossRole> kind{"binary_focal"};
  detail::Number gamma = {};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this)("gamma", gamma); }
};

// After a last "softmax"; rows that are right already count less.
struct Focal {
  static constexpr detail::KindOf<detail::LossRole> kind{"focal"};
  detail::Number gamma = {};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this)("gamma", gamma); }
};

// Mean of max(0, 1 - t y), for targets -1 and 1.
struct Hinge {
  static constexpr detail::KindOf<detail::LossRole> kind{"hinge"};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this); }
};

// Mean of max(0, 1 - t y)^2.
struct SquaredHinge {
  static constexpr detail::KindOf<detail::LossRole> kind{"squared_hinge"};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this); }
};

// Of probabilities, after a last "softmax".
struct KLDivergence {
  static constexpr detail::KindOf<detail::LossRole> kind{"kl_divergence"};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this); }
};

// Mean of 1 - the cosine between outputs and targets.
struct CosineSimilarity {
  static constexpr detail::KindOf<detail::LossRole> kind{"cosine_similarity"};
  detail::Text reduction = {};
  detail::Number scale = {};
  detail::Flag divide_penalty = {};
  void describe(detail::Collector& to) const { detail::collect_loss(to, *this); }
};

}  // namespace v1
}  // namespace lamina
