// Training by steps, and derivatives.
#include "c_api/examples.h"
#include "c_api/optimizers.h"

namespace lamina::c {
namespace {

constexpr auto never = [](int64_t) { return false; };

std::uint64_t seed_of(std::uint64_t given, const TrainableNetwork& network) {
  return given == LAMINA_MODEL_SEED ? network.seed() : given;
}

template <class T>
ArraySource checked_rows(const TrainableNetwork& network, const Model<T>& model, const void* x,
                         const lamina_type& type, size_t rows) {
  const ArraySource source = source_of(x, type, rows, 0, model.network().inputs(), "x");
  if (rows < 1) fail_value({"rows is 0; expected at least one"});
  network.input_rules().check(source, network.is_double(), "x");
  return source;
}

// An array of the model's type, aligned as that asks.
template <class T>
void check_own(const void* array, const char* name) {
  check_aligned(array, alignof(T), name);
}

}  // namespace
}  // namespace lamina::c

using namespace lamina;
using namespace lamina::c;

extern "C" {

lamina_status lamina_train_step(lamina_model* model, const lamina_data* batch, lamina_description loss,
                                lamina_optimizer* optimizer, uint64_t seed, double* loss_value) {
  return guarded(__func__, [&] {
    const TrainableNetwork& network = network_of(model);
    network.visit([&]<class T>(Model<T>& own) {
      const GivenLoss given(network, loss);
      const Examples<T> examples(batch, network, own, given, "train_step");
      const UsedOptimizer<T> used(optimizer, own);
      const std::uint64_t own_seed = seed_of(seed, network);
      double value = 0.0;
      if (given.spec() != nullptr) {
        value = own.train_step(examples.data(), *given.spec(), used.get(), own_seed, never);
      } else {
        const auto right = own.hold_training();
        value = given.value_and_gradient(own, examples.data(), {own_seed, std::uint64_t(used.get().steps())});
        own.apply_gradients(used.get());
      }
      if (loss_value != nullptr) *loss_value = value;
    });
  });
}

lamina_status lamina_value_and_gradient(lamina_model* model, const lamina_data* batch,
                                        lamina_description loss, uint64_t seed, int accumulate,
                                        double* loss_value) {
  return guarded(__func__, [&] {
    TrainableNetwork& network = network_of(model);
    network.visit([&]<class T>(Model<T>& own) {
      const GivenLoss given(network, loss);
      const Examples<T> examples(batch, network, own, given, "value_and_gradient", WeightUse::kAbsolute);
      const CustomPass pass{seed_of(seed, network), ++network.random_step, accumulate != 0};
      const double value = given.spec() == nullptr
                               ? given.value_and_gradient(own, examples.data(), pass)
                               : own.value_and_gradient(examples.data(), *given.spec(), pass.seed, pass.step,
                                                        pass.accumulate, never);
      if (loss_value != nullptr) *loss_value = value;
    });
  });
}

lamina_status lamina_forward(lamina_model* model, const void* x, lamina_type x_type, size_t rows,
                             int training, uint64_t seed, uint64_t step, void* y) {
  return guarded(__func__, [&] {
    TrainableNetwork& network = network_of(model);
    network.visit([&]<class T>(Model<T>& own) {
      const ArraySource source = checked_rows(network, own, x, x_type, rows);
      int64_t columns = 1;
      const std::vector<int64_t> shape = own.forward_shape(source.rows, training != 0);
      for (size_t i = 1; i < shape.size(); ++i) columns *= shape[i];
      check_results(y, rows, columns, sizeof(T), "y");
      check_own<T>(y, "y");
      const auto right = own.hold_training();
      own.forward(source, training != 0, seed_of(seed, network), step, static_cast<T*>(y), never);
      network.gave_members = shape.size() > 2;
    });
  });
}

lamina_status lamina_backward(lamina_model* model, const void* output_gradient, size_t rows, int accumulate,
                              void* input_gradient) {
  return guarded(__func__, [&] {
    const TrainableNetwork& network = network_of(model);
    network.visit([&]<class T>(Model<T>& own) {
      const auto right = own.hold_training();
      const int64_t inputs = own.network().inputs();
      check_results(output_gradient, rows, own.network().outputs() * own.network().members(), sizeof(T),
                    "output_gradient");
      check_results(rows > 0 && input_gradient == nullptr ? output_gradient : input_gradient, rows, inputs,
                    sizeof(T), "input_gradient");
      check_own<T>(output_gradient, "output_gradient");
      check_own<T>(input_gradient, "input_gradient");
      const std::vector<int64_t> shape = own.forward_shape(static_cast<int64_t>(rows), network.gave_members);
      own.backward(static_cast<const T*>(output_gradient), shape, true, accumulate != 0,
                   static_cast<T*>(input_gradient), never);
    });
  });
}

lamina_status lamina_apply_gradients(lamina_model* model, lamina_optimizer* optimizer) {
  return guarded(__func__, [&] {
    network_of(model).visit([&]<class T>(Model<T>& own) {
      const UsedOptimizer<T> used(optimizer, own);
      own.apply_gradients(used.get());
    });
  });
}

lamina_status lamina_jacobian(lamina_model* model, const void* x, lamina_type x_type, size_t rows,
                              void* jacobian) {
  return guarded(__func__, [&] {
    const TrainableNetwork& network = network_of(model);
    network.visit([&]<class T>(Model<T>& own) {
      const ArraySource source = checked_rows(network, own, x, x_type, rows);
      check_results(jacobian, rows, own.network().outputs() * own.network().inputs(), sizeof(T), "jacobian");
      check_own<T>(jacobian, "jacobian");
      own.derive([&](Derivatives<T>& derivatives) {
        return derivatives.input_jacobian(source, static_cast<T*>(jacobian), never);
      });
    });
  });
}
}
