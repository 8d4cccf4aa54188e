// Losses that are functions of the caller's.
#include "c_api/loss.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <string>

#include "base/text.h"
#include "c_api/sized.h"

namespace lamina::c {
namespace {

constexpr const char* kCustom = "custom";
constexpr lamina_loss_function kNone = {sizeof(lamina_loss_function), nullptr, nullptr};

lamina_loss_function function_of(const lamina_description& loss) {
  const lamina_option* option = loss.options;
  const bool one = loss.count == 1 && option != nullptr && option->name != nullptr;
  if (!one || std::strcmp(option->name, "function") != 0 || number_of(option->kind) != LAMINA_OPTION_FUNCTION)
    fail_value({"loss 'custom': expected one option, 'function', as lamina_function makes it"});
  check_given(option->value.function, "loss 'custom': function", "a lamina_loss_function");
  const lamina_loss_function own = sized_copy(*option->value.function, kNone, "function");
  if (own.function == nullptr)
    fail_value({"loss 'custom': function->function is NULL; expected the function to call"});
  return own;
}

}  // namespace

GivenLoss::GivenLoss(const TrainableNetwork& network, const lamina_description& loss) {
  if (loss.kind != nullptr && std::strcmp(loss.kind, kCustom) == 0)
    function_ = function_of(loss);
  else
    spec_ = network.loss(loss);
}

template <class T>
CustomLoss<T> GivenLoss::custom() const {
  return [own = function_](const CustomBatch<T>& batch) {
    constexpr double kUnset = std::numeric_limits<double>::quiet_NaN();
    // What the function leaves out is then no number, and refused.
    if (batch.gradient != nullptr)
      std::fill_n(batch.gradient, batch.count * batch.columns, static_cast<T>(kUnset));
    lamina_loss_batch asked{};
    asked.struct_size = sizeof asked;
    asked.type = sizeof(T) == sizeof(double) ? LAMINA_FLOAT64 : LAMINA_FLOAT32;
    asked.rows = static_cast<size_t>(batch.count);
    asked.outputs_columns = static_cast<size_t>(batch.columns);
    asked.outputs = batch.outputs;
    asked.classes = batch.targets.classes;
    asked.y = batch.targets.values;
    asked.y_columns = static_cast<size_t>(batch.targets.columns);
    asked.gradient = batch.gradient;
    double value = kUnset;
    if (const int code = own.function(&asked, &value, own.user); code != 0)
      throw CallbackError(
          concat({"loss: your function returned ", code, "; the weights are those of the last whole step"}));
    return value;
  };
}

template <class T>
double GivenLoss::value_and_gradient(Model<T>& model, const DataSet<T>& data, const CustomPass& pass) const {
  constexpr auto never = [](std::int64_t) { return false; };
  const auto right = model.hold_training();
  const CustomLoss<T> loss = custom<T>();
  return CustomSteps<T>(model, loss).value_and_gradient(data, {}, pass, never).value_or(0.0) +
         model.penalty();
}

template CustomLoss<float> GivenLoss::custom() const;
template CustomLoss<double> GivenLoss::custom() const;
template double GivenLoss::value_and_gradient(Model<float>&, const DataSet<float>&, const CustomPass&) const;
template double GivenLoss::value_and_gradient(Model<double>&, const DataSet<double>&,
                                              const CustomPass&) const;

}  // namespace lamina::c
