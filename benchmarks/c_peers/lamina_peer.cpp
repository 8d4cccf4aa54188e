// lamina through its C++ headers.
#include <lamina/lamina.hpp>

#include "bench.hpp"

namespace {

lamina::Sequential made(const bench::Shape& shape, const char* hidden, const char* last) {
  const auto wide = [&](std::size_t i) { return shape.widths[i]; };
  lamina::Sequential net(
      static_cast<std::size_t>(wide(0)),
      {lamina::Dense{wide(1), hidden}, lamina::Dense{wide(2), hidden}, lamina::Dense{wide(3), last}});
  for (std::size_t layer = 0; layer < 3; ++layer)
    net.set_parameter("layers." + std::to_string(layer) + ".weight", bench::weights(shape, layer));
  return net;
}

void rows(const bench::Shape& shape, const char* kind, const char* hidden) {
  const lamina::Predictor predictor(made(shape, hidden, "identity"));
  const std::vector<float> x = bench::inputs(shape, 1);
  std::vector<float> y(static_cast<std::size_t>(shape.widths[3]));
  const double seconds = bench::seconds_of([&] { predictor(x, y); });
  bench::report(shape, kind, seconds, static_cast<double>(y[0]));
}

void steps(const bench::Shape& shape) {
  lamina::Sequential net = made(shape, "relu", shape.classes ? "softmax" : "identity");
  lamina::Optimizer optimizer(net, lamina::Adam{.learning_rate = bench::kRate});
  const std::vector<float> x = bench::inputs(shape, shape.batch), values = bench::targets(shape, shape.batch);
  const std::vector<int> classes = bench::classes(shape, shape.batch);
  const lamina::Targets y = shape.classes ? lamina::Targets(classes) : lamina::Targets(values);
  for (int i = 0; i < bench::kCheckedSteps; ++i) net.train_step(x, y, optimizer);
  const double loss = net.evaluate(x, y);
  bench::report(shape, "step", bench::seconds_of([&] { net.train_step(x, y, optimizer); }), loss);
}

void epochs(const bench::Shape& shape) {
  lamina::Sequential net = made(shape, "tanh", "identity");
  lamina::Optimizer optimizer(net, lamina::Rprop{.learning_rate = 0.1});
  const std::vector<float> x = bench::inputs(shape, bench::kEpochRows),
                           y = bench::targets(shape, bench::kEpochRows);
  const double loss = net.evaluate(x, y);
  bench::report(shape, "rprop", bench::seconds_of([&] { net.train_step(x, y, optimizer); }), loss);
}

}  // namespace

int main() {
  lamina::set_num_threads(1);
  for (const bench::Shape& shape : bench::kShapes) {
    rows(shape, "row", "relu");
    rows(shape, "row, tanh", "tanh");
    steps(shape);
    epochs(shape);
  }
}
