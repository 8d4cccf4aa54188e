// A plain loop over Eigen's matrices, as one writes it by hand: the same arithmetic, float32, Adam.
#include <Eigen/Dense>

#include "bench.hpp"

namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::ColMajor>;  // a row is a column
using Vector = Eigen::VectorXf;

struct Moments {
  Matrix mean, square;
  explicit Moments(const Matrix& of) : mean(Matrix::Zero(of.rows(), of.cols())), square(mean) {}
};

class Net {
 public:
  explicit Net(const bench::Shape& shape) : shape_(shape) {
    for (std::size_t layer = 0; layer < 3; ++layer) {
      const std::vector<float> values = bench::weights(shape, layer);
      weights_.push_back(
          Eigen::Map<const Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>>(
              values.data(), shape.widths[layer + 1], shape.widths[layer]));
      biases_.push_back(Matrix::Zero(shape.widths[layer + 1], 1));
      moments_.emplace_back(weights_.back());
      bias_moments_.emplace_back(biases_.back());
    }
    values_.resize(4);
    deltas_.resize(4);
  }

  void predict(const Vector& x, Vector& y, bool tanh) {
    first_.noalias() = weights_[0] * x;
    first_ += biases_[0];
    activate(first_, tanh);
    second_.noalias() = weights_[1] * first_;
    second_ += biases_[1];
    activate(second_, tanh);
    y.noalias() = weights_[2] * second_;
    y += biases_[2];
  }

  float step(const Matrix& x, const Matrix& y, bool update) {
    values_[0] = x;
    for (std::size_t i = 0; i < 3; ++i) {
      values_[i + 1].noalias() = weights_[i] * values_[i];
      values_[i + 1].colwise() += biases_[i].col(0);
      if (i < 2) values_[i + 1] = values_[i + 1].cwiseMax(0.0F);
    }
    Matrix& out = values_[3];
    float loss = 0.0F;
    const auto rows = static_cast<float>(x.cols());
    if (shape_.classes) {
      out.rowwise() -= out.colwise().maxCoeff();
      const Eigen::RowVectorXf logs = out.array().exp().colwise().sum().log();
      out.rowwise() -= logs;
      loss = -(out.array() * y.array()).sum() / rows;
      deltas_[3] = (out.array().exp().matrix() - y) / rows;
    } else {
      deltas_[3] = out - y;
      const auto count = static_cast<float>(out.size());
      loss = deltas_[3].squaredNorm() / count;
      deltas_[3] *= 2.0F / count;
    }
    if (update) backward();
    return loss;
  }

 private:
  static void activate(Vector& values, bool tanh) {
    if (tanh)
      values = values.array().tanh();
    else
      values = values.cwiseMax(0.0F);
  }
  void backward() {
    ++steps_;
    for (std::size_t i = 3; i-- > 0;) {
      gradient_.noalias() = deltas_[i + 1] * values_[i].transpose();
      if (i > 0) {
        deltas_[i].noalias() = weights_[i].transpose() * deltas_[i + 1];
        deltas_[i] = (values_[i].array() > 0.0F).select(deltas_[i], 0.0F);
      }
      bias_gradient_ = deltas_[i + 1].rowwise().sum();
      adam(weights_[i], gradient_, moments_[i]);
      adam(biases_[i], bias_gradient_, bias_moments_[i]);
    }
  }
  void adam(Matrix& weights, const Matrix& gradient, Moments& moments) const {
    const auto first = static_cast<float>(1.0 - std::pow(0.9, steps_));
    const auto second = static_cast<float>(std::sqrt(1.0 - std::pow(0.999, steps_)));
    const float rate = static_cast<float>(bench::kRate) / first;
    moments.mean = 0.9F * moments.mean + 0.1F * gradient;
    moments.square = 0.999F * moments.square + 0.001F * gradient.cwiseAbs2();
    weights.array() -= rate * moments.mean.array() / (moments.square.array().sqrt() / second + 1e-8F);
  }

  const bench::Shape& shape_;
  std::vector<Matrix> weights_, biases_, values_, deltas_;
  std::vector<Moments> moments_, bias_moments_;
  Matrix gradient_, bias_gradient_;
  Vector first_, second_;
  int steps_ = 0;
};

void rows(const bench::Shape& shape, const char* kind, bool tanh) {
  Net net(shape);
  const std::vector<float> numbers = bench::inputs(shape, 1);
  const Vector x = Eigen::Map<const Vector>(numbers.data(), shape.widths[0]);
  Vector y(shape.widths[3]);
  const double seconds = bench::seconds_of([&] { net.predict(x, y, tanh); });
  bench::report(shape, kind, seconds, static_cast<double>(y[0]));
}

void steps(const bench::Shape& shape) {
  Net net(shape);
  const std::vector<float> numbers = bench::inputs(shape, shape.batch),
                           values = bench::targets(shape, shape.batch);
  const Matrix x = Eigen::Map<const Matrix>(numbers.data(), shape.widths[0], shape.batch);
  Matrix y = Eigen::Map<const Matrix>(values.data(), shape.widths[3], shape.batch);
  if (shape.classes) {
    y.setZero();
    const std::vector<int> classes = bench::classes(shape, shape.batch);
    for (int row = 0; row < shape.batch; ++row) y(classes[static_cast<std::size_t>(row)], row) = 1.0F;
  }
  for (int i = 0; i < bench::kCheckedSteps; ++i) net.step(x, y, true);
  const double loss = static_cast<double>(net.step(x, y, false));
  bench::report(shape, "step", bench::seconds_of([&] { net.step(x, y, true); }), loss);
}

}  // namespace

int main() {
  for (const bench::Shape& shape : bench::kShapes) {
    rows(shape, "row", false);
    rows(shape, "row, tanh", true);
    steps(shape);
  }
}
