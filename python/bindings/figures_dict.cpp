// The figures of an epoch as Python's dictionaries, and back.
#include "figures_dict.h"

#include "given_values.h"

namespace lamina::python {

py::dict dict_of(const Figures& record) {
  py::dict figures;
  for (const Figure& figure : record) figures[py::str(figure.name)] = figure.value;
  return figures;
}

Figures figures_of(const py::dict& record) {
  Figures figures;
  for (const auto& [name, value] : record)
    if (is_number(value)) figures.push_back({name.cast<std::string>(), as_double(value)});
  return figures;
}

py::dict dict_of(const FigureModes& modes) {
  py::dict figures;
  for (const auto& [name, mode] : modes) figures[py::str(name)] = mode_name(mode);
  return figures;
}

FigureModes modes_of(const py::dict& figures) {
  FigureModes modes;
  for (const auto& [name, mode] : figures) modes.push_back({name.cast<std::string>(), mode_of(mode)});
  return modes;
}

std::optional<Mode> mode_of(const py::handle& mode) {
  return named_value<std::optional<Mode>>(mode.is_none() ? py::str("auto") : py::str(mode),
                                          {{"auto", std::nullopt}, {"min", Mode::kMin}, {"max", Mode::kMax}},
                                          "watch", "mode min, max or None");
}

py::object mode_name(std::optional<Mode> mode) {
  if (!mode) return py::none();
  return py::str(*mode == Mode::kMin ? "min" : "max");
}

}  // namespace lamina::python
