// A small problem to fit, and observers that tests look through.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "base/error.h"
#include "base/json.h"
#include "base/random.h"
#include "optimizers/update_rules.h"
#include "training/fit_model.h"

namespace lamina::test {

inline Json network_spec(int64_t inputs, int64_t outputs, const std::string& last) {
  return Json::parse(R"({"inputs":)" + std::to_string(inputs) +
                     R"(,"layers":[{"kind":"dense","units":9,"activation":"tanh"},{"kind":"dense","units":)" +
                     std::to_string(outputs) + R"(,"activation":")" + last + R"("}]})");
}

// Rows of three classes that a network can tell apart, and what a fit of them needs.
struct Problem {
  static constexpr int64_t kInputs = 5;

  explicit Problem(int64_t rows = 120, int64_t validation_rows = 40)
      : x(static_cast<size_t>((rows + validation_rows) * kInputs)),
        y(static_cast<size_t>(rows + validation_rows)),
        loss(loss_from_json(Json("cross_entropy"))),
        model(network_spec(kInputs, 3, "softmax"), 1) {
    const RandomStream random(7, StreamTag::kUser);
    for (size_t i = 0; i < x.size(); ++i) x[i] = static_cast<float>(random.normal(i));
    for (size_t row = 0; row < y.size(); ++row)
      y[row] = x[row * kInputs] > 0.5f ? 2 : x[row * kInputs + 1] > 0.0f ? 1 : 0;
    data.train = part(0, rows);
    if (validation_rows > 0) data.validation = part(rows, validation_rows);
    options.batches.batch_size = 16;
  }

  DataSet<float> part(int64_t first, int64_t rows) const {
    DataSet<float> set;
    set.inputs = {x.data() + first * kInputs, kernels::SourceType::kF32, rows, kInputs, 4 * kInputs, 4};
    set.targets.classes = y.data() + first;
    return set;
  }
  Optimizer<float> optimizer(const char* spec = R"({"kind":"adam","learning_rate":0.01})") const {
    return model.make_optimizer(optimizer_from_json(Json::parse(spec)));
  }
  History fit(Optimizer<float>& by, std::vector<Observer*> observers = {}) {
    return fit_model<float>({&model, &loss, &by}, data, options, observers);
  }
  History fit(std::vector<Observer*> observers = {}) {
    Optimizer<float> by = optimizer();
    return fit(by, std::move(observers));
  }

  std::vector<float> x;
  std::vector<int32_t> y;
  LossSpec loss;
  Model<float> model;
  FitData<float> data;
  FitOptions options;
};

template <class T>
std::vector<T> weights_of(const Model<T>& model) {
  std::vector<T> flat;
  model.read([&](const Network<T>& network, const T* weights) {
    flat.assign(weights, weights + network.flat_size());
  });
  return flat;
}

// A test's observer in the middle of a fit.
struct Watch : Observer {
  FunctionRef<void(Fit&, int64_t, Figures&)> at_end;
  explicit Watch(FunctionRef<void(Fit&, int64_t, Figures&)> call) : at_end(call) {}
  void on_epoch_end(Fit& fit, int64_t epoch, Figures& record) override { at_end(fit, epoch, record); }
};

struct Journal : Observer {
  std::string calls;
  void on_fit_begin(Fit&) override { calls += "begin "; }
  void on_epoch_begin(Fit&, int64_t epoch) override { calls.append("(").append(std::to_string(epoch)); }
  void on_epoch_end(Fit&, int64_t epoch, Figures&) override {
    calls.append(std::to_string(epoch)).append(") ");
  }
  void on_fit_end(Fit& fit) override { calls.append("end ").append(fit.stop_reason()); }
};

inline std::string refusal(FunctionRef<void()> call) {
  try {
    call();
  } catch (const Error& error) {
    return error.what();
  }
  return "";
}

}  // namespace lamina::test
