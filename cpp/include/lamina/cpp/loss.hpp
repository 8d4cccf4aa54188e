// A loss: one of lamina's by name or as a struct, or a function of the program's.
#pragma once

#include <lamina/cpp/data.hpp>
#include <lamina/cpp/losses.hpp>

#include <exception>
#include <functional>
#include <memory>

namespace lamina {
inline namespace v1 {

// What a loss of the program's is asked. Of an ensemble in training each row comes once for each member.
template <class T>
struct LossBatch {
  Rows<T> outputs;                        // [rows, outputs]
  Rows<T> y;                              // [rows, columns], without columns where the targets are classes
  std::span<const std::int32_t> classes;  // [rows]; empty where the targets are values
  std::span<T> gradient;  // of the value with respect to the outputs, all of it to be filled; empty where the
                          // value alone is asked for
};

class Loss {
 public:
  template <class T>
  using Function = std::function<double(const LossBatch<T>&)>;

  template <detail::TextLike T>
  Loss(const T& name) : loss_(name) {}  // NOLINT
  template <detail::Describes<detail::LossRole> T>
  Loss(const T& options) : loss_(options) {}  // NOLINT
  // Returns its value, such as the mean over the rows. It takes a LossBatch of the network's type, or with
  // `const auto&` of both; an exception of its own ends the call and reaches its caller.
  template <class F>
    requires(!std::same_as<std::remove_cvref_t<F>, Loss> &&
             (std::is_invocable_r_v<double, F&, const LossBatch<float>&> ||
              std::is_invocable_r_v<double, F&, const LossBatch<double>&>))
  Loss(F function) : loss_("custom") {  // NOLINT
    const auto shared = std::make_shared<F>(std::move(function));
    if constexpr (std::is_invocable_r_v<double, F&, const LossBatch<float>&>)
      of_float_ = [shared](const LossBatch<float>& batch) { return static_cast<double>((*shared)(batch)); };
    if constexpr (std::is_invocable_r_v<double, F&, const LossBatch<double>&>)
      of_double_ = [shared](const LossBatch<double>& batch) { return static_cast<double>((*shared)(batch)); };
  }

  [[nodiscard]] const detail::Description& description() const noexcept { return loss_.description(); }
  [[nodiscard]] bool is_function() const noexcept { return of_float_ || of_double_; }
  // The function's value for what lamina.h asks.
  [[nodiscard]] double ask(const lamina_loss_batch& batch) const {
    if (batch.type == LAMINA_FLOAT64) return of(of_double_, batch, "double");
    return of(of_float_, batch, "float");
  }

 private:
  template <class T>
  static double of(const Function<T>& function, const lamina_loss_batch& batch, const char* name) {
    if (!function)
      throw Error(LAMINA_ERROR_TYPE, std::string("loss: the network is of ") + name +
                                         "; expected a function of lamina::LossBatch<" + name + ">");
    const std::size_t outputs = batch.rows * batch.outputs_columns;
    return function({Rows<T>(static_cast<const T*>(batch.outputs), batch.rows, batch.outputs_columns),
                     Rows<T>(static_cast<const T*>(batch.y), batch.rows, batch.y_columns),
                     {batch.classes, batch.classes == nullptr ? 0 : batch.rows},
                     {static_cast<T*>(batch.gradient), batch.gradient == nullptr ? 0 : outputs}});
  }

  detail::Described<detail::LossRole> loss_;
  Function<float> of_float_ = {};
  Function<double> of_double_ = {};
};

namespace detail {

// Calls of functions of the program's by the library, which no exception may pass through: the first one is
// kept, and raised again by `rethrow`.
class Attempts {
 public:
  Attempts() = default;
  Attempts(const Attempts&) = delete;
  Attempts& operator=(const Attempts&) = delete;

  // Nothing of the program's is called again once it has thrown. False: it has.
  template <class Function>
  bool attempt(Function function) noexcept {
    if (error_) return false;
    try {
      function();
    } catch (...) {
      error_ = std::current_exception();
    }
    return !error_;
  }
  [[nodiscard]] bool failed() const noexcept { return error_ != nullptr; }
  void rethrow() const {
    if (error_) std::rethrow_exception(error_);
  }

 private:
  std::exception_ptr error_;
};

// A loss as lamina.h takes it, for the length of a call.
class LossArgument {
 public:
  // Of the loss that goes with the last activation where none is given.
  LossArgument(const std::optional<Loss>& loss, Attempts& attempts)
      : loss_(loss ? &*loss : nullptr), attempts_(attempts) {
    if (loss_ == nullptr) return;
    made_ = arguments_.of(loss_->description());
    if (!loss_->is_function()) return;
    function_.function = [](const lamina_loss_batch* batch, double* value, void* user) {
      const LossArgument& own = *static_cast<const LossArgument*>(user);
      return own.attempts_.attempt([&] { *value = own.loss_->ask(*batch); }) ? 0 : 1;
    };
    function_.user = this;
    option_ = lamina_function("function", &function_);
    made_.options = &option_;
    made_.count = 1;
  }
  LossArgument(const LossArgument&) = delete;
  LossArgument& operator=(const LossArgument&) = delete;
  [[nodiscard]] lamina_description get() const noexcept { return made_; }

 private:
  const Loss* loss_;
  Attempts& attempts_;
  CArguments arguments_;
  lamina_loss_function function_ = {sizeof(lamina_loss_function), nullptr, nullptr};
  lamina_option option_ = {};
  lamina_description made_ = {nullptr, nullptr, 0};
};

}  // namespace detail
}  // namespace v1
}  // namespace lamina
