// What a fit recorded, epoch by epoch.
#include "training/history.h"

#include <limits>

namespace lamina {

std::vector<double> History::values(std::string_view name) const {
  std::vector<double> found;
  for (const Epoch& epoch : epochs) {
    const Figure* figure = find_figure(epoch.figures, name);
    found.push_back(figure != nullptr ? figure->value : std::numeric_limits<double>::quiet_NaN());
  }
  return found;
}

}  // namespace lamina
