// Second derivatives by differences of gradients.
#include "training/hessian.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "inference/logits.h"
#include "network/work_sizes.h"
#include "training/step.h"

namespace lamina {

namespace {

// Rows whose gradient is computed together, which bounds the memory.
constexpr int64_t kRowsTogether = 8192;
// Distance of the neighbouring points, as a share of the weights' norm: rounding errs by about
// 1e-16 / kDistance, the fourth-order formula by kDistance^4.
constexpr double kDistance = 1e-5;

// A copy of a network's weights, which goes back at the end, also where an exception is on its way.
struct WeightsKept {
  explicit WeightsKept(Network<double>& of) : network(of), weights(of.flat_size()) {
    std::copy_n(network.weights(), network.flat_size(), weights.data());
  }
  ~WeightsKept() {
    std::copy_n(weights.data(), network.flat_size(), network.weights());
    network.mark_weights_changed();
  }
  WeightsKept(const WeightsKept&) = delete;
  WeightsKept& operator=(const WeightsKept&) = delete;

  Network<double>& network;
  AlignedBuffer<double> weights;
};

class BatchGradient {
 public:
  BatchGradient(Network<double>& network, const LossSpec& loss, const DataSet<double>& data, Poll poll,
                const Execution& execution)
      : runner_(network, loss, std::min(kRowsTogether, data.inputs.rows), data.targets.columns, execution),
        network_(network),
        data_(data),
        total_(loss.mean_over_rows ? total_weight(data, {nullptr, 0, data.inputs.rows}) : 1.0),
        part_(network.flat_size()),
        poll_(poll) {}

  // product += factor * gradient at the network's weights; false: stopped.
  bool add(double factor, double* product) {
    network_.mark_weights_changed();
    network_.refresh_transposed(false);
    for (int64_t first = 0; first < data_.inputs.rows; first += kRowsTogether) {
      const BatchRows batch{nullptr, first, std::min(kRowsTogether, data_.inputs.rows - first)};
      const double share = runner_.loss().mean_over_rows ? total_weight(data_, batch) / total_ : 1.0;
      runner_.tasks().include_penalties(runner_.loss().each_part_brings_penalties() || first == 0);
      if (!compute(batch)) return false;
      for (int64_t i = 0; i < part_.size(); ++i) product[i] += factor * share * part_[i];
    }
    return true;
  }

 private:
  bool compute(const BatchRows& batch) {
    const StepRequest<double> request{.data = data_, .batch = batch, .seed = 0, .step = 0, .training = false};
    const int most = runner_.prepare_threads(batch.rows);
    runner_.reset_flags();
    const auto body = [&](Team& team) {
      runner_.run_rows(team, request, [&] { return poll_(batch.first_row); });
      if (team.index == 0) runner_.tasks().begin();
      team.barrier();
      if (runner_.loss_is_finite() && !runner_.cancelled())
        runner_.tasks().run(team, runner_.workspace(), batch.rows, part_.data(), true, nullptr);
    };
    const double work = runner_.training_multiply_adds(batch.rows);
    choices_.run_step(most, estimated_microseconds(work, true), [&](const ThreadChoice& choice) {
      runner_.tasks().prepare(batch.rows, choice.threads());
      return runner_.execution().run_team(choice.threads(), body, choice.patience());
    });
    runner_.check_classes("hessian_vector_product");
    if (!runner_.loss_is_finite())
      throw_error(Error::Kind::kNotFinite, {"hessian_vector_product: the loss is not finite"});
    return !runner_.cancelled();
  }

  StepRunner<double> runner_;  // first: it is aligned to a cache line
  Network<double>& network_;
  const DataSet<double>& data_;
  double total_;
  AlignedBuffer<double> part_;
  ThreadChoices choices_;
  Poll poll_;
};

void clear_frozen(const Network<double>& network, double* flat) {
  for (const Parameter& parameter : network.parameters())
    if (!parameter.trainable)
      pack_parameter(parameter, AlignedBuffer<double>(parameter.element_count()).data(), flat);
}

}  // namespace

bool hessian_vector_product(Network<double>& network, const LossSpec& loss, const DataSet<double>& data,
                            const double* direction, double* product, Poll poll, const Execution& execution) {
  check_loss_fits(loss, network);
  network.check_trainable();
  const int64_t size = network.flat_size();
  const auto norm = [&](const double* values) {
    return std::sqrt(network.kernels().sum_of_squares(size, values));
  };
  std::fill_n(product, size, 0.0);
  // Frozen parameters stay, so that the product is that of the others' second derivatives.
  AlignedBuffer<double> along(size);
  std::copy_n(direction, size, along.data());
  clear_frozen(network, along.data());
  const double length = norm(along.data());
  if (length == 0.0) return true;
  const WeightsKept kept(network);
  const AlignedBuffer<double>& weights = kept.weights;
  // The means of inputs, say, which may be large, do not decide how far weights move.
  AlignedBuffer<double> trained(size);
  std::copy_n(weights.data(), size, trained.data());
  clear_frozen(network, trained.data());
  const double distance = kDistance * std::max(1.0, norm(trained.data())) / length;
  BatchGradient gradient(network, loss, data, poll, execution);
  // H v = (8 (g(+d) - g(-d)) - (g(+2d) - g(-2d))) / 12 d, up to d^4.
  constexpr double kPoints[4][2] = {{1, 8}, {-1, -8}, {2, -1}, {-2, 1}};
  bool whole = true;
  for (const auto& [steps, factor] : kPoints) {
    for (int64_t i = 0; i < size; ++i) network.weights()[i] = weights[i] + steps * distance * along[i];
    whole = whole && gradient.add(factor / (12.0 * distance), product);
  }
  return whole;
}

}  // namespace lamina
