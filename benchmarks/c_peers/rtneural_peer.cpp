// RTNeural with its shapes known to the compiler, its fastest form, on its Eigen backend: single rows alone.
#include <RTNeural/RTNeural.h>

#include "bench.hpp"

namespace {

template <int layer, class Model>
void set_weights(const bench::Shape& shape, Model& model) {
  const std::vector<float> flat = bench::weights(shape, layer / 2);
  const auto inputs = static_cast<std::size_t>(shape.widths[layer / 2]),
             outputs = static_cast<std::size_t>(shape.widths[layer / 2 + 1]);
  std::vector<std::vector<float>> weights(outputs);
  for (std::size_t i = 0; i < outputs; ++i)
    weights[i].assign(flat.begin() + static_cast<std::ptrdiff_t>(i * inputs),
                      flat.begin() + static_cast<std::ptrdiff_t>((i + 1) * inputs));
  model.template get<layer>().setWeights(weights);
  const std::vector<float> biases(outputs);
  model.template get<layer>().setBias(biases.data());
}

template <int a, int b, int c, int d, template <typename, int> class Activation>
void rows(const bench::Shape& shape, const char* kind) {
  using namespace RTNeural;
  auto model = std::make_unique<ModelT<float, a, d, DenseT<float, a, b>, Activation<float, b>,
                                       DenseT<float, b, c>, Activation<float, c>, DenseT<float, c, d>>>();
  set_weights<0>(shape, *model);
  set_weights<2>(shape, *model);
  set_weights<4>(shape, *model);
  alignas(64) float x[a];
  const std::vector<float> numbers = bench::inputs(shape, 1);
  std::copy(numbers.begin(), numbers.end(), x);
  const double seconds = bench::seconds_of([&] { model->forward(x); });
  bench::report(shape, kind, seconds, static_cast<double>(model->getOutputs()[0]));
}

template <typename T, int size>
using Relu = RTNeural::ReLuActivationT<T, size>;
template <typename T, int size>
using Tanh = RTNeural::TanhActivationT<T, size>;

}  // namespace

int main() {
  rows<8, 32, 32, 1, Relu>(bench::kShapes[0], "row");
  rows<8, 32, 32, 1, Tanh>(bench::kShapes[0], "row, tanh");
  rows<30, 128, 128, 2, Relu>(bench::kShapes[1], "row");
  rows<30, 128, 128, 2, Tanh>(bench::kShapes[1], "row, tanh");
  rows<784, 512, 256, 10, Relu>(bench::kShapes[2], "row");
  rows<784, 512, 256, 10, Tanh>(bench::kShapes[2], "row, tanh");
}
