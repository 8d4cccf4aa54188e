// Derivatives row by row.
#include "training/derivatives.h"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <iterator>

#include "layers/dense.h"
#include "layers/rows.h"
#include "training/forward_backward.h"
#include "training/member_losses.h"

namespace lamina {

namespace {

constexpr int64_t kInputsPerTask = 48;
constexpr int kAllNodes = -1;
// Rows whose summed gradient is computed together, which bounds the memory.
constexpr int64_t kRowsTogether = 8192;

template <class T>
double dot(int64_t n, const T* a, const T* b) noexcept {
  double sum = 0.0;
  for (int64_t i = 0; i < n; ++i) sum += static_cast<double>(a[i]) * static_cast<double>(b[i]);
  return sum;
}

// One whose product has no factor.
template <class T>
bool is_plain_dense(const Layer<T>& layer) noexcept {
  return layer.kind() == LayerKind::kDense && static_cast<const Dense<T>&>(layer).gain() == 1.0;
}

}  // namespace

template <class T>
Derivatives<T>::RowGradient::RowGradient(Network<T>& network)
    : row(network, 1, WorkspaceUse::kTraining),
      gradient(network.flat_size()),
      scratch(network.gradient_scratch_size(kInputsPerTask, false)) {}

template <class T>
Derivatives<T>::Derivatives(Network<T>& network, const Execution& execution)
    : network_(network), execution_(execution), tasks_(network.gradient_tasks(kInputsPerTask, false)) {
  network.check_trainable();
  network.refresh_transposed(true);
  for (const Parameter& parameter : network.parameters()) parameter_count_ += parameter.element_count();
}

// Calls body(member, first row, rows); `passes` are the backward passes of a row.
template <class T>
template <class Body>
bool Derivatives<T>::run(int64_t rows, int64_t passes, Poll poll, Body body) {
  const double work =
      static_cast<double>(network_.training_multiply_adds()) * static_cast<double>(1 + passes);
  return run_row_tiles(network_, rows, work, execution_, [&](const RowTiles& tiles, bool& completed) {
    std::vector<std::unique_ptr<Member>> members;
    members.reserve(static_cast<size_t>(tiles.threads));
    for (int i = 0; i < tiles.threads; ++i) members.push_back(std::make_unique<Member>(network_, tiles.tile));
    return tiles.run(poll, completed, [&](int thread, int64_t first, int64_t count) {
      body(*members[static_cast<size_t>(thread)], first, count);
    });
  });
}

template <class T>
void Derivatives<T>::forward(Member& member, const ArraySource& inputs, int64_t first, int64_t rows,
                             PassEnd end) {
  const Slot<T>& input = member.tile.input();
  gather_inputs(network_.kernels(), network_.row_offset(network_.weights()), inputs, nullptr, first, rows,
                input.values, input.row_stride);
  network_.forward({.workspace = member.tile,
                    .parameters = network_.weights(),
                    .rows = rows,
                    .of_members = end.of_members,
                    .ends_at_logits = end.logits});
}

template <class T>
void Derivatives<T>::backward(Member& member, int64_t rows, PassEnd end, bool input_delta_wanted) {
  network_.backward({.workspace = member.tile,
                     .parameters = network_.weights(),
                     .transposed = network_.transposed(),
                     .rows = rows,
                     .of_members = end.of_members,
                     .ends_at_logits = end.logits},
                    input_delta_wanted);
}

template <class T>
template <class Visit>
void Derivatives<T>::for_each_output(Member& member, int64_t rows, bool input_delta_wanted, Visit visit) {
  const Slot<T>& output = member.tile.output();
  for (int64_t k = 0; k < output.columns; ++k) {
    for (int64_t r = 0; r < rows; ++r) {
      T* delta = output.delta + r * output.row_stride;
      std::fill_n(delta, padded_columns<T>(output.columns), T(0));
      delta[k] = T(1);
    }
    backward(member, rows, {}, input_delta_wanted);
    visit(k);
  }
}

template <class T>
const T* Derivatives<T>::compute_row_gradient(Member& member, int64_t row, int node) {
  if (!member.by_row) member.by_row.emplace(network_);
  RowGradient& by_row = *member.by_row;
  by_row.row.view_row(member.tile, row);
  const GradientRequest<T> request{.workspace = by_row.row,
                                   .batch_rows = 1,
                                   .gradients = by_row.gradient.data(),
                                   .penalty_factor = 0.0,
                                   .scratch = by_row.scratch.data()};
  for (const GradientTask& task : tasks_)
    if (node == kAllNodes || node == task.node) network_.run_gradient_task(task, kInputsPerTask, request);
  return by_row.gradient.data();
}

template <class T>
void Derivatives<T>::unpack(const T* flat, T* dense) const noexcept {
  for (const Parameter& parameter : network_.parameters()) {
    unpack_parameter(parameter, flat, dense);
    dense += parameter.element_count();
  }
}

template <class T>
bool Derivatives<T>::input_jacobian(const ArraySource& inputs, T* jacobian, Poll poll) {
  const int64_t outputs = network_.outputs();
  return run(inputs.rows, outputs, poll, [&](Member& member, int64_t first, int64_t rows) {
    forward(member, inputs, first, rows, {});
    for_each_output(member, rows, true, [&](int64_t k) {
      const Slot<T>& input = member.tile.input();
      copy_to_user(rows, input.columns, input.delta, input.row_stride,
                   jacobian + (first * outputs + k) * input.columns, outputs * input.columns);
    });
  });
}

template <class T>
bool Derivatives<T>::parameter_jacobian(const ArraySource& inputs, T* jacobian, Poll poll) {
  const int64_t outputs = network_.outputs();
  return run(inputs.rows, 2 * outputs, poll, [&](Member& member, int64_t first, int64_t rows) {
    forward(member, inputs, first, rows, {});
    for_each_output(member, rows, false, [&](int64_t k) {
      for (int64_t r = 0; r < rows; ++r) {
        unpack(compute_row_gradient(member, r, kAllNodes),
               jacobian + ((first + r) * outputs + k) * parameter_count_);
      }
    });
  });
}

// True for a chain of layers whose outputs' changes follow from their inputs' in one pass forward.
template <class T>
bool Derivatives<T>::changes_run_forward() const {
  for (size_t i = 0; i < network_.nodes().size(); ++i) {
    const Node<T>& node = network_.nodes()[i];
    const ActivationSpec* activation = node.layer->output_activation();
    const bool known = is_plain_dense(*node.layer) || node.layer->kind() == LayerKind::kActivation ||
                       node.layer->vanishes_in_inference();
    // The derivative of log-softmax is no symmetric matrix, which backward would do for as well.
    if (!known || node.input_slot != static_cast<int>(i) || node.output_slot != node.input_slot + 1 ||
        (activation != nullptr && activation->form == ActivationSpec::Form::kLogSoftmax))
      return false;
  }
  return true;
}

// The slots' deltas hold their changes: d out = f'(z) (d in W + in dW + db).
template <class T>
void Derivatives<T>::run_changes(Member& member, int64_t rows, const T* parameter_change) {
  for (const Node<T>& node : network_.nodes()) {
    const Slot<T>& in = member.tile.slot(node.input_slot);
    const Slot<T>& out = member.tile.slot(node.output_slot);
    const ActivationSpec* activation = node.layer->output_activation();
    if (node.layer->kind() == LayerKind::kDense) {
      const Parameter& weight = network_.parameters()[static_cast<size_t>(node.first_parameter)];
      const bool moves = parameter_change != nullptr && weight.trainable;
      kernels::Product<T> product{};
      product.rows = rows;
      product.columns = padded_columns<T>(out.columns);
      product.depth = in.columns;
      product.a_row_stride = in.row_stride;
      product.a_depth_stride = 1;
      product.panel_rows = weight.panel_rows;
      product.c = out.delta;
      product.c_row_stride = out.row_stride;
      if (moves) {
        product.a = in.values;
        product.b = parameter_change + weight.offset;
        product.init = node.parameter_count > 1 ? kernels::ProductInit::kBias : kernels::ProductInit::kZero;
        network_.kernels().product(product);
      }
      product.a = in.delta;
      product.b = network_.weights() + weight.offset;
      product.init = moves ? kernels::ProductInit::kAccumulate : kernels::ProductInit::kZero;
      network_.kernels().product(product);
    } else {
      copy_rows(rows, out.columns, in.delta, in.row_stride, out.delta, out.row_stride);
    }
    if (activation != nullptr)
      apply_activation_backward(network_.kernels(), *activation, rows, out.columns, out.values, out.aux,
                                out.row_stride, out.delta, out.row_stride);
  }
}

template <class T>
bool Derivatives<T>::jacobian_vector_product(const ArraySource& inputs, const T* input_change,
                                             const T* parameter_change, T* product, Poll poll) {
  const int64_t outputs = network_.outputs();
  if (changes_run_forward())
    return run(inputs.rows, 1, poll, [&](Member& member, int64_t first, int64_t rows) {
      forward(member, inputs, first, rows, {});
      const Slot<T>& input = member.tile.input();
      const Slot<T>& output = member.tile.output();
      if (input_change != nullptr)
        copy_rows(rows, input.columns, input_change + first * input.columns, input.columns, input.delta,
                  input.row_stride);
      else
        std::fill_n(input.delta, rows * input.row_stride, T(0));
      run_changes(member, rows, parameter_change);
      copy_to_user(rows, outputs, output.delta, output.row_stride, product + first * outputs, outputs);
    });
  // Otherwise by the Jacobian, an output at a time.
  return run(inputs.rows, 2 * outputs, poll, [&](Member& member, int64_t first, int64_t rows) {
    forward(member, inputs, first, rows, {});
    for_each_output(member, rows, input_change != nullptr, [&](int64_t k) {
      const Slot<T>& input = member.tile.input();
      for (int64_t r = 0; r < rows; ++r) {
        double sum = 0.0;
        if (input_change != nullptr)
          sum += dot(input.columns, input.delta + r * input.row_stride,
                     input_change + (first + r) * input.columns);
        if (parameter_change != nullptr) {
          const T* gradient = compute_row_gradient(member, r, kAllNodes);
          sum += dot(network_.flat_size(), gradient, parameter_change);
        }
        product[(first + r) * outputs + k] = static_cast<T>(sum);
      }
    });
  });
}

template <class T>
bool Derivatives<T>::input_gradient(const ArraySource& inputs, const T* vectors, T* gradient, Poll poll) {
  return run(inputs.rows, 1, poll, [&](Member& member, int64_t first, int64_t rows) {
    forward(member, inputs, first, rows, {});
    const Slot<T>& output = member.tile.output();
    copy_rows(rows, output.columns, vectors + first * output.columns, output.columns, output.delta,
              output.row_stride);
    backward(member, rows, {}, true);
    const Slot<T>& input = member.tile.input();
    copy_to_user(rows, input.columns, input.delta, input.row_stride, gradient + first * input.columns,
                 input.columns);
  });
}

template <class T>
bool Derivatives<T>::parameter_gradient(const ArraySource& inputs, const T* vectors, T* gradient, Poll poll) {
  const int64_t together = std::min(kRowsTogether, inputs.rows);
  ForwardBackward<T> pass(network_, together, execution_, false);
  AlignedBuffer<T> outputs(together * network_.outputs()), part(network_.flat_size());
  for (int64_t first = 0; first < inputs.rows; first += together) {
    ArraySource chunk = inputs;
    chunk.rows = std::min(together, inputs.rows - first);
    chunk.data = static_cast<const std::byte*>(inputs.data) + first * inputs.row_stride;
    if (!pass.forward(chunk, false, 0, 0, outputs.data(), poll)) return false;
    if (!pass.backward(vectors + first * network_.outputs(), part.data(), nullptr, poll)) return false;
    for (int64_t i = 0; i < part.size(); ++i) gradient[i] += part[i];
    if (poll(first)) return false;
  }
  return true;
}

template <class T>
void Derivatives<T>::run_losses(Member& member, const DataSet<T>& data, const LossTargets<T>& all_targets,
                                const LossSpec& loss, int64_t first, int64_t rows) {
  const bool logits = reads_logits(loss, network_);
  const PassEnd end{.of_members = true, .logits = logits};
  forward(member, data.inputs, first, rows, end);
  const auto count = static_cast<size_t>(rows);
  std::vector<double> row_losses(count);
  Targets<T> targets = all_targets.from_row(first);
  std::vector<int32_t> classes(targets.classes != nullptr ? count : 0);
  if (targets.classes != nullptr) {
    const auto wrong =
        gather_classes(data.targets.classes, nullptr, first, rows, network_.outputs(), classes.data());
    if (wrong) fail_wrong_class("sample_gradients", *wrong, network_.outputs());
    targets.classes = classes.data();
  }
  std::vector<T> weights;
  if (data.sample_weights != nullptr)
    std::transform(data.sample_weights + first, data.sample_weights + first + rows,
                   std::back_inserter(weights), [](double weight) { return static_cast<T>(weight); });
  const T scale = static_cast<T>(1.0 / loss.column_divisor(network_.outputs()));
  compute_member_losses(network_, loss, logits, member.tile, 0, rows, targets,
                        weights.empty() ? nullptr : weights.data(), scale, row_losses.data());
  backward(member, rows, end, false);
}

template <class T>
bool Derivatives<T>::sample_gradients(const DataSet<T>& data, const LossSpec& loss, T* gradients, Poll poll) {
  check_loss_fits(loss, network_);
  const LossTargets<T> targets(network_, network_.weights(), data);
  return run(data.inputs.rows, 2, poll, [&](Member& member, int64_t first, int64_t rows) {
    run_losses(member, data, targets, loss, first, rows);
    for (int64_t r = 0; r < rows; ++r) {
      unpack(compute_row_gradient(member, r, kAllNodes), gradients + (first + r) * parameter_count_);
    }
  });
}

// A dense layer's gradient is dz x', of norm |dz| |x|, so it need not be computed.
template <class T>
double Derivatives<T>::squared_row_norm(Member& member, int64_t row) {
  double sum = 0.0;
  const auto squares = [&](const Slot<T>& slot, const T* values) {
    return network_.kernels().sum_of_squares(slot.columns, values + row * slot.row_stride);
  };
  for (size_t i = 0; i < network_.nodes().size(); ++i) {
    const Node<T>& node = network_.nodes()[i];
    if (node.parameter_count == 0) continue;
    const Parameter* parameters = &network_.parameters()[static_cast<size_t>(node.first_parameter)];
    // Of members that share it, it is a sum of such products.
    if (node.layer->kind() == LayerKind::kDense && network_.slot_rows(node.output_slot) == 1 &&
        !static_cast<const Dense<T>&>(*node.layer).reads_codes()) {
      if (!parameters->trainable) continue;
      const Slot<T>& input = member.tile.slot(node.input_slot);
      const Slot<T>& output = member.tile.slot(node.output_slot);
      // The delta is dz times the gain, which the bias does not have.
      const double gain = static_cast<const Dense<T>&>(*node.layer).gain();
      const double bias = node.parameter_count > 1 ? 1.0 / (gain * gain) : 0.0;
      sum += squares(output, output.delta) * (squares(input, input.values) + bias);
      continue;
    }
    const T* gradient =
        compute_row_gradient(member, row, static_cast<int>(node.gradient_by_next ? i + 1 : i));
    for (int p = 0; p < node.parameter_count; ++p) {
      std::vector<T> dense(static_cast<size_t>(parameters[p].element_count()));
      unpack_parameter(parameters[p], gradient, dense.data());
      sum += dot(parameters[p].element_count(), dense.data(), dense.data());
    }
  }
  return sum;
}

template <class T>
bool Derivatives<T>::sample_gradient_norms(const DataSet<T>& data, const LossSpec& loss, double* norms,
                                           Poll poll) {
  check_loss_fits(loss, network_);
  const LossTargets<T> targets(network_, network_.weights(), data);
  return run(data.inputs.rows, 1, poll, [&](Member& member, int64_t first, int64_t rows) {
    run_losses(member, data, targets, loss, first, rows);
    for (int64_t r = 0; r < rows; ++r) norms[first + r] = std::sqrt(squared_row_norm(member, r));
  });
}

template <class T>
bool layer_outputs(const Network<T>& network, const T* parameters, const ArraySource& inputs,
                   const std::vector<T*>& outputs, Poll poll, const Execution& execution) {
  return run_inference_tiles(
      network, inputs.rows, nullptr, execution, poll,
      [&](Workspace<T>& workspace, int64_t first, int64_t rows) {
        gather_inputs(network.kernels(), network.row_offset(parameters), inputs, nullptr, first, rows,
                      workspace.input().values, workspace.input().row_stride);
        const NetworkPass<T> pass{.workspace = workspace, .parameters = parameters, .rows = rows};
        network.forward(pass);
        network.write_features(pass);
        for (size_t i = 0; i < network.layers().size(); ++i) {
          const Slot<T>& slot = workspace.slot(network.layer_output_slot(i));
          copy_to_user(rows, slot.columns, slot.values, slot.row_stride, outputs[i] + first * slot.columns,
                       slot.columns);
        }
      });
}

template class Derivatives<float>;
template class Derivatives<double>;
template bool layer_outputs(const Network<float>&, const float*, const ArraySource&,
                            const std::vector<float*>&, Poll, const Execution&);
template bool layer_outputs(const Network<double>&, const double*, const ArraySource&,
                            const std::vector<double*>&, Poll, const Execution&);

}  // namespace lamina
