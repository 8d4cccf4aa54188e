// An observer of the core that calls the caller's functions.
#pragma once

#include <memory>
#include <vector>

#include "c_api/guard.h"
#include "training/fit.h"

// The fit in hand, as callbacks see it.
struct lamina_fit_state {
  lamina::Fit* fit = nullptr;
  const lamina::Figures* record = nullptr;  // of the epoch that ends; null: of the last one that ended
};

namespace lamina::c {

// One for each of the caller's structs, whose first says how large they are; all share the state.
std::vector<std::unique_ptr<Observer>> observers_of(const lamina_observer* observers, std::size_t count,
                                                    lamina_fit_state& state);

}  // namespace lamina::c
