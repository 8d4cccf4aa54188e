// Calls the caller's functions while a fit runs.
#include "c_api/callback_observer.h"

#include <cmath>
#include <cstring>
#include <limits>
#include <string>

#include "c_api/options.h"
#include "c_api/sized.h"

namespace lamina::c {
namespace {

constexpr const char* kAsked = "a callback asked to stop";
constexpr lamina_observer kNoObserver = LAMINA_OBSERVER_INIT;

class CallbackObserver final : public Observer {
 public:
  CallbackObserver(const lamina_observer& functions, lamina_fit_state& state)
      : own_(functions), state_(state) {}

  bool adds_figures() const override { return false; }
  bool wants_steps() const override { return own_.on_step_end != nullptr; }
  void on_fit_begin(Fit& fit) override { call(fit, own_.on_fit_begin); }
  void on_epoch_begin(Fit& fit, int64_t epoch) override {
    call(fit, own_.on_epoch_begin, static_cast<size_t>(epoch));
  }
  void on_step_end(Fit& fit, int64_t epoch, int64_t step, double loss) override {
    call(fit, own_.on_step_end, static_cast<size_t>(epoch), static_cast<size_t>(step), loss);
  }
  void on_epoch_end(Fit& fit, int64_t epoch, Figures& record) override {
    state_.record = &record;
    call(fit, own_.on_epoch_end, static_cast<size_t>(epoch));
    state_.record = nullptr;
  }
  void on_fit_end(Fit& fit) override { call(fit, own_.on_fit_end); }
  void on_poll(Fit& fit) override {
    state_.fit = &fit;
    if (own_.on_poll != nullptr && own_.on_poll(&state_, own_.user) != 0) fit.break_off(reason(fit));
  }

 private:
  template <class Function, class... Arguments>
  void call(Fit& fit, Function function, Arguments... arguments) {
    state_.fit = &fit;
    if (function != nullptr && function(&state_, arguments..., own_.user) != 0) fit.stop(reason(fit));
  }
  // The one that lamina_fit_stop was given stands.
  static std::string reason(const Fit& fit) {
    const std::string given = fit.stop_reason();
    return given.empty() ? kAsked : given;
  }

  lamina_observer own_;
  lamina_fit_state& state_;
};

}  // namespace

std::vector<std::unique_ptr<Observer>> observers_of(const lamina_observer* observers, std::size_t count,
                                                    lamina_fit_state& state) {
  constexpr std::size_t kMost = 1024;
  std::vector<std::unique_ptr<Observer>> made;
  if (count == 0) return made;
  if (count > kMost) fail_value({"observer_count is ", count, "; expected at most 1024"});
  check_given(observers, "observers", "an array of as many as observer_count says");
  const std::size_t size = observers->struct_size;
  check_struct_size(size, alignof(lamina_observer), "observers");
  const auto* bytes = reinterpret_cast<const unsigned char*>(observers);
  for (std::size_t i = 0; i < count; ++i) {
    const auto& given = *reinterpret_cast<const lamina_observer*>(bytes + i * size);
    if (given.struct_size != size)
      fail_value({"observers[", i, "].struct_size is ", given.struct_size, "; expected ", size,
                  ", as the first one has"});
    made.push_back(std::make_unique<CallbackObserver>(sized_copy(given, kNoObserver, "observers"), state));
  }
  return made;
}

}  // namespace lamina::c

using namespace lamina;
using namespace lamina::c;

extern "C" {

double lamina_fit_figure(const lamina_fit_state* fit, const char* name) {
  constexpr double kNone = std::numeric_limits<double>::quiet_NaN();
  return guarded_value(__func__, kNone, [&] {
    check_given(fit, "fit", "the one that a callback was given");
    check_given(name, "name", "the name of a figure");
    const Figures* record = fit->record;
    if (record == nullptr && fit->fit != nullptr && !fit->fit->history().epochs.empty())
      record = &fit->fit->history().epochs.back().figures;
    const Figure* figure = record != nullptr ? find_figure(*record, name) : nullptr;
    return figure != nullptr ? figure->value : kNone;
  });
}

void lamina_fit_stop(lamina_fit_state* fit, const char* reason) {
  guarded(__func__, [&] {
    check_given(fit, "fit", "the one that a callback was given");
    const std::string given = reason != nullptr ? text_of(reason, "reason") : std::string();
    if (fit->fit != nullptr) fit->fit->stop(given.empty() ? kAsked : given);
  });
}
}
