// What Python holds of a schedule; a warm-up shares the one that it leads to.
#pragma once

#include <memory>

#include "training/schedules.h"

namespace lamina::python {

struct BoundSchedule {
  std::shared_ptr<Schedule> schedule;
};

}  // namespace lamina::python
