// What a fit recorded.
#include <limits>

#include "c_api/handles.h"

namespace lamina::c {
namespace {

constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

const History& given_history(const lamina_history* history) {
  check_given(history, "history", "one that lamina_fit gave");
  return history->history;
}

const History::Epoch& epoch_of(const lamina_history* history, size_t epoch) {
  const auto& epochs = given_history(history).epochs;
  if (epoch >= epochs.size())
    fail_value(
        {"epoch is ", epoch, "; expected one below ", epochs.size(), ", as lamina_history_epochs tells"});
  return epochs[epoch];
}

}  // namespace
}  // namespace lamina::c

using namespace lamina;
using namespace lamina::c;

extern "C" {

void lamina_history_free(lamina_history* history) { delete history; }

size_t lamina_history_epochs(const lamina_history* history) {
  return guarded_value(__func__, size_t{0}, [&] { return given_history(history).epochs.size(); });
}

double lamina_history_figure(const lamina_history* history, size_t epoch, const char* name) {
  return guarded_value(__func__, kNone, [&] {
    check_given(name, "name", "the name of a figure");
    const Figure* figure = find_figure(epoch_of(history, epoch).figures, name);
    return figure != nullptr ? figure->value : kNone;
  });
}

const char* lamina_history_figure_name(const lamina_history* history, size_t index) {
  return guarded_value(__func__, static_cast<const char*>(nullptr), [&]() -> const char* {
    const auto& epochs = given_history(history).epochs;
    if (epochs.empty() || index >= epochs.back().figures.size()) return nullptr;
    return epochs.back().figures[index].name.c_str();
  });
}

double lamina_history_seconds(const lamina_history* history, size_t epoch) {
  return guarded_value(__func__, kNone, [&] { return epoch_of(history, epoch).seconds; });
}

const char* lamina_history_stop_reason(const lamina_history* history) {
  return guarded_value(__func__, "", [&] { return given_history(history).stop_reason.c_str(); });
}

int64_t lamina_history_best_epoch(const lamina_history* history) {
  return guarded_value(__func__, int64_t{-1}, [&] { return given_history(history).best_epoch.value_or(-1); });
}
}
