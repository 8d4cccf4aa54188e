// The figures of an epoch by name, which way each is better, and which of them is watched.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lamina {

// Which way a figure is better.
enum class Mode : uint8_t { kMin, kMax };

struct Figure {
  std::string name;
  double value = 0.0;
};
// What an epoch gave, in the order in which it is shown: "loss", metrics, "val_loss", ...
using Figures = std::vector<Figure>;

struct FigureMode {
  std::string name;
  std::optional<Mode> mode;  // empty: not known
};
// What the figures of an epoch will be.
using FigureModes = std::vector<FigureMode>;

// The figure of this name; null where there is none.
const Figure* find_figure(const Figures& figures, std::string_view name) noexcept;

// By the name alone, with or without "val_": of the loss and of lamina's metrics.
std::optional<Mode> better(std::string_view name);

// Those of a record: as `announced` says where it names a figure, else by the names alone.
FigureModes modes_of(const Figures& record, const FigureModes& announced);

struct Monitored {
  std::string name;
  bool larger_is_better = false;
};

// The figure `name` (empty: "val_loss" where there is one, else "loss") with the better direction `mode`
// (empty: the figure's own). Raises Error kValue, in a sentence that opens with `where`, where there is no
// such figure or its direction is not known.
Monitored monitored(const std::string& where, const std::string& name, std::optional<Mode> mode,
                    const FigureModes& figures);

}  // namespace lamina
