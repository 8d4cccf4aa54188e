// Which CPU a thread runs on, and a move to another one.
#pragma once

namespace lamina {

// Where the calling thread runs now; -1 where the system does not tell.
int current_cpu() noexcept;

// Moves the calling thread off `cpu` to another CPU of its affinity mask, if it has one. The mask is the same
// afterwards, so the system may move it on.
void leave_cpu(int cpu) noexcept;

}  // namespace lamina
