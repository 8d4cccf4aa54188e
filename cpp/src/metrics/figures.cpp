// Figures by name.
#include "metrics/figures.h"

#include <algorithm>

#include "base/error.h"
#include "base/text.h"
#include "metrics/metric.h"

namespace lamina {

const Figure* find_figure(const Figures& figures, std::string_view name) noexcept {
  const auto found = std::ranges::find(figures, name, &Figure::name);
  return found == figures.end() ? nullptr : &*found;
}

std::optional<Mode> better(std::string_view name) {
  if (name.starts_with("val_")) name.remove_prefix(4);
  if (name == "loss") return Mode::kMin;
  const Metric* metric = find_metric(name);
  return metric == nullptr ? std::nullopt : metric->mode;
}

FigureModes modes_of(const Figures& record, const FigureModes& announced) {
  FigureModes modes;
  for (const Figure& figure : record) {
    const auto known = std::ranges::find(announced, figure.name, &FigureMode::name);
    modes.push_back({figure.name, known == announced.end() ? better(figure.name) : known->mode});
  }
  return modes;
}

Monitored monitored(const std::string& where, const std::string& name, std::optional<Mode> mode,
                    const FigureModes& figures) {
  const auto find = [&](std::string_view wanted) {
    return std::ranges::find(figures, wanted, &FigureMode::name);
  };
  const std::string chosen = !name.empty() ? name : find("val_loss") != figures.end() ? "val_loss" : "loss";
  const auto found = find(chosen);
  if (found == figures.end()) {
    std::vector<std::string> names;
    for (const FigureMode& figure : figures) names.push_back(figure.name);
    throw_error(Error::Kind::kValue, {where, ": no figure named '", chosen, "'; there are ", join(names)});
  }
  const std::optional<Mode> known = mode ? mode : found->mode;
  if (!known)
    throw_error(Error::Kind::kValue, {where, ": expected mode='min' or mode='max' for '", chosen,
                                      "', of which lamina does not know whether less or more is better"});
  return {chosen, *known == Mode::kMax};
}

}  // namespace lamina
