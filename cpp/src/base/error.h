// The one exception type of the core; surfaces translate its kind.
#pragma once

#include <stdexcept>
#include <string>

namespace lamina {

class Error : public std::runtime_error {
 public:
  enum class Kind { kValue, kType, kIndex, kMemory, kIo, kNotFound, kFormat, kNotFinite, kState };

  Error(Kind kind, const std::string& message) : std::runtime_error(message), kind_(kind) {}

  Kind kind() const noexcept { return kind_; }

 private:
  Kind kind_;
};

}  // namespace lamina
