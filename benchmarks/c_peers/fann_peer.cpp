// FANN in float32: single rows, and an epoch of its Rprop, which is over all rows. It has no relu and no
// Adam.
#include <floatfann.h>

#include <algorithm>

#include "bench.hpp"

namespace {

struct fann* made(const bench::Shape& shape) {
  const auto width = [&](std::size_t i) { return static_cast<unsigned>(shape.widths[i]); };
  struct fann* net = fann_create_standard(4, width(0), width(1), width(2), width(3));
  fann_set_activation_function_hidden(net, FANN_SIGMOID_SYMMETRIC);  // tanh(steepness x)
  fann_set_activation_steepness_hidden(net, 1.0F);
  fann_set_activation_function_output(net, FANN_LINEAR);
  fann_set_activation_steepness_output(net, 1.0F);
  fann_set_training_algorithm(net, FANN_TRAIN_RPROP);
  fann_set_train_error_function(net, FANN_ERRORFUNC_LINEAR);
  // Neuron by neuron, each with its bias behind its inputs.
  std::vector<float> all;
  for (std::size_t layer = 0; layer < 3; ++layer) {
    const std::vector<float> weights = bench::weights(shape, layer);
    const auto inputs = static_cast<std::ptrdiff_t>(width(layer));
    for (auto row = weights.begin(); row != weights.end(); row += inputs) {
      all.insert(all.end(), row, row + inputs);
      all.push_back(0.0F);
    }
  }
  std::copy(all.begin(), all.end(), net->weights);
  return net;
}

}  // namespace

int main() {
  for (const bench::Shape& shape : bench::kShapes) {
    struct fann* net = made(shape);
    std::vector<float> x = bench::inputs(shape, bench::kEpochRows),
                       y = bench::targets(shape, bench::kEpochRows);
    double out = 0.0;
    const double row = bench::seconds_of([&] { out = static_cast<double>(fann_run(net, x.data())[0]); });
    bench::report(shape, "row, tanh", row, out);
    struct fann_train_data* data = fann_create_train(bench::kEpochRows, net->num_input, net->num_output);
    for (unsigned i = 0; i < data->num_data; ++i) {
      std::copy_n(&x[i * data->num_input], data->num_input, data->input[i]);
      std::copy_n(&y[i * data->num_output], data->num_output, data->output[i]);
    }
    const double loss = static_cast<double>(fann_test_data(net, data));
    bench::report(shape, "rprop", bench::seconds_of([&] { fann_train_epoch(net, data); }), loss);
    fann_destroy_train(data);
    fann_destroy(net);
  }
}
