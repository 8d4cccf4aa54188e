// Optimizers that keep their state between calls.
#include "c_api/optimizers.h"

#include <algorithm>

#include "c_api/options.h"

namespace lamina::c {
namespace {

constexpr const char* kExpected = "one that lamina_optimizer_create gave";

lamina_optimizer& given_optimizer(lamina_optimizer* optimizer) {
  check_given(optimizer, "optimizer", kExpected);
  return *optimizer;
}

bool same_parameters(const std::vector<Parameter>& a, const std::vector<Parameter>& b) {
  return std::equal(a.begin(), a.end(), b.begin(), b.end(), [](const Parameter& one, const Parameter& other) {
    return one.name == other.name && one.shape == other.shape && one.offset == other.offset &&
           one.trainable == other.trainable;
  });
}

// Refuses the methods that are Python's with more than their names.
void check_steps_by_batches(const Json& optimizer) {
  const Json& kind = optimizer.is_text() ? optimizer : optimizer.at("kind");
  for (const char* name : {"lbfgs", "levenberg_marquardt"})
    if (kind.is(name))
      fail_value(
          {"optimizer '", name,
           "' takes all rows at once by means of scipy's and numpy's, and is lamina's in Python alone; "
           "expected one that steps by batches, such as 'adam', or load what Python has fitted"});
}

}  // namespace

std::unique_lock<TrainingRight> right_to(lamina_optimizer& optimizer) {
  std::unique_lock right(optimizer.right, std::try_to_lock);
  if (!right.owns_lock())
    fail(Error::Kind::kState, {"another thread uses the optimizer; expected one at a time"});
  return right;
}

OptimizerSpec optimizer_spec(const lamina_description& optimizer) {
  const std::optional<Json> described = read_description(optimizer, "optimizer");
  const Json given = described ? *described : Json("adam");
  check_steps_by_batches(given);
  return optimizer_from_json(given);
}

template <class T>
UsedOptimizer<T>::UsedOptimizer(lamina_optimizer* handle, const Model<T>& model)
    : handle_(given_optimizer(handle)), right_(right_to(handle_)) {
  using Own = std::unique_ptr<Optimizer<T>>;
  if (!std::holds_alternative<Own>(handle_.optimizer))
    fail(Error::Kind::kType,
         {"the optimizer is of a model of another type; expected one made for this model"});
  if (!same_parameters(get().parameters(), model.network().parameters()))
    fail_value({"the optimizer is of a model with other parameters; expected one made for this model"});
}

template class UsedOptimizer<float>;
#if !defined(LAMINA_WITHOUT_FLOAT64)
template class UsedOptimizer<double>;
#endif

}  // namespace lamina::c

using namespace lamina;
using namespace lamina::c;

extern "C" {

lamina_status lamina_optimizer_create(const lamina_model* model, const char* kind,
                                      const lamina_option* options, size_t count,
                                      lamina_optimizer** optimizer) {
  return guarded(__func__, [&] {
    const TrainableNetwork& network = network_of(model);
    check_given(optimizer, "optimizer", "where the optimizer is to go");
    const lamina_description given = {kind, options, count};
    if (kind == nullptr) fail_value({"the kind of optimizer is NULL; expected a text"});
    const OptimizerSpec spec = optimizer_spec(given);
    auto made = std::make_unique<lamina_optimizer>();
    network.visit([&]<class T>(const Model<T>& own) {
      made->optimizer = std::unique_ptr<Optimizer<T>>(new Optimizer<T>(own.make_optimizer(spec)));
    });
    *optimizer = made.release();
  });
}

void lamina_optimizer_free(lamina_optimizer* optimizer) { delete optimizer; }

lamina_status lamina_optimizer_set_learning_rate(lamina_optimizer* optimizer, double rate) {
  return guarded(__func__, [&] {
    const auto right = right_to(given_optimizer(optimizer));
    std::visit([&](auto& own) { own->set_learning_rate(rate); }, optimizer->optimizer);
  });
}

double lamina_optimizer_learning_rate(const lamina_optimizer* optimizer) {
  return guarded_value(__func__, 0.0, [&] {
    check_given(optimizer, "optimizer", kExpected);
    return std::visit([](const auto& own) { return own->learning_rate(); }, optimizer->optimizer);
  });
}
}
