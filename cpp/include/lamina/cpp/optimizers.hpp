// Optimizers: a name such as "adam", or one of these structs with Python's options.
#pragma once

#include <lamina/cpp/schedules.hpp>

namespace lamina {
inline namespace v1 {

namespace detail {

// The description of an optimizer, with the schedules that stand in it.
struct OptimizerDescription {
  Description description = {};
  Description schedule = {}, decay_schedule = {};
};

template <class T>
OptimizerDescription optimizer_of(const T& options) {
  OptimizerDescription made;
  made.description = description_of(options);
  if constexpr (requires { options.amsgrad; })
    if (options.amsgrad.value_or(false)) made.description.kind = "amsgrad";
  if (options.learning_rate) made.schedule = options.learning_rate->schedule();
  if (options.weight_decay) made.decay_schedule = options.weight_decay->schedule();
  return made;
}

inline std::optional<double> number_of(const std::optional<Rate>& rate) {
  return rate ? std::optional(rate->number()) : std::nullopt;
}

// What every optimizer has, each struct itself (see collect_loss); Muon's decay is always decoupled.
template <class T>
Collector& collect_optimizer(Collector& to, const T& options) {
  to("learning_rate", number_of(options.learning_rate))("weight_decay", number_of(options.weight_decay));
  if constexpr (requires { options.decoupled; }) to("decoupled", options.decoupled);
  return to("decay_biases", options.decay_biases)("clip_value", options.clip_value)(
      "clip_parameter_norm", options.clip_parameter_norm)("clip_norm", options.clip_norm);
}

}  // namespace detail

// Of all: learning_rate and weight_decay are numbers or schedules; clip_value limits each gradient,
// clip_parameter_norm the norm of each parameter's, clip_norm that of the whole.

// Gradient descent, with momentum where asked for.
struct SGD {
  static constexpr detail::KindOf<detail::OptimizerRole> kind{"sgd"};
  std::optional<Rate> learning_rate = {};
  detail::Number momentum = {};
  detail::Flag nesterov = {}, rate_in_velocity = {};
  std::optional<Rate> weight_decay = {};
  detail::Flag decoupled = {}, decay_biases = {};
  detail::Number clip_value = {}, clip_parameter_norm = {}, clip_norm = {};
  void describe(detail::Collector& to) const {
    detail::collect_optimizer(to, *this)("momentum", momentum)("nesterov", nesterov)("rate_in_velocity",
                                                                                     rate_in_velocity);
  }
};

// Kingma & Ba 2015.
struct Adam {
  static constexpr detail::KindOf<detail::OptimizerRole> kind{"adam"};
  std::optional<Rate> learning_rate = {};
  detail::Number beta1 = {}, beta2 = {}, epsilon = {};
  detail::Flag amsgrad = {}, epsilon_hat = {};
  std::optional<Rate> weight_decay = {};
  detail::Flag decoupled = {}, decay_biases = {};
  detail::Number clip_value = {}, clip_parameter_norm = {}, clip_norm = {};
  void describe(detail::Collector& to) const {
    detail::collect_optimizer(to, *this)("beta1", beta1)("beta2", beta2)("epsilon", epsilon)("epsilon_hat",
                                                                                             epsilon_hat);
  }
};

// Adam with decoupled weight decay, 0.01 unless given (Loshchilov & Hutter 2019).
struct AdamW {
  static constexpr detail::KindOf<detail::OptimizerRole> kind{"adamw"};
  std::optional<Rate> learning_rate = {};
  detail::Number beta1 = {}, beta2 = {}, epsilon = {};
  detail::Flag amsgrad = {}, epsilon_hat = {};
  std::optional<Rate> weight_decay = {};
  detail::Flag decoupled = {}, decay_biases = {};
  detail::Number clip_value = {}, clip_parameter_norm = {}, clip_norm = {};
  void describe(detail::Collector& to) const {
    detail::collect_optimizer(to, *this)("beta1", beta1)("beta2", beta2)("epsilon", epsilon)("epsilon_hat",
                                                                                             epsilon_hat);
    // The library's AdamW has these defaults; its AMSGrad has not.
    if (!amsgrad.value_or(false)) return;
    if (!weight_decay) to("weight_decay", 0.01);
    if (!decoupled) to("decoupled", true);
  }
};

// Adam with the largest recent gradient in place of a mean square.
struct Adamax {
  static constexpr detail::KindOf<detail::OptimizerRole> kind{"adamax"};
  std::optional<Rate> learning_rate = {};
  detail::Number beta1 = {}, beta2 = {}, epsilon = {};
  std::optional<Rate> weight_decay = {};
  detail::Flag decoupled = {}, decay_biases = {};
  detail::Number clip_value = {}, clip_parameter_norm = {}, clip_norm = {};
  void describe(detail::Collector& to) const {
    detail::collect_optimizer(to, *this)("beta1", beta1)("beta2", beta2)("epsilon", epsilon);
  }
};

// Adam with Nesterov's momentum (Dozat 2016).
struct NAdam {
  static constexpr detail::KindOf<detail::OptimizerRole> kind{"nadam"};
  std::optional<Rate> learning_rate = {};
  detail::Number beta1 = {}, beta2 = {}, epsilon = {}, momentum_decay = {};
  detail::Flag epsilon_hat = {};
  std::optional<Rate> weight_decay = {};
  detail::Flag decoupled = {}, decay_biases = {};
  detail::Number clip_value = {}, clip_parameter_norm = {}, clip_norm = {};
  void describe(detail::Collector& to) const {
    detail::collect_optimizer(to, *this)("beta1", beta1)("beta2", beta2)("epsilon", epsilon)(
        "momentum_decay", momentum_decay)("epsilon_hat", epsilon_hat);
  }
};

// Adam with plain steps until its second moment can be trusted (Liu et al. 2020).
struct RAdam {
  static constexpr detail::KindOf<detail::OptimizerRole> kind{"radam"};
  std::optional<Rate> learning_rate = {};
  detail::Number beta1 = {}, beta2 = {}, epsilon = {};
  std::optional<Rate> weight_decay = {};
  detail::Flag decoupled = {}, decay_biases = {};
  detail::Number clip_value = {}, clip_parameter_norm = {}, clip_norm = {};
  void describe(detail::Collector& to) const {
    detail::collect_optimizer(to, *this)("beta1", beta1)("beta2", beta2)("epsilon", epsilon);
  }
};

// Steps of one size along the momentum's sign (Chen et al. 2023).
struct Lion {
  static constexpr detail::KindOf<detail::OptimizerRole> kind{"lion"};
  std::optional<Rate> learning_rate = {};
  detail::Number beta1 = {}, beta2 = {};
  std::optional<Rate> weight_decay = {};
  detail::Flag decoupled = {}, decay_biases = {};
  detail::Number clip_value = {}, clip_parameter_norm = {}, clip_norm = {};
  void describe(detail::Collector& to) const {
    detail::collect_optimizer(to, *this)("beta1", beta1)("beta2", beta2);
  }
};

// Duchi et al. 2011.
struct Adagrad {
  static constexpr detail::KindOf<detail::OptimizerRole> kind{"adagrad"};
  std::optional<Rate> learning_rate = {};
  detail::Number rate_decay = {}, initial_accumulator = {}, epsilon = {};
  std::optional<Rate> weight_decay = {};
  detail::Flag decoupled = {}, decay_biases = {};
  detail::Number clip_value = {}, clip_parameter_norm = {}, clip_norm = {};
  void describe(detail::Collector& to) const {
    detail::collect_optimizer(to, *this)("rate_decay", rate_decay)("initial_accumulator",
                                                                   initial_accumulator)("epsilon", epsilon);
  }
};

// Zeiler 2012.
struct Adadelta {
  static constexpr detail::KindOf<detail::OptimizerRole> kind{"adadelta"};
  std::optional<Rate> learning_rate = {};
  detail::Number rho = {}, epsilon = {};
  std::optional<Rate> weight_decay = {};
  detail::Flag decoupled = {}, decay_biases = {};
  detail::Number clip_value = {}, clip_parameter_norm = {}, clip_norm = {};
  void describe(detail::Collector& to) const {
    detail::collect_optimizer(to, *this)("rho", rho)("epsilon", epsilon);
  }
};

// Tieleman & Hinton 2012.
struct RMSprop {
  static constexpr detail::KindOf<detail::OptimizerRole> kind{"rmsprop"};
  std::optional<Rate> learning_rate = {};
  detail::Number rho = {}, epsilon = {}, momentum = {};
  detail::Flag centered = {};
  std::optional<Rate> weight_decay = {};
  detail::Flag decoupled = {}, decay_biases = {};
  detail::Number clip_value = {}, clip_parameter_norm = {}, clip_norm = {};
  void describe(detail::Collector& to) const {
    detail::collect_optimizer(to, *this)("rho", rho)("epsilon", epsilon)("momentum", momentum)("centered",
                                                                                               centered);
  }
};

// A step size for each weight (Riedmiller & Braun 1993); for whole data sets as one batch.
struct Rprop {
  static constexpr detail::KindOf<detail::OptimizerRole> kind{"rprop"};
  std::optional<Rate> learning_rate = {};
  detail::Number shrink = {}, grow = {}, smallest_step = {}, largest_step = {};
  std::optional<Rate> weight_decay = {};
  detail::Flag decoupled = {}, decay_biases = {};
  detail::Number clip_value = {}, clip_parameter_norm = {}, clip_norm = {};
  void describe(detail::Collector& to) const {
    detail::collect_optimizer(to, *this)("shrink", shrink)("grow", grow)("smallest_step", smallest_step)(
        "largest_step", largest_step);
  }
};

// Orthogonalised momentum between hidden layers, AdamW elsewhere (Jordan et al. 2024).
struct Muon {
  static constexpr detail::KindOf<detail::OptimizerRole> kind{"muon"};
  std::optional<Rate> learning_rate = {};
  detail::Number momentum = {};
  detail::Flag nesterov = {};
  detail::Whole iterations = {};
  detail::Number adamw_rate_factor = {}, beta1 = {}, beta2 = {}, epsilon = {};
  detail::Flag match_adamw = {}, first_and_last = {};
  std::optional<Rate> weight_decay = {};
  detail::Flag decay_biases = {};
  detail::Number clip_value = {}, clip_parameter_norm = {}, clip_norm = {};
  void describe(detail::Collector& to) const {
    detail::collect_optimizer(to, *this)("momentum", momentum)("nesterov", nesterov)(
        "iterations", iterations)("adamw_rate_factor", adamw_rate_factor)("beta1", beta1)("beta2", beta2)(
        "epsilon", epsilon)("match_adamw", match_adamw)("first_and_last", first_and_last);
  }
};

}  // namespace v1
}  // namespace lamina
